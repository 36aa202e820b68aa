//! One round trip to the database for each request that needs one statement: counted on the wire.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::blocks::register;
use crate::edges::join;
use crate::service::{Service, Setup};
use crate::support::Database;

/// Stands between the service and PostgreSQL and counts the messages that ask for an answer: Sync
/// and Query, <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
struct Counter {
    address: SocketAddr,
    trips: Arc<AtomicUsize>,
}

impl Counter {
    async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let trips = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&trips);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server).await.expect("PostgreSQL");
                tokio::spawn(relay(client, server, Arc::clone(&counted)));
            }
        });
        Self { address, trips }
    }

    fn take(&self) -> usize {
        self.trips.swap(0, Ordering::SeqCst)
    }
}

async fn relay(client: TcpStream, server: TcpStream, trips: Arc<AtomicUsize>) {
    client.set_nodelay(true).expect("a socket");
    server.set_nodelay(true).expect("a socket");
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await.ok() });
    let mut greeted = false;
    while let Some(message) = message(&mut from_client, greeted).await {
        // The first message has no type; 80877103 asks for TLS and is followed by another such.
        if !greeted {
            greeted = message.get(4..8) != Some(80_877_103_u32.to_be_bytes().as_slice());
        } else if matches!(message[0], b'S' | b'Q') {
            trips.fetch_add(1, Ordering::SeqCst);
        }
        if to_server.write_all(&message).await.is_err() {
            return;
        }
    }
}

async fn message(from: &mut (impl AsyncRead + Unpin), typed: bool) -> Option<Vec<u8>> {
    let mut message = vec![0; if typed { 5 } else { 4 }];
    from.read_exact(&mut message).await.ok()?;
    let at = message.len() - 4;
    let length = u32::from_be_bytes(message[at..].try_into().ok()?) as usize;
    let begun = message.len();
    message.resize(begun + length - 4, 0);
    from.read_exact(&mut message[begun..]).await.ok()?;
    Some(message)
}

/// A service whose trips are counted.
async fn counted() -> (Service, Counter) {
    let first = Service::start().await;
    let database: Arc<Database> = Arc::clone(&first.database);
    let options = database.service();
    let postgres = SocketAddr::from(([127, 0, 0, 1], options.get_port()));
    let counter = Counter::before(postgres).await;
    let mut setup = Setup::default();
    // One connection, so that every statement is prepared after it was used once.
    setup.config.database_connections = 1;
    setup.through = Some(
        options
            .host("127.0.0.1")
            .port(counter.address.port())
            .ssl_mode(sqlx::postgres::PgSslMode::Disable),
    );
    let service = Service::on(database, setup);
    (service, counter)
}

#[tokio::test]
async fn one_statement_is_one_round_trip() {
    let (service, counter) = counted().await;

    let dan = service.developer().await;
    let key =
        dan.post("/api-keys", json!({ "name": "k" })).await.expect(StatusCode::CREATED).id("key");
    for name in ["b", "d"] {
        register(&dan, name).await;
    }
    join(&dan, "e").await;
    dan.post("/edges/e/versions/1/verifications", json!({})).await.expect(StatusCode::CREATED);
    let body = json!({ "name": "p", "blocks": [{ "block_id": "b" }] });
    dan.post("/pipelines", body).await.expect(StatusCode::CREATED);
    let by_key = service.with_key(&key);
    let mut turn = 0;
    for person in [&dan, &by_key] {
        for (method, path, body, expected) in [
            (Method::GET, "/blocks/b", None, 1),
            (Method::GET, "/blocks/b?include=versions,categories", None, 1),
            (Method::GET, "/blocks", None, 1),
            (Method::GET, "/blocks?limit=2&sort=name&q=b&include=versions,categories", None, 1),
            (Method::GET, "/blocks/b/versions", None, 1),
            (Method::GET, "/blocks/b/versions/latest", None, 1),
            (Method::GET, "/blocks/b/history", None, 1),
            (Method::GET, "/edges/e?include=versions,verifications", None, 1),
            (Method::GET, "/edges", None, 1),
            (Method::GET, "/edges?sort=name&q=e&include=versions,verifications", None, 1),
            (Method::GET, "/edges/e/versions/active/status", None, 1),
            (Method::GET, "/edges/e/versions/1/verifications", None, 1),
            (Method::GET, "/verifications?status=pending&sort=created_at&edge=e", None, 1),
            (Method::POST, "/edges/e/versions/latest/verifications", Some("empty"), 1),
            (Method::PATCH, "/edges/e", Some("change"), 1),
            (Method::GET, "/audit-logs?entity_type=block", None, 1),
            (Method::GET, "/taxonomy-categories", None, 1),
            (Method::GET, "/taxonomy-categories?tree=true", None, 1),
            (Method::GET, "/blocks/b/categories", None, 1),
            (Method::GET, "/block-taxonomies", None, 1),
            (Method::GET, "/blocks?category=nothing&recursive=true", None, 1),
            (Method::GET, "/blocks/b/code-repos", None, 1),
            (Method::GET, "/code-repos", None, 1),
            (Method::GET, "/blocks/b/docker-images", None, 1),
            (Method::GET, "/blocks/b/dependencies", None, 1),
            (Method::GET, "/blocks/b/dependents?recursive=true", None, 1),
            (Method::GET, "/blocks/b/vectors", None, 1),
            (Method::GET, "/edge-vector-representations", None, 1),
            (Method::GET, "/auth/me", None, 1),
            (Method::GET, "/users/me", None, 1),
            (Method::GET, "/users", None, 1),
            (Method::GET, "/api-keys", None, 1),
            (Method::POST, "/blocks", Some("create"), 1),
            (Method::PATCH, "/blocks/b", Some("change"), 1),
            (Method::POST, "/blocks/b/versions/1/activate", Some("empty"), 1),
            (Method::DELETE, "/blocks/c", None, 1),
            (Method::GET, "/pipelines?include=blocks,edges", None, 1),
            (Method::GET, "/pipelines/p/graph", None, 1),
            (Method::GET, "/pipelines/p/readiness", None, 1),
            (Method::GET, "/pipelines/p/lock", None, 1),
            (Method::POST, "/pipelines", Some("name"), 1),
            (Method::GET, "/blocks/b/diff?from=1", None, 1),
            (Method::GET, "/edges/e/diff?from=1&to=latest", None, 1),
            (Method::GET, "/pipelines/p/runs", None, 1),
            (Method::POST, "/pipelines/p/runs", Some("empty"), 1),
            (Method::GET, "/runs?pipeline=p", None, 1),
        ] {
            // The first time a statement is prepared, which is a trip of its own.
            let mut trips = 0;
            for _ in 0..2 {
                turn += 1;
                if path == "/blocks/c" {
                    register(&dan, "c").await;
                }
                let request = person.request(method.clone(), path);
                let request = match body {
                    Some("create") => {
                        request.json(json!({ "name": format!("n{turn}"), "block_type": "model" }))
                    }
                    Some("name") => request.json(json!({ "name": format!("n{turn}") })),
                    Some("change") => request.json(json!({ "metadata": { "turn": turn } })),
                    Some(_) => request.json(json!({})),
                    None => request,
                };
                // The pool tries a connection that was idle for long: not this request's doing.
                service.nobody().get("/health/ready").await.expect(StatusCode::OK);
                counter.take();
                let answer = request.send().await;
                assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
                trips = counter.take();
            }
            assert_eq!(trips, expected, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_list_is_one_statement_however_many_rows() {
    let (service, counter) = counted().await;
    let dan = service.developer().await;
    let mut registered = 0;
    for rows in [1, 20, 60] {
        while registered < rows {
            registered += 1;
            register(&dan, &format!("b{registered}")).await;
        }
        let mut trips = 0;
        for _ in 0..2 {
            counter.take();
            let page = dan
                .get("/blocks?limit=200&include=versions,categories")
                .await
                .expect(StatusCode::OK);
            assert_eq!(page.items("versions").len(), rows);
            trips = counter.take();
        }
        assert_eq!(trips, 1, "{rows} rows");
    }
}
