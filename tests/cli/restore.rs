//! The manual's backup and restore (docs/operations.md), tried as they stand there: into an empty server, and by
//! somebody who forgot the role.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use blockyard::db::privileges::{Fact, differences, facts};
use blockyard::development::private_server::{DefaultGrants, Durability, PrivateServer};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use super::running::{self, PASSWORD, Running};
use super::support::{Database, connect, folder};
use super::{Outcome, Program, SECRET};

const SERVICE_PASSWORD: &str = "9f1c0b7ad3e84f52a6c1d07e";

/// Where `pg_dump` and `pg_restore` are, as new as the server: beside it, or among the programs of this machine.
async fn tools(database: &Database) -> Option<PathBuf> {
    let mut superuser = connect(&database.superuser()).await;
    let data: String = sqlx::query_scalar("select current_setting('data_directory')")
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    let options = fs::read_to_string(Path::new(&data).join("postmaster.opts")).unwrap();
    let postgres = options.split(' ').next().unwrap().trim_matches('"');
    let beside = Path::new(postgres).parent().unwrap().to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    [beside].into_iter().chain(env::split_paths(&path)).find(|bin| bin.join("pg_restore").exists())
}

/// The commands of a block of the manual.
fn commands(drill: &str) -> String {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let manual = fs::read_to_string(manual).unwrap();
    let marker = format!("<!-- drill: {drill} -->\n```sh\n");
    let (_, rest) = manual.split_once(&marker).unwrap_or_else(|| panic!("no {marker}"));
    rest.split_once("```").unwrap().0.to_owned()
}

/// Runs commands of the manual in the program's folder.
fn follow(program: &Program, tools: &Path, commands: &str) -> Outcome {
    let blockyard = Path::new(env!("CARGO_BIN_EXE_blockyard")).parent().unwrap().to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = [blockyard, tools.to_owned()].into_iter().chain(env::split_paths(&path));
    let configured = program.command(&[]);
    let mut command = std::process::Command::new("bash");
    command.args(["-euo", "pipefail", "-c", commands]).current_dir(program.folder());
    command.env_clear();
    command.envs(configured.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", env::join_paths(path).unwrap());
    Outcome::of(command.output().unwrap())
}

/// A URL that libpq reads as well.
fn url(login: &PgConnectOptions) -> String {
    let mut url = login.to_url_lossy();
    url.set_query(Some("sslmode=disable"));
    url.to_string()
}

async fn facts_of(login: &PgConnectOptions) -> Vec<Fact> {
    facts(&mut connect(login).await).await.unwrap()
}

async fn post(running: &Running, path: &str, token: &str, body: Value) -> Value {
    let request = running.http.post(running.url(path)).bearer_auth(token).json(&body);
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

/// A server without Blockyard's role, with an empty database.
async fn empty_server() -> (PrivateServer, std::process::Child) {
    let (folder, undertaker) = folder();
    let server = PrivateServer::start(&folder, Durability::Relaxed).await.unwrap();
    server.create_database("registry", DefaultGrants::Legacy).await.unwrap();
    (server, undertaker)
}

fn on(server: &PrivateServer) -> Program {
    let login = server.owner("registry");
    let service = login.clone().username("blockyard_api").password(SERVICE_PASSWORD);
    let program = Program::new()
        .with("MIGRATE_DATABASE_URL", url(&login))
        .with("DATABASE_URL", url(&service))
        .with("JWT_SECRET", SECRET);
    fs::write(program.folder().join("service-password"), SERVICE_PASSWORD).unwrap();
    program
}

struct Original {
    facts: Vec<Fact>,
    dump: Vec<u8>,
    key: String,
    lock: Value,
}

/// A registry with a user, a key, versions and a run, dumped as the manual says.
async fn original(tools: &Path, database: &Database) -> Original {
    let program = running::on(database);
    fs::set_permissions(program.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    let running = Running::start(program).await;
    let tokens = running.login().await;
    let token = tokens["access_token"].as_str().unwrap();
    let key = post(&running, "/api-keys", token, json!({ "name": "nightly" })).await;
    let block =
        json!({ "name": "passengers", "block_type": "dataset", "metadata": { "rows": 891 } });
    post(&running, "/blocks", token, block).await;
    let change = running
        .http
        .patch(running.url("/blocks/passengers"))
        .bearer_auth(token)
        .json(&json!({ "metadata": { "rows": 1309 } }));
    assert_eq!(change.send().await.unwrap().status(), StatusCode::OK);
    let pipeline = json!({ "name": "nightly", "blocks": [{ "block_id": "passengers" }] });
    post(&running, "/pipelines", token, pipeline).await;
    let run = post(&running, "/pipelines/nightly/runs", token, json!({})).await;
    let lock =
        running.http.get(running.url(&format!("/locks/{}", run["lock_digest"].as_str().unwrap())));
    let lock = lock.bearer_auth(token).send().await.unwrap().json().await.unwrap();
    let (_, program) = running.stop();
    let program = program.with("MIGRATE_DATABASE_URL", url(&database.owner()));
    follow(&program, tools, &commands("dump")).succeeds();
    Original {
        facts: facts_of(&database.owner()).await,
        dump: fs::read(program.folder().join("registry.dump")).unwrap(),
        key: key["key"].as_str().unwrap().to_owned(),
        lock,
    }
}

/// Passwords, keys, versions and locks are what they were.
async fn serves(program: Program, original: &Original) {
    let running = Running::start(program).await;
    let login = json!({ "username": "ada", "password": PASSWORD });
    let answer = running.http.post(running.url("/auth/login")).json(&login).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let by_key = async |path: &str| -> Value {
        let request = running.http.get(running.url(path)).header("X-API-Key", &original.key);
        request.send().await.unwrap().json().await.unwrap()
    };
    let versions = by_key("/blocks/passengers/versions").await;
    assert_eq!(versions["items"].as_array().unwrap().len(), 2, "{versions}");
    let digest =
        original.lock["digest"].as_str().or(original.lock["lock_digest"].as_str()).unwrap();
    assert_eq!(by_key(&format!("/locks/{digest}")).await, original.lock);
    let (said, _) = running.stop();
    assert!(!said.output.contains("privileges"), "{}", said.output);
}

#[tokio::test]
async fn a_dump_is_restored_into_an_empty_server_as_the_manual_says() {
    let database = Database::new().await;
    let Some(tools) = tools(&database).await else {
        println!("skipped: there is no pg_dump (apt-get install postgresql-client)");
        return;
    };
    let original = original(&tools, &database).await;

    let (server, _undertaker) = empty_server().await;
    let program = on(&server);
    fs::write(program.folder().join("registry.dump"), &original.dump).unwrap();
    let said = follow(&program, &tools, &commands("restore")).succeeds();
    assert!(said.output.contains("no Blockyard in this database yet"), "{}", said.output);
    // The project gives new tables to everybody, which no dump takes back.
    assert!(
        said.output.contains("revoke TRUNCATE on table public.users from anon"),
        "{}",
        said.output
    );
    assert_eq!(facts_of(&server.owner("registry")).await, original.facts);
    program.run(&["migrate"]).succeeds();
    serves(program, &original).await;

    // Somebody who forgot the role, on another server.
    let (server, _undertaker) = empty_server().await;
    let program = on(&server);
    fs::write(program.folder().join("registry.dump"), &original.dump).unwrap();
    let careless = r#"pg_restore --no-owner --dbname="$MIGRATE_DATABASE_URL" registry.dump"#;
    let outcome = follow(&program, &tools, careless);
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.errors.contains(r#"role "blockyard_api" does not exist"#),
        "{}",
        outcome.errors
    );
    let login = server.owner("registry");
    let open = differences(&mut login.connect().await.unwrap()).await.unwrap();
    let public = open.iter().filter(|told| told.sentence.contains("PUBLIC has EXECUTE"));
    assert!(public.count() > 20, "{open:#?}");
    let told = program.run(&["check"]).refuses(&["differences", "--mend"]);
    assert!(told.output.contains("revoke EXECUTE on function app.as_caller(jsonb) from PUBLIC;"));
    let warned = program.run(&["migrate"]).succeeds();
    assert!(warned.errors.contains("blockyard check"), "{}", warned.errors);
    let again = ["login-role", "--password-stdin"];
    let mended = program.run_with_input(&again, SERVICE_PASSWORD).succeeds();
    assert!(mended.output.contains("create role blockyard_api"), "{}", mended.output);
    assert_eq!(facts_of(&login).await, original.facts);
    program.run(&["check"]).succeeds();
    let nothing = program.run_with_input(&again, SERVICE_PASSWORD).succeeds();
    assert!(!nothing.output.contains("Done"), "{}", nothing.output);
    serves(program, &original).await;
}
