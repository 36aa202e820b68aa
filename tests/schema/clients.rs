//! docs/supabase-clients.md: each SQL that PostgREST makes of a call, run in order as it runs it, and its answer.

use regex::Regex;
use serde_json::Value;
use sqlx::postgres::{PgConnection, PgDatabaseError};
use sqlx::{AssertSqlSafe, query_scalar, raw_sql};

use crate::support::{Database, connect};
use crate::world;

const PAGE: &str = include_str!("../../docs/supabase-clients.md");

/// The statements of the page, each with the answer that follows it.
fn examples() -> Vec<(&'static str, Value)> {
    let pair = Regex::new(r"(?s)```sql\n(.*?)```\n\n```json\n(.*?)```").unwrap();
    pair.captures_iter(PAGE)
        .map(|found| {
            let [_, sql, json] = [0, 1, 2].map(|n| found.get(n).unwrap().as_str());
            (sql, serde_json::from_str(json).unwrap())
        })
        .collect()
}

/// Puts ids where the page names whose they are.
async fn fill(owner: &mut PgConnection, sql: &str) -> String {
    let name = Regex::new(r"\{\{the id of (version 1 of )?(\w+)\}\}").unwrap();
    let mut filled = sql.to_owned();
    for found in name.captures_iter(sql) {
        let which = if found.get(1).is_some() { "version" } else { "thing" };
        let id: String = query_scalar(
            "select id::text from (
                select 'thing' as which, name, block_id as id from blocks
                union all select 'thing', name, edge_id from edges
                union all select 'thing', name, pipeline_id from pipelines
                union all select 'thing', name, category_id from taxonomy_categories
                union all select 'version', name, version_id from block_versions where version_number = 1
                union all select 'version', name, version_id from edge_versions where version_number = 1
             ) as known where which = $1 and name = $2",
        )
        .bind(which)
        .bind(&found[2])
        .fetch_one(&mut *owner)
        .await
        .unwrap();
        filled = filled.replace(&found[0], &id);
    }
    filled
}

/// One request, in a transaction as PostgREST makes it; the rows, or the refusal.
async fn request(
    client: &mut PgConnection,
    claims: &str,
    sql: &str,
) -> Result<Value, (String, String)> {
    let mode = if sql.starts_with("SELECT") { "read only" } else { "read write" };
    let begin = format!(
        "begin {mode}; set local role authenticated; set local statement_timeout = '8s';
         select set_config('request.jwt.claims', '{claims}', true), set_config('request.method', 'POST', true)"
    );
    raw_sql(AssertSqlSafe(begin)).execute(&mut *client).await.unwrap();
    let whole = format!(
        "WITH pgrst_source AS ({sql}) SELECT coalesce(json_agg(_postgrest_t), '[]')::text FROM (SELECT * FROM pgrst_source) _postgrest_t"
    );
    let outcome = query_scalar::<_, String>(AssertSqlSafe(whole)).fetch_one(&mut *client).await;
    let end = if outcome.is_ok() { "commit" } else { "rollback" };
    let ended = raw_sql(end).execute(client).await;
    match outcome.and_then(|body| ended.map(|_| body)) {
        Ok(body) => Ok(serde_json::from_str(&body).unwrap()),
        Err(error) => {
            let refusal = error.as_database_error().unwrap().downcast_ref::<PgDatabaseError>();
            Err((refusal.code().to_owned(), refusal.constraint().unwrap_or_default().to_owned()))
        }
    }
}

#[tokio::test]
async fn the_statements_of_the_page_answer_as_it_says() {
    let database = Database::new().await;
    let mut owner = world::create(&database).await;
    let dan = world::person(&mut owner, "dan", "developer").await;
    world::person(&mut owner, "ada", "admin").await;
    raw_sql("select test.block('survival')").execute(&mut owner).await.unwrap();
    // The login of PostgREST.
    database.allow_login("authenticator").await;
    let mut client = connect(&database.login("authenticator")).await;
    let claims = format!(r#"{{"sub": "{dan}", "role": "authenticated"}}"#);
    let examples = examples();
    assert!(examples.len() >= 17, "{}", examples.len());
    assert_eq!(examples.len(), PAGE.matches("```sql").count(), "a statement without its answer");
    for (sql, expected) in examples {
        let sql = fill(&mut owner, sql).await;
        let answer = match request(&mut client, &claims, &sql).await {
            Ok(rows) => rows,
            Err((code, constraint)) if expected.get("code").is_some() => {
                assert_eq!(expected["code"], code, "{constraint}: {sql}");
                continue;
            }
            Err((code, constraint)) => {
                assert_eq!(expected["constraint"], constraint, "{code}: {sql}");
                continue;
            }
        };
        assert_eq!(answer, expected, "{sql}");
    }
}

#[tokio::test]
async fn what_the_page_says_of_the_schema_is_so() {
    let database = Database::new().await;
    let mut owner = database.connect().await;
    // Hints are names of foreign keys.
    let hint = Regex::new(r"!(\w+_fkey)").unwrap();
    let mut hints = 0;
    for found in hint.captures_iter(PAGE) {
        let known: bool = query_scalar(
            "select exists (select from pg_constraint where contype = 'f' and conname = $1)",
        )
        .bind(&found[1])
        .fetch_one(&mut owner)
        .await
        .unwrap();
        assert!(known, "{}", &found[1]);
        hints += 1;
    }
    assert!(hints >= 4);
    // Between these pairs there are several, and PostgREST asks for a hint; there is nothing to call.
    for (one, other) in
        [("blocks", "block_versions"), ("edges", "edge_versions"), ("pipeline_edges", "blocks")]
    {
        let ways: i64 = query_scalar(
            "select count(*) from pg_constraint where contype = 'f'
             and ((conrelid, confrelid) = ($1::regclass, $2::regclass) or (conrelid, confrelid) = ($2::regclass, $1::regclass))",
        )
        .bind(one)
        .bind(other)
        .fetch_one(&mut owner)
        .await
        .unwrap();
        assert!(ways > 1, "{one} {other}");
    }
    let functions: i64 =
        query_scalar("select count(*) from pg_proc where pronamespace = 'public'::regnamespace")
            .fetch_one(&mut owner)
            .await
            .unwrap();
    assert_eq!(functions, 0);
}
