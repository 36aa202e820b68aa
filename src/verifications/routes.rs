//! `/verifications`: the queue of what waits for a verdict, and the reports.

use actix_web::{HttpRequest, HttpResponse, get, patch, web};

use super::{Verification, VerificationList, VerificationPage, VerificationReport, queries};
use crate::api::entity::Entity;
use crate::api::id::Id;
use crate::api::page::Page;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::change::Change;

/// List verifications
///
/// With `status=pending&sort=created_at` it is a queue: what waits for a verdict, the oldest first.
#[utoipa::path(
    operation_id = "list_verifications",
    params(VerificationList, VerificationPage),
    responses((status = 200, description = "A page of verifications, without their logs", body = Page<Verification>))
)]
#[get("/verifications")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(wanted): Query<VerificationList>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::Verification, None);
    let rows = db.run(&caller, async |scope| queries::list(scope, &wanted).await).await?;
    Ok(wanted.page.of(rows).respond(&request))
}

/// Read a verification
///
/// Who opened it, who reported what, and the logs.
#[utoipa::path(
    operation_id = "get_verification",
    params(("verification" = Uuid, Path, description = "Id")),
    responses((status = 200, description = "The verification, with its logs", body = Verification))
)]
#[get("/verifications/{verification}")]
pub async fn get(
    db: web::Data<Db>,
    caller: Caller,
    verification: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::Verification, Some(&verification.to_string()));
    let found = db
        .find(&caller, "Verification", async |scope| queries::get(scope, **verification).await)
        .await?;
    Ok(Reply::ok(&found)?.compound_revision(found.updated_at))
}

/// Report a verification
///
/// `passed` or `failed`, once: what is reported does not change (409 `wrong_step`); open another
/// verification instead. Send an `Idempotency-Key` to repeat a report safely. While it is pending,
/// its logs can be written on their own.
#[utoipa::path(
    operation_id = "report_verification",
    params(("verification" = Uuid, Path, description = "Id")),
    request_body = VerificationReport,
    responses((status = 200, description = "The verification after the report", body = Verification))
)]
#[patch("/verifications/{verification}")]
pub async fn report(
    db: web::Data<Db>,
    verification: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<VerificationReport>,
) -> Result<Reply, Problem> {
    change
        .make(&db, async |scope| {
            match queries::report(scope, **verification, &change.body, &change.if_match).await? {
                Some(reported) => Ok(Reply::ok(&reported)?.compound_revision(reported.updated_at)),
                None => {
                    let found = queries::revision(scope, **verification).await?;
                    Err(change.if_match.refusal("Verification", found).into())
                }
            }
        })
        .await
}

pub fn configure(config: &mut impl Router) {
    config.service(list).service(get).service(report);
}
