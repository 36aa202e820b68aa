//! Secrets are replaced while people work: `JWT_SECRET`, and the password of the service's role.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use blockyard::development::private_server::{DefaultGrants, Durability, PrivateServer};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, raw_sql};

use super::running::{self, Running};
use super::support::{Database, connect, folder};
use super::{Program, SECRET};

const NEWER: &str = "Zq8Wm2Xc4Vb6Nn1Ll3Kk5Jj7Hh9Gg0FfDdSsAaPp";

fn token(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().unwrap().to_owned()
}

struct Visitor {
    access: String,
    refresh: String,
    key: String,
    made: Value,
}

/// Makes an API key under an `Idempotency-Key`; the same again is the same.
async fn make_key(running: &Running, access: &str) -> reqwest::Response {
    let request = running.http.post(running.url("/api-keys")).bearer_auth(access);
    let request = request.header("Idempotency-Key", "one").json(&json!({ "name": "nightly" }));
    request.send().await.unwrap()
}

async fn status(running: &Running, bearer: &str) -> StatusCode {
    let request = running.http.get(running.url("/auth/me")).bearer_auth(bearer);
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn nobody_is_logged_out_by_a_new_jwt_secret() {
    let database = Database::new().await;
    let secret = |text: &str| {
        let program = running::on(&database);
        let path = program.folder().join("jwt-secret");
        fs::write(&path, text).unwrap();
        Program {
            variables: program
                .variables
                .into_iter()
                .filter(|(name, _)| *name != "JWT_SECRET")
                .collect(),
            ..program
        }
        .with("JWT_SECRET_FILE", path.to_str().unwrap())
    };
    let running = Running::start(secret(&format!("{SECRET}\n"))).await;
    let tokens = running.login().await;
    let access = token(&tokens, "access_token");
    let made: Value = make_key(&running, &access).await.json().await.unwrap();
    let visitor = Visitor {
        access,
        refresh: token(&tokens, "refresh_token"),
        key: token(&made, "key"),
        made,
    };
    running.stop();

    // The new one signs, the old one is still accepted.
    let running = Running::start(secret(&format!("{NEWER}\n{SECRET}\n"))).await;
    assert_eq!(status(&running, &visitor.access).await, StatusCode::OK);
    assert_eq!(status(&running, &visitor.key).await, StatusCode::OK);
    let repeated = make_key(&running, &visitor.access).await;
    assert_eq!(repeated.headers()["idempotency-replayed"], "true");
    assert_eq!(repeated.json::<Value>().await.unwrap(), visitor.made);
    let body = json!({ "refresh_token": visitor.refresh });
    let refreshed =
        running.http.post(running.url("/auth/refresh")).json(&body).send().await.unwrap();
    assert_eq!(refreshed.status(), StatusCode::OK);
    let newer = token(&refreshed.json().await.unwrap(), "access_token");
    running.stop();

    // The old one is gone: its tokens are, keys are not.
    let running = Running::start(secret(NEWER)).await;
    assert_eq!(status(&running, &visitor.access).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&running, &newer).await, StatusCode::OK);
    assert_eq!(status(&running, &visitor.key).await, StatusCode::OK);
    // What was asked under it cannot be known again, and nothing is made twice.
    assert_eq!(make_key(&running, &newer).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    running.stop();
}

/// A registry on a server of its own: the role belongs to the server.
async fn registry(folder: &Path) -> PrivateServer {
    let server = PrivateServer::start(folder, Durability::Relaxed).await.unwrap();
    server.create_database("registry", DefaultGrants::Explicit).await.unwrap();
    server
}

/// `/auth/me` again and again; how often it was answered, and how often otherwise than with 200.
async fn ask(running: &Running, bearer: &str, end: &AtomicBool, failed: &AtomicU32) -> u32 {
    let mut asked = 0;
    while !end.load(Ordering::Relaxed) {
        if status(running, bearer).await != StatusCode::OK {
            failed.fetch_add(1, Ordering::Relaxed);
        }
        asked += 1;
    }
    asked
}

/// The drill of the manual, under load: the file first, then the role; then every old connection is ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_of_the_role_is_replaced_under_load_without_a_failed_request() {
    let (folder, _undertaker) = folder();
    let server = registry(&folder).await;
    let owner = server.owner("registry");
    let program = Program::new().with("MIGRATE_DATABASE_URL", Database::url(&owner));
    program.run(&["migrate"]).succeeds();
    let login_role = |program: &Program, password: &str| {
        program.run_with_input(&["login-role", "--password-stdin"], password).succeeds();
    };
    let file = program.folder().join("database-url");
    let write = |password: &str| {
        let service = owner.clone().username("blockyard_api").password(password);
        fs::write(&file, Database::url(&service) + "\n").unwrap();
    };
    let passwords =
        ["first-password-0123456789", "second-password-123456789", "third-password-2345678901"];
    login_role(&program, passwords[0]);
    write(passwords[0]);
    let program = program
        .with("DATABASE_URL_FILE", file.to_str().unwrap())
        .with("DATABASE_CONNECTIONS", "4")
        .with("JWT_SECRET", SECRET);
    let running = Arc::new(Running::start(program).await);
    let bearer = token(&running.login().await, "access_token");

    let (end, failed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let load: Vec<_> = (0..6)
        .map(|_| {
            let (running, bearer) = (Arc::clone(&running), bearer.clone());
            let (end, failed) = (Arc::clone(&end), Arc::clone(&failed));
            tokio::spawn(async move { ask(&running, &bearer, &end, &failed).await })
        })
        .collect();
    let mut superuser = connect(&server.superuser("registry")).await;
    let opened = "blockyard_database_connections_opened_total";
    for password in &passwords[1..] {
        write(password);
        login_role(&running.program, password);
        // Idle ones are ended by the server: their successors log in with the new password.
        let before = running.metric(opened).await;
        for _ in 0..50 {
            let end_idle = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                where usename = 'blockyard_api' and state = 'idle'";
            raw_sql(AssertSqlSafe(end_idle)).execute(&mut superuser).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            if running.metric(opened).await >= before + 4.0 {
                break;
            }
        }
        assert!(running.metric(opened).await >= before + 4.0, "no new connection was tried");
    }
    end.store(true, Ordering::Relaxed);
    let mut asked = 0;
    for visitor in load {
        asked += visitor.await.unwrap();
    }
    println!("{asked} requests under two new passwords, {} failed", failed.load(Ordering::Relaxed));
    assert!(asked > 100, "{asked}");
    assert_eq!(failed.load(Ordering::Relaxed), 0, "of {asked}");
    superuser.close().await.unwrap();
    let running = Arc::into_inner(running).expect("nobody asks any more");
    let (said, _) = running.stop();
    assert!(said.output.contains("new password of DATABASE_URL_FILE"), "{}", said.output);
    for password in passwords {
        assert!(!said.output.contains(password));
    }
}
