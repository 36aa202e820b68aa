//! What reading and writing a copy have in common: the session, what goes wrong, and what is told.

use sqlx::postgres::PgConnection;

use crate::db::login_check;

/// Why a registry was not copied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("writing the copy failed")]
    Write(#[source] std::io::Error),
    #[error("reading the copy failed")]
    Read(#[source] std::io::Error),
    #[error("line {line}: {what}")]
    Line { line: u64, what: String },
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Schema(#[from] login_check::Refusal),
    #[error("{table}: the database refused: {said}")]
    Row { table: String, said: String },
    #[error(
        "this login does not own the tables.\nGive MIGRATE_DATABASE_URL the owner's, which is postgres on Supabase"
    )]
    NotTheOwner(#[source] sqlx::Error),
    #[error("the database refused")]
    Sql(#[source] sqlx::Error),
}

impl Error {
    pub(super) fn of(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|refusal| refusal.code());
        match code.as_deref() {
            Some("42501") => Self::NotTheOwner(error),
            Some("55P03") => Self::Refused(
                "somebody else is working on the tables of this database: try again when they have finished"
                    .to_owned(),
            ),
            _ => Self::Sql(error),
        }
    }

    pub(super) fn at(line: u64, what: impl Into<String>) -> Self {
        Self::Line { line, what: what.into() }
    }
}

/// What is told while it goes on: the table, how many of its rows are done, and of how many.
pub type Progress<'a> = &'a mut dyn FnMut(&str, u64, u64);

/// A session in which nothing ends before it is done, and every value has one text. No policy may
/// hide a row: whom one binds is refused instead.
pub(super) async fn prepare(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::raw_sql(
        "set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set lock_timeout = '10s'; \
         set row_security = off; set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres'; \
         set extra_float_digits = 1; set bytea_output = 'hex'",
    )
    .execute(connection)
    .await
    .map_err(Error::of)?;
    Ok(())
}
