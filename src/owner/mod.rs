//! What the owner of the tables does, and no caller may: the first users, the service's password.

pub mod enrolment;
pub mod scram;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use crate::db::connect::{self, Unreachable};
use crate::db::service_role::SERVICE_ROLE;

/// Somebody who shall be able to log in.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Of an account that exists already at Supabase; otherwise a new one.
    pub user_id: Option<Uuid>,
    pub username: String,
    pub email: String,
    pub role: String,
    /// A PHC string; never the password itself.
    pub password_hash: String,
}

/// Why the owner's command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    #[error("{0}")]
    Refused(&'static str),
    #[error(
        "this login does not own the tables.\nGive MIGRATE_DATABASE_URL the owner's, which is postgres on Supabase"
    )]
    NotTheOwner(#[source] sqlx::Error),
    #[error(
        "there is no Blockyard in this database, or an older one.\nRun `blockyard migrate` first"
    )]
    NoSchema(#[source] sqlx::Error),
    #[error("the database refused")]
    Sql(#[source] sqlx::Error),
}

/// A connection as the owner.
pub struct Owner {
    connection: PgConnection,
}

impl Owner {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn connect(login: &PgConnectOptions) -> Result<Self, Error> {
        let connection = connect::open(login).await?;
        Ok(Self { connection })
    }

    /// Whether somebody can manage the users.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn has_admin(&mut self) -> Result<bool, Error> {
        sqlx::query_file_scalar!("sql/users/any_admin.sql")
            .fetch_one(&mut self.connection)
            .await
            .map_err(Error::of)
    }

    /// Adds a user and returns their id.
    ///
    /// # Errors
    /// [`Error::Refused`] when the name or the address is taken or unusable.
    pub async fn create_user(&mut self, user: &NewUser) -> Result<Uuid, Error> {
        sqlx::query_file_scalar!(
            "sql/users/create_as_owner.sql",
            user.user_id,
            user.username,
            user.email,
            user.role,
            user.password_hash
        )
        .fetch_one(&mut self.connection)
        .await
        .map_err(Error::of)
    }

    /// Lets the service's role log in. `verifier` is what PostgreSQL stores for a password (see
    /// [`scram`]), so the password itself never reaches the server or its log.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn let_service_in(&mut self, verifier: &str) -> Result<(), Error> {
        // ALTER ROLE takes no parameters; PostgreSQL itself quotes what is put into it.
        let command: String =
            sqlx::query_scalar("select format('alter role %I with login password %L', $1, $2)")
                .bind(SERVICE_ROLE)
                .bind(verifier)
                .fetch_one(&mut self.connection)
                .await
                .map_err(Error::of)?;
        sqlx::raw_sql(AssertSqlSafe(command))
            .execute(&mut self.connection)
            .await
            .map_err(Error::of)?;
        Ok(())
    }

    /// Says goodbye to the server.
    pub async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "closing a connection");
        }
    }
}

impl Error {
    fn of(error: sqlx::Error) -> Self {
        let Some(refusal) = error.as_database_error() else {
            return Self::Sql(error);
        };
        if let Some(reason) = refusal.constraint().and_then(reason) {
            return Self::Refused(reason);
        }
        match refusal.code().as_deref() {
            Some("42501") => Self::NotTheOwner(error),
            // An undefined table, function, schema or role.
            Some("42P01" | "42883" | "3F000" | "42704") => Self::NoSchema(error),
            _ => Self::Sql(error),
        }
    }
}

/// What a constraint of `users` means to whoever wrote the command.
fn reason(constraint: &str) -> Option<&'static str> {
    Some(match constraint {
        "users_pkey" => "--id: there is a user with this id already",
        "users_username_key" => "--username: there is a user of this name already",
        "users_email_key" => "--email: there is a user with this address already",
        "users_username_check" => {
            "--username: must be 1 to 100 letters, digits, dots, underscores or hyphens, beginning with a letter or digit"
        }
        "users_email_check" => "--email: must be an address such as ada@example.org",
        _ => return None,
    })
}
