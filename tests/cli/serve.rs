//! `blockyard serve` on a database that is given: what it refuses to serve.

use std::process::Stdio;

use blockyard::development::private_server::DefaultGrants;
use sqlx::postgres::PgConnectOptions;

use super::support::Database;
use super::{Program, SECRET};

fn service(login: &PgConnectOptions) -> Program {
    Program::new()
        .with("DATABASE_URL", Database::url(login))
        .with("JWT_SECRET", SECRET)
        .with("HOST", "127.0.0.1")
        .with("PORT", "0")
}

#[test]
fn secrets_that_are_missing_or_weak_are_refused_by_name() {
    let program = Program::new().with("DATABASE_URL", "postgres://u:p@localhost:1/d");
    program.run(&["serve"]).refuses(&["JWT_SECRET is not set"]);
    let program = program.with("JWT_JWKS_URL", "https://example.org/jwks.json");
    program.run(&[]).refuses(&["JWT_SECRET is not set"]);
    let program = program.with("JWT_SECRET", "changeme");
    let refusal = program.run(&["serve"]).refuses(&["JWT_SECRET", "32"]);
    assert!(!refusal.errors.contains("changeme"));
}

#[test]
fn a_port_that_is_taken_is_said_with_the_variable_to_change() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let program = Program::new().with("PORT", port.clone());
    program.run(&[]).refuses(&[&port, "set PORT"]);
    assert!(!program.folder().join(".blockyard").exists(), "no database is started in vain");
    let program = Program::new().with("HOST", "192.0.2.1");
    program.run(&[]).refuses(&["HOST=192.0.2.1"]);
    let program = Program::new().with("LOG_LEVEL", "info=loud=er");
    program.run(&[]).refuses(&["LOG_LEVEL"]);
}

#[tokio::test]
async fn privileged_logins_are_refused() {
    let database = Database::new().await;
    let allow = "ALLOW_PRIVILEGED_LOGIN";
    let logins = [
        (database.superuser(), "superuser"),
        (database.owner(), "BYPASSRLS"),
        (database.login("authenticator"), "service_role"),
    ];
    for (login, word) in logins {
        service(&login).run(&["serve"]).refuses(&[word, allow, "blockyard login-role"]);
    }
}

#[tokio::test]
async fn the_operator_may_insist_and_is_warned() {
    use std::io::{BufRead, BufReader};

    let database = Database::new().await;
    let mut child = service(&database.owner())
        .with("ALLOW_PRIVILEGED_LOGIN", "true")
        .command(&["serve"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains(" serving") {
        assert!(output.read_line(&mut said).unwrap() > 0, "it ended: {said}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.contains("WARN"), "{said}");
}

#[tokio::test]
async fn a_schema_that_is_missing_or_does_not_fit_is_refused() {
    let fresh = Database::unmigrated(DefaultGrants::Explicit).await;
    // Its role belongs to the server: there as soon as any database is migrated.
    let database = Database::new().await;
    service(&fresh.service()).run(&["serve"]).refuses(&["no Blockyard", "blockyard migrate"]);

    let mut owner = database.connect().await;
    let program = service(&database.service());
    sqlx::raw_sql(
        "insert into app._sqlx_migrations values (9999, 'later', now(), true, '\\x00', 0)",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    program.run(&["serve"]).refuses(&["ahead", "9999", "newer program"]);
    sqlx::raw_sql("delete from app._sqlx_migrations where version >= 14")
        .execute(&mut owner)
        .await
        .unwrap();
    program.run(&["serve"]).refuses(&["behind", "blockyard migrate"]);
    sqlx::raw_sql("drop table app._sqlx_migrations").execute(&mut owner).await.unwrap();
    program.run(&["serve"]).refuses(&["no record"]);
}
