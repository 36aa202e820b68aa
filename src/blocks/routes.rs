//! `/blocks` and everything below it.

use std::str::FromStr;

use actix_web::{HttpRequest, HttpResponse, Responder, delete, get, patch, post, web};
use chrono::{DateTime, Utc};
use utoipa::IntoParams;

use super::queries::{self, Include};
use super::{Block, BlockPatch, BlockType, NewBlock, version_routes};
use crate::api::change::Change;
use crate::api::etag::IfMatch;
use crate::api::fields::NoBody;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{FromParams, NoParams, Params, Query};
use crate::api::removal::Removal;
use crate::api::reply::Reply;
use crate::api::time::Timestamp;
use crate::api::word::Word;
use crate::audit::AuditLog;
use crate::audit::routes::{PageOfLogs, history as audit_history};
use crate::auth::caller::{Caller, Entity};
use crate::db::{Db, Failure, Scope};
use crate::versions::{self, Position, Sort, SortKeys};

impl FromStr for Include {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut include = Self::default();
        for word in text.split(',').map(str::trim) {
            match word {
                "versions" => include.versions = true,
                "categories" => include.categories = true,
                _ => return Err("Must be versions, categories, or both with a comma between."),
            }
        }
        Ok(include)
    }
}

/// Which blocks, and how they are shown.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BlockList {
    #[param(inline)]
    pub block_type: Option<BlockType>,
    /// Exactly this name, without regard to case.
    pub name: Option<String>,
    /// In this category: its id or its name.
    pub category: Option<String>,
    /// With these words in the name or the description; `"…"`, `or` and `-` as in web searches.
    pub q: Option<String>,
    /// Created at this time or later.
    #[param(value_type = Option<DateTime<Utc>>)]
    pub created_after: Option<DateTime<Utc>>,
    /// Created before this time.
    #[param(value_type = Option<DateTime<Utc>>)]
    pub created_before: Option<DateTime<Utc>>,
    /// `true` lists what is archived instead (yours, or all for admins).
    #[param(value_type = Option<bool>)]
    pub archived: bool,
    /// `versions`, `categories`, or both with a comma between.
    #[param(value_type = Option<String>, example = "versions,categories")]
    pub include: Include,
    #[param(ignore)]
    pub position: Position,
}

impl BlockList {
    /// Whether nothing is filtered, ordered or included.
    pub(super) fn is_plain(&self) -> bool {
        self.block_type.is_none()
            && self.name.is_none()
            && self.category.is_none()
            && self.q.is_none()
            && self.created_after.is_none()
            && self.created_before.is_none()
            && !self.archived
            && self.position.sort == Sort::Newest
            && self.include == Include::default()
    }
}

impl FromParams for BlockList {
    fn from_params(params: &mut Params) -> Option<Self> {
        let block_type = params.optional("block_type");
        let name = params.optional("name");
        let category = params.optional("category");
        let q = params.optional("q");
        let created_after = params.optional::<Timestamp>("created_after");
        let created_before = params.optional::<Timestamp>("created_before");
        let archived = params.optional("archived");
        let include = params.optional("include");
        let position = Position::from_params(params);
        Some(Self {
            block_type: block_type?.map(|Word(kind)| kind),
            name: name?,
            category: category?,
            q: q?,
            created_after: created_after?.map(|Timestamp(time)| time),
            created_before: created_before?.map(|Timestamp(time)| time),
            archived: archived?.unwrap_or(false),
            include: include?.unwrap_or_default(),
            position: position?,
        })
    }
}

/// How one block is shown.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BlockShown {
    /// `versions`, `categories`, or both with a comma between.
    #[param(value_type = Option<String>, example = "versions,categories")]
    pub include: Include,
}

impl FromParams for BlockShown {
    fn from_params(params: &mut Params) -> Option<Self> {
        let include = params.optional("include")?;
        Some(Self {
            include: include.unwrap_or_default(),
        })
    }
}

fn keys(block: &Block) -> SortKeys<'_> {
    SortKeys {
        id: block.block_id,
        name: &block.name,
        created_at: block.created_at,
        updated_at: block.updated_at,
    }
}

fn location(block: &Block) -> String {
    format!("/blocks/{}", block.block_id)
}

/// Why a change met no block; `archived` says whether it was meant for archived ones as well.
pub(super) async fn refusal(
    scope: &mut Scope<'_>,
    block: &Reference,
    if_match: &IfMatch,
    archived: bool,
) -> Failure {
    match queries::revision(scope, block).await {
        Ok(found) => versions::refusal("Block", found, if_match, archived),
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
    db.change(&change.caller, async |scope| {
        let block = queries::create(scope, &change.body).await?;
        Ok(Reply::created(location(&block), &block)?.revision(block.updated_at))
    })
    .await
}

/// List blocks
#[utoipa::path(
    operation_id = "list_blocks",
    tag = "blocks",
    params(BlockList, Position),
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
    Ok(Page::new(rows, wanted.position.limit, |block| {
        wanted.position.sort.cursor(&keys(block))
    })
    .respond(&request))
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
            queries::get(scope, &block, shown.include).await
        })
        .await?
        .ok_or_else(|| Problem::not_found("Block"))?;
    let reply = Reply::ok(&found)?;
    Ok(if shown.include == Include::default() {
        reply.revision(found.updated_at)
    } else {
        reply.compound_revision(found.updated_at)
    })
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
    db.change(&change.caller, async |scope| {
        match queries::update(scope, &block, &change.body, &change.if_match).await? {
            Some(block) => Ok(Reply::ok(&block)?.revision(block.updated_at)),
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
    db.change(&change.caller, async |scope| {
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
    db.change(&change.caller, async |scope| {
        match queries::restore(scope, &block, &change.if_match).await? {
            Some(block) => Ok(Reply::ok(&block)?.revision(block.updated_at)),
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
) -> Result<impl Responder, Problem> {
    audit_history(&request, &db, caller, "block", &block, &page).await
}

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config
        .service(create)
        .service(list)
        .service(get)
        .service(update)
        .service(archive)
        .service(restore)
        .service(history)
        .configure(version_routes::configure);
}
