//! One function for each file in `sql/users/`.

use uuid::Uuid;

use super::{NewUser, UserList, UserPatch};
use crate::api::etag::IfMatch;
use crate::api::page::Rows;
use crate::api::path::Reference;
use crate::api::time::DateTime;
use crate::auth::account::User;
use crate::db::{Failure, Scope};

pub(super) async fn is_admin(scope: &mut Scope<'_>) -> Result<bool, Failure> {
    let query = sqlx::query_file_scalar!("sql/users/is_admin.sql", scope.caller() as _);
    Ok(query.fetch_one(scope.connection()).await?)
}

pub(super) async fn create(
    scope: &mut Scope<'_>,
    user: &NewUser,
    password_hash: Option<&str>,
) -> Result<User, Failure> {
    let query = sqlx::query_file_as!(
        User,
        "sql/users/create.sql",
        scope.caller() as _,
        user.username.as_str(),
        user.email.as_str(),
        user.role as _,
        password_hash,
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

pub(super) async fn get(scope: &mut Scope<'_>, user: &Reference) -> Result<Option<User>, Failure> {
    let query = sqlx::query_file_as!(User, "sql/users/get.sql", scope.caller() as _, user.as_str());
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// One row more than the page has.
pub(super) async fn list(scope: &mut Scope<'_>, list: &UserList) -> Result<Rows<User>, Failure> {
    let cursor = list.cursor.as_ref();
    let query = sqlx::query_file_as!(
        User,
        "sql/users/list.sql",
        scope.caller() as _,
        list.role as _,
        list.is_active,
        list.username.as_deref(),
        list.email.as_deref(),
        list.q.as_deref(),
        list.sort.as_str(),
        cursor.and_then(|cursor| cursor.time()),
        cursor.map(|cursor| cursor.key.as_str()),
        cursor.map(|cursor| cursor.id),
        list.limit.fetched(),
    );
    scope.rows(list.limit, |connection| query.fetch(connection)).await
}

pub(super) async fn update(
    scope: &mut Scope<'_>,
    user: &Reference,
    patch: &UserPatch,
    if_match: &IfMatch,
) -> Result<Option<User>, Failure> {
    let query = sqlx::query_file_as!(
        User,
        "sql/users/update.sql",
        scope.caller() as _,
        user.as_str(),
        patch.username.as_ref().map(|name| name.as_str()),
        patch.email.as_ref().map(|email| email.as_str()),
        patch.role as _,
        patch.is_active,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn deactivate(
    scope: &mut Scope<'_>,
    user: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/users/deactivate.sql",
        scope.caller() as _,
        user.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn purge(
    scope: &mut Scope<'_>,
    user: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/users/purge.sql",
        scope.caller() as _,
        user.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn restore(
    scope: &mut Scope<'_>,
    user: &Reference,
    if_match: &IfMatch,
) -> Result<Option<User>, Failure> {
    let query = sqlx::query_file_as!(
        User,
        "sql/users/restore.sql",
        scope.caller() as _,
        user.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// The user whose password is set.
pub(super) struct PasswordOwner {
    pub(super) user_id: Uuid,
    pub(super) username: String,
    pub(super) email: String,
    /// Whether it is the caller's own.
    pub(super) is_caller: bool,
    /// Whether the caller acts in the full role of their account.
    pub(super) is_unnarrowed: bool,
}

pub(super) async fn password_owner(
    scope: &mut Scope<'_>,
    user: &Reference,
) -> Result<Option<PasswordOwner>, Failure> {
    let query = sqlx::query_file_as!(
        PasswordOwner,
        "sql/users/password_owner.sql",
        scope.caller() as _,
        user.as_str(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn set_password(
    scope: &mut Scope<'_>,
    user_id: Uuid,
    password_hash: &str,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/users/set_password.sql",
        scope.caller() as _,
        user_id,
        password_hash,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// When a user last changed.
pub(super) async fn revision(
    scope: &mut Scope<'_>,
    user: &Reference,
) -> Result<Option<DateTime>, Failure> {
    let query =
        sqlx::query_file_scalar!("sql/users/revision.sql", scope.caller() as _, user.as_str(),);
    Ok(query.fetch_optional(scope.connection()).await?)
}
