//! One function for each file in `sql/edges/`.

use uuid::Uuid;

use super::{Edge, EdgeList, EdgePart, EdgePatch, EdgeVersion, NewEdge, NewEdgeVersion};
use crate::api::etag::IfMatch;
use crate::api::page::{Limit, Rows};
use crate::api::path::Reference;
use crate::api::time::DateTime;
use crate::api::word::Words;
use crate::db::{Failure, Scope};
use crate::resource::verbs::Revision;
use crate::versions::Which;

pub(crate) async fn create(scope: &mut Scope<'_>, edge: &NewEdge) -> Result<Edge, Failure> {
    let query = sqlx::query_file_as!(
        Edge,
        "sql/edges/create.sql",
        scope.caller() as _,
        edge.name.as_str(),
        edge.description.as_ref().map(|text| text.as_str()),
        edge.metadata.as_ref().map(|json| json.as_json()) as _,
        edge.activation as _,
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

pub(super) async fn get(
    scope: &mut Scope<'_>,
    edge: &Reference,
    include: &Words<EdgePart>,
) -> Result<Option<Edge>, Failure> {
    let row = if include.is_empty() {
        let query = sqlx::query_file_as!(
            Edge,
            "sql/edges/get.sql",
            scope.caller() as _,
            edge.id(),
            edge.as_str(),
        );
        query.fetch_optional(scope.connection()).await?
    } else {
        let query = sqlx::query_file_as!(
            Edge,
            "sql/edges/get_including.sql",
            scope.caller() as _,
            edge.id(),
            edge.as_str(),
            include.has(&EdgePart::Versions),
            include.has(&EdgePart::Verifications),
            include.has(&EdgePart::Aliases),
            include.has(&EdgePart::UsedBy),
        );
        query.fetch_optional(scope.connection()).await?
    };
    Ok(row)
}

/// One row more than the page has.
pub(super) async fn list(scope: &mut Scope<'_>, list: &EdgeList) -> Result<Rows<Edge>, Failure> {
    let (filter, position) = (&list.filter, &list.position);
    if list.is_plain() {
        let query = sqlx::query_file_as!(
            Edge,
            "sql/edges/newest.sql",
            scope.caller() as _,
            position.time(),
            position.id(),
            position.limit.fetched(),
        );
        scope.rows(position.limit, |connection| query.fetch(connection)).await
    } else {
        let (looked_up, path) = list.conditions.of_list();
        let query = sqlx::query_file_as!(
            Edge,
            "sql/edges/list.sql",
            scope.caller() as _,
            filter.name.as_deref(),
            filter.q.as_deref(),
            filter.created_after,
            filter.created_before,
            filter.archived,
            position.sort.as_str(),
            position.time(),
            position.name(),
            position.id(),
            position.limit.fetched(),
            list.include.has(&EdgePart::Versions),
            list.include.has(&EdgePart::Verifications),
            list.include.has(&EdgePart::Aliases),
            looked_up as _,
            path,
        );
        scope.rows(position.limit, |connection| query.fetch(connection)).await
    }
}

pub(crate) async fn update(
    scope: &mut Scope<'_>,
    edge: &Reference,
    patch: &EdgePatch,
    if_match: &IfMatch,
) -> Result<Option<Edge>, Failure> {
    let (sets_description, description) = patch.description.assignment();
    let query = sqlx::query_file_as!(
        Edge,
        "sql/edges/update.sql",
        scope.caller() as _,
        edge.id(),
        edge.as_str(),
        patch.name.as_ref().map(|name| name.as_str()),
        sets_description,
        description.map(|text| text.as_str()),
        patch.metadata.as_ref().map(|json| json.as_json()) as _,
        if_match.revisions(),
        patch.activation as _,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// The candidate that the change at `revision` has appended, when that was `patch`.
pub(super) async fn candidate(
    scope: &mut Scope<'_>,
    edge_id: Uuid,
    revision: DateTime,
    patch: &EdgePatch,
) -> Result<Option<EdgeVersion>, Failure> {
    let (sets_description, description) = patch.description.assignment();
    let query = sqlx::query_file_as!(
        EdgeVersion,
        "sql/edges/candidate.sql",
        scope.caller() as _,
        edge_id,
        revision as _,
        patch.metadata.as_ref().map(|json| json.as_json()) as _,
        sets_description,
        description.map(|text| text.as_str()),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// Appends a candidate.
pub(crate) async fn append(
    scope: &mut Scope<'_>,
    edge: &Reference,
    version: &NewEdgeVersion,
    if_match: &IfMatch,
) -> Result<Option<EdgeVersion>, Failure> {
    let (sets_description, description) = version.description.assignment();
    let query = sqlx::query_file_as!(
        EdgeVersion,
        "sql/edges/append.sql",
        scope.caller() as _,
        edge.id(),
        edge.as_str(),
        sets_description,
        description.map(|text| text.as_str()),
        version.metadata.as_ref().map(|json| json.as_json()) as _,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// Withdraws a version, or without a reason brings it back.
pub(crate) async fn withdraw(
    scope: &mut Scope<'_>,
    edge: &Reference,
    which: &Which,
    reason: Option<&str>,
    if_match: &IfMatch,
) -> Result<Option<EdgeVersion>, Failure> {
    let query = sqlx::query_file_as!(
        EdgeVersion,
        "sql/edges/withdraw.sql",
        scope.caller() as _,
        edge.as_str(),
        which.to_string(),
        reason,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// Makes a version the active one.
pub(crate) async fn activate(
    scope: &mut Scope<'_>,
    edge: &Reference,
    which: &Which,
    if_match: &IfMatch,
) -> Result<Option<Edge>, Failure> {
    let query = sqlx::query_file_as!(
        Edge,
        "sql/edges/activate.sql",
        scope.caller() as _,
        edge.as_str(),
        which.to_string(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn archive(
    scope: &mut Scope<'_>,
    edge: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/edges/archive.sql",
        scope.caller() as _,
        edge.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn purge(
    scope: &mut Scope<'_>,
    edge: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/edges/purge.sql",
        scope.caller() as _,
        edge.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn restore(
    scope: &mut Scope<'_>,
    edge: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Edge>, Failure> {
    let query = sqlx::query_file_as!(
        Edge,
        "sql/edges/restore.sql",
        scope.caller() as _,
        edge.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn revision(
    scope: &mut Scope<'_>,
    edge: &Reference,
) -> Result<Option<Revision>, Failure> {
    let query = sqlx::query_file_as!(
        Revision,
        "sql/edges/revision.sql",
        scope.caller() as _,
        edge.as_str(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn version(
    scope: &mut Scope<'_>,
    edge: &Reference,
    which: &Which,
) -> Result<Option<EdgeVersion>, Failure> {
    let query = sqlx::query_file_as!(
        EdgeVersion,
        "sql/edges/version.sql",
        scope.caller() as _,
        edge.as_str(),
        which.to_string(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// Those of the two that are there, in this order.
pub(super) async fn pair(
    scope: &mut Scope<'_>,
    edge: &Reference,
    from: &Which,
    to: &Which,
) -> Result<Vec<EdgeVersion>, Failure> {
    let query = sqlx::query_file_as!(
        EdgeVersion,
        "sql/edges/pair.sql",
        scope.caller() as _,
        edge.as_str(),
        from.to_string(),
        to.to_string(),
    );
    Ok(query.fetch_all(scope.connection()).await?)
}

/// Newest first, those below the number `before`.
pub(super) async fn versions(
    scope: &mut Scope<'_>,
    edge: &Reference,
    before: Option<i32>,
    limit: Limit,
) -> Result<Rows<EdgeVersion>, Failure> {
    let query = sqlx::query_file_as!(
        EdgeVersion,
        "sql/edges/versions.sql",
        scope.caller() as _,
        edge.as_str(),
        before,
        limit.fetched(),
    );
    scope.rows(limit, |connection| query.fetch(connection)).await
}
