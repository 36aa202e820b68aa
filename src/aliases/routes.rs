//! `/aliases`, and the aliases of blocks and edges.

use actix_web::{HttpRequest, HttpResponse, delete, get, put, web};

use super::{Alias, AliasFilter, AliasMove, AliasTarget, queries, why};
use crate::api::entity::Entity;
use crate::api::fields::NoBody;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::as_of::{AsOf, Instant};
use crate::resource::change::Change;
use crate::resource::chronology::Chronology;
use crate::resource::owner::{Flat, Owner, Owners};
use crate::resource::verbs::{self, Reach, Resource, Revision};
use crate::versions::AliasName;

async fn page(
    request: &HttpRequest,
    db: &Db,
    caller: Caller,
    owners: &Owners,
    filter: &AliasFilter,
) -> Result<HttpResponse, Problem> {
    verbs::page(request, db, caller, &filter.position, async |scope| {
        queries::list(scope, owners, filter).await
    })
    .await
}

async fn show(db: &Db, caller: Caller, owner: &Owner, alias: &AliasName) -> Result<Reply, Problem> {
    verbs::read(db, caller, alias.as_str(), async |scope| queries::get(scope, owner, alias).await)
        .await
}

async fn point(
    db: &Db,
    change: &Change<AliasTarget>,
    owner: &Owner,
    alias: &AliasName,
) -> Result<Reply, Problem> {
    change
        .make(db, async |scope| {
            match queries::put(scope, owner, alias, &change.body, &change.if_match).await? {
                Some((alias, true)) => {
                    Ok(Reply::created(alias.location(), &alias)?
                        .compound_revision(alias.revision()))
                }
                Some((alias, false)) => Ok(verbs::shown(&alias)?),
                None => Err(why(scope, owner, alias, &change.if_match).await?.into()),
            }
        })
        .await
}

async fn take_away(
    db: &Db,
    change: &Change<NoBody>,
    owner: &Owner,
    alias: &AliasName,
) -> Result<Reply, Problem> {
    verbs::write::<Alias>(
        db,
        change,
        Reach::Live,
        async |scope| queries::delete(scope, owner, alias, &change.if_match).await,
        async |scope| Ok(Revision::of(queries::get(scope, owner, alias).await?)),
    )
    .await
}

async fn moves(
    request: &HttpRequest,
    db: &Db,
    caller: Caller,
    owner: &Owner,
    alias: &AliasName,
    position: &Chronology,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::Alias, None);
    let rows = db
        .find(&caller, Alias::WHAT, async |scope| {
            let rows = queries::moves(scope, owner, alias, position).await?;
            Ok((!rows.is_empty() || position.id().is_some()).then_some(rows))
        })
        .await?;
    Ok(Page::new(rows, |moved| position.after(moved.moved_at, moved.move_id)).respond(request))
}

/// List the aliases of blocks and edges
///
/// Those of everything, of all blocks or edges with `entity_type`, or of one thing with `entity_id`
/// beside it; with `alias` all that bear this name.
#[utoipa::path(
    operation_id = "list_aliases",
    params(Owners, AliasFilter, Chronology, Instant),
    responses((status = 200, description = "A page of the aliases", body = Page<Alias>))
)]
#[get("/aliases")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted }: AsOf<Flat<AliasFilter>>,
) -> Result<HttpResponse, Problem> {
    page(&request, &db, caller, &wanted.owners, &wanted.filter).await
}

/// List the aliases of a block
///
/// Each points to one version, and stands wherever a number of a version may.
#[utoipa::path(
    operation_id = "list_block_aliases",
    params(("block" = Reference, Path, description = "Id or name"), AliasFilter, Chronology, Instant),
    responses((status = 200, description = "A page of the aliases", body = Page<Alias>))
)]
#[get("/blocks/{block}/aliases")]
pub async fn list_of_block(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted: filter }: AsOf<AliasFilter>,
    block: web::Path<Reference>,
) -> Result<HttpResponse, Problem> {
    page(&request, &db, caller, &Owner::block(block).into(), &filter).await
}

/// Read an alias of a block
///
/// The version that it points to, and whether it is protected.
#[utoipa::path(
    operation_id = "get_block_alias",
    params(
        ("block" = Reference, Path, description = "Id or name"),
        ("alias" = AliasName, Path, description = "The alias"), Instant),
    responses((status = 200, description = "The alias", body = Alias))
)]
#[get("/blocks/{block}/aliases/{alias}")]
pub async fn get_of_block(
    db: web::Data<Db>,
    AsOf { caller, .. }: AsOf<NoParams>,
    path: web::Path<(Reference, AliasName)>,
) -> Result<Reply, Problem> {
    let (block, alias) = path.into_inner();
    show(&db, caller, &Owner::block(block.into()), &alias).await
}

/// Point an alias of a block to a version
///
/// Makes the alias, or moves it; its history stays. A protected one is moved by others than the
/// version's author, and by admins. Pipelines that follow it run on the new version from now on.
#[utoipa::path(
    operation_id = "put_block_alias",
    params(
        ("block" = Reference, Path, description = "Id or name"),
        ("alias" = AliasName, Path, description = "The alias")
    ),
    request_body = AliasTarget,
    responses(
        (status = 200, description = "Moved", body = Alias),
        (status = 201, description = "Made", body = Alias)
    )
)]
#[put("/blocks/{block}/aliases/{alias}")]
pub async fn put_of_block(
    db: web::Data<Db>,
    path: web::Path<(Reference, AliasName)>,
    Query(NoParams): Query<NoParams>,
    change: Change<AliasTarget>,
) -> Result<Reply, Problem> {
    let (block, alias) = path.into_inner();
    point(&db, &change, &Owner::block(block.into()), &alias).await
}

/// Remove an alias of a block
///
/// Refused while a pipeline follows it; a protected one is removed by admins. Its history stays.
#[utoipa::path(
    operation_id = "delete_block_alias",
    params(
        ("block" = Reference, Path, description = "Id or name"),
        ("alias" = AliasName, Path, description = "The alias")
    ),
    responses((status = 204, description = "Removed"))
)]
#[delete("/blocks/{block}/aliases/{alias}")]
pub async fn delete_of_block(
    db: web::Data<Db>,
    path: web::Path<(Reference, AliasName)>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    let (block, alias) = path.into_inner();
    take_away(&db, &change, &Owner::block(block.into()), &alias).await
}

/// Where an alias of a block has pointed
///
/// Each time that it was made, moved or removed, by whom, newest first. It is kept when the alias is
/// gone.
#[utoipa::path(
    operation_id = "list_block_alias_moves",
    params(
        ("block" = Reference, Path, description = "Id or name"),
        ("alias" = AliasName, Path, description = "The alias"),
        Chronology
    ),
    responses((status = 200, description = "A page of the moves", body = Page<AliasMove>))
)]
#[get("/blocks/{block}/aliases/{alias}/history")]
pub async fn history_of_block(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    path: web::Path<(Reference, AliasName)>,
    Query(position): Query<Chronology>,
) -> Result<HttpResponse, Problem> {
    let (block, alias) = path.into_inner();
    moves(&request, &db, caller, &Owner::block(block.into()), &alias, &position).await
}

/// List the aliases of an edge
///
/// Each points to one version, and stands wherever a number of a version may.
#[utoipa::path(
    operation_id = "list_edge_aliases",
    params(("edge" = Reference, Path, description = "Id or name"), AliasFilter, Chronology, Instant),
    responses((status = 200, description = "A page of the aliases", body = Page<Alias>))
)]
#[get("/edges/{edge}/aliases")]
pub async fn list_of_edge(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted: filter }: AsOf<AliasFilter>,
    edge: web::Path<Reference>,
) -> Result<HttpResponse, Problem> {
    page(&request, &db, caller, &Owner::edge(edge).into(), &filter).await
}

/// Read an alias of an edge
///
/// The version that it points to, and whether it is protected.
#[utoipa::path(
    operation_id = "get_edge_alias",
    params(
        ("edge" = Reference, Path, description = "Id or name"),
        ("alias" = AliasName, Path, description = "The alias"), Instant),
    responses((status = 200, description = "The alias", body = Alias))
)]
#[get("/edges/{edge}/aliases/{alias}")]
pub async fn get_of_edge(
    db: web::Data<Db>,
    AsOf { caller, .. }: AsOf<NoParams>,
    path: web::Path<(Reference, AliasName)>,
) -> Result<Reply, Problem> {
    let (edge, alias) = path.into_inner();
    show(&db, caller, &Owner::edge(edge.into()), &alias).await
}

/// Point an alias of an edge to a version
///
/// Makes the alias, or moves it; its history stays. A protected one is moved by others than the
/// version's author, and by admins. Pipelines that follow it run on the new version from now on.
#[utoipa::path(
    operation_id = "put_edge_alias",
    params(
        ("edge" = Reference, Path, description = "Id or name"),
        ("alias" = AliasName, Path, description = "The alias")
    ),
    request_body = AliasTarget,
    responses(
        (status = 200, description = "Moved", body = Alias),
        (status = 201, description = "Made", body = Alias)
    )
)]
#[put("/edges/{edge}/aliases/{alias}")]
pub async fn put_of_edge(
    db: web::Data<Db>,
    path: web::Path<(Reference, AliasName)>,
    Query(NoParams): Query<NoParams>,
    change: Change<AliasTarget>,
) -> Result<Reply, Problem> {
    let (edge, alias) = path.into_inner();
    point(&db, &change, &Owner::edge(edge.into()), &alias).await
}

/// Remove an alias of an edge
///
/// Refused while a pipeline follows it; a protected one is removed by admins. Its history stays.
#[utoipa::path(
    operation_id = "delete_edge_alias",
    params(
        ("edge" = Reference, Path, description = "Id or name"),
        ("alias" = AliasName, Path, description = "The alias")
    ),
    responses((status = 204, description = "Removed"))
)]
#[delete("/edges/{edge}/aliases/{alias}")]
pub async fn delete_of_edge(
    db: web::Data<Db>,
    path: web::Path<(Reference, AliasName)>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    let (edge, alias) = path.into_inner();
    take_away(&db, &change, &Owner::edge(edge.into()), &alias).await
}

/// Where an alias of an edge has pointed
///
/// Each time that it was made, moved or removed, by whom, newest first. It is kept when the alias is
/// gone.
#[utoipa::path(
    operation_id = "list_edge_alias_moves",
    params(
        ("edge" = Reference, Path, description = "Id or name"),
        ("alias" = AliasName, Path, description = "The alias"),
        Chronology
    ),
    responses((status = 200, description = "A page of the moves", body = Page<AliasMove>))
)]
#[get("/edges/{edge}/aliases/{alias}/history")]
pub async fn history_of_edge(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    path: web::Path<(Reference, AliasName)>,
    Query(position): Query<Chronology>,
) -> Result<HttpResponse, Problem> {
    let (edge, alias) = path.into_inner();
    moves(&request, &db, caller, &Owner::edge(edge.into()), &alias, &position).await
}

pub fn configure(config: &mut impl Router) {
    config
        .service(list)
        .service(list_of_block)
        .service(get_of_block)
        .service(put_of_block)
        .service(delete_of_block)
        .service(history_of_block)
        .service(list_of_edge)
        .service(get_of_edge)
        .service(put_of_edge)
        .service(delete_of_edge)
        .service(history_of_edge);
}
