//! What plpgsql_check, the linter behind `supabase db lint`, says of every function, with each table
//! that it is a trigger of.

use sqlx::query_as;

use crate::support::{Database, connect};

const LINT: &str = "
    select p.proname::text, coalesce(t.tgrelid::regclass::text, ''), c.message
    from pg_proc p
    join pg_language l on l.oid = p.prolang and l.lanname = 'plpgsql'
    left join (select distinct tgfoid, tgrelid, tgnewtable, tgoldtable from pg_trigger where not tgisinternal) t on t.tgfoid = p.oid
    cross join lateral plpgsql_check_function_tb(
        p.oid, coalesce(t.tgrelid, 0), fatal_errors => false, extra_warnings => true,
        newtable => t.tgnewtable, oldtable => t.tgoldtable) as c
    where p.pronamespace in ('app'::regnamespace, 'public'::regnamespace)
      and (p.prorettype <> 'trigger'::regtype or t.tgrelid is not null)";

#[tokio::test]
async fn no_function_has_what_the_linter_warns_of() {
    let database = Database::new().await;
    let mut superuser = connect(&database.superuser()).await;
    if sqlx::raw_sql("create extension plpgsql_check").execute(&mut superuser).await.is_err() {
        println!(
            "skipped: plpgsql_check is not installed (apt-get install postgresql-15-plpgsql-check)"
        );
        return;
    }
    let said: Vec<(String, String, String)> =
        query_as(LINT).fetch_all(&mut superuser).await.unwrap();
    assert!(said.is_empty(), "{said:#?}");
    // It looks: a function that names what is not there is found.
    sqlx::raw_sql("create function app.broken() returns int language plpgsql as $$ begin return (select nothing from public.blocks); end $$")
        .execute(&mut superuser)
        .await
        .unwrap();
    let said: Vec<(String, String, String)> =
        query_as(LINT).fetch_all(&mut superuser).await.unwrap();
    assert!(said.iter().any(|(function, _, _)| function == "broken"));
}
