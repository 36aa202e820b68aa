//! What the routes of blocks' and of edges' vectors do.

use actix_web::{HttpRequest, HttpResponse};
use utoipa::IntoParams;
use uuid::Uuid;

use super::{NewVector, VectorPatch, block_routes, edge_routes, queries};
use crate::resource::change::Change;
use crate::resource::chronology::Chronology;
use crate::api::etag::IfMatch;
use crate::api::fields::NoBody;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{FromParams, Params};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::api::entity::Entity;
use crate::auth::caller::Caller;
use crate::db::{Db, Failure, Scope};
use crate::resource::owner::{EntityType, Owner, Owners};

/// Which vectors.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VectorFilter {
    /// Exactly this database.
    pub vector_db: Option<String>,
    /// Exactly this key.
    pub vector_key: Option<String>,
    #[param(ignore)]
    pub position: Chronology,
}

impl FromParams for VectorFilter {
    fn from_params(params: &mut Params) -> Option<Self> {
        let vector_db = params.optional("vector_db");
        let vector_key = params.optional("vector_key");
        let position = Chronology::from_params(params);
        Some(Self {
            vector_db: vector_db?,
            vector_key: vector_key?,
            position: position?,
        })
    }
}

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
    change.make(db, async |scope| {
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
    change.make(&db, async |scope| {
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
    change.make(&db, async |scope| {
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

pub fn configure(config: &mut impl Router) {
    config
        .configure(block_routes::configure)
        .configure(edge_routes::configure);
}
