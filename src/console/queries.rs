//! One function for each file in `sql/console/`: the sessions of browsers, and the one list that no route has.

use uuid::Uuid;

use crate::api::problem::Problem;
use crate::api::time::DateTime;
use crate::auth::opaque_token::OpaqueToken;
use crate::db::{Db, Failure, Scope};

/// A browser that signs in, and how long it stays so.
pub(super) struct Beginning<'a> {
    pub(super) account: Uuid,
    /// The hash that a password met; none where an access token has said whose account it is.
    pub(super) hash: Option<&'a str>,
    /// Where it is.
    pub(super) address: &'a str,
    pub(super) token: &'a OpaqueToken,
    /// What the browser showed before.
    pub(super) replaced: Option<&'a OpaqueToken>,
    pub(super) lifetime_seconds: i32,
    pub(super) idle_seconds: i32,
    pub(super) user_agent: Option<&'a str>,
}

/// `None` when the account is not active, or has another password meanwhile.
pub(super) async fn begin_session(
    db: &Db,
    beginning: &Beginning<'_>,
) -> Result<Option<Uuid>, Problem> {
    let digest = beginning.token.digest();
    let replaced = beginning.replaced.map(OpaqueToken::digest);
    db.once_without_caller(async |connection| {
        let query = sqlx::query_file_scalar!(
            "sql/console/begin_session.sql",
            beginning.account,
            beginning.hash,
            beginning.address,
            Uuid::now_v7(),
            digest.as_slice(),
            replaced.as_ref().map(<[u8; 32]>::as_slice),
            beginning.lifetime_seconds,
            beginning.idle_seconds,
            beginning.user_agent,
        );
        Ok(query.fetch_optional(connection).await?)
    })
    .await
}

pub(super) async fn end_session(db: &Db, token: &OpaqueToken) -> Result<(), Problem> {
    let digest = token.digest();
    db.without_caller(async |connection| {
        let query = sqlx::query_file!("sql/console/end_session.sql", digest.as_slice());
        query.execute(connection).await?;
        Ok(())
    })
    .await
}

/// Where somebody is signed in.
pub(super) struct Session {
    pub(super) session_id: Uuid,
    pub(super) created_at: DateTime,
    pub(super) last_seen_at: DateTime,
    pub(super) expires_at: DateTime,
    pub(super) address: String,
    pub(super) user_agent: Option<String>,
    pub(super) is_current: bool,
}

pub(super) async fn sessions(scope: &mut Scope<'_>) -> Result<Vec<Session>, Failure> {
    let query = sqlx::query_file_as!(Session, "sql/console/sessions.sql", scope.caller() as _);
    Ok(query.fetch_all(scope.connection()).await?)
}

pub(super) async fn end_own_session(
    scope: &mut Scope<'_>,
    session: Uuid,
) -> Result<Option<Uuid>, Failure> {
    let query =
        sqlx::query_file_scalar!("sql/console/end_own_session.sql", scope.caller() as _, session);
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// A version of an edge that somebody has to verify before pipelines run.
pub(super) struct Awaited {
    pub(super) edge_id: Uuid,
    pub(super) name: String,
    pub(super) version_number: i32,
    pub(super) created_at: DateTime,
    pub(super) created_by: Option<Uuid>,
    pub(super) created_by_username: Option<String>,
    pub(super) status: String,
    /// How many pipelines wait for it, and some of them.
    pub(super) waiting: i64,
    pub(super) pipelines: Vec<String>,
}

pub(super) async fn queue(scope: &mut Scope<'_>, rows: i64) -> Result<Vec<Awaited>, Failure> {
    let query = sqlx::query_file_as!(Awaited, "sql/console/queue.sql", scope.caller() as _, rows);
    Ok(query.fetch_all(scope.connection()).await?)
}
