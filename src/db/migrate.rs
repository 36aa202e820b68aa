//! The migrations, applied by the owner of the tables: the same files as `sqlx migrate run`.
//!
//! `sqlx.toml` puts sqlx's record into `app`, away from `public`, which Supabase publishes; the
//! macro and `sqlx-cli` both read it.

use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Row};

use super::connect::{self, Unreachable};
use super::installation;
use super::pooler::{self, Pooling};
use super::service_role::SERVICE_ROLE;

/// Every migration this program knows.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// The port of Supabase's transaction poolers, both kinds.
const TRANSACTION_POOLER_PORT: u16 = 6543;
/// Roles belong to the whole server, so migrations of two of its databases can meet there.
const TRIES: u32 = 5;

/// What a migration has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The newest migration.
    pub version: i64,
    /// How many were applied by this call.
    pub applied: usize,
    /// How many partitions of the audit trail were made by this call.
    pub partitions: i32,
}

/// Why the schema was not brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    #[error(
        "{what}: this is a transaction pooler, behind which the lock that keeps two migrations apart is lost.\n\
         Give MIGRATE_DATABASE_URL the direct address (db.<ref>.supabase.co:5432) or the session pooler \
         (…pooler.supabase.com:5432)"
    )]
    TransactionPooler { what: &'static str },
    #[error(
        "{SERVICE_ROLE} is the login of the service and owns nothing.\n\
         Give MIGRATE_DATABASE_URL the login of the owner, which is postgres on Supabase"
    )]
    NotTheOwner,
    #[error(
        "this PostgreSQL lacks {0}, to which the tables are granted (every Supabase project has them).\n\
         `--create-roles` makes them, as a superuser or a role with CREATEROLE"
    )]
    RolesMissing(String),
    #[error(
        "migration {0} has been applied to this database, and this program does not know it: \
         the database is ahead.\nUse the newer program"
    )]
    Ahead(i64),
    #[error(
        "migration {0} was different when it was applied to this database.\n\
         Restore the file as it was; a change of the schema is a new migration"
    )]
    Changed(i64),
    #[error(
        "this database already has {0}.\n\
         Blockyard makes its own of these names: give it a database, or a project, in which they are free. \
         Nothing was changed"
    )]
    InTheWay(String),
    #[error("migrating failed")]
    Migration(#[source] MigrateError),
    #[error("migrating failed")]
    Sql(#[from] sqlx::Error),
}

/// Applies what is missing and makes the audit trail's partitions for the coming months.
///
/// Any number may do this at once: one works, the others wait and find it done.
///
/// # Errors
/// See [`Error`]; what had been applied before the one that failed stays, except at the first installation, which is
/// made as a whole or not at all.
pub async fn migrate(owner: &PgConnectOptions) -> Result<Migrated, Error> {
    if owner.get_port() == TRANSACTION_POOLER_PORT {
        let what = "MIGRATE_DATABASE_URL (or DATABASE_URL) names port 6543";
        return Err(Error::TransactionPooler { what });
    }
    if pooler::probe(owner).await? != Pooling::Session {
        let what = "two connections were given the same backend";
        return Err(Error::TransactionPooler { what });
    }
    let mut tried = 1;
    loop {
        match attempt(owner).await {
            Err(error) if tried < TRIES && error.met_another() => {
                tracing::debug!(?error, "another database of this server is being migrated");
                tokio::time::sleep(Duration::from_millis(100) * tried).await;
                tried += 1;
            }
            outcome => return outcome,
        }
    }
}

/// On a connection of its own: closing it is what gives the lock back after a failure.
async fn attempt(owner: &PgConnectOptions) -> Result<Migrated, Error> {
    let mut connection = connect::open(owner).await?;
    let user: String = scalar(&mut connection, "select current_user::text").await?;
    if user == SERVICE_ROLE {
        return Err(Error::NotTheOwner);
    }
    check_project(&mut connection).await?;
    // A project's timeout would also end the wait for the migration that runs already.
    sqlx::raw_sql("set statement_timeout = 0").execute(&mut connection).await?;
    let before = count(&mut connection).await?;
    apply(&mut connection).await?;
    let after = count(&mut connection).await?;
    let partitions = scalar(&mut connection, "select app.create_audit_partitions()").await?;
    connection.close().await?;
    Ok(Migrated {
        version: newest(),
        applied: usize::try_from(after - before).unwrap_or_default(),
        partitions,
    })
}

/// To a database that has none yet, all of them or none.
async fn apply(connection: &mut PgConnection) -> Result<(), Error> {
    if count(connection).await? > 0 {
        return MIGRATOR.run(connection).await.map_err(fault);
    }
    let mut installation = connection.begin().await?;
    installation::wait_for_turn(&mut installation).await?;
    // Somebody else may have made it while we waited.
    if count(&mut installation).await? == 0 {
        let obstacles = installation::obstacles(&mut installation, &MIGRATOR).await?;
        if !obstacles.is_empty() {
            return Err(Error::InTheWay(obstacles.join(", ")));
        }
    }
    MIGRATOR.run(&mut *installation).await.map_err(fault)?;
    Ok(installation.commit().await?)
}

fn fault(error: MigrateError) -> Error {
    match error {
        MigrateError::VersionMissing(version) => Error::Ahead(version),
        MigrateError::VersionMismatch(version) => Error::Changed(version),
        other => Error::Migration(other),
    }
}

/// The version of the newest migration this program knows.
pub fn newest() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Something that every Supabase project has.
#[derive(Debug)]
pub struct PartOfProject {
    /// In words: `the role anon`.
    pub name: String,
    /// Whether the migrations ask for it.
    pub is_needed: bool,
}

/// Whether the roles are there to which the migrations grant.
///
/// # Errors
/// [`Error::RolesMissing`].
pub async fn check_project(connection: &mut PgConnection) -> Result<(), Error> {
    let missing = missing_of_project(connection).await?;
    let names: Vec<_> =
        missing.into_iter().filter(|part| part.is_needed).map(|part| part.name).collect();
    if names.is_empty() { Ok(()) } else { Err(Error::RolesMissing(names.join(", "))) }
}

/// What of a Supabase project this database has not.
///
/// # Errors
/// Those of the database.
pub async fn missing_of_project(connection: &mut PgConnection) -> sqlx::Result<Vec<PartOfProject>> {
    sqlx::query_file_as!(PartOfProject, "sql/db/missing_of_project.sql").fetch_all(connection).await
}

/// How many migrations are recorded, in a database that may not have the table yet.
async fn count(connection: &mut PgConnection) -> sqlx::Result<i64> {
    let exists: bool = scalar(
        connection,
        "select exists (select from pg_catalog.pg_tables where schemaname = 'app' and tablename = '_sqlx_migrations')",
    )
    .await?;
    if exists {
        scalar(connection, "select count(*) from app._sqlx_migrations").await
    } else {
        Ok(0)
    }
}

/// One value. Not checked at compile time: these statements run before there is a schema, or on
/// what is sqlx's and not ours.
async fn scalar<T>(connection: &mut PgConnection, statement: &'static str) -> sqlx::Result<T>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    sqlx::query(statement).fetch_one(connection).await?.try_get(0)
}

impl Error {
    /// "tuple concurrently updated" and its like: two `alter role` at once.
    fn met_another(&self) -> bool {
        let (Self::Migration(
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _),
        )
        | Self::Sql(error)) = self
        else {
            return false;
        };
        error.as_database_error().is_some_and(|refusal| {
            refusal.code().as_deref() == Some("XX000") && refusal.message().contains("concurrently")
        })
    }
}
