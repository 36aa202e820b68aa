//! `/blocks` and everything below it.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use utoipa::IntoParams;

use super::{Block, BlockList, BlockPart, BlockPatch, NewBlock, queries};
use crate::api::fields::NoBody;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{FromParams, NoParams, Query};
use crate::api::raw_json::RawJson;
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::api::word::Words;
use crate::audit::routes::history as audit_history;
use crate::audit::{PageOfLogs, Trail};
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::filter::Conditions;
use crate::resource::as_of::{AsOf, Instant};
use crate::resource::change::Change;
use crate::resource::listing::{Filter, Position};
use crate::resource::removal::Removal;
use crate::resource::table;
use crate::resource::verbs::{self, Reach};
use crate::versions::Activation;

/// How one block is shown.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct BlockShown {
    /// `versions`, `categories`, `aliases`, `used_by`, or several with commas between.
    #[param(value_type = Option<String>, pattern = r"^ *(versions|categories|aliases|used_by) *(, *(versions|categories|aliases|used_by) *)*$", example = "versions,aliases")]
    #[read(default)]
    pub include: Words<BlockPart>,
}

/// Register a block
///
/// The block gets version 1, with the metadata that is sent.
#[utoipa::path(
    operation_id = "create_block",
    request_body = NewBlock,
    responses((status = 201, description = "Registered", body = Block))
)]
#[post("/blocks")]
pub async fn create(
    db: web::Data<Db>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewBlock>,
) -> Result<Reply, Problem> {
    verbs::create(&db, &change, async |scope| queries::create(scope, &change.body).await).await
}

/// List blocks
///
/// Newest first, unless `sort` says otherwise. Filters combine: a block is listed when it passes
/// all of them. Archived blocks are listed with `archived=true` only.
#[utoipa::path(
    operation_id = "list_blocks",
    params(BlockList, Conditions, Filter, Position, Instant),
    responses((status = 200, description = "A page of blocks", body = Page<Block>))
)]
#[get("/blocks")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted }: AsOf<BlockList>,
) -> Result<HttpResponse, Problem> {
    table::list(&request, &db, caller, wanted, queries::list).await
}

/// Read a block
///
/// The block as it is in use now: what its active version says. `include` adds its newest versions
/// and its categories. An archived block is not found; its history still is.
#[utoipa::path(
    operation_id = "get_block",
    params(("block" = Reference, Path, description = "Id or name"), BlockShown, Instant),
    responses((status = 200, description = "The block as it is in use now", body = Block))
)]
#[get("/blocks/{block}")]
pub async fn get(
    db: web::Data<Db>,
    AsOf { caller, wanted: shown }: AsOf<BlockShown>,
    block: web::Path<Reference>,
) -> Result<Reply, Problem> {
    let found = verbs::find(&db, caller, block.as_str(), async |scope| {
        queries::get(scope, &block, &shown.include).await
    })
    .await?;
    if shown.include.is_empty() {
        return verbs::shown(&found);
    }
    Ok(Reply::ok(&found)?.compound_revision(found.updated_at))
}

/// Change a block
///
/// Whatever changes, a new version is appended and becomes the active one; when changes are
/// `reviewed`, it is a candidate, and the block stays as it is until somebody else activates that. A
/// change that changes nothing appends nothing.
#[utoipa::path(
    operation_id = "update_block",
    params(("block" = Reference, Path, description = "Id or name")),
    request_body = BlockPatch,
    responses((status = 200, description = "The block after the change", body = Block))
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
                Some(mut block) => {
                    if block.activation == Activation::Reviewed {
                        let (id, revision) = (block.block_id, block.updated_at);
                        let candidate =
                            queries::candidate(scope, id, revision, &change.body).await?;
                        block.candidate = candidate.as_ref().map(RawJson::of).transpose()?;
                    }
                    Ok(verbs::shown(&block)?)
                }
                None => {
                    let found = queries::revision(scope, &block).await?;
                    Err(verbs::why::<Block>(found, &change.if_match, Reach::Live))
                }
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
    params(("block" = Reference, Path, description = "Id or name; of an archived block its id"), Removal),
    responses((status = 204, description = "Archived, or purged"))
)]
#[delete("/blocks/{block}")]
pub async fn archive(
    db: web::Data<Db>,
    block: web::Path<Reference>,
    Query(removal): Query<Removal>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    verbs::write::<Block>(
        &db,
        &change,
        removal.reach(),
        async |scope| {
            if removal.purge {
                queries::purge(scope, &block, &change.if_match).await
            } else {
                queries::archive(scope, &block, &change.if_match).await
            }
        },
        async |scope| queries::revision(scope, &block).await,
    )
    .await
}

/// Restore an archived block
///
/// Refused with 409 `missing` while something that it depends on, or a category that one of its
/// taxonomy filters names, is archived.
#[utoipa::path(
    operation_id = "restore_block",
    params(("block" = Reference, Path, description = "Id; the name may be another's by now")),
    responses((status = 200, description = "The block, back again", body = Block))
)]
#[post("/blocks/{block}/restore")]
pub async fn restore(
    db: web::Data<Db>,
    block: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    verbs::restore(
        &db,
        &change,
        async |scope| queries::restore(scope, &block, &change.if_match).await,
        async |scope| queries::revision(scope, &block).await,
    )
    .await
}

/// Who did what to a block and its parts, newest first
///
/// Admins see every row, everybody else what they did themselves.
#[utoipa::path(
    operation_id = "list_block_history",
    params(("block" = Reference, Path, description = "Id or name; of an archived or purged block its id"), PageOfLogs),
    responses((status = 200, description = "A page of the audit trail", body = Trail))
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
