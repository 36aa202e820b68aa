//! `/blocks/{block}/versions`, and the difference of two of them.

use actix_web::{HttpRequest, HttpResponse, get, post, web};

use super::{Block, BlockVersion, NewBlockVersion, queries};
use crate::api::entity::Entity;
use crate::api::fields::NoBody;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::api::word::Words;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::as_of::{AsOf, Instant};
use crate::resource::change::Change;
use crate::resource::verbs::{self, Reach, Resource};
use crate::versions::{
    Difference, PatchOperation, Version, VersionList, VersionReference, Which, Withdrawal,
};

async fn read_version(
    db: &Db,
    caller: &Caller,
    block: &Reference,
    which: &Which,
) -> Result<BlockVersion, Problem> {
    db.find(caller, "Version", async |scope| queries::version(scope, block, which).await).await
}

/// List the versions of a block, newest first
///
/// Every version that there ever was, each a whole snapshot. One of them is active; after a
/// rollback that is not the newest.
#[utoipa::path(
    operation_id = "list_block_versions",
    params(("block" = Reference, Path, description = "Id or name"), VersionList, Instant),
    responses((status = 200, description = "A page of versions", body = Page<BlockVersion>))
)]
#[get("/blocks/{block}/versions")]
pub async fn list_versions(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted }: AsOf<VersionList>,
    block: web::Path<Reference>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::Metadata, None);
    let rows = db
        .find(&caller, Block::WHAT, async |scope| {
            let rows = queries::versions(scope, &block, wanted.before(), wanted.limit).await?;
            Ok(wanted.of_something(rows))
        })
        .await?;
    Ok(wanted.respond(rows, &request))
}

/// Read a version of a block
///
/// The content of a snapshot never changes; whether it is active or withdrawn does.
#[utoipa::path(
    operation_id = "get_block_version",
    params(
        ("block" = Reference, Path, description = "Id or name"),
        ("version" = VersionReference, Path, description = "Its number, `latest`, `active` or an alias"), Instant),
    responses((status = 200, description = "The version", body = BlockVersion))
)]
#[get("/blocks/{block}/versions/{version}")]
pub async fn get_version(
    db: web::Data<Db>,
    AsOf { caller, .. }: AsOf<NoParams>,
    path: web::Path<(Reference, Which)>,
) -> Result<Reply, Problem> {
    let (block, which) = path.into_inner();
    let caller = caller.reading(Entity::Metadata, None);
    let version = read_version(&db, &caller, &block, &which).await?;
    Ok(Reply::ok(&version)?.compound_revision(version.created_at))
}

/// Make a version the active one
///
/// Brings back its metadata and its description; the name stays. Appends no version. When changes are
/// `reviewed`, another than the version's author activates it.
#[utoipa::path(
    operation_id = "activate_block_version",
    params(
        ("block" = Reference, Path, description = "Id or name"),
        ("version" = VersionReference, Path, description = "Its number, `latest` or an alias")
    ),
    responses((status = 200, description = "The block with that version in use", body = Block))
)]
#[post("/blocks/{block}/versions/{version}/activate")]
pub async fn activate_version(
    db: web::Data<Db>,
    path: web::Path<(Reference, Which)>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    let (block, which) = path.into_inner();
    change
        .make(&db, async |scope| {
            if which == Which::Active {
                let block = queries::get(scope, &block, &Words::default()).await?;
                let block = block.ok_or_else(|| Problem::not_found(Block::WHAT))?;
                return Ok(verbs::shown(&block)?);
            }
            match queries::activate(scope, &block, &which, &change.if_match).await? {
                Some(block) => Ok(verbs::shown(&block)?),
                None => match queries::version(scope, &block, &which).await? {
                    Some(_) => {
                        let found = queries::revision(scope, &block).await?;
                        Err(verbs::why::<Block>(found, &change.if_match, Reach::Live))
                    }
                    None => Err(Problem::not_found("Version").into()),
                },
            }
        })
        .await
}

/// Append a version that is not active
///
/// A candidate: it can be read, compared, pinned and activated like any version. What is missing is
/// as in the active version.
#[utoipa::path(
    operation_id = "append_block_version",
    params(("block" = Reference, Path, description = "Id or name")),
    request_body = Option<NewBlockVersion>,
    responses((status = 201, description = "Appended", body = BlockVersion))
)]
#[post("/blocks/{block}/versions")]
pub async fn append_version(
    db: web::Data<Db>,
    block: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewBlockVersion>,
) -> Result<Reply, Problem> {
    change
        .make(&db, async |scope| {
            match queries::append(scope, &block, &change.body, &change.if_match).await? {
                Some(version) => Ok(Reply::created(version.location(), &version)?
                    .compound_revision(version.created_at)),
                None => {
                    let found = queries::revision(scope, &block).await?;
                    Err(verbs::why::<Block>(found, &change.if_match, Reach::Live))
                }
            }
        })
        .await
}

async fn withdraw(
    db: &Db,
    (ref block, ref which): (Reference, Which),
    change: &Change<impl Sized>,
    reason: Option<&str>,
) -> Result<Reply, Problem> {
    change
        .make(db, async |scope| {
            match queries::withdraw(scope, block, which, reason, &change.if_match).await? {
                Some(version) => Ok(Reply::ok(&version)?.compound_revision(version.created_at)),
                None => {
                    let found = queries::version(scope, block, which).await?;
                    let found = found.map(|version| version.created_at);
                    Err(change.if_match.refusal("Version", found).into())
                }
            }
        })
        .await
}

/// Withdraw a version
///
/// It can be read and compared, but not activated, pinned, aliased or run on; pipelines that would run
/// on it are not ready, for the reason that is given.
#[utoipa::path(
    operation_id = "withdraw_block_version",
    params(
        ("block" = Reference, Path, description = "Id or name"),
        ("version" = VersionReference, Path, description = "Its number, `latest`, `active` or an alias")
    ),
    request_body = Withdrawal,
    responses((status = 200, description = "Withdrawn", body = BlockVersion))
)]
#[post("/blocks/{block}/versions/{version}/withdraw")]
pub async fn withdraw_version(
    db: web::Data<Db>,
    path: web::Path<(Reference, Which)>,
    Query(NoParams): Query<NoParams>,
    change: Change<Withdrawal>,
) -> Result<Reply, Problem> {
    withdraw(&db, path.into_inner(), &change, Some(change.body.reason.as_str())).await
}

/// Bring a withdrawn version back
///
/// By whoever withdrew it, or an admin.
#[utoipa::path(
    operation_id = "restore_block_version",
    params(
        ("block" = Reference, Path, description = "Id or name"),
        ("version" = VersionReference, Path, description = "Its number, `latest`, `active` or an alias")
    ),
    responses((status = 200, description = "Not withdrawn", body = BlockVersion))
)]
#[post("/blocks/{block}/versions/{version}/restore")]
pub async fn restore_version(
    db: web::Data<Db>,
    path: web::Path<(Reference, Which)>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    withdraw(&db, path.into_inner(), &change, None).await
}

/// What turns one version of a block into another
///
/// A JSON Patch (RFC 6902) on `{"name", "block_type", "description", "metadata"}`.
#[utoipa::path(
    operation_id = "diff_block_versions",
    params(("block" = Reference, Path, description = "Id or name"), Difference, Instant),
    responses((
        status = 200,
        description = "The operations; none when they are the same",
        content_type = "application/json-patch+json",
        body = Vec<PatchOperation>,
        example = json!([{"op": "replace", "path": "/metadata/rows", "value": 1281168}])
    ))
)]
#[get("/blocks/{block}/diff")]
pub async fn diff(
    db: web::Data<Db>,
    AsOf { caller, wanted }: AsOf<Difference>,
    block: web::Path<Reference>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::Metadata, None);
    let Difference { from, to } = &wanted;
    let versions = db
        .find(&caller, "Version", async |scope| {
            Ok(queries::pair(scope, &block, from, to).await?.try_into().ok())
        })
        .await?;
    Difference::patch(&versions)
}

pub fn configure(config: &mut impl Router) {
    config
        .service(list_versions)
        .service(append_version)
        .service(get_version)
        .service(activate_version)
        .service(withdraw_version)
        .service(restore_version)
        .service(diff);
}
