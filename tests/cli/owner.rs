//! `blockyard user` and `blockyard login-role`.

use blockyard::development::private_server::{DefaultGrants, Durability, PrivateServer};
use reqwest::StatusCode;
use serde_json::json;
use sqlx::{ConnectOptions, Connection};

use super::Program;
use super::running::{self, Running};
use super::support::Database;

const CREATE: [&str; 9] = [
    "user",
    "create",
    "--username",
    "ada",
    "--email",
    "ada@example.org",
    "--role",
    "admin",
    "--password-stdin",
];

#[tokio::test]
async fn a_user_is_created_once() {
    let database = Database::new().await;
    let program = Program::new().with("MIGRATE_DATABASE_URL", Database::url(&database.owner()));
    let id = program.run_with_input(&CREATE, "correct horse battery\n").succeeds().output;
    let (stored, role, hash): (String, String, String) = sqlx::query_as(
        "select user_id::text, role, password_hash from users where username = 'ada'",
    )
    .fetch_one(&mut database.connect().await)
    .await
    .unwrap();
    assert_eq!(id.trim(), stored);
    assert_eq!(role, "admin");
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    program.run_with_input(&CREATE, "correct horse battery\n").refuses(&["--username", "already"]);
}

#[tokio::test]
async fn the_first_administrator_is_made_once() {
    let database = Database::new().await;
    let program = Program::new().with("MIGRATE_DATABASE_URL", Database::url(&database.owner()));
    let first = [&CREATE[..], &["--if-no-admin"]].concat();
    let made = program.run_with_input(&first, "correct horse battery").succeeds();
    assert_eq!(made.output.trim().len(), 36, "{}", made.output);
    let left = program.run_with_input(&first, "correct horse battery").succeeds();
    assert_eq!(left.output, "");
    assert!(left.errors.contains("administrator already"), "{}", left.errors);
}

#[tokio::test]
async fn an_account_of_supabase_keeps_its_id() {
    const ID: &str = "0190c3f2-7c1a-7b7e-9a53-0f7a3cf6a111";
    let database = Database::new().await;
    let program = Program::new().with("DATABASE_URL", Database::url(&database.owner()));
    let arguments = [&CREATE[..], &["--id", ID]].concat();
    let id = program.run_with_input(&arguments, "correct horse battery").succeeds().output;
    assert_eq!(id.trim(), ID);
}

#[tokio::test]
async fn what_cannot_be_a_user_is_refused_by_name() {
    let database = Database::new().await;
    let url = Database::url(&database.owner());
    let program = Program::new().with("MIGRATE_DATABASE_URL", url);
    program.run_with_input(&CREATE, "short").refuses(&["password", "12"]);
    program.run_with_input(&CREATE, "").refuses(&["standard input"]);
    let mut unusable = CREATE;
    unusable[3] = "a b";
    program.run_with_input(&unusable, "correct horse battery").refuses(&["--username"]);
    unusable = CREATE;
    unusable[5] = "nowhere";
    program.run_with_input(&unusable, "correct horse battery").refuses(&["--email"]);
    unusable = CREATE;
    unusable[7] = "king";
    let outcome = program.run_with_input(&unusable, "correct horse battery");
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.errors.contains("viewer, developer, admin"));

    let url = Database::url(&database.service());
    Program::new()
        .with("MIGRATE_DATABASE_URL", url)
        .run_with_input(&CREATE, "correct horse battery")
        .refuses(&["does not own the tables"]);
    let fresh = Database::unmigrated(DefaultGrants::Explicit).await;
    Program::new()
        .with("MIGRATE_DATABASE_URL", Database::url(&fresh.owner()))
        .run_with_input(&CREATE, "correct horse battery")
        .refuses(&["blockyard migrate"]);
}

#[tokio::test]
async fn a_lost_password_is_replaced_and_its_sessions_end() {
    const LOST: [&str; 4] = ["user", "password", "ADA", "--password-stdin"];
    let database = Database::new().await;
    let running = Running::start(running::on(&database)).await;
    let tokens = running.login().await;
    let login = async |password: &str| {
        let body = json!({ "username": "ada", "password": password });
        running.http.post(running.url("/auth/login")).json(&body).send().await.unwrap().status()
    };
    // Locked out by guesses: that is over as well.
    while login("wrong password 1").await != StatusCode::TOO_MANY_REQUESTS {}
    let program = &running.program;
    program.run_with_input(&LOST, "short").refuses(&["password", "12"]);
    program.run_with_input(&LOST, "ada@example.org").refuses(&["name of its account"]);
    let unknown = ["user", "password", "bob", "--password-stdin"];
    program.run_with_input(&unknown, "correct horse battery").refuses(&["no user bob"]);
    let said = program.run_with_input(&LOST, "correct horse battery\n").succeeds().output;
    assert!(said.contains("ada has another password now; 1 sessions ended"), "{said}");

    let refresh = json!({ "refresh_token": tokens["refresh_token"] });
    let refresh = running.http.post(running.url("/auth/refresh")).json(&refresh).send().await;
    assert_eq!(refresh.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(login(running::PASSWORD).await, StatusCode::UNAUTHORIZED);
    assert_eq!(login("correct horse battery").await, StatusCode::OK);
    let trail: String = sqlx::query_scalar(
        "select details::text from audit_logs where action_type = 'UPDATE' and entity_type = 'user'",
    )
    .fetch_one(&mut database.connect().await)
    .await
    .unwrap();
    assert!(trail.contains(r#""password_hash": "redacted""#), "{trail}");
    let (_, program) = running.stop();
    program
        .with("MIGRATE_DATABASE_URL", Database::url(&database.service()))
        .run_with_input(&LOST, "correct horse battery")
        .refuses(&["does not own the tables"]);
}

/// On a server of its own: roles belong to the server, and other tests use the password.
#[tokio::test]
async fn the_services_role_gets_a_password_that_the_server_never_sees() {
    const PASSWORD: &str = "9f1c0b7ad3e84f52a6c1d07e";
    let program = Program::new();
    let dir = program.folder().join("server");
    std::fs::create_dir(&dir).unwrap();
    let server = PrivateServer::start(&dir, Durability::Relaxed).await.unwrap();
    server.create_database("registry", DefaultGrants::Explicit).await.unwrap();
    let owner = server.owner("registry");
    let program = program.with("MIGRATE_DATABASE_URL", Database::url(&owner));
    // Before there is a Blockyard: what comes then, migration or dump, finds the role.
    let early = program.run_with_input(&["login-role", "--password-stdin"], PASSWORD).succeeds();
    assert!(early.output.contains("no Blockyard in this database yet"), "{}", early.output);
    program.run(&["check"]).refuses(&["no Blockyard", "blockyard migrate"]);
    program.run(&["migrate"]).succeeds();
    program.run(&["check"]).succeeds();
    // A newer program's schema is not this one's to mend.
    let mut connection = owner.connect().await.unwrap();
    sqlx::raw_sql(
        "create function app.later() returns int language sql as 'select 1';
         grant execute on function app.later() to blockyard_api;
         insert into app._sqlx_migrations values (9999, 'later', now(), true, '\\x00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    program.run(&["check"]).refuses(&["ahead"]);
    let careful = program.run_with_input(&["login-role", "--password-stdin"], PASSWORD).succeeds();
    assert!(careful.errors.contains("only the role itself"), "{}", careful.errors);
    assert!(!careful.output.contains("Done"), "{}", careful.output);
    sqlx::raw_sql(
        "drop function app.later(); delete from app._sqlx_migrations where version = 9999",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    program.run_with_input(&["login-role", "--password-stdin"], "short").refuses(&["16"]);
    let said =
        program.run_with_input(&["login-role", "--password-stdin"], PASSWORD).succeeds().output;
    assert!(said.contains("postgres://blockyard_api:<password>@"), "{said}");
    assert!(!said.contains("Done"), "{said}");
    assert!(!said.contains(PASSWORD) && !said.contains("percent-encoded"), "{said}");
    let odd = "p%40ss/w#rd?[1]:@xyz0";
    let warned = program.run_with_input(&["login-role", "--password-stdin"], odd).succeeds().output;
    assert!(warned.contains("percent-encoded") && !warned.contains(odd), "{warned}");
    program.run_with_input(&["login-role", "--password-stdin"], PASSWORD).succeeds();
    let mut service =
        owner.clone().username("blockyard_api").password(PASSWORD).connect().await.unwrap();
    service.ping().await.unwrap();
    let wrong = owner.username("blockyard_api").password("another");
    wrong.connect().await.unwrap_err();
    server.stop().await.unwrap();
}
