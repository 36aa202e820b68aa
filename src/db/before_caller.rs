//! What `auth` asks of the database before there is a caller: one function for each file in
//! `sql/auth/` that serves nobody yet. Each calls one definer function of
//! `migrations/0004_sessions.sql`, which only the service's login may execute.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Loss};
use crate::api::problem::Problem;
use crate::auth::account::{Role, User};
use crate::auth::throttle::Attempt;

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

impl Db {
    /// Counts the attempt, and looks for the account.
    pub(crate) async fn begin_login(
        &self,
        login: &str,
        attempt: &Attempt,
    ) -> Result<Beginning, Problem> {
        self.retrying(async |connection| {
            let query = sqlx::query_file_as!(
                Beginning,
                "sql/auth/begin_login.sql",
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
        &self,
        account: Uuid,
        hash: &str,
        attempt: &Attempt,
        session: &NewSession<'_>,
    ) -> Result<Option<User>, Problem> {
        self.attempting(Loss::Doubtful, async |connection| {
            let query = sqlx::query_file_as!(
                User,
                "sql/auth/finish_login.sql",
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
        &self,
        old_digest: &[u8; 32],
        new_digest: &[u8; 32],
        lifetime_seconds: i32,
    ) -> Result<Rotation, Problem> {
        let row = self
            .attempting(Loss::Doubtful, async |connection| {
                let query = sqlx::query_file_as!(
                    RotationRow,
                    "sql/auth/rotate_refresh_token.sql",
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
    pub(crate) async fn end_session(&self, digest: &[u8; 32]) -> Result<(), Problem> {
        self.retrying(async |connection| {
            let query = sqlx::query_file!("sql/auth/end_session.sql", digest.as_slice());
            query.execute(connection).await?;
            Ok(())
        })
        .await
    }

    /// Counts an attempt at the current password of an account, and hands out its hash.
    pub(crate) async fn password_of(
        &self,
        account: Uuid,
        attempt: &Attempt,
    ) -> Result<HashOfAccount, Problem> {
        self.retrying(async |connection| {
            let query = sqlx::query_file_as!(
                HashOfAccount,
                "sql/auth/password_of.sql",
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
        &self,
        account: Uuid,
        attempt: &Attempt,
    ) -> Result<(), Problem> {
        self.retrying(async |connection| {
            let query =
                sqlx::query_file!("sql/auth/forgive_attempts.sql", account, attempt.address);
            query.execute(connection).await?;
            Ok(())
        })
        .await
    }
}

struct RotationRow {
    outcome: String,
    session_id: Option<Uuid>,
    user_id: Option<Uuid>,
    username: Option<String>,
    email: Option<String>,
    role: Option<Role>,
    is_active: Option<bool>,
    created_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
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
