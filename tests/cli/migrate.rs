//! `blockyard migrate`.

use std::process::Stdio;

use blockyard::db::migrate::{MIGRATOR, newest};
use blockyard::development::private_server::DefaultGrants;
use sqlx::Connection;

use super::support::{Database, connect};
use super::{Outcome, Program};

fn owner(database: &Database) -> Program {
    Program::new().with("MIGRATE_DATABASE_URL", Database::url(&database.owner()))
}

#[tokio::test]
async fn twice_in_a_row_on_both_kinds_of_project() {
    for grants in [DefaultGrants::Legacy, DefaultGrants::Explicit] {
        let database = Database::unmigrated(grants).await;
        let program = owner(&database);
        let first = program.run(&["migrate"]).succeeds();
        let all = format!("{} applied now", MIGRATOR.iter().count());
        assert!(first.output.contains(&all), "{}", first.output);
        let second = program.run(&["migrate"]).succeeds();
        assert!(second.output.contains("0 applied now"), "{}", second.output);
    }
}

#[tokio::test]
async fn five_at_once_on_a_fresh_database() {
    let database = Database::unmigrated(DefaultGrants::Explicit).await;
    let program = owner(&database);
    let running: Vec<_> = (0..5)
        .map(|_| {
            program
                .command(&["migrate"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in running {
        Outcome::of(child.wait_with_output().unwrap()).succeeds();
    }
    let applied: i64 = sqlx::query_scalar("select count(*) from app._sqlx_migrations")
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap();
    assert_eq!(usize::try_from(applied).unwrap(), MIGRATOR.iter().count());
}

/// What the database has in the schemas that Blockyard makes things in.
async fn things(database: &Database) -> Vec<String> {
    sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace in ('public'::regnamespace, to_regnamespace('app'))
         union all select typname::text from pg_type where typnamespace = 'public'::regnamespace and typrelid = 0
         union all select nspname::text from pg_namespace where nspname = 'app'
         order by 1",
    )
    .fetch_all(&mut database.connect().await)
    .await
    .unwrap()
}

#[tokio::test]
async fn what_is_in_the_way_is_named_at_once_and_nothing_is_left() {
    let database = Database::unmigrated(DefaultGrants::Explicit).await;
    sqlx::raw_sql(
        "create table public.users (id int); create view public.edges as select 1 as one;
         create type public.block_type as enum ('a')",
    )
    .execute(&mut database.connect().await)
    .await
    .unwrap();
    let before = things(&database).await;
    owner(&database).run(&["migrate"]).refuses(&[
        "the table public.users",
        "the view public.edges",
        "the type public.block_type",
        "Nothing was changed",
    ]);
    assert_eq!(things(&database).await, before);
    // A schema app of somebody else.
    let database = Database::unmigrated(DefaultGrants::Explicit).await;
    sqlx::raw_sql("create schema app create table theirs (id int)")
        .execute(&mut database.connect().await)
        .await
        .unwrap();
    owner(&database).run(&["migrate"]).refuses(&["the schema app with 0 functions and 1 tables"]);
}

#[tokio::test]
async fn a_first_installation_that_fails_in_its_middle_leaves_nothing() {
    let database = Database::unmigrated(DefaultGrants::Explicit).await;
    let sources: String =
        MIGRATOR.iter().map(|migration| migration.sql.as_str().to_owned()).collect();
    let name = sources
        .rsplit("create index ")
        .find_map(|rest| {
            let (name, rest) = rest.split_once(' ')?;
            // (One that a function makes has no name yet.)
            (rest.starts_with("on public.") && !name.starts_with('%')).then_some(name)
        })
        .unwrap();
    // An index that a late migration makes.
    let theirs =
        format!("create table public.theirs (id int); create index {name} on public.theirs (id)");
    sqlx::raw_sql(sqlx::AssertSqlSafe(theirs))
        .execute(&mut database.connect().await)
        .await
        .unwrap();
    let before = things(&database).await;
    owner(&database).run(&["migrate"]).refuses(&["migrating failed", name]);
    assert_eq!(things(&database).await, before);
}

#[tokio::test]
async fn after_sqlx_migrate_run_nothing_is_left_to_do() {
    for grants in [DefaultGrants::Legacy, DefaultGrants::Explicit] {
        let database = Database::unmigrated(grants).await;
        let mut connection = database.connect().await;
        MIGRATOR.run(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let done = owner(&database).run(&["migrate"]).succeeds();
        assert!(done.output.contains("0 applied now"), "{}", done.output);
    }
}

/// Supabase's owner may not; where they may, a statement's temporary files have a bound.
#[tokio::test]
async fn an_owner_who_may_bounds_temporary_files() {
    let database = Database::unmigrated(DefaultGrants::Explicit).await;
    let mut superuser = connect(&database.superuser()).await;
    let grant = "grant set on parameter temp_file_limit to postgres";
    sqlx::raw_sql(grant).execute(&mut superuser).await.unwrap();
    owner(&database).run(&["migrate"]).succeeds();
    let mut service = connect(&database.service()).await;
    let bound: String =
        sqlx::query_scalar("show temp_file_limit").fetch_one(&mut service).await.unwrap();
    assert_eq!(bound, "1GB");
}

#[tokio::test]
async fn the_record_lies_outside_what_supabase_publishes() {
    let database = Database::new().await;
    let places: Vec<String> = sqlx::query_scalar(
        "select schemaname::text from pg_tables where tablename = '_sqlx_migrations'",
    )
    .fetch_all(&mut database.connect().await)
    .await
    .unwrap();
    assert_eq!(places, ["app"]);
}

#[tokio::test]
async fn the_services_login_and_the_transaction_port_are_refused() {
    let database = Database::new().await;
    let url = Database::url(&database.service());
    Program::new().with("MIGRATE_DATABASE_URL", url).run(&["migrate"]).refuses(&[
        "blockyard_api",
        "MIGRATE_DATABASE_URL",
        "owner",
    ]);
    Program::new()
        .with("DATABASE_URL", "postgres://postgres:pw@localhost:6543/postgres")
        .run(&["migrate"])
        .refuses(&["6543", "transaction pooler", "5432"]);
}

#[tokio::test]
async fn a_database_that_is_ahead_or_different_is_left_alone() {
    let database = Database::new().await;
    let mut connection = database.connect().await;
    let ahead = newest() + 1;
    sqlx::query("insert into app._sqlx_migrations values ($1, 'later', now(), true, '', 0)")
        .bind(ahead)
        .execute(&mut connection)
        .await
        .unwrap();
    let program = owner(&database);
    program.run(&["migrate"]).refuses(&["is ahead", &ahead.to_string()]);
    sqlx::query("delete from app._sqlx_migrations where version = $1")
        .bind(ahead)
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query("update app._sqlx_migrations set checksum = '\\x00' where version = 1")
        .execute(&mut connection)
        .await
        .unwrap();
    program.run(&["migrate"]).refuses(&["migration 1 was different"]);
}

#[test]
fn without_any_database_it_says_which_variable_to_set() {
    Program::new().run(&["migrate"]).refuses(&["MIGRATE_DATABASE_URL"]);
}

#[test]
fn a_database_that_is_not_there_is_named_without_its_password() {
    let refusal = Program::new()
        .with("DATABASE_URL", "postgres://ada:hidden@127.0.0.1:1/registry")
        .run(&["migrate"])
        .refuses(&["registry on 127.0.0.1:1 as ada", "caused by"]);
    assert!(!refusal.errors.contains("hidden"), "{}", refusal.errors);
}
