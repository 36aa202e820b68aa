//! What `blockyard check` expects is what the migrations give, and whatever differs is found and mended.
//!
//! `BLESS=1 cargo test --test schema privileges` writes `sql/db/privileges.tsv` anew.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use blockyard::db::privileges::{Fact, differences, facts};
use blockyard::development::private_server::DefaultGrants;
use blockyard::owner::Owner;
use blockyard::owner::mending::Reach;
use sqlx::{AssertSqlSafe, raw_sql};

use crate::support::{Database, connect};

/// A line for each fact but those of a month's partition, which is like that of no month.
fn written(facts: &[Fact]) -> String {
    let mut text = String::new();
    for fact in facts {
        let month = fact.object.strip_prefix("table app.audit_logs_");
        if month.is_some_and(|month| month != "default") {
            continue;
        }
        let give = fact.give.as_deref().unwrap_or_default();
        writeln!(text, "{}\t{}\t{give}", fact.object, fact.fact).unwrap();
    }
    text
}

#[tokio::test]
async fn what_is_expected_is_what_the_migrations_give_on_both_kinds_of_project() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/db/privileges.tsv");
    for grants in [DefaultGrants::Legacy, DefaultGrants::Explicit] {
        let database = Database::with(grants).await;
        let mut owner = database.connect().await;
        let found = written(&facts(&mut owner).await.unwrap());
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &found).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap();
        let told: Vec<_> = found.lines().filter(|line| !expected.contains(line)).collect();
        assert!(
            expected == found,
            "sql/db/privileges.tsv is not what the migrations give (`BLESS=1 cargo test --test schema privileges` \
             writes it anew): {told:#?}"
        );
        // As every login sees it.
        let mut service = connect(&database.service()).await;
        assert_eq!(facts(&mut service).await.unwrap(), facts(&mut owner).await.unwrap());
    }
    assert!(fs::read_to_string(&path).unwrap().lines().count() > 500);
}

/// Something that somebody did to the database, and a word of what is said of it.
const BREACHES: &[(&str, &str)] = &[
    ("grant select on users to anon", "anon has SELECT on table public.users"),
    ("grant update (password_hash) on users to authenticated", "UPDATE (password_hash)"),
    ("grant select on blocks to public", "PUBLIC has SELECT on table public.blocks"),
    ("grant select on blocks to authenticated with grant option", "may hand on SELECT"),
    ("revoke insert (name) on blocks from authenticated", "authenticated has INSERT (name)"),
    ("grant execute on function app.as_caller(jsonb) to public", "PUBLIC has EXECUTE"),
    ("revoke execute on function app.as_caller(jsonb) from blockyard_api", "app.as_caller(jsonb)"),
    ("create function app.it() returns int language sql as 'select 1'", "app.it()"),
    ("grant usage on schema app to authenticated", "authenticated has USAGE on schema app"),
    ("revoke usage on schema app from blockyard_api", "blockyard_api has USAGE on schema app"),
    (
        "alter default privileges in schema app grant all on tables to anon",
        "anon gets SELECT on new tables",
    ),
    ("create table app.it (); grant select on app.it to service_role", "service_role has SELECT"),
    ("alter table blocks disable row level security", "public.blocks has row-level security"),
    ("alter table blocks force row level security", "for its owner as well"),
    ("alter policy blocks_select on blocks using (true)", "policy blocks_select"),
    ("drop policy blocks_select on blocks", "policy blocks_select"),
    ("create policy open on blocks for select to anon using (true)", "policy open"),
    ("alter table block_versions disable trigger all", "trigger block_versions_"),
    ("alter table block_versions disable trigger all", "a foreign key that is not enforced"),
    ("alter table audit_logs disable trigger audit_logs_append_only", "fires always"),
    ("alter function app.touch() owner to service_role", "belongs to service_role"),
];

#[tokio::test]
async fn whatever_differs_is_told_in_a_sentence_and_mended() {
    for (breach, word) in BREACHES {
        let database = Database::new().await;
        // Handing a thing to another role, or its triggers' own, is a superuser's.
        let mut superuser = connect(&database.superuser()).await;
        let breach = format!("set role postgres; {breach}");
        let breach = if breach.contains("owner to") || breach.contains("trigger all") {
            breach.replace("set role postgres; ", "")
        } else {
            breach
        };
        raw_sql(AssertSqlSafe(breach.clone())).execute(&mut superuser).await.unwrap();
        let mut anybody = connect(&database.service()).await;
        let told = differences(&mut anybody).await.unwrap();
        assert!(
            told.iter().any(|told| told.sentence.contains(word) && told.mend.is_some()),
            "{breach}: {told:#?}"
        );
        let mended =
            Owner::connect(&database.superuser()).await.unwrap().mend(Reach::All).await.unwrap();
        assert!(!mended.done.is_empty() && mended.left.is_empty(), "{breach}: {mended:#?}");
        assert_eq!(differences(&mut anybody).await.unwrap(), [], "{breach}");
    }
}

#[tokio::test]
async fn what_no_statement_makes_is_told_and_tables_of_others_are_left_alone() {
    let database = Database::new().await;
    let mut owner = database.connect().await;
    raw_sql("create table public.theirs (); grant all on public.theirs to anon; drop table app.guards cascade")
        .execute(&mut owner)
        .await
        .unwrap();
    let told = differences(&mut owner).await.unwrap();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].sentence.ends_with("there is a table app.guards"), "{told:#?}");
    assert_eq!(told[0].mend, None);
}

/// Who may not, changes nothing, and is told so.
#[tokio::test]
async fn a_login_that_may_not_mend_is_told_what_is_left() {
    let database = Database::new().await;
    let mut owner = database.connect().await;
    raw_sql("grant select on users to anon").execute(&mut owner).await.unwrap();
    let mended = Owner::connect(&database.service()).await.unwrap().mend(Reach::All).await.unwrap();
    assert!(mended.done.is_empty(), "{mended:#?}");
    let [(left, _)] = &mended.left[..] else { panic!("{mended:#?}") };
    assert!(left.sentence.contains("anon has SELECT"), "{mended:#?}");
}
