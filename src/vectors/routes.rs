//! What the routes of blocks' and of edges' vectors do.

use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

use super::store_filter::{StoreFilter, VectorStore, WrittenOut};
use super::{NewVector, Vector, VectorFilter, VectorPatch, queries};
use crate::api::fields::NoBody;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::raw_json::RawJson;
use crate::api::reply::Reply;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::change::Change;
use crate::resource::owner::{EntityType, Owner, Owners};
use crate::resource::verbs::{self, Reach, Resource, Revision};

/// All of one kind, or those of one owner.
pub(super) fn owners(kind: EntityType, reference: Option<Reference>) -> Owners {
    Owners { kind: Some(kind), reference, in_path: false }
}

pub(super) async fn page(
    request: &HttpRequest,
    db: &Db,
    caller: Caller,
    owners: &Owners,
    filter: &VectorFilter,
) -> Result<HttpResponse, Problem> {
    verbs::page(request, db, caller, &filter.position, async |scope| {
        queries::list(scope, owners, filter).await
    })
    .await
}

pub(super) async fn add(
    db: &Db,
    change: &Change<impl Sized>,
    owner: &Owner,
    vector: &NewVector,
) -> Result<Reply, Problem> {
    verbs::create(db, change, async |scope| queries::create(scope, owner, vector).await).await
}

pub(super) async fn read(
    db: &Db,
    caller: Caller,
    kind: EntityType,
    vector_id: Uuid,
) -> Result<Reply, Problem> {
    verbs::read(db, caller, &vector_id.to_string(), async |scope| {
        queries::get(scope, kind, vector_id).await
    })
    .await
}

pub(super) async fn filter(
    db: &Db,
    caller: Caller,
    kind: EntityType,
    vector_id: Uuid,
    store: VectorStore,
) -> Result<Reply, Problem> {
    let caller = caller.reading(Vector::ENTITY, Some(&vector_id.to_string()));
    let (filter, updated_at) = db
        .find(&caller, Vector::WHAT, async |scope| queries::filter(scope, kind, vector_id).await)
        .await?;
    let written: Option<WrittenOut> = filter.as_ref().map(RawJson::read).transpose()?;
    Ok(Reply::ok(&StoreFilter::of(store, written.as_ref()))?.compound_revision(updated_at))
}

pub(super) async fn change(
    db: &Db,
    change: &Change<VectorPatch>,
    kind: EntityType,
    vector_id: Uuid,
) -> Result<Reply, Problem> {
    verbs::update(
        db,
        change,
        async |scope| queries::update(scope, kind, vector_id, &change.body, &change.if_match).await,
        async |scope| Ok(Revision::of(queries::get(scope, kind, vector_id).await?)),
    )
    .await
}

pub(super) async fn remove(
    db: &Db,
    change: &Change<NoBody>,
    kind: EntityType,
    vector_id: Uuid,
) -> Result<Reply, Problem> {
    verbs::write::<Vector>(
        db,
        change,
        Reach::Live,
        async |scope| queries::delete(scope, kind, vector_id, &change.if_match).await,
        async |scope| Ok(Revision::of(queries::get(scope, kind, vector_id).await?)),
    )
    .await
}
