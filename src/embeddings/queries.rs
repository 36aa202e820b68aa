//! One function for each file in `sql/embedding_models/` and `sql/embeddings/`.

use uuid::Uuid;

use super::{
    Embedding, EmbeddingFilter, EmbeddingModel, EmbeddingModelList, EmbeddingText, EmbeddingValues,
    NewEmbeddingModel, SourceDigest,
};
use crate::api::etag::IfMatch;
use crate::api::page::Rows;
use crate::api::path::Reference;
use crate::db::{Failure, Scope};
use crate::resource::owner::{Owner, Owners};

pub(super) async fn create_model(
    scope: &mut Scope<'_>,
    model: &NewEmbeddingModel,
) -> Result<EmbeddingModel, Failure> {
    let query = sqlx::query_file_as!(
        EmbeddingModel,
        "sql/embedding_models/create.sql",
        scope.caller() as _,
        model.name.as_str(),
        model.dimensions.0,
        model.distance as _,
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

pub(super) async fn model(
    scope: &mut Scope<'_>,
    model: &Reference,
) -> Result<Option<EmbeddingModel>, Failure> {
    let query = sqlx::query_file_as!(
        EmbeddingModel,
        "sql/embedding_models/get.sql",
        scope.caller() as _,
        model.id(),
        model.as_str(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// One row more than the page has.
pub(super) async fn models(
    scope: &mut Scope<'_>,
    list: &EmbeddingModelList,
) -> Result<Rows<EmbeddingModel>, Failure> {
    let position = &list.position;
    let query = sqlx::query_file_as!(
        EmbeddingModel,
        "sql/embedding_models/list.sql",
        scope.caller() as _,
        list.name.as_deref(),
        position.oldest_first(),
        position.time(),
        position.id(),
        position.limit.fetched(),
    );
    scope.rows(position.limit, |connection| query.fetch(connection)).await
}

pub(super) async fn delete_model(
    scope: &mut Scope<'_>,
    model: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/embedding_models/delete.sql",
        scope.caller() as _,
        model.id(),
        model.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// The embedding, and whether it is new; `None` when it has another revision, or there is no such
/// model.
pub(super) async fn put(
    scope: &mut Scope<'_>,
    owner: &Owner,
    model: &Reference,
    vector: &EmbeddingValues,
    if_match: &IfMatch,
) -> Result<Option<(Embedding, bool)>, Failure> {
    let query = sqlx::query_file!(
        "sql/embeddings/put.sql",
        scope.caller() as _,
        owner.kind as _,
        owner.reference.as_str(),
        model.id(),
        model.as_str(),
        &vector.values,
        vector.source_digest.as_ref().map(SourceDigest::as_str),
        if_match.revisions(),
    );
    let row = query.fetch_optional(scope.connection()).await?;
    Ok(row.map(|row| {
        let embedding = Embedding {
            embedding_id: row.embedding_id,
            entity_type: row.entity_type,
            entity_id: row.entity_id,
            model_id: row.model_id,
            model: row.model,
            version_id: row.version_id,
            source_digest: row.source_digest,
            is_stale: row.is_stale,
            created_at: row.created_at,
            updated_at: row.updated_at,
            created_by: row.created_by,
            created_by_username: row.created_by_username,
            values: Some(row.values),
        };
        (embedding, row.is_new)
    }))
}

pub(super) async fn get(
    scope: &mut Scope<'_>,
    owner: &Owner,
    model: &Reference,
) -> Result<Option<Embedding>, Failure> {
    let query = sqlx::query_file_as!(
        Embedding,
        "sql/embeddings/get.sql",
        scope.caller() as _,
        owner.kind as _,
        owner.reference.as_str(),
        model.id(),
        model.as_str(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn delete(
    scope: &mut Scope<'_>,
    owner: &Owner,
    model: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/embeddings/delete.sql",
        scope.caller() as _,
        owner.kind as _,
        owner.reference.as_str(),
        model.id(),
        model.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// One row more than the page has.
pub(super) async fn list(
    scope: &mut Scope<'_>,
    owners: &Owners,
    filter: &EmbeddingFilter,
) -> Result<Rows<Embedding>, Failure> {
    let position = &filter.position;
    let query = sqlx::query_file_as!(
        Embedding,
        "sql/embeddings/list.sql",
        scope.caller() as _,
        owners.kind as _,
        owners.reference(),
        owners.in_path,
        filter.model.as_ref().map(Reference::as_str),
        filter.stale,
        position.oldest_first(),
        position.time(),
        position.id(),
        position.limit.fetched(),
    );
    scope.rows(position.limit, |connection| query.fetch(connection)).await
}

pub(super) async fn source(
    scope: &mut Scope<'_>,
    owner: &Owner,
) -> Result<Option<EmbeddingText>, Failure> {
    let query = sqlx::query_file_as!(
        EmbeddingText,
        "sql/embeddings/source.sql",
        scope.caller() as _,
        owner.kind as _,
        owner.reference.as_str(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}
