//! `blockyard export --full` and `import --full`: the copy of a registry answers as the original does.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use blockyard::copying::{LEFT_OUT, copied};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;

use super::Program;
use super::addresses::{addresses, instant};
use super::running::{self, PASSWORD, Running};
use super::support::Database;

/// What reads secrets: of these the copy has its own.
const OWN: &str = "/api-keys";

pub fn owner(database: &Database) -> Program {
    Program::new().with("MIGRATE_DATABASE_URL", Database::url(&database.owner()))
}

/// The lines of a copy.
pub fn exported(database: &Database, options: &[&str]) -> Vec<String> {
    let program = owner(database);
    let arguments = [&["export", "--full", "-o", "copy"], options].concat();
    program.run(&arguments).succeeds();
    let text = fs::read_to_string(program.folder().join("copy")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// One of everything that Ada has made.
pub async fn furnished(owner: &mut PgConnection, ada: &str) -> Value {
    sqlx::raw_sql(include_str!("../schema/fixture.sql")).execute(&mut *owner).await.unwrap();
    sqlx::query_scalar("select test.furnish($1::uuid)").bind(ada).fetch_one(owner).await.unwrap()
}

async fn id_of_ada(owner: &mut PgConnection) -> String {
    sqlx::query_scalar("select user_id::text from users where username = 'ada'")
        .fetch_one(owner)
        .await
        .unwrap()
}

async fn send(running: &Running, token: &str, method: Method, path: &str, body: Value) -> Value {
    let request = running.http.request(method, running.url(path)).bearer_auth(token);
    let answer = request.json(&body).send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

/// A past: versions, one withdrawn, an alias that moved, a run that ended, logs, a purge, a file with an owner.
async fn live(running: &Running, token: &str, things: &Value) {
    let at = |path: &str| {
        let mut filled = path.to_owned();
        for (name, id) in things.as_object().unwrap() {
            filled = filled.replace(&format!("{{{name}}}"), id.as_str().unwrap_or_default());
        }
        filled
    };
    let metadata = json!({ "metadata": { "rows": 1.50, "huge": 1e300, "text": "a\u{2028}\"b" } });
    for (method, path, body) in [
        (Method::PATCH, "/blocks/{block}", metadata),
        (Method::PUT, "/blocks/{block}/aliases/champion", json!({ "version": "2" })),
        (Method::POST, "/blocks/{block}/versions/1/withdraw", json!({ "reason": "Wrong" })),
        (Method::PATCH, "/edges/{loose_edge}", json!({ "metadata": { "batch": 32 } })),
        (
            Method::PATCH,
            "/pipelines/{pipeline}",
            json!({ "dagster_pipeline_config": { "job_name": "nightly" } }),
        ),
        (
            Method::PATCH,
            "/verifications/{verification}",
            json!({ "verification_status": "failed" }),
        ),
        (Method::PATCH, "/runs/{run}", json!({ "status": "started" })),
        (Method::PATCH, "/runs/{run}", json!({ "status": "success" })),
        (Method::DELETE, "/blocks/{loose_block}?purge=true", json!({})),
    ] {
        send(running, token, method, &at(path), body).await;
    }
    let file = json!({
        "apiVersion": "blockyard/v1", "owner": "team",
        "taxonomy": ["tabular", "tabular/transport"],
        "blocks": [{ "name": "passengers", "type": "dataset", "categories": ["tabular/transport"] }],
        "pipelines": [{ "name": "filed", "blocks": ["passengers"], "config": { "job_name": "x" } }],
    });
    send(running, token, Method::POST, "/apply", file).await;
    let logs =
        running.http.post(running.url(&at("/docker-images/{image}/logs"))).bearer_auth(token);
    let logs = logs.header("Content-Type", "text/plain").body("line 1\n").send().await.unwrap();
    assert!(logs.status().is_success(), "{:?}", logs.text().await);
}

async fn token(running: &Running) -> String {
    let body = json!({ "username": "ada", "password": PASSWORD });
    let answer = running.http.post(running.url("/auth/login")).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let tokens: Value = answer.json().await.unwrap();
    tokens["access_token"].as_str().unwrap().to_owned()
}

/// Status, revision and body.
async fn read(running: &Running, token: &str, path: &str) -> (StatusCode, Option<String>, String) {
    let request = running.http.get(running.url(path)).bearer_auth(token);
    let answer = request.send().await.unwrap();
    let etag = answer.headers().get("etag").map(|etag| etag.to_str().unwrap().to_owned());
    let status = answer.status();
    let mut body = answer.text().await.unwrap();
    if !status.is_success() {
        // A problem says by which request.
        body.clear();
    } else if path.contains("limit=100") {
        // To have read who did what is a deed of its own.
        let mut page: Value = serde_json::from_str(&body).unwrap();
        page["items"].as_array_mut().unwrap().retain(|deed| deed["action_type"] != "READ");
        body = page.to_string();
    }
    (status, etag, body)
}

#[tokio::test]
async fn the_copy_answers_every_read_alike() {
    let (original, copy) = (Database::new().await, Database::new().await);
    let first = Running::start(running::on(&original)).await;
    first.login().await;
    let first_token = token(&first).await;
    let mut connection = original.connect().await;
    let ada = id_of_ada(&mut connection).await;
    let things = furnished(&mut connection, &ada).await;
    let before = instant();
    tokio::time::sleep(Duration::from_millis(20)).await;
    live(&first, &first_token, &things).await;
    let now = instant();

    let lines = exported(&original, &["--accounts"]);
    let program = owner(&copy);
    program.run_with_input(&["import", "--full", "-"], &with_ends(&lines)).succeeds();
    // All that was kept back is there again, and nothing is left behind.
    program.run(&["check"]).succeeds();
    assert_eq!(lines[1..], exported(&copy, &["--accounts"])[1..]);

    let second = Running::start(running::on(&copy)).await;
    let second_token = token(&second).await;
    let mut compared = 0;
    for address in addresses(&things) {
        if address.starts_with(OWN) {
            continue;
        }
        let mut address = address.replace("NOW", &now);
        if address.ends_with("/audit-logs") || address.ends_with("/activity") {
            address += "?limit=100";
        }
        let joint = if address.contains('?') { '&' } else { '?' };
        for path in [address.clone(), format!("{address}{joint}as_of={before}")] {
            let expected = read(&first, &first_token, &path).await;
            let found = read(&second, &second_token, &path).await;
            assert_eq!(found, expected, "{path}");
            compared += usize::from(expected.0.is_success());
        }
    }
    assert!(compared > 120, "{compared} reads");

    // It goes on where the original was: numbers, digests, history.
    let block = things["block"].as_str().unwrap();
    let changed = json!({ "metadata": { "rows": 3 } });
    let answer =
        send(&second, &second_token, Method::PATCH, &format!("/blocks/{block}"), changed).await;
    assert_eq!(answer["version_number"], 3, "{answer}");
    send(&second, &second_token, Method::POST, "/pipelines/filed/runs", json!({})).await;
    let path = format!("/blocks/{block}?as_of={now}");
    assert!(read(&second, &second_token, &path).await.2.contains("\"version_number\":2"));

    let refused = program.run_with_input(&["import", "--full", "-"], &with_ends(&lines));
    refused.refuses(&["not empty"]);
}

pub fn with_ends(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn accounts_stay_behind_and_users_have_other_ids() {
    const HERE: &str = "0190c3f2-7c1a-7b7e-9a53-0f7a3cf6a111";
    let (original, copy) = (Database::new().await, Database::new().await);
    let mut connection = original.connect().await;
    sqlx::raw_sql(include_str!("../schema/fixture.sql")).execute(&mut connection).await.unwrap();
    let things: Value = sqlx::query_scalar("select test.furnish(test.person('ada', 'admin'))")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    sqlx::raw_sql("update users set email = 'ada@other.example' where username = 'ada'")
        .execute(&mut connection)
        .await
        .unwrap();
    let lines = exported(&original, &[]);
    let text = with_ends(&lines);
    for secret in ["ada@", "$argon2", "encrypted_api_key"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let program = owner(&copy);
    let mapping = format!("ada={HERE}");
    let arguments = ["import", "--full", "-", "--map-user", &mapping];
    let nobody =
        [&arguments[..], &["--map-user", "eve=0190c3f2-7c1a-7b7e-9a53-0f7a3cf6a222"]].concat();
    program.run_with_input(&nobody, &text).refuses(&["eve", "no user"]);
    program.run_with_input(&arguments, &text).refuses(&["--restart"]);
    program.run_with_input(&[&arguments[..], &["--restart"]].concat(), &text).succeeds();
    let mut connection = copy.connect().await;
    let (id, active, email, password): (String, bool, String, Option<String>) = sqlx::query_as(
        "select user_id::text, is_active, email, password_hash from users where username = 'ada'",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!((id.as_str(), active, password), (HERE, false, None));
    assert!(email.ends_with("@blockyard.invalid"), "{email}");
    for table in ["blocks", "block_versions", "app.blocks_history", "pipeline_runs"] {
        let statement = format!("select array_agg(distinct created_by::text) from {table}");
        let authors: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(authors, [HERE], "{table}");
    }
    let deeds: i64 = sqlx::query_scalar("select count(*) from audit_logs where user_id = $1::uuid")
        .bind(HERE)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert!(deeds > 10, "{deeds} {things}");
}

#[tokio::test]
async fn what_is_killed_goes_on_where_it_was() {
    let (original, copy) = (Database::new().await, Database::new().await);
    let mut connection = original.connect().await;
    sqlx::raw_sql(
        "insert into app.spellings (word, trigrams) select 'word' || n, '{wor}' from generate_series(1, 12000) as n",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let text = with_ends(&exported(&original, &[]));
    let program = owner(&copy);
    let mut child = program
        .command(&["import", "--full", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&text.as_bytes()[..text.len() / 2]).unwrap();
    let mut connection = copy.connect().await;
    let begun = Instant::now();
    loop {
        // The table may not be there yet.
        let kept: Result<i64, _> = sqlx::query_scalar("select count(*) from app.incoming")
            .fetch_one(&mut connection)
            .await;
        if kept.is_ok_and(|kept| kept > 1) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "nothing is kept");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drop(stdin);
    let words: i64 = sqlx::query_scalar("select count(*) from app.spellings")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(words, 0, "nobody sees half of it");
    // Another file with the same head is not what was begun.
    let other = text.replacen("word7\"", "werd7\"", 1);
    assert_ne!(other, text);
    program.run_with_input(&["import", "--full", "-"], &other).refuses(&["another copy"]);
    let done = program.run_with_input(&["import", "--full", "-"], &text).succeeds();
    assert!(done.errors.contains("5000 had been read before"), "{}", done.errors);
    let words: i64 =
        sqlx::query_scalar("select max(spelling_id) from app.spellings where nextval('app.spellings_spelling_id_seq') > spelling_id")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!(words, 12000);
    let left: bool = sqlx::query_scalar("select to_regclass('app.incoming') is not null")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert!(!left);
}

#[tokio::test]
async fn every_table_is_copied_or_named_as_left_out() {
    let database = Database::new().await;
    let mut connection = database.connect().await;
    let all: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in ('public', 'app') and c.relkind in ('r', 'p') and not c.relispartition",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let copied = copied(&mut connection).await.unwrap();
    let known: Vec<_> = copied
        .iter()
        .map(|table| table.name.clone())
        .chain(LEFT_OUT.iter().map(|(name, _)| (*name).to_owned()))
        .collect();
    assert_eq!(known.len(), all.len(), "no table twice");
    assert_eq!(known.into_iter().collect::<BTreeSet<_>>(), all.into_iter().collect());
    for table in &copied {
        assert!(!table.key.is_empty(), "{} has no order", table.name);
        let is_secret =
            |column: &String| column.contains("token") || column.starts_with("encrypted");
        assert!(!table.columns.iter().any(is_secret), "{} holds secrets", table.name);
    }
}
