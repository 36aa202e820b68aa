//! Before serving: the login can do no more than it must, and the schema is the one we know.

use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::connect::{self, Unreachable};
use super::migrate::{MIGRATOR, newest};
use super::pooler::{self, Pooling};
use super::privileges;
use super::service_role::SERVICE_ROLE;

/// How many differences are told one by one.
const TOLD: usize = 5;

/// Why the service does not serve this database, and what mends it.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    #[error("looking at the database failed")]
    Sql(#[from] sqlx::Error),
    #[error(
        "DATABASE_URL logs in as {login}, which {power}: row-level security would not bind the service.\n\
         Log in as {SERVICE_ROLE} (`blockyard login-role` gives it a password), \
         or set ALLOW_PRIVILEGED_LOGIN=true to serve nevertheless"
    )]
    Privileged { login: String, power: String },
    #[error(
        "DATABASE_URL logs in as {login}, which may not use the schema app.\n\
             Log in as {SERVICE_ROLE} (`blockyard login-role` gives it a password, and its rights again after a restore)"
    )]
    Stranger { login: String },
    #[error(
        "there is no Blockyard in this database.\nRun `blockyard migrate` (or `sqlx migrate run`) as its owner"
    )]
    Missing,
    #[error(
        "the database has the tables, but no record of the migrations that made them.\n\
             Apply them with `blockyard migrate` or `sqlx migrate run`, which keep it"
    )]
    Unrecorded,
    #[error(
        "the database is behind: it has migration {found}, this program needs {needed}.\n\
             Run `blockyard migrate` (or `sqlx migrate run`) as its owner"
    )]
    Behind { found: i64, needed: i64 },
    #[error(
        "the database is ahead: it has migration {found}, this program knows none after {known}.\n\
             Deploy the newer program"
    )]
    Ahead { found: i64, known: i64 },
    #[error(
        "migration {0} was different when it was applied to this database: program and schema do not fit.\n\
             Deploy the program that belongs to this database"
    )]
    Changed(i64),
    #[error("migration {0} did not finish.\nRun `blockyard migrate` as the owner to see why")]
    Unfinished(i64),
    #[error(
        "DATABASE_URL leads through a transaction pooler that loses named prepared statements: requests would \
         fail with 42P05 and 26000.\n\
         Use the session pooler or the direct address (port 5432 on Supabase), or a PgBouncer from 1.21 on \
         with max_prepared_statements > 0"
    )]
    StatementsLost,
}

/// Looks at the login and the schema once, before the first request.
///
/// # Errors
/// See [`Refusal`]. `allow_privileged` turns the one about the login into a warning.
pub async fn check(login: &PgConnectOptions, allow_privileged: bool) -> Result<(), Refusal> {
    match pooler::probe(login).await? {
        Pooling::Session => {}
        Pooling::Transaction { carries_statements: false } => return Err(Refusal::StatementsLost),
        Pooling::Transaction { carries_statements: true } => tracing::warn!(
            "DATABASE_URL leads through a transaction pooler, which carries named prepared statements along; \
             should statements fail with 42P05 or 26000, raise its max_prepared_statements or use port 5432"
        ),
    }
    let mut connection = connect::open(login).await?;
    check_login(&mut connection, allow_privileged).await?;
    check_schema(&mut connection).await?;
    warn_of_differences(&mut connection).await?;
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "closing a connection");
    }
    Ok(())
}

async fn check_login(connection: &mut PgConnection, allow_privileged: bool) -> Result<(), Refusal> {
    let found = sqlx::query_file!("sql/db/inspect_login.sql").fetch_one(connection).await?;
    let power = if found.is_superuser {
        Some("is a superuser".to_owned())
    } else if found.bypasses_rls {
        Some("bypasses it (BYPASSRLS)".to_owned())
    } else if found.owns_tables {
        Some("owns tables, or is a member of the role that does".to_owned())
    } else if !found.other_roles.is_empty() {
        Some(format!("can become {}", found.other_roles.join(", ")))
    } else {
        None
    };
    if let Some(power) = power {
        let login = found.login.clone();
        let refusal = Refusal::Privileged { login, power };
        if !allow_privileged {
            return Err(refusal);
        }
        tracing::warn!("ALLOW_PRIVILEGED_LOGIN is set. {refusal}");
    }
    if !found.has_schema {
        return Err(Refusal::Missing);
    }
    if !found.may_serve {
        return Err(Refusal::Stranger { login: found.login });
    }
    if !found.has_record {
        return Err(Refusal::Behind { found: 0, needed: newest() });
    }
    Ok(())
}

/// Differences are told, not refused: what is open to others is so whether or not we serve.
async fn warn_of_differences(connection: &mut PgConnection) -> Result<(), Refusal> {
    let differences = privileges::differences(connection).await?;
    for difference in differences.iter().take(TOLD) {
        tracing::warn!("the privileges of the database differ: {}", difference.sentence);
    }
    if !differences.is_empty() {
        tracing::warn!(
            "{} privileges differ from what the migrations give: `blockyard check` lists them, \
             `blockyard check --mend` puts them right, as the owner",
            differences.len()
        );
    }
    Ok(())
}

/// Looks at the record of the migrations.
///
/// # Errors
/// Unless all that this program knows have been applied, and no others.
pub async fn check_schema(connection: &mut PgConnection) -> Result<(), Refusal> {
    let outcome = sqlx::query_file!("sql/db/applied_migrations.sql").fetch_all(connection).await;
    let applied = match outcome {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => {
            return Err(Refusal::Unrecorded);
        }
        other => other?,
    };
    let found = applied.last().map_or(0, |row| row.version);
    for row in &applied {
        if !row.success {
            return Err(Refusal::Unfinished(row.version));
        }
        match MIGRATOR.iter().find(|known| known.version == row.version) {
            None => {
                let known = newest();
                return Err(Refusal::Ahead { found, known });
            }
            Some(known) if *known.checksum != *row.checksum => {
                return Err(Refusal::Changed(row.version));
            }
            Some(_) => {}
        }
    }
    let is_applied = |version| applied.iter().any(|row| row.version == version);
    if MIGRATOR.iter().all(|known| is_applied(known.version)) {
        Ok(())
    } else {
        let needed = newest();
        Err(Refusal::Behind { found, needed })
    }
}
