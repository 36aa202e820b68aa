//! `/blocks` and everything below it.

use std::str::FromStr;

use actix_web::{HttpRequest, HttpResponse, Responder, delete, get, patch, post, web};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::IntoParams;

use super::queries::{self, Include};
use super::{Block, BlockPatch, BlockType, BlockVersion, NewBlock};
use crate::api::change::Change;
use crate::api::etag::IfMatch;
use crate::api::fields::NoBody;
use crate::api::page::{Cursor, Limit, Page};
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{FromParams, NoParams, Params, Query};
use crate::api::reply::Reply;
use crate::api::time::Timestamp;
use crate::api::word::Word;
use crate::audit::AuditLog;
use crate::audit::routes::{PageOfLogs, history as audit_history};
use crate::auth::caller::{Caller, Entity};
use crate::db::{Db, Failure, Scope};

/// In which order blocks are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    #[default]
    Newest,
    Oldest,
    LatestChanged,
    EarliestChanged,
    Name,
    NameReversed,
}

impl Sort {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "-created_at",
            Self::Oldest => "created_at",
            Self::LatestChanged => "-updated_at",
            Self::EarliestChanged => "updated_at",
            Self::Name => "name",
            Self::NameReversed => "-name",
        }
    }

    fn cursor(self, block: &Block) -> Cursor {
        match self {
            Self::Newest | Self::Oldest => {
                Cursor::at(self.as_str(), block.created_at, block.block_id)
            }
            Self::LatestChanged | Self::EarliestChanged => {
                Cursor::at(self.as_str(), block.updated_at, block.block_id)
            }
            Self::Name | Self::NameReversed => Cursor {
                sort: self.as_str().to_owned(),
                key: block.name.clone(),
                id: block.block_id,
            },
        }
    }
}

impl FromStr for Sort {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            Self::Newest,
            Self::Oldest,
            Self::LatestChanged,
            Self::EarliestChanged,
            Self::Name,
            Self::NameReversed,
        ]
        .into_iter()
        .find(|sort| sort.as_str() == text)
        .ok_or("Must be name, created_at or updated_at, with - before it for the reverse.")
    }
}

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
    /// `name`, `created_at` or `updated_at`, with `-` before it for the reverse; `-created_at`
    /// unless asked otherwise.
    #[param(value_type = Option<String>, example = "-updated_at")]
    pub sort: Sort,
    /// `versions`, `categories`, or both with a comma between.
    #[param(value_type = Option<String>, example = "versions,categories")]
    pub include: Include,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
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
            && self.sort == Sort::Newest
            && self.include == Include::default()
    }

    /// Key of the last row seen: a time or a name, by the order.
    pub(super) fn seen(&self) -> (Option<DateTime<Utc>>, Option<String>) {
        match (&self.cursor, self.sort) {
            (None, _) => (None, None),
            (Some(cursor), Sort::Name | Sort::NameReversed) => {
                (None, Some(cursor.key.to_lowercase()))
            }
            (Some(cursor), _) => (cursor.time(), None),
        }
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
        let sort = params.optional::<Sort>("sort");
        let include = params.optional("include");
        let limit = params.optional("limit");
        let cursor = params.optional::<Cursor>("cursor");
        let sort = sort?.unwrap_or_default();
        if let Some(Some(cursor)) = &cursor {
            let keyed = matches!(sort, Sort::Name | Sort::NameReversed) || cursor.time().is_some();
            if cursor.sort != sort.as_str() || !keyed {
                params.fault("cursor", "Is no cursor of this list in this order.");
                return None;
            }
        }
        Some(Self {
            block_type: block_type?.map(|Word(kind)| kind),
            name: name?,
            category: category?,
            q: q?,
            created_after: created_after?.map(|Timestamp(time)| time),
            created_before: created_before?.map(|Timestamp(time)| time),
            archived: archived?.unwrap_or(false),
            sort,
            include: include?.unwrap_or_default(),
            limit: limit?.unwrap_or_default(),
            cursor: cursor?,
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

fn location(block: &Block) -> String {
    format!("/blocks/{}", block.block_id)
}

/// Why a change met no block: there is none, it has another revision, or the caller may not.
async fn refusal(
    scope: &mut Scope<'_>,
    block: &Reference,
    if_match: &IfMatch,
    archived: bool,
) -> Failure {
    match queries::revision(scope, block).await {
        Err(failure) => failure,
        Ok(Some(found)) if archived || found.archived_at.is_none() => {
            if if_match.admits(found.updated_at) {
                Problem::forbidden().into()
            } else {
                Problem::stale().into()
            }
        }
        Ok(_) => Problem::not_found("Block").into(),
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
    params(BlockList),
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
    Ok(Page::new(rows, wanted.limit, |block| wanted.sort.cursor(block)).respond(&request))
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

/// Whether an archived block is to be removed for good.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Removal {
    /// `true` removes it and its versions for good; for admins. The audit trail stays.
    #[param(value_type = Option<bool>)]
    pub purge: bool,
}

impl FromParams for Removal {
    fn from_params(params: &mut Params) -> Option<Self> {
        let purge = params.optional("purge")?;
        Some(Self {
            purge: purge.unwrap_or(false),
        })
    }
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

/// Which version of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Number(i32),
    Latest,
    Active,
}

impl<'de> Deserialize<'de> for Which {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl FromStr for Which {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "latest" => Ok(Self::Latest),
            "active" => Ok(Self::Active),
            number => match number.parse() {
                Ok(number @ 1..) => Ok(Self::Number(number)),
                _ => Err("Must be the number of a version, latest or active."),
            },
        }
    }
}

impl Which {
    fn number(self) -> Option<i32> {
        match self {
            Self::Number(number) => Some(number),
            Self::Latest | Self::Active => None,
        }
    }
}

async fn read_version(
    db: &Db,
    caller: &Caller,
    block: &Reference,
    which: Which,
) -> Result<BlockVersion, Problem> {
    db.run(caller, async |scope| {
        queries::version(scope, block, which.number(), which == Which::Latest).await
    })
    .await?
    .ok_or_else(|| Problem::not_found("Version"))
}

/// Which page of the versions.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VersionList {
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

const BY_NUMBER: &str = "-version_number";

impl VersionList {
    fn before(&self) -> Option<i32> {
        self.cursor.as_ref()?.key.parse().ok()
    }
}

impl FromParams for VersionList {
    fn from_params(params: &mut Params) -> Option<Self> {
        let limit = params.optional("limit");
        let cursor = params.optional::<Cursor>("cursor");
        if let Some(Some(cursor)) = &cursor
            && (cursor.sort != BY_NUMBER || cursor.key.parse::<i32>().is_err())
        {
            params.fault("cursor", "Is no cursor of this list.");
            return None;
        }
        Some(Self {
            limit: limit?.unwrap_or_default(),
            cursor: cursor?,
        })
    }
}

/// List the versions of a block, newest first
#[utoipa::path(
    operation_id = "list_block_versions",
    tag = "blocks",
    params(("block" = String, Path, description = "Id or name"), VersionList),
    responses((status = 200, description = "A page of versions", body = Page<BlockVersion>)),
    security(("bearer" = []), ("api_key" = []))
)]
#[get("/blocks/{block}/versions")]
pub async fn list_versions(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    block: web::Path<Reference>,
    Query(wanted): Query<VersionList>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::Metadata, None);
    let rows = db
        .run(&caller, async |scope| {
            queries::versions(scope, &block, wanted.before(), wanted.limit).await
        })
        .await?;
    // Every block has a version: nothing on the first page means that there is no block.
    if rows.is_empty() && wanted.cursor.is_none() {
        return Err(Problem::not_found("Block"));
    }
    let page = Page::new(rows, wanted.limit, |version| Cursor {
        sort: BY_NUMBER.to_owned(),
        key: version.version_number.to_string(),
        id: version.version_id,
    });
    Ok(page.respond(&request))
}

/// Read a version of a block
#[utoipa::path(
    operation_id = "get_block_version",
    tag = "blocks",
    params(
        ("block" = String, Path, description = "Id or name"),
        ("version" = String, Path, description = "Its number, `latest` or `active`")
    ),
    responses((status = 200, description = "The version", body = BlockVersion)),
    security(("bearer" = []), ("api_key" = []))
)]
#[get("/blocks/{block}/versions/{version}")]
pub async fn get_version(
    db: web::Data<Db>,
    caller: Caller,
    path: web::Path<(Reference, Which)>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    let (block, which) = path.into_inner();
    let caller = caller.reading(Entity::Metadata, None);
    let version = read_version(&db, &caller, &block, which).await?;
    Ok(Reply::ok(&version)?.compound_revision(version.created_at))
}

/// Make a version the active one
///
/// Brings back its metadata and its description; the name stays. Appends no version.
#[utoipa::path(
    operation_id = "activate_block_version",
    tag = "blocks",
    params(
        ("block" = String, Path, description = "Id or name"),
        ("version" = String, Path, description = "Its number, or `latest`")
    ),
    responses((status = 200, description = "The block with that version in use", body = Block)),
    security(("bearer" = []), ("api_key" = []))
)]
#[post("/blocks/{block}/versions/{version}/activate")]
pub async fn activate_version(
    db: web::Data<Db>,
    path: web::Path<(Reference, Which)>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    let (block, which) = path.into_inner();
    db.change(&change.caller, async |scope| {
        if which == Which::Active {
            return match queries::get(scope, &block, Include::default()).await? {
                Some(block) => Ok(Reply::ok(&block)?.revision(block.updated_at)),
                None => Err(Problem::not_found("Block").into()),
            };
        }
        match queries::activate(scope, &block, which.number(), &change.if_match).await? {
            Some(block) => Ok(Reply::ok(&block)?.revision(block.updated_at)),
            None => match queries::version(scope, &block, which.number(), true).await? {
                Some(_) => Err(refusal(scope, &block, &change.if_match, false).await),
                None => Err(Problem::not_found("Version").into()),
            },
        }
    })
    .await
}

/// From which version to which.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Difference {
    /// A number, `latest` or `active`.
    #[param(value_type = String, example = "1")]
    pub from: Which,
    /// A number, `latest` or `active`; `active` when missing.
    #[param(value_type = Option<String>, example = "latest")]
    pub to: Which,
}

impl FromParams for Difference {
    fn from_params(params: &mut Params) -> Option<Self> {
        let from = params.required("from");
        let to = params.optional("to");
        Some(Self {
            from: from?,
            to: to?.unwrap_or(Which::Active),
        })
    }
}

/// What turns one version of a block into another
///
/// A JSON Patch (RFC 6902) on `{"name", "block_type", "description", "metadata"}`.
#[utoipa::path(
    operation_id = "diff_block_versions",
    tag = "blocks",
    params(("block" = String, Path, description = "Id or name"), Difference),
    responses((
        status = 200,
        description = "The operations; none when they are the same",
        content_type = "application/json-patch+json",
        body = Vec<Object>,
        example = json!([{"op": "replace", "path": "/metadata/rows", "value": 1281168}])
    )),
    security(("bearer" = []), ("api_key" = []))
)]
#[get("/blocks/{block}/diff")]
pub async fn diff(
    db: web::Data<Db>,
    caller: Caller,
    block: web::Path<Reference>,
    Query(Difference { from, to }): Query<Difference>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::Metadata, None);
    let from = read_version(&db, &caller, &block, from).await?.content()?;
    let to = read_version(&db, &caller, &block, to).await?.content()?;
    Ok(HttpResponse::Ok()
        .insert_header(("content-type", "application/json-patch+json"))
        .json(json_patch::diff(&from, &to)))
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
        .service(list_versions)
        .service(get_version)
        .service(activate_version)
        .service(diff)
        .service(history);
}
