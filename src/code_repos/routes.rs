//! `/code-repos`, and the same below blocks and edges.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};

use super::{CodeRepo, CodeRepoFilter, CodeRepoPatch, NewCodeRepo, queries};
use crate::api::fields::NoBody;
use crate::api::id::Id;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::change::Change;
use crate::resource::chronology::Chronology;
use crate::resource::owner::{Flat, Owned, Owner, OwnerMembers, Owners};
use crate::resource::verbs::{self, Reach, Revision};

async fn page(
    request: &HttpRequest,
    db: &Db,
    caller: Caller,
    owners: &Owners,
    filter: &CodeRepoFilter,
) -> Result<HttpResponse, Problem> {
    verbs::page(request, db, caller, &filter.position, async |scope| {
        queries::list(scope, owners, filter).await
    })
    .await
}

async fn add(
    db: &Db,
    change: &Change<impl Sized>,
    owner: &Owner,
    repo: &NewCodeRepo,
) -> Result<Reply, Problem> {
    verbs::create(db, change, async |scope| queries::create(scope, owner, repo).await).await
}

/// A new repository, and whose it is.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "the document only")]
pub struct NewCodeRepoOfEntity {
    #[serde(flatten)]
    owner: OwnerMembers,
    #[serde(flatten)]
    repo: NewCodeRepo,
}

/// Add a repository to a block or an edge
///
/// Names the owner in the body; the routes below `/blocks` and `/edges` do the same with the owner
/// in the path.
#[utoipa::path(
    operation_id = "create_code_repo",
    request_body = NewCodeRepoOfEntity,
    responses((status = 201, description = "Added", body = CodeRepo))
)]
#[post("/code-repos")]
pub async fn create(
    db: web::Data<Db>,
    Query(NoParams): Query<NoParams>,
    change: Change<Owned<NewCodeRepo>>,
) -> Result<Reply, Problem> {
    add(&db, &change, &change.body.owner, &change.body.part).await
}

/// List the repositories of blocks and edges
///
/// Those of everything, of all blocks or edges with `entity_type`, or of one thing with `entity_id`
/// beside it.
#[utoipa::path(
    operation_id = "list_code_repos",
    params(Owners, CodeRepoFilter, Chronology),
    responses((status = 200, description = "A page of the repositories", body = Page<CodeRepo>))
)]
#[get("/code-repos")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(wanted): Query<Flat<CodeRepoFilter>>,
) -> Result<HttpResponse, Problem> {
    page(&request, &db, caller, &wanted.owners, &wanted.filter).await
}

/// Add a repository to a block
///
/// The repository is noted, not fetched. Runs that follow carry it in their locks. A block has each
/// pair of URL and branch once.
#[utoipa::path(
    operation_id = "create_block_code_repo",
    params(("block" = Reference, Path, description = "Id or name")),
    request_body = NewCodeRepo,
    responses((status = 201, description = "Added", body = CodeRepo))
)]
#[post("/blocks/{block}/code-repos")]
pub async fn create_of_block(
    db: web::Data<Db>,
    block: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewCodeRepo>,
) -> Result<Reply, Problem> {
    add(&db, &change, &Owner::block(block), &change.body).await
}

/// List the repositories of a block
///
/// Where the source of the block is. The filters ask for exactly this URL or branch.
#[utoipa::path(
    operation_id = "list_block_code_repos",
    params(("block" = Reference, Path, description = "Id or name"), CodeRepoFilter, Chronology),
    responses((status = 200, description = "A page of the repositories", body = Page<CodeRepo>))
)]
#[get("/blocks/{block}/code-repos")]
pub async fn list_of_block(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    block: web::Path<Reference>,
    Query(filter): Query<CodeRepoFilter>,
) -> Result<HttpResponse, Problem> {
    page(&request, &db, caller, &Owner::block(block).into(), &filter).await
}

/// Add a repository to an edge
///
/// The repository is noted, not fetched. Runs that follow carry it in their locks. An edge has each
/// pair of URL and branch once.
#[utoipa::path(
    operation_id = "create_edge_code_repo",
    params(("edge" = Reference, Path, description = "Id or name")),
    request_body = NewCodeRepo,
    responses((status = 201, description = "Added", body = CodeRepo))
)]
#[post("/edges/{edge}/code-repos")]
pub async fn create_of_edge(
    db: web::Data<Db>,
    edge: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewCodeRepo>,
) -> Result<Reply, Problem> {
    add(&db, &change, &Owner::edge(edge), &change.body).await
}

/// List the repositories of an edge
///
/// Where the source of the edge is. The filters ask for exactly this URL or branch.
#[utoipa::path(
    operation_id = "list_edge_code_repos",
    params(("edge" = Reference, Path, description = "Id or name"), CodeRepoFilter, Chronology),
    responses((status = 200, description = "A page of the repositories", body = Page<CodeRepo>))
)]
#[get("/edges/{edge}/code-repos")]
pub async fn list_of_edge(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    edge: web::Path<Reference>,
    Query(filter): Query<CodeRepoFilter>,
) -> Result<HttpResponse, Problem> {
    page(&request, &db, caller, &Owner::edge(edge).into(), &filter).await
}

/// Read a repository
///
/// The URL and the branch, whose it is, and when one of the two was last set.
#[utoipa::path(
    operation_id = "get_code_repo",
    params(("repo_id" = Uuid, Path)),
    responses((status = 200, description = "The repository", body = CodeRepo))
)]
#[get("/code-repos/{repo_id}")]
pub async fn get(
    db: web::Data<Db>,
    caller: Caller,
    repo_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    verbs::read(&db, caller, &repo_id.to_string(), async |scope| {
        queries::get(scope, **repo_id).await
    })
    .await
}

/// Change a repository
///
/// What is missing stays as it is. Whose repository it is cannot be changed.
#[utoipa::path(
    operation_id = "update_code_repo",
    params(("repo_id" = Uuid, Path)),
    request_body = CodeRepoPatch,
    responses((status = 200, description = "After the change", body = CodeRepo))
)]
#[patch("/code-repos/{repo_id}")]
pub async fn update(
    db: web::Data<Db>,
    repo_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<CodeRepoPatch>,
) -> Result<Reply, Problem> {
    let Id(repo_id) = repo_id.into_inner();
    verbs::update(
        &db,
        &change,
        async |scope| queries::update(scope, repo_id, &change.body, &change.if_match).await,
        async |scope| Ok(Revision::of(queries::get(scope, repo_id).await?)),
    )
    .await
}

/// Remove a repository
///
/// The registry forgets it for good. Locks of earlier runs still name it, and the audit trail keeps
/// what was there.
#[utoipa::path(
    operation_id = "delete_code_repo",
    params(("repo_id" = Uuid, Path)),
    responses((status = 204, description = "Removed"))
)]
#[delete("/code-repos/{repo_id}")]
pub async fn remove(
    db: web::Data<Db>,
    repo_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    let Id(repo_id) = repo_id.into_inner();
    verbs::write::<CodeRepo>(
        &db,
        &change,
        Reach::Live,
        async |scope| queries::delete(scope, repo_id, &change.if_match).await,
        async |scope| Ok(Revision::of(queries::get(scope, repo_id).await?)),
    )
    .await
}

pub fn configure(config: &mut impl Router) {
    config
        .service(create)
        .service(list)
        .service(create_of_block)
        .service(list_of_block)
        .service(create_of_edge)
        .service(list_of_edge)
        .service(get)
        .service(update)
        .service(remove);
}
