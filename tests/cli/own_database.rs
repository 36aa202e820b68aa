//! A PostgreSQL that is no Supabase project: `--create-roles`.

use blockyard::development::private_server::{Durability, PrivateServer};
use reqwest::StatusCode;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, raw_sql};

use super::running::Running;
use super::support::{Database, connect, folder};
use super::{Program, SECRET};

const PASSWORD: &str = "9f1c0b7ad3e84f52a6c1d07e";

/// A server without any role of Supabase's, and a database on it.
struct Plain {
    server: PrivateServer,
    superuser: PgConnection,
    _undertaker: std::process::Child,
}

impl Plain {
    async fn start() -> Self {
        let (folder, undertaker) = folder();
        let server = PrivateServer::start(&folder, Durability::Relaxed).await.unwrap();
        let mut superuser = connect(&server.superuser("postgres")).await;
        let ours: Vec<String> = sqlx::query_scalar(
            "select rolname::text from pg_roles
             where rolname in ('anon', 'authenticated', 'service_role', 'authenticator', 'dashboard_user')
                or rolname like 'supabase%' and not rolsuper",
        )
        .fetch_all(&mut superuser)
        .await
        .unwrap();
        for role in ours {
            let drop = format!("drop owned by {role}; drop role {role}");
            raw_sql(AssertSqlSafe(drop)).execute(&mut superuser).await.unwrap();
        }
        Self { server, superuser, _undertaker: undertaker }
    }

    /// A database of a login with these attributes, as a hoster hands it out.
    async fn database(&mut self, owner: &str, attributes: &str) -> PgConnectOptions {
        for statement in [
            format!("create role {owner} login password '{PASSWORD}' {attributes}"),
            format!("create database {owner} owner {owner} template template0"),
        ] {
            raw_sql(AssertSqlSafe(statement)).execute(&mut self.superuser).await.unwrap();
        }
        self.server.superuser(owner).username(owner).password(PASSWORD)
    }

    async fn count(&mut self, what: &'static str) -> i64 {
        sqlx::query_scalar(what).fetch_one(&mut self.superuser).await.unwrap()
    }
}

const ROLES: &str = "select count(*) from pg_roles
    where rolname in ('anon', 'authenticated', 'service_role', 'authenticator')";

fn program(owner: &PgConnectOptions) -> Program {
    Program::new().with("MIGRATE_DATABASE_URL", Database::url(owner))
}

#[tokio::test]
async fn what_a_plain_postgresql_lacks_is_said_and_made() {
    let mut plain = Plain::start().await;
    let owner = plain.database("registry", "createrole").await;
    let program = program(&owner);
    for command in [&["migrate"][..], &["login-role", "--password-stdin"]] {
        program.run_with_input(command, PASSWORD).refuses(&[
            "lacks the role anon, the role authenticated, the role service_role",
            "--create-roles",
        ]);
    }
    let made = program.run(&["migrate", "--create-roles"]).succeeds().output;
    for part in ["Made the role anon.", "the role authenticator", "auth.uid()", "at migration"] {
        assert!(made.contains(part), "no {part} in {made}");
    }
    assert_eq!(plain.count(ROLES).await, 4);
    let again = program.run(&["migrate", "--create-roles"]).succeeds().output;
    assert!(!again.contains("Made") && again.contains("0 applied now"), "{again}");
    program.run(&["check"]).succeeds();
    let login = ["login-role", "--password-stdin", "--create-roles"];
    program.run_with_input(&login, PASSWORD).succeeds();

    // As the private server has them, which are Supabase's own.
    let mut own = owner.connect().await.unwrap();
    let mut supabase = Database::new().await.connect().await;
    const HELPERS: &str = "select proname::text, regexp_replace(prosrc, '\\s+', ' ', 'g') from pg_proc
        where pronamespace = to_regnamespace('auth') and proname in ('uid', 'role', 'jwt') order by 1";
    let helpers = async |connection: &mut PgConnection| -> Vec<(String, String)> {
        sqlx::query_as(HELPERS).fetch_all(connection).await.unwrap()
    };
    let made = helpers(&mut own).await;
    assert_eq!(made.len(), 3);
    assert_eq!(made, helpers(&mut supabase).await);

    let service = owner.username("blockyard_api").password(PASSWORD);
    let program = program.with("DATABASE_URL", Database::url(&service)).with("JWT_SECRET", SECRET);
    let running = Running::start(program).await;
    let tokens = running.login().await;
    let block = serde_json::json!({ "name": "passengers", "block_type": "dataset" });
    let made = running.http.post(running.url("/blocks")).json(&block);
    let made = made.bearer_auth(tokens["access_token"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    let (said, _) = running.stop();
    assert!(!said.output.contains("WARN"), "{}", said.output);
}

#[tokio::test]
async fn who_may_not_make_roles_is_told_what_to_ask_for() {
    let mut plain = Plain::start().await;
    let owner = plain.database("registry", "").await;
    let program = program(&owner);
    let refusal = program.run(&["migrate", "--create-roles"]);
    let refusal = refusal.refuses(&[
        "this login may not make the role anon",
        "CREATEROLE",
        "create role anon nologin",
    ]);
    assert_eq!(plain.count(ROLES).await, 0, "{}", refusal.errors);

    // The administrator's statements, as they stand there.
    let (_, by_hand) = refusal.errors.split_once("once:\n").unwrap();
    let by_hand = by_hand.lines().next().unwrap().replace("<this login>", "registry");
    raw_sql(AssertSqlSafe(by_hand)).execute(&mut plain.superuser).await.unwrap();
    program.run(&["migrate"]).succeeds();
    program.run(&["check"]).succeeds();

    // A superuser makes them for all databases of the server; another registry beside finds them there.
    let superuser =
        program.with("MIGRATE_DATABASE_URL", Database::url(&plain.server.superuser("registry")));
    let made = superuser.run(&["migrate", "--create-roles"]).succeeds().output;
    assert!(made.contains("Made the role authenticator.") && made.contains("auth.jwt()"), "{made}");
}
