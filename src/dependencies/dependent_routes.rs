//! What depends on a block or an edge.

use actix_web::{HttpRequest, HttpResponse, get, web};

use super::{BY_DEPTH, Dependent, DependentList, queries};
use crate::api::entity::Entity;
use crate::api::page::{Cursor, Page};
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::as_of::{AsOf, Instant};
use crate::resource::owner::Owner;

async fn page(
    request: &HttpRequest,
    db: &Db,
    caller: Caller,
    owner: &Owner,
    wanted: &DependentList,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::Dependency, None);
    let rows =
        db.run(&caller, async |scope| queries::dependents(scope, owner, wanted).await).await?;
    let page = Page::new(rows, |dependent| Cursor {
        sort: BY_DEPTH.to_owned(),
        key: dependent.depth.to_string(),
        id: dependent.entity_id,
    });
    Ok(page.respond(request))
}

/// List what depends on a block
///
/// The nearest first, each once, with the shortest path to it.
#[utoipa::path(
    operation_id = "list_block_dependents",
    params(("block" = Reference, Path, description = "Id or name"), DependentList, Instant),
    responses((status = 200, description = "A page of dependents", body = Page<Dependent>))
)]
#[get("/blocks/{block}/dependents")]
pub async fn dependents_of_block(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted }: AsOf<DependentList>,
    block: web::Path<Reference>,
) -> Result<HttpResponse, Problem> {
    page(&request, &db, caller, &Owner::block(block), &wanted).await
}

/// List what depends on an edge
///
/// The nearest first, each once, with the shortest path to it.
#[utoipa::path(
    operation_id = "list_edge_dependents",
    params(("edge" = Reference, Path, description = "Id or name"), DependentList, Instant),
    responses((status = 200, description = "A page of dependents", body = Page<Dependent>))
)]
#[get("/edges/{edge}/dependents")]
pub async fn dependents_of_edge(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted }: AsOf<DependentList>,
    edge: web::Path<Reference>,
) -> Result<HttpResponse, Problem> {
    page(&request, &db, caller, &Owner::edge(edge), &wanted).await
}

pub fn configure(config: &mut impl Router) {
    config.service(dependents_of_block).service(dependents_of_edge);
}
