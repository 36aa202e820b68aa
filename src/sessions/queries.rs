//! One function for each file in `sql/sessions/`. All but [`me`] serve nobody yet: each calls one
//! definer function of the migrations that only the service's login may execute.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::problem::Problem;
use crate::api::time::DateTime;
use crate::auth::account::{Role, User};
use crate::auth::throttle::Attempt;
use crate::db::{Db, Failure, Scope};

/// How an attempt to log in begins.
pub(crate) struct Beginning {
    /// Set when there were too many attempts.
    pub(crate) retry_after_seconds: Option<i32>,
    /// `None` when there is no such active account.
    pub(crate) user_id: Option<Uuid>,
    pub(crate) password_hash: Option<String>,
}

/// The hash of an account, unless there were too many attempts.
pub(crate) struct HashOfAccount {
    pub(crate) retry_after_seconds: Option<i32>,
    pub(crate) password_hash: Option<String>,
}

/// A session that begins.
pub(crate) struct NewSession<'a> {
    pub(crate) session_id: Uuid,
    pub(crate) token_digest: &'a [u8; 32],
    pub(crate) lifetime_seconds: i32,
}

/// What became of a refresh token that was presented.
pub(crate) enum Rotation {
    /// It was exchanged for the new one, in the same session.
    Rotated { session_id: Uuid, user: User },
    /// There is no session behind it, or no longer.
    Refused,
}

/// Counts the attempt, and looks for the account.
pub(crate) async fn begin_login(
    db: &Db,
    login: &str,
    attempt: &Attempt,
) -> Result<Beginning, Problem> {
    db.without_caller(async |connection| {
        let query = sqlx::query_file_as!(
            Beginning,
            "sql/sessions/begin_login.sql",
            login,
            attempt.address,
            attempt.account_limit,
            attempt.address_limit,
            attempt.window_seconds,
        );
        Ok(query.fetch_one(connection).await?)
    })
    .await
}

/// The password met `hash`: begins a session. `None` when the account has changed meanwhile.
pub(crate) async fn finish_login(
    db: &Db,
    account: Uuid,
    hash: &str,
    attempt: &Attempt,
    session: &NewSession<'_>,
) -> Result<Option<User>, Problem> {
    db.once_without_caller(async |connection| {
        let query = sqlx::query_file_as!(
            User,
            "sql/sessions/finish_login.sql",
            account,
            hash,
            attempt.address,
            session.session_id,
            session.token_digest.as_slice(),
            session.lifetime_seconds,
        );
        Ok(query.fetch_optional(connection).await?)
    })
    .await
}

/// Exchanges a refresh token. One that was exchanged before ends its session.
pub(crate) async fn rotate_refresh_token(
    db: &Db,
    old_digest: &[u8; 32],
    new_digest: &[u8; 32],
    lifetime_seconds: i32,
) -> Result<Rotation, Problem> {
    let row = db
        .once_without_caller(async |connection| {
            let query = sqlx::query_file_as!(
                RotationRow,
                "sql/sessions/rotate_refresh_token.sql",
                old_digest.as_slice(),
                new_digest.as_slice(),
                lifetime_seconds,
            );
            Ok(query.fetch_one(connection).await?)
        })
        .await?;
    Ok(row.into())
}

/// Ends the session of a refresh token, if there is one.
pub(crate) async fn end_session(db: &Db, digest: &[u8; 32]) -> Result<(), Problem> {
    db.without_caller(async |connection| {
        let query = sqlx::query_file!("sql/sessions/end_session.sql", digest.as_slice());
        query.execute(connection).await?;
        Ok(())
    })
    .await
}

/// Counts an attempt at the current password of an account, and hands out its hash.
pub(crate) async fn password_of(
    db: &Db,
    account: Uuid,
    attempt: &Attempt,
) -> Result<HashOfAccount, Problem> {
    db.without_caller(async |connection| {
        let query = sqlx::query_file_as!(
            HashOfAccount,
            "sql/sessions/password_of.sql",
            account,
            attempt.address,
            attempt.account_limit,
            attempt.address_limit,
            attempt.window_seconds,
        );
        Ok(query.fetch_one(connection).await?)
    })
    .await
}

/// The password was right: the attempt does not count.
pub(crate) async fn forgive_attempts(
    db: &Db,
    account: Uuid,
    attempt: &Attempt,
) -> Result<(), Problem> {
    db.without_caller(async |connection| {
        let query =
            sqlx::query_file!("sql/sessions/forgive_attempts.sql", account, attempt.address);
        query.execute(connection).await?;
        Ok(())
    })
    .await
}

/// The caller: their account, and how they came.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "user_id": "01a20575-84d9-79db-a493-fbb455308177",
    "username": "ada",
    "email": "ada@example.org",
    "role": "developer",
    "is_active": true,
    "created_at": "2026-11-22T10:00:00Z",
    "updated_at": "2026-11-22T10:00:00Z",
    "effective_role": "viewer",
    "api_key_id": "01a20575-9b1f-7c3a-8d52-6e0f4a7b1c2d"
}))]
pub struct Me {
    pub user_id: Uuid,
    pub username: String,
    pub email: String,
    pub role: Role,
    pub is_active: bool,
    pub created_at: DateTime,
    pub updated_at: DateTime,
    /// What this request may do: `role`, or the lower one of the API key.
    pub effective_role: Role,
    /// The API key of this request, if it came with one.
    pub api_key_id: Option<Uuid>,
}

pub(crate) async fn me(scope: &mut Scope<'_>) -> Result<Option<Me>, Failure> {
    let query = sqlx::query_file_as!(Me, "sql/sessions/me.sql", scope.caller() as _);
    Ok(query.fetch_optional(scope.connection()).await?)
}

struct RotationRow {
    outcome: String,
    session_id: Option<Uuid>,
    user_id: Option<Uuid>,
    username: Option<String>,
    email: Option<String>,
    role: Option<Role>,
    is_active: Option<bool>,
    created_at: Option<DateTime>,
    updated_at: Option<DateTime>,
}

impl RotationRow {
    fn user(self) -> Option<User> {
        Some(User {
            user_id: self.user_id?,
            username: self.username?,
            email: self.email?,
            role: self.role?,
            is_active: self.is_active?,
            created_at: self.created_at?,
            updated_at: self.updated_at?,
        })
    }
}

impl From<RotationRow> for Rotation {
    fn from(row: RotationRow) -> Self {
        if row.outcome == "replayed" {
            tracing::warn!(
                user_id = ?row.user_id,
                session_id = ?row.session_id,
                "a refresh token came a second time: its session is ended"
            );
        }
        match (row.outcome == "rotated", row.session_id, row.user()) {
            (true, Some(session_id), Some(user)) => Self::Rotated { session_id, user },
            _ => Self::Refused,
        }
    }
}
