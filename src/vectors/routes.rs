//! What the routes of blocks' and of edges' vectors do.

use super::VectorFilter;
use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

use super::{NewVector, VectorPatch, queries};
use crate::api::entity::Entity;
use crate::api::etag::IfMatch;
use crate::api::fields::NoBody;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::reply::Reply;
use crate::auth::caller::Caller;
use crate::db::{Db, Failure, Scope};
use crate::resource::change::Change;
use crate::resource::owner::{EntityType, Owner, Owners};

/// All of one kind, or those of one owner.
pub(super) fn owners(kind: EntityType, reference: Option<Reference>) -> Owners {
    Owners {
        kind: Some(kind),
        reference,
        in_path: false,
    }
}

fn path(kind: EntityType) -> &'static str {
    match kind {
        EntityType::Block => "/block-vector-representations",
        EntityType::Edge => "/edge-vector-representations",
    }
}

pub(super) async fn page(
    request: &HttpRequest,
    db: &Db,
    caller: Caller,
    owners: &Owners,
    filter: &VectorFilter,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::Vector, None);
    let rows = db
        .run(&caller, async |scope| {
            queries::list(scope, owners, filter).await
        })
        .await?;
    let page = Page::new(rows, filter.position.limit, |vector| {
        filter.position.cursor(vector.created_at, vector.vector_id)
    });
    Ok(page.respond(request))
}

pub(super) async fn add(
    db: &Db,
    change: &Change<impl Sized>,
    owner: &Owner,
    vector: &NewVector,
) -> Result<Reply, Problem> {
    change
        .make(db, async |scope| {
            let vector = queries::create(scope, owner, vector).await?;
            let location = format!("{}/{}", path(owner.kind), vector.vector_id);
            Ok(Reply::created(location, &vector)?.revision(vector.updated_at))
        })
        .await
}

pub(super) async fn read(
    db: &Db,
    caller: Caller,
    kind: EntityType,
    vector_id: Uuid,
) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::Vector, Some(&vector_id.to_string()));
    let vector = db
        .run(&caller, async |scope| {
            queries::get(scope, kind, vector_id).await
        })
        .await?
        .ok_or_else(|| Problem::not_found("Vector representation"))?;
    Ok(Reply::ok(&vector)?.revision(vector.updated_at))
}

pub(super) async fn change(
    db: &Db,
    change: &Change<VectorPatch>,
    kind: EntityType,
    vector_id: Uuid,
) -> Result<Reply, Problem> {
    change
        .make(&db, async |scope| {
            match queries::update(scope, kind, vector_id, &change.body, &change.if_match).await? {
                Some(vector) => Ok(Reply::ok(&vector)?.revision(vector.updated_at)),
                None => Err(refusal(scope, kind, vector_id, &change.if_match).await),
            }
        })
        .await
}

pub(super) async fn remove(
    db: &Db,
    change: &Change<NoBody>,
    kind: EntityType,
    vector_id: Uuid,
) -> Result<Reply, Problem> {
    change
        .make(&db, async |scope| {
            match queries::delete(scope, kind, vector_id, &change.if_match).await? {
                Some(_) => Ok(Reply::no_content()),
                None => Err(refusal(scope, kind, vector_id, &change.if_match).await),
            }
        })
        .await
}

/// Why a change met no vector.
async fn refusal(
    scope: &mut Scope<'_>,
    kind: EntityType,
    vector_id: Uuid,
    if_match: &IfMatch,
) -> Failure {
    match queries::get(scope, kind, vector_id).await {
        Ok(found) => if_match
            .refusal(
                "Vector representation",
                found.map(|vector| vector.updated_at),
            )
            .into(),
        Err(failure) => failure,
    }
}
