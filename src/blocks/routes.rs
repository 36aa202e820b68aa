//! `/blocks` and everything below it.

use super::BlockList;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use utoipa::IntoParams;

use super::{Block, BlockPart, BlockPatch, NewBlock, queries};
use crate::api::entity::Entity;
use crate::api::etag::IfMatch;
use crate::api::fields::NoBody;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{FromParams, NoParams, Params, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::api::word::Words;
use crate::audit::AuditLog;
use crate::audit::PageOfLogs;
use crate::audit::routes::history as audit_history;
use crate::auth::caller::Caller;
use crate::db::{Db, Failure, Scope};
use crate::resource::change::Change;
use crate::resource::removal::Removal;
use crate::versions::{self, Filter, Position, Versioned};

/// How one block is shown.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BlockShown {
    /// `versions`, `categories`, or both with a comma between.
    #[param(value_type = Option<String>, example = "versions,categories")]
    pub include: Words<BlockPart>,
}

impl FromParams for BlockShown {
    fn from_params(params: &mut Params) -> Option<Self> {
        let include = params.optional("include")?;
        Some(Self {
            include: include.unwrap_or_default(),
        })
    }
}

/// Why a change met no block; `archived` says whether it was meant for archived ones as well.
pub(super) async fn refusal(
    scope: &mut Scope<'_>,
    block: &Reference,
    if_match: &IfMatch,
    archived: bool,
) -> Failure {
    match queries::revision(scope, block).await {
        Ok(found) => versions::refusal(Block::WHAT, found, if_match, archived),
        Err(failure) => failure,
    }
}

/// Register a block
///
/// The block gets version 1, with the metadata that is sent.
#[utoipa::path(
    operation_id = "create_block",
    tag = "blocks",
    request_body = NewBlock,
    responses((status = 201, description = "Registered", body = Block)),
    security(("bearer" = []), ("api_key" = []))
)]
#[post("/blocks")]
pub async fn create(
    db: web::Data<Db>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewBlock>,
) -> Result<Reply, Problem> {
    change
        .make(&db, async |scope| {
            let block = queries::create(scope, &change.body).await?;
            Ok(versions::created(&block)?)
        })
        .await
}

/// List blocks
#[utoipa::path(
    operation_id = "list_blocks",
    tag = "blocks",
    params(BlockList, Filter, Position),
    responses((status = 200, description = "A page of blocks", body = Page<Block>)),
    security(("bearer" = []), ("api_key" = []))
)]
#[get("/blocks")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(wanted): Query<BlockList>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::Block, None);
    let rows = db
        .run(&caller, async |scope| queries::list(scope, &wanted).await)
        .await?;
    Ok(versions::page(rows, &wanted.position, &request))
}

/// Read a block
#[utoipa::path(
    operation_id = "get_block",
    tag = "blocks",
    params(("block" = String, Path, description = "Id or name"), BlockShown),
    responses((status = 200, description = "The block as it is in use now", body = Block)),
    security(("bearer" = []), ("api_key" = []))
)]
#[get("/blocks/{block}")]
pub async fn get(
    db: web::Data<Db>,
    caller: Caller,
    block: web::Path<Reference>,
    Query(shown): Query<BlockShown>,
) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::Block, Some(block.as_str()));
    let found = db
        .run(&caller, async |scope| {
            queries::get(scope, &block, &shown.include).await
        })
        .await?
        .ok_or_else(|| Problem::not_found(Block::WHAT))?;
    if shown.include.is_empty() {
        return versions::shown(&found);
    }
    Ok(Reply::ok(&found)?.compound_revision(found.updated_at))
}

/// Change a block
///
/// Whatever changes, a new version is appended and becomes the active one. A change that changes
/// nothing appends nothing.
#[utoipa::path(
    operation_id = "update_block",
    tag = "blocks",
    params(("block" = String, Path, description = "Id or name")),
    request_body = BlockPatch,
    responses((status = 200, description = "The block after the change", body = Block)),
    security(("bearer" = []), ("api_key" = []))
)]
#[patch("/blocks/{block}")]
pub async fn update(
    db: web::Data<Db>,
    block: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<BlockPatch>,
) -> Result<Reply, Problem> {
    change
        .make(&db, async |scope| {
            match queries::update(scope, &block, &change.body, &change.if_match).await? {
                Some(block) => Ok(versions::shown(&block)?),
                None => Err(refusal(scope, &block, &change.if_match, false).await),
            }
        })
        .await
}

/// Archive a block
///
/// It leaves every list and read and its name is free again; its history stays. Refused while a
/// pipeline or something that depends on it uses it.
#[utoipa::path(
    operation_id = "archive_block",
    tag = "blocks",
    params(("block" = String, Path, description = "Id or name; of an archived block its id"), Removal),
    responses((status = 204, description = "Archived, or purged")),
    security(("bearer" = []), ("api_key" = []))
)]
#[delete("/blocks/{block}")]
pub async fn archive(
    db: web::Data<Db>,
    block: web::Path<Reference>,
    Query(removal): Query<Removal>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    change
        .make(&db, async |scope| {
            let removed = if removal.purge {
                queries::purge(scope, &block, &change.if_match).await?
            } else {
                queries::archive(scope, &block, &change.if_match).await?
            };
            match removed {
                Some(_) => Ok(Reply::no_content()),
                None => Err(refusal(scope, &block, &change.if_match, removal.purge).await),
            }
        })
        .await
}

/// Restore an archived block
///
/// Refused with 409 `missing` while something that it depends on, or a category that one of its
/// taxonomy filters names, is archived.
#[utoipa::path(
    operation_id = "restore_block",
    tag = "blocks",
    params(("block" = String, Path, description = "Id; the name may be another's by now")),
    responses((status = 200, description = "The block, back again", body = Block)),
    security(("bearer" = []), ("api_key" = []))
)]
#[post("/blocks/{block}/restore")]
pub async fn restore(
    db: web::Data<Db>,
    block: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    change
        .make(&db, async |scope| {
            match queries::restore(scope, &block, &change.if_match).await? {
                Some(block) => Ok(versions::shown(&block)?),
                None => Err(refusal(scope, &block, &change.if_match, true).await),
            }
        })
        .await
}

/// Who did what to a block and its parts, newest first
///
/// Admins see every row, everybody else what they did themselves.
#[utoipa::path(
    operation_id = "list_block_history",
    tag = "blocks",
    params(("block" = String, Path, description = "Id or name; of an archived or purged block its id"), PageOfLogs),
    responses((status = 200, description = "A page of the audit trail", body = Page<AuditLog>)),
    security(("bearer" = []), ("api_key" = []))
)]
#[get("/blocks/{block}/history")]
pub async fn history(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    block: web::Path<Reference>,
    Query(page): Query<PageOfLogs>,
) -> Result<HttpResponse, Problem> {
    audit_history(&request, &db, caller, "block", &block, &page).await
}

pub fn configure(config: &mut impl Router) {
    config
        .service(create)
        .service(list)
        .service(get)
        .service(update)
        .service(archive)
        .service(restore)
        .service(history);
}
