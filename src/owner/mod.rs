//! What the owner of the tables does, and no caller may: the first users, the service's password.

pub mod enrolment;
pub mod mending;
pub mod roles;
pub mod scram;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use crate::db::connect::{self, Unreachable};
use crate::db::service_role::SERVICE_ROLE;
use crate::db::{login_check, migrate};

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

/// An account as the owner finds it.
#[derive(Debug, Clone)]
pub struct FoundUser {
    pub user_id: Uuid,
    pub username: String,
    pub email: String,
    pub is_active: bool,
    /// Those of Supabase Auth have none here.
    pub has_password: bool,
}

/// Why the owner's command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    #[error("{0}")]
    Refused(&'static str),
    #[error(transparent)]
    Schema(#[from] login_check::Refusal),
    #[error(transparent)]
    Migration(#[from] migrate::Error),
    #[error(
        "this login does not own the tables.\nGive MIGRATE_DATABASE_URL the owner's, which is postgres on Supabase"
    )]
    NotTheOwner(#[source] sqlx::Error),
    #[error(
        "there is no Blockyard in this database, or an older one.\nRun `blockyard migrate` first"
    )]
    NoSchema(#[source] sqlx::Error),
    #[error(
        "this login may not make {missing}.\nGive MIGRATE_DATABASE_URL the login of a superuser or of a role with CREATEROLE; \
         or let whoever administers the server run, once:\n  {}",
        ROLES_BY_HAND
    )]
    MayNotCreateRoles { missing: String, source: sqlx::Error },
    #[error("the database refused")]
    Sql(#[source] sqlx::Error),
}

/// What [`roles::create`] does where only an administrator may.
const ROLES_BY_HAND: &str = "create role anon nologin; create role authenticated nologin; create role service_role nologin bypassrls; \
     grant anon, authenticated, service_role to <this login> with admin option; alter role <this login> createrole;";

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

    /// Whether the schema is the one that this program knows.
    ///
    /// # Errors
    /// [`Error::Schema`].
    pub async fn check_schema(&mut self) -> Result<(), Error> {
        let has_schema: bool =
            sqlx::query_scalar("select to_regprocedure('app.applied_migrations()') is not null")
                .fetch_one(&mut self.connection)
                .await
                .map_err(Error::of)?;
        if !has_schema {
            return Err(login_check::Refusal::Missing.into());
        }
        Ok(login_check::check_schema(&mut self.connection).await?)
    }

    /// Whether the roles are there to which the migrations grant.
    ///
    /// # Errors
    /// [`Error::Migration`].
    pub async fn check_project(&mut self) -> Result<(), Error> {
        Ok(migrate::check_project(&mut self.connection).await?)
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

    /// Gives the vectors of an embedding model their index, unless they have it, and returns its name.
    ///
    /// # Errors
    /// [`Error::Sql`] when there is no such model, or the database has no pgvector.
    pub async fn index_vectors(&mut self, model: &str) -> Result<String, Error> {
        // Of many vectors it takes its time.
        sqlx::query("set statement_timeout = 0")
            .execute(&mut self.connection)
            .await
            .map_err(Error::of)?;
        sqlx::query_file_scalar!("sql/embeddings/index_as_owner.sql", model)
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

    /// The account of a username, an address or an id.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn find_user(&mut self, reference: &str) -> Result<Option<FoundUser>, Error> {
        sqlx::query_file_as!(FoundUser, "sql/users/find_as_owner.sql", reference)
            .fetch_optional(&mut self.connection)
            .await
            .map_err(Error::of)
    }

    /// Writes a password, and returns how many sessions ended with the old one.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set_password(&mut self, user: Uuid, hash: &str) -> Result<i64, Error> {
        let mut transaction = self.connection.begin().await.map_err(Error::of)?;
        let ended = sqlx::query_file_scalar!("sql/users/set_password_as_owner.sql", user, hash)
            .fetch_one(&mut *transaction)
            .await
            .map_err(Error::of)?;
        sqlx::query_file!("sql/users/forgive_as_owner.sql", user)
            .execute(&mut *transaction)
            .await
            .map_err(Error::of)?;
        transaction.commit().await.map_err(Error::of)?;
        Ok(ended)
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
