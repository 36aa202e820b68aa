//! Clients that are slow, idle, too loud or gone: each costs what it may, and the others are served.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::join;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use reqwest::StatusCode;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::program::{Program, client};
use crate::support::Database;
use crate::support::people::people;
use crate::wire::{Outcome, Wire, head, request};

const MEBIBYTE: usize = 1024 * 1024;

struct Stage {
    database: Database,
    program: Program,
    token: String,
}

impl Stage {
    async fn set(settings: &[(&str, &str)]) -> Self {
        let database = Database::new().await;
        people(&database.owner()).await;
        let program = Program::start(&database.service(), settings);
        let token = program.token("dan").await;
        Self { database, program, token }
    }

    async fn open(&self) -> Wire {
        Wire::open(self.program.address).await.expect("a connection")
    }

    async fn get(&self, path: &str) -> StatusCode {
        let request = client().get(self.program.url(path));
        let answer = request.bearer_auth(&self.token).send().await;
        answer.expect("an answer").status()
    }

    async fn register(&self, name: &str) {
        let mut wire = self.open().await;
        let body = json!({ "name": name, "block_type": "model" });
        let text = request("POST", "/blocks", &self.token, &body);
        wire.send(text).await.expect("sent");
        assert_eq!(wire.answer().await.status, 201);
    }

    /// Its resident memory in MiB, or nothing where the system does not tell.
    fn resident(&self) -> f64 {
        self.program.resident().unwrap_or_default()
    }
}

/// As many open files as are allowed: the clients of a test are files of this process.
fn raise_open_files() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("a higher limit");
}

#[tokio::test]
async fn requests_that_arrive_a_byte_a_second_end_in_408() {
    let stage = Stage::set(&[]).await;
    let slow_head = async {
        let mut wire = stage.open().await;
        wire.trickle("GET / HTTP/1.1\r\nHost: localhost\r\nX-Very-Long: ").await;
        let answer = wire.answer().await;
        assert_eq!((answer.status, answer.is_last()), (408, true), "{}", answer.head);
        assert!(matches!(wire.outcome().await, Outcome::Closed));
    };
    let slow_body = async {
        let mut wire = stage.open().await;
        let more = "Content-Type: application/json\r\nContent-Length: 1000\r\n";
        let head = head("POST", "/blocks", &stage.token, more);
        wire.send(head).await.expect("sent");
        wire.trickle(" ").await;
        let answer = wire.answer().await;
        assert_eq!((answer.status, answer.is_last()), (408, true), "{}", answer.head);
        assert_eq!(answer.json()["code"], "too_slow");
        assert!(matches!(wire.outcome().await, Outcome::Closed));
    };
    let others = async {
        for _ in 0..20 {
            assert_eq!(stage.get("/blocks").await, StatusCode::OK);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    join!(slow_head, slow_body, others);
    stage.program.assert_no_errors();
}

#[tokio::test]
async fn answers_that_are_read_a_byte_a_second_keep_no_connection_to_the_database() {
    const READERS: usize = 10;
    let stage = Stage::set(&[("DATABASE_CONNECTIONS", "1")]).await;
    let mut owner = stage.database.connect().await;
    // More than sockets hold: 200 blocks of 64 KiB.
    sqlx::raw_sql(
        "insert into blocks (name, block_type, metadata)
         select 'b' || n, 'model', jsonb_build_object('text', repeat('x', 65536)) from generate_series(1, 200) as n",
    )
    .execute(&mut owner)
    .await
    .expect("blocks");
    let before = stage.resident();
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut wire = stage.open().await;
        let text = head("GET", "/blocks?limit=200", &stage.token, "");
        wire.send(text).await.expect("sent");
        wire.stream.readable().await.expect("the answer begins");
        readers.push(wire);
        // The only connection to the database serves others, though nobody has read a byte.
        assert_eq!(stage.get("/auth/me").await, StatusCode::OK);
    }
    for _ in 0..3 {
        for wire in &mut readers {
            wire.stream.try_read(&mut [0]).expect("a byte");
        }
        assert_eq!(stage.get("/blocks/b1").await, StatusCode::OK);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let during = stage.resident();
    drop(readers);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = stage.resident();
    let answer = 200.0 * 65536.0 / MEBIBYTE as f64;
    println!("\n{READERS} clients that read {answer:.1} MiB a byte a second");
    println!("  resident before, during, after {before:.0}, {during:.0}, {after:.0} MiB");
    // Each costs its answer, and whoever makes answers their rows and their text.
    let bound = (READERS as f64 + 4.0) * 2.0 * answer;
    assert!(during - before < bound, "{during} MiB");
    stage.program.assert_no_errors();
}

/// A connection does not keep room for the largest row that it has carried; the allocator gives back what is
/// free while there is something to do.
#[tokio::test]
async fn what_the_largest_answers_took_comes_back() {
    const READERS: usize = 10;
    let stage = Stage::set(&[]).await;
    let mut owner = stage.database.connect().await;
    let image: String = sqlx::query_scalar(
        "with block as (
             insert into blocks (name, block_type) values ('b', 'model') returning block_id
         )
         insert into docker_images (entity_type, entity_id, image_tag, registry_url, build_logs)
         select 'block', block_id, 'v1', 'localhost', repeat('x', 10485760) from block
         returning image_id::text",
    )
    .fetch_one(&mut owner)
    .await
    .expect("an image");
    // One caller holds half of the connections.
    let other = stage.program.token("dora").await;
    let read = async |path: &str, token: &str| {
        loop {
            let request = client().get(stage.program.url(path)).bearer_auth(token);
            let answer = request.send().await.expect("an answer");
            // On a busy machine all are in use.
            if answer.status() != StatusCode::SERVICE_UNAVAILABLE {
                assert_eq!(answer.status(), StatusCode::OK);
                return answer.bytes().await.expect("a body").len();
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let at_once = async |path: &str| {
        let tokens = [stage.token.as_str(), other.as_str()];
        let readers = (0..READERS).map(|n| read(path, tokens[n % 2]));
        join_all(readers).await.iter().sum::<usize>()
    };
    at_once("/blocks?limit=1").await;
    let before = stage.resident();
    assert_eq!(at_once(&format!("/docker-images/{image}/logs")).await, READERS * 10 * MEBIBYTE);
    let begun = Instant::now();
    let most = stage.resident() - before;
    let mut grown = most;
    while grown > 40.0 && begun.elapsed() < Duration::from_secs(30) {
        at_once("/blocks?limit=1").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        grown = stage.resident() - before;
    }
    println!("\n{READERS} answers of 10 MiB at once, and then small ones");
    println!(
        "  resident {before:.0} MiB before, {most:.0} more then, {grown:.0} after {:.0?}",
        begun.elapsed()
    );
    assert!(grown < 40.0, "{grown} MiB stay");
    stage.program.assert_no_errors();
}

#[tokio::test]
async fn two_thousand_idle_connections_are_little() {
    const CONNECTIONS: usize = 2000;
    raise_open_files();
    let stage = Stage::set(&[]).await;
    assert_eq!(stage.get("/blocks").await, StatusCode::OK);
    let before = stage.resident();
    let mut idle = Vec::new();
    for n in 0..CONNECTIONS {
        let mut wire = stage.open().await;
        // Half of them have been of use, and are kept.
        if n % 2 == 0 {
            let sent = wire.send(head("GET", "/health/live", "", "")).await;
            sent.expect("sent");
            assert_eq!(wire.answer().await.status, 200);
        }
        idle.push(wire);
    }
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(stage.get("/blocks").await, StatusCode::OK);
    }
    let each = begun.elapsed() / 20;
    let grown = stage.resident() - before;
    println!("\n{CONNECTIONS} idle connections");
    println!(
        "  resident before {before:.0} MiB, and {grown:.1} MiB more: {:.1} KiB each",
        grown * 1024.0 / CONNECTIONS as f64
    );
    println!("  another client is served in {each:.2?}");
    assert!(grown < 100.0, "{grown} MiB");
    drop(idle);
    assert_eq!(stage.get("/blocks").await, StatusCode::OK);
    stage.program.assert_no_errors();
}

#[tokio::test]
async fn bodies_that_are_too_large_are_refused_and_not_waited_for() {
    const BODY: usize = MEBIBYTE * MEBIBYTE;
    const LOUD: usize = 10;
    let stage = Stage::set(&[]).await;
    let before = stage.resident();
    let chunk = vec![b' '; 64 * 1024];
    // The answer, and what the client gets rid of until the connection is closed behind it.
    let pour = async |more: &str, framed: bool| {
        let mut wire = stage.open().await;
        let text = head("POST", "/blocks", &stage.token, more);
        wire.send(text).await.expect("sent");
        let mut poured = 0;
        let (mut reading, mut writing) = wire.stream.into_split();
        let write = async {
            while poured < BODY {
                let frame = format!("{:x}\r\n", chunk.len());
                let sent = async {
                    if framed {
                        writing.write_all(frame.as_bytes()).await?;
                    }
                    writing.write_all(&chunk).await?;
                    if framed {
                        writing.write_all(b"\r\n").await?;
                    }
                    Ok::<_, std::io::Error>(())
                };
                if sent.await.is_err() {
                    return;
                }
                poured += chunk.len();
            }
        };
        let read = async {
            use tokio::io::AsyncReadExt;

            let mut bytes = vec![0; 4096];
            let read = reading.read(&mut bytes).await.expect("an answer");
            String::from_utf8_lossy(&bytes[..read]).into_owned()
        };
        let (answer, ()) = join!(read, write);
        (answer, poured)
    };
    let json = "Content-Type: application/json\r\n";
    let honest = format!("{json}Content-Length: {BODY}\r\n");
    let chunked = format!("{json}Transfer-Encoding: chunked\r\n");
    let outcomes = join_all((0..2 * LOUD).map(|n| {
        let (pour, more, framed) = (&pour, if n < LOUD { &honest } else { &chunked }, n >= LOUD);
        async move { pour(more, framed).await }
    }))
    .await;
    let most = outcomes.iter().map(|(_, poured)| *poured).max().unwrap_or_default();
    for (answer, poured) in &outcomes {
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
        assert!(*poured < BODY, "all of it was read");
        assert!(answer.contains("\"too_large\""), "{answer}");
    }
    let grown = stage.resident() - before;
    println!("\n{} bodies without an end at once", 2 * LOUD);
    println!(
        "  the most that one client was rid of {:.1} MiB; the service grew by {grown:.0} MiB",
        most as f64 / MEBIBYTE as f64
    );
    assert!(grown < 150.0, "{grown} MiB");

    // Nothing is read for a client that waits to be asked for its body.
    let mut wire = stage.open().await;
    let text = head("POST", "/blocks", &stage.token, &format!("{honest}Expect: 100-continue\r\n"));
    wire.send(text).await.expect("sent");
    let mut status = wire.answer().await.status;
    if status == 100 {
        status = wire.answer().await.status;
    }
    assert_eq!(status, 413);

    // Less than was said, and then nothing: what came is not taken for the whole.
    let mut wire = stage.open().await;
    let more = format!("{json}Content-Length: 1000\r\n");
    let text = head("POST", "/blocks", &stage.token, &more);
    let text = format!(r#"{text}{{"name":"half","block_type":"model"}}"#);
    wire.send(text).await.expect("sent");
    wire.stream.shutdown().await.expect("half closed");
    assert_eq!(wire.answer().await.status, 400);
    assert_eq!(stage.get("/blocks/half").await, StatusCode::NOT_FOUND);

    // More than was said: the rest is no request.
    let mut wire = stage.open().await;
    let body = r#"{"name":"whole","block_type":"model"}"#;
    let more = format!("{json}Content-Length: {}\r\n", body.len());
    let text = head("POST", "/blocks", &stage.token, &more);
    wire.send(format!("{text}{body} and what nobody announced\r\n\r\n")).await.expect("sent");
    assert_eq!(wire.answer().await.status, 201);
    assert_eq!(wire.answer().await.status, 400);
    assert!(matches!(wire.outcome().await, Outcome::Closed));
    stage.program.assert_no_errors();
}

/// Nobody hears of it but actix, whose answers are not problem documents (docs/api.md).
#[tokio::test]
async fn what_is_no_http_is_answered_and_the_connection_closed() {
    let stage = Stage::set(&[]).await;
    let odd: [&[u8]; 3] = [
        b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
    ];
    for bytes in odd {
        let mut wire = stage.open().await;
        wire.send(bytes).await.expect("sent");
        let answer = wire.answer().await;
        assert_eq!(answer.status, 400);
        assert!(answer.head.contains("\r\ncontent-length: 0\r\n"), "{}", answer.head);
        assert!(answer.is_last(), "{}", answer.head);
        assert!(matches!(wire.outcome().await, Outcome::Closed));
    }
    stage.program.assert_no_errors();
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_a_change_leaves_all_of_it_or_nothing() {
    const TIMES: usize = 40;
    let stage = Stage::set(&[("DATABASE_CONNECTIONS", "1")]).await;
    stage.register("b").await;
    let vera = stage.program.token("vera").await;
    for n in 0..TIMES {
        let mut wire = stage.open().await;
        let body = json!({ "metadata": { "n": n } });
        let mut text = request("PATCH", "/blocks/b", &stage.token, &body);
        if n % 2 == 0 {
            text = text.replacen("\r\n", &format!("\r\nIdempotency-Key: {n}\r\n"), 1);
        }
        wire.send(text).await.expect("sent");
        tokio::time::sleep(Duration::from_micros(rand::random_range(0..15_000))).await;
        // With a reset instead of an orderly end, every other time.
        if n % 4 < 2 {
            wire.stream.set_zero_linger().expect("a socket");
        }
        drop(wire);
        // The next one on the only connection is herself, and sees what is there.
        let request = client().get(stage.program.url("/auth/me")).bearer_auth(&vera);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        let me: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(me["username"], "vera");
    }
    // The last of them may still be at work.
    let mut owner = stage.database.connect().await;
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let busy: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where usename = 'blockyard_api' and datname = current_database() and state <> 'idle'",
        )
        .fetch_one(&mut owner)
        .await
        .expect("a count");
        if busy == 0 {
            break;
        }
        assert!(Instant::now() < deadline, "a session stays busy");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (last, versions, distinct, audited): (i32, i64, i64, i64) = sqlx::query_as(
        "select max(version_number), count(*), count(distinct metadata),
                (select count(*) from audit_logs where entity_type = 'metadata')
         from block_versions",
    )
    .fetch_one(&mut owner)
    .await
    .expect("versions");
    println!("\n{TIMES} clients left in the middle of a change: {} were made", versions - 1);
    assert_eq!((versions, distinct, audited), (i64::from(last), i64::from(last), i64::from(last)));
    stage.program.assert_no_errors();
}
