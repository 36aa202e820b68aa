//! What a first installation needs: that nobody else makes one, and that its names are free.

use std::collections::BTreeSet;

use regex::Regex;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnection;

/// Keeps two first installations apart until the first has committed; sqlx's own lock is given back before.
const LOCK: &str =
    "select pg_advisory_xact_lock(hashtextextended('blockyard: first installation', 0))";
/// What of the schema of a first installation is there already, made by somebody else.
const OBSTACLES: &str = "
    select format('the %s public.%I', case c.relkind when 'S' then 'sequence' when 'v' then 'view' else 'table' end, c.relname)
    from pg_catalog.pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and c.relname = any ($1)
    union all
    select format('the type public.%I', t.typname)
    from pg_catalog.pg_type t
    where t.typnamespace = 'public'::regnamespace and t.typrelid = 0 and t.typname = any ($1)
    union all
    select format('the schema app with %s functions and %s tables', functions, tables)
    from (select
        (select count(*) from pg_catalog.pg_proc where pronamespace = to_regnamespace('app')) as functions,
        (select count(*) from pg_catalog.pg_class
         where relnamespace = to_regnamespace('app') and relkind in ('r', 'p', 'v', 'm', 'f') and relname <> '_sqlx_migrations') as tables
    ) as app
    where functions + tables > 0
    order by 1";

/// Waits until nobody else makes a first installation; held until the transaction ends.
pub(super) async fn wait_for_turn(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql(LOCK).execute(connection).await?;
    Ok(())
}

/// What is in the way of the first installation.
pub(super) async fn obstacles(
    connection: &mut PgConnection,
    migrator: &Migrator,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(OBSTACLES).bind(names(migrator)).fetch_all(connection).await
}

/// The names in `public` that the migrations take.
fn names(migrator: &Migrator) -> Vec<String> {
    // It is a pattern; were it none, a test would say so.
    let Ok(made) = Regex::new(r"(?m)^create (?:table|type|view|sequence|domain) public\.(\w+)")
    else {
        return Vec::new();
    };
    let names: BTreeSet<_> = migrator
        .iter()
        .flat_map(|migration| made.captures_iter(migration.sql.as_str()))
        .map(|found| found[1].to_owned())
        .collect();
    names.into_iter().collect()
}
