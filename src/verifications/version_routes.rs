//! `/edges/{edge}/versions/{version}/verifications`, and what they come to.

use actix_web::{HttpRequest, HttpResponse, get, post, web};

use super::{
    NewVerification, Verification, VerificationList, VerificationPage, VersionStatus, queries,
};
use crate::api::entity::Entity;
use crate::api::page::Page;
use crate::api::path::{self, Reference};
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::as_of::{AsOf, Instant};
use crate::resource::change::Change;
use crate::versions::{VersionReference, Which};

fn no_version() -> Problem {
    Problem::not_found("Version")
}

/// Verify an edge version
///
/// Opens a verification that is reported later (`pending`), or reports one at once (`passed`,
/// `failed`). Where an independent verifier is required, the author of the version cannot pass it
/// (403 `own_version`).
#[utoipa::path(
    operation_id = "create_verification",
    params(
        ("edge" = Reference, Path, description = "Id or name"),
        ("version" = VersionReference, Path, description = "Its number, `latest`, `active` or an alias")
    ),
    request_body = Option<NewVerification>,
    responses((status = 201, description = "Opened, or reported", body = Verification))
)]
#[post("/edges/{edge}/versions/{version}/verifications")]
pub async fn create(
    db: web::Data<Db>,
    path: web::Path<(Reference, Which)>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewVerification>,
) -> Result<Reply, Problem> {
    let (edge, which) = path.into_inner();
    change
        .make(&db, async |scope| {
            let made = queries::create(scope, &edge, &which, &change.body)
                .await?
                .ok_or_else(no_version)?;
            let location = path::of(&[&"verifications", &made.verification_id]);
            Ok(Reply::created(location, &made)?.compound_revision(made.updated_at))
        })
        .await
}

/// List the verifications of an edge version
///
/// Every check of this version, reported or pending, without its logs. Of those that are reported
/// the newest counts.
#[utoipa::path(
    operation_id = "list_edge_version_verifications",
    params(
        ("edge" = Reference, Path, description = "Id or name"),
        ("version" = VersionReference, Path, description = "Its number, `latest`, `active` or an alias"),
        VerificationPage
    ),
    responses((status = 200, description = "A page of verifications, without their logs", body = Page<Verification>))
)]
#[get("/edges/{edge}/versions/{version}/verifications")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    path: web::Path<(Reference, Which)>,
    Query(page): Query<VerificationPage>,
) -> Result<HttpResponse, Problem> {
    let (edge, which) = path.into_inner();
    let caller = caller.reading(Entity::Verification, None);
    let wanted = VerificationList {
        edge: Some(edge.clone()),
        version: Some(which.clone()),
        page,
        ..VerificationList::default()
    };
    let rows = db
        .run(&caller, async |scope| {
            let rows = queries::list(scope, &wanted).await?;
            // None, or none of a version that is not there?
            if rows.is_empty() && queries::status(scope, &edge, &which).await?.is_none() {
                return Err(no_version().into());
            }
            Ok(rows)
        })
        .await?;
    Ok(wanted.page.of(rows).respond(&request))
}

/// Whether pipelines may run on an edge version, and why
///
/// The newest report counts: a later `failed` revokes an earlier `passed`, a verification that is
/// pending beside a report changes nothing.
#[utoipa::path(
    operation_id = "get_edge_version_status",
    params(
        ("edge" = Reference, Path, description = "Id or name"),
        ("version" = VersionReference, Path, description = "Its number, `latest`, `active` or an alias"), Instant),
    responses((status = 200, description = "What the verifications come to", body = VersionStatus))
)]
#[get("/edges/{edge}/versions/{version}/status")]
pub async fn status(
    db: web::Data<Db>,
    AsOf { caller, .. }: AsOf<NoParams>,
    path: web::Path<(Reference, Which)>,
) -> Result<Reply, Problem> {
    let (edge, which) = path.into_inner();
    let caller = caller.reading(Entity::Verification, None);
    let status = db
        .run(&caller, async |scope| queries::status(scope, &edge, &which).await)
        .await?
        .ok_or_else(no_version)?;
    Ok(Reply::ok(&status)?.compound_revision(status.created_at))
}

pub fn configure(config: &mut impl Router) {
    config.service(create).service(list).service(status);
}
