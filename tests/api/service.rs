//! The service under test: a real server on a real database, and people who talk to it over HTTP.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use blockyard::auth::Gatekeeper;
use blockyard::config::Config;
use blockyard::db::Db;
use blockyard::engine::Engine;
use blockyard::service::drain::Drain;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::query_scalar;

use crate::support::Database;
pub use crate::support::people::PASSWORD;
use crate::support::people::people;
use crate::world::Client;

pub const JWT_SECRET: &str = "a-secret-that-only-these-tests-know-0123456789";

/// A running service with a database of its own.
pub struct Service {
    pub address: SocketAddr,
    pub database: Arc<Database>,
    http: reqwest::Client,
    tokens: Mutex<HashMap<String, String>>,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

/// How a service under test differs from the usual one.
pub struct Setup {
    pub config: Config,
    /// Where the service finds the database, when not at the database itself.
    pub through: Option<PgConnectOptions>,
}

impl Default for Setup {
    fn default() -> Self {
        let config = Config { jwt_secret: Some(JWT_SECRET.to_owned().into()), ..Config::default() };
        Self { config, through: None }
    }
}

impl Service {
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub async fn with(setup: Setup) -> Self {
        let database = Arc::new(Database::new().await);
        people(&database.owner()).await;
        Self::on(database, setup)
    }

    /// A service on a database that is there already.
    pub fn on(database: Arc<Database>, setup: Setup) -> Self {
        let options = setup.through.unwrap_or_else(|| database.service());
        let wait = Duration::from_secs(setup.config.database_wait_seconds.into());
        let connections = setup.config.database_connections as usize;
        let db = Db::new(options, connections, wait).expect("a pool");
        let gatekeeper = Gatekeeper::new(&setup.config).expect("a gatekeeper");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (ready, started) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                blockyard::server::prepare(&setup.config, &db)
                    .await
                    .expect("the rules of the configuration");
                let drain = Drain::default();
                let engine = Data::new(Engine::start(&setup.config, &db).expect("an engine"));
                let server = blockyard::server::start(
                    listener,
                    &setup.config,
                    db,
                    gatekeeper,
                    &drain,
                    engine,
                )
                .expect("a server");
                ready.send(server.handle()).expect("the test waits");
                server.await.expect("a clean end");
            });
        });
        // reqwest makes no client without one; an error says that there is one already.
        rustls::crypto::ring::default_provider().install_default().ok();
        Self {
            address,
            database,
            http: reqwest::Client::builder()
                .timeout(Duration::from_mins(1))
                .build()
                .expect("a client"),
            tokens: Mutex::default(),
            handle: started.recv().expect("the server starts"),
            thread: Some(thread),
        }
    }

    /// One of [`people`], logged in.
    pub async fn login(&self, username: &str) -> Person<'_> {
        let known = self.tokens.lock().expect("tokens").get(username).cloned();
        let token = match known {
            Some(token) => token,
            None => {
                let answer = self
                    .nobody()
                    .post("/auth/login", json!({ "username": username, "password": PASSWORD }))
                    .await
                    .expect(StatusCode::OK);
                let token = answer.body["access_token"].as_str().expect("a token").to_owned();
                self.tokens.lock().expect("tokens").insert(username.to_owned(), token.clone());
                token
            }
        };
        Person { service: self, identity: Identity::Token(token) }
    }

    pub async fn viewer(&self) -> Person<'_> {
        self.login("vera").await
    }

    pub async fn developer(&self) -> Person<'_> {
        self.login("dan").await
    }

    /// Another developer, for what belongs to somebody else.
    pub async fn colleague(&self) -> Person<'_> {
        self.login("dora").await
    }

    pub async fn admin(&self) -> Person<'_> {
        self.login("ada").await
    }

    /// The id of one of [`people`].
    pub async fn id_of(&self, username: &str) -> String {
        query_scalar("select user_id::text from users where username = $1")
            .bind(username)
            .fetch_one(&mut self.database.connect().await)
            .await
            .expect("a user")
    }

    /// One of [`people`], as Supabase's REST API would let them in.
    pub async fn by_sql(&self, username: &str) -> Client {
        Client::user(&self.database, &self.id_of(username).await).await
    }

    pub fn nobody(&self) -> Person<'_> {
        Person { service: self, identity: Identity::None }
    }

    pub fn with_key(&self, key: &str) -> Person<'_> {
        Person { service: self, identity: Identity::Key(key.to_owned()) }
    }

    pub fn with_token(&self, token: &str) -> Person<'_> {
        Person { service: self, identity: Identity::Token(token.to_owned()) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the server panicked");
        }
    }
}

#[derive(Clone)]
enum Identity {
    None,
    Token(String),
    Key(String),
}

/// Somebody who talks to the service.
#[derive(Clone)]
pub struct Person<'a> {
    service: &'a Service,
    identity: Identity,
}

impl Person<'_> {
    pub fn request(&self, method: Method, path: &str) -> Request {
        let request = self.service.http.request(method, self.service.url(path));
        Request(match &self.identity {
            Identity::None => request,
            Identity::Token(token) => request.bearer_auth(token),
            Identity::Key(key) => request.header("X-API-Key", key),
        })
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).send().await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request(Method::POST, path).json(body).send().await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.request(Method::PATCH, path).json(body).send().await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.request(Method::PUT, path).json(body).send().await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path).send().await
    }
}

pub struct Request(reqwest::RequestBuilder);

impl Request {
    #[must_use]
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        Self(self.0.header(name, value.as_ref()))
    }

    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "json!(…) makes a value")]
    pub fn json(self, body: Value) -> Self {
        Self(self.0.json(&body))
    }

    #[must_use]
    pub fn raw(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self(self.0.header("Content-Type", content_type).body(body.into()))
    }

    pub async fn send(self) -> Answer {
        let response = self.0.send().await.expect("an answer");
        let status = response.status();
        let headers = response.headers().clone();
        let text = response.text().await.expect("a whole answer");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, text, body }
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Answer {
    /// Asserts the status; on a refusal, that it is a whole problem document.
    #[track_caller]
    pub fn expect(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        if status.as_u16() >= 400 {
            self.assert_problem();
        }
        self
    }

    #[track_caller]
    pub fn assert_problem(&self) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        assert_eq!(self.body["status"], self.status.as_u16());
        for member in ["type", "title", "detail", "code"] {
            assert!(self.body[member].is_string(), "{member} is missing: {}", self.text);
        }
        assert_eq!(self.body["request_id"], self.header("x-request-id"));
    }

    /// A refusal with this code.
    #[track_caller]
    pub fn refused(self, status: StatusCode, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.body["code"], code, "{}", answer.text);
        answer
    }

    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no header {name}: {} {}", self.status, self.text))
            .to_str()
            .expect("a text")
    }

    pub fn etag(&self) -> &str {
        self.header("etag")
    }

    #[track_caller]
    pub fn id(&self, column: &str) -> String {
        self.body[column]
            .as_str()
            .unwrap_or_else(|| panic!("no {column}: {}", self.text))
            .to_owned()
    }

    /// The pointers of the faults, sorted.
    pub fn pointers(&self) -> Vec<&str> {
        let mut pointers: Vec<_> = self.body["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|error| error["pointer"].as_str())
            .collect();
        pointers.sort_unstable();
        pointers
    }

    /// A column of the items of a page.
    pub fn items(&self, column: &str) -> Vec<Value> {
        self.body["items"]
            .as_array()
            .unwrap_or_else(|| panic!("no page: {}", self.text))
            .iter()
            .map(|item| item[column].clone())
            .collect()
    }
}
