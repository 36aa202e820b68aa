//! One function for each file in `sql/api_keys/`.

use uuid::Uuid;

use super::{ApiKey, ApiKeyList, ApiKeyPatch, NewApiKey, Rotation};
use crate::api::etag::IfMatch;
use crate::api::page::Cursor;
use crate::api::page::Rows;
use crate::api::path::Reference;
use crate::api::time::DateTime;
use crate::db::{Failure, Scope};

/// What is stored of a new key.
pub(super) struct Stored {
    pub(super) prefix: String,
    pub(super) digest: String,
}

pub(super) async fn create(
    scope: &mut Scope<'_>,
    key: &NewApiKey,
    stored: &Stored,
) -> Result<ApiKey, Failure> {
    let query = sqlx::query_file_as!(
        ApiKey,
        "sql/api_keys/create.sql",
        scope.caller() as _,
        key.user_id,
        key.name.as_str(),
        stored.prefix,
        stored.digest,
        key.role as _,
        key.expires_at,
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

pub(super) async fn get(scope: &mut Scope<'_>, id: Uuid) -> Result<Option<ApiKey>, Failure> {
    let query = sqlx::query_file_as!(ApiKey, "sql/api_keys/get.sql", scope.caller() as _, id);
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// One row more than the page has.
pub(super) async fn list(
    scope: &mut Scope<'_>,
    list: &ApiKeyList,
) -> Result<Rows<ApiKey>, Failure> {
    let cursor = list.cursor.as_ref();
    let query = sqlx::query_file_as!(
        ApiKey,
        "sql/api_keys/list.sql",
        scope.caller() as _,
        list.user_id.as_ref().map(Reference::as_str),
        list.is_active,
        cursor.and_then(Cursor::time),
        cursor.map(|cursor| cursor.id),
        list.limit.fetched(),
    );
    scope.rows(list.limit, |connection| query.fetch(connection)).await
}

pub(super) async fn update(
    scope: &mut Scope<'_>,
    id: Uuid,
    patch: &ApiKeyPatch,
    if_match: &IfMatch,
) -> Result<Option<ApiKey>, Failure> {
    let query = sqlx::query_file_as!(
        ApiKey,
        "sql/api_keys/update.sql",
        scope.caller() as _,
        id,
        patch.name.as_ref().map(|name| name.as_str()),
        patch.expires_at,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn revoke(
    scope: &mut Scope<'_>,
    id: Uuid,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/api_keys/revoke.sql",
        scope.caller() as _,
        id,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// Makes a key like the key `id`, which ends after a time of grace.
pub(super) async fn rotate(
    scope: &mut Scope<'_>,
    id: Uuid,
    rotation: &Rotation,
    stored: &Stored,
    if_match: &IfMatch,
) -> Result<Option<ApiKey>, Failure> {
    let query = sqlx::query_file_as!(
        ApiKey,
        "sql/api_keys/rotate.sql",
        scope.caller() as _,
        id,
        stored.prefix,
        stored.digest,
        rotation.expires_at,
        f64::from(rotation.grace_seconds),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// When a key last changed, and whether it still counts.
pub(super) struct Revision {
    pub(super) updated_at: DateTime,
    pub(super) is_usable: bool,
}

pub(super) async fn revision(scope: &mut Scope<'_>, id: Uuid) -> Result<Option<Revision>, Failure> {
    let query =
        sqlx::query_file_as!(Revision, "sql/api_keys/revision.sql", scope.caller() as _, id,);
    Ok(query.fetch_optional(scope.connection()).await?)
}
