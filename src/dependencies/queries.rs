//! One function for each file in `sql/dependencies/`.

use uuid::Uuid;

use super::{
    Dependency, DependencyFilter, DependencyPatch, Dependent, DependentList, Detail, NewDependency,
    VersionConstraint,
};
use crate::api::etag::IfMatch;
use crate::api::page::Rows;
use crate::api::path::Reference;
use crate::db::{Failure, Scope};
use crate::resource::owner::{Owner, Owners};

pub(crate) async fn create(
    scope: &mut Scope<'_>,
    owner: &Owner,
    dependency: &NewDependency,
) -> Result<Dependency, Failure> {
    let query = sqlx::query_file_as!(
        Dependency,
        "sql/dependencies/create.sql",
        scope.caller() as _,
        owner.kind as _,
        owner.reference.as_str(),
        owner.in_path,
        dependency.dependency_type as _,
        dependency.dependency_detail.as_ref().map(Detail::as_str),
        dependency.depends_on_type as _,
        dependency.depends_on_id.as_ref().map(Reference::as_str),
        dependency.version_constraint.as_ref().map(VersionConstraint::as_str),
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

/// One row more than the page has.
pub(super) async fn list(
    scope: &mut Scope<'_>,
    owners: &Owners,
    filter: &DependencyFilter,
) -> Result<Rows<Dependency>, Failure> {
    let position = &filter.position;
    let query = sqlx::query_file_as!(
        Dependency,
        "sql/dependencies/list.sql",
        scope.caller() as _,
        owners.kind as _,
        owners.reference(),
        owners.in_path,
        filter.dependency_type as _,
        filter.depends_on_type as _,
        filter.depends_on_id.as_ref().map(Reference::as_str),
        position.oldest_first(),
        position.time(),
        position.id(),
        position.limit.fetched(),
    );
    scope.rows(position.limit, |connection| query.fetch(connection)).await
}

/// One row more than the page has.
pub(super) async fn dependents(
    scope: &mut Scope<'_>,
    owner: &Owner,
    list: &DependentList,
) -> Result<Rows<Dependent>, Failure> {
    let query = sqlx::query_file_as!(
        Dependent,
        "sql/dependencies/dependents.sql",
        scope.caller() as _,
        owner.kind as _,
        owner.reference.as_str(),
        list.recursive,
        list.depth(),
        list.id(),
        list.limit.fetched(),
    );
    scope.rows(list.limit, |connection| query.fetch(connection)).await
}

pub(crate) async fn get(
    scope: &mut Scope<'_>,
    dependency_id: Uuid,
) -> Result<Option<Dependency>, Failure> {
    let query = sqlx::query_file_as!(
        Dependency,
        "sql/dependencies/get.sql",
        scope.caller() as _,
        dependency_id,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn update(
    scope: &mut Scope<'_>,
    dependency_id: Uuid,
    patch: &DependencyPatch,
    if_match: &IfMatch,
) -> Result<Option<Dependency>, Failure> {
    let (sets_detail, detail) = patch.dependency_detail.assignment();
    let (sets_type, depends_on_type) = patch.depends_on_type.assignment();
    let (sets_id, depends_on_id) = patch.depends_on_id.assignment();
    let (sets_constraint, constraint) = patch.version_constraint.assignment();
    let query = sqlx::query_file_as!(
        Dependency,
        "sql/dependencies/update.sql",
        scope.caller() as _,
        dependency_id,
        patch.dependency_type as _,
        sets_detail,
        detail.map(Detail::as_str),
        sets_type,
        depends_on_type as _,
        sets_id,
        depends_on_id.map(Reference::as_str),
        sets_constraint,
        constraint.map(VersionConstraint::as_str),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn delete(
    scope: &mut Scope<'_>,
    dependency_id: Uuid,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/dependencies/delete.sql",
        scope.caller() as _,
        dependency_id,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}
