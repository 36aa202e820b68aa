//! The shape of a Supabase project: roles for the server, schemas and grants for a database.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor, raw_sql};

use super::DefaultGrants;

/// Creates the roles that are missing.
///
/// # Errors
/// What the server says.
pub(super) async fn roles(superuser: &mut PgConnection) -> sqlx::Result<()> {
    superuser.execute(raw_sql(include_str!("roles.sql"))).await?;
    Ok(())
}

/// Gives the connected database the schemas, helpers and default grants of a project.
///
/// # Errors
/// What the server says.
pub(super) async fn database(
    superuser: &mut PgConnection,
    grants: DefaultGrants,
) -> sqlx::Result<()> {
    superuser.execute(raw_sql(include_str!("database.sql"))).await?;
    if grants == DefaultGrants::Explicit {
        superuser.execute(raw_sql(include_str!("explicit_grants.sql"))).await?;
    }
    Ok(())
}

/// Executes a command that takes no parameters (`create database`, …), after PostgreSQL itself has put the quoted
/// words into it: `%I` is an identifier, `%L` a literal.
///
/// # Errors
/// What the server says.
pub(super) async fn execute(
    superuser: &mut PgConnection,
    command: &'static str,
    words: &[&str],
) -> sqlx::Result<()> {
    let quoted: String = sqlx::query_scalar("select format($1, variadic $2::text[])")
        .bind(command)
        .bind(words)
        .fetch_one(&mut *superuser)
        .await?;
    superuser.execute(raw_sql(AssertSqlSafe(quoted))).await?;
    Ok(())
}
