//! `GET /audit-logs`.

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde_json::value::RawValue;

use super::{AuditList, AuditLog, ORDER, PageOfLogs, queries};
use crate::api::entity::Entity;
use crate::api::page::{Cursor, Page};
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::Query;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;

fn cursor(log: &AuditLog) -> Cursor {
    Cursor::at(ORDER, log.timestamp, log.log_id)
}

/// Who did what, newest first
///
/// Admins see the whole trail, everybody else what they did themselves.
#[utoipa::path(
    operation_id = "list_audit_logs",
    params(AuditList),
    responses((status = 200, description = "A page of the audit trail", body = Page<AuditLog>))
)]
#[get("/audit-logs")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(wanted): Query<AuditList>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::AuditLog, None);
    let rows = db.run(&caller, async |scope| queries::list(scope, &wanted).await).await?;
    Ok(Page::new(rows, cursor).respond(&request))
}

/// The history of one thing and its parts: for the routes of its resource.
///
/// # Errors
/// Those of the database.
pub async fn history(
    request: &HttpRequest,
    db: &Db,
    caller: Caller,
    kind: &str,
    thing: &Reference,
    page: &PageOfLogs,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::AuditLog, None);
    let rows = db
        .run(&caller, async |scope| {
            queries::history(scope, kind, thing, page.cursor.as_ref(), page.limit).await
        })
        .await?;
    Ok(Page::new(rows, cursor).respond(request))
}

/// What one user did: for the routes of users.
///
/// # Errors
/// Those of the database.
pub async fn activity(
    db: &Db,
    caller: Caller,
    user: &Reference,
    page: &PageOfLogs,
) -> Result<Page<Box<RawValue>>, Problem> {
    let caller = caller.reading(Entity::AuditLog, None);
    let rows = db
        .run(&caller, async |scope| {
            queries::activity(scope, user, page.cursor.as_ref(), page.limit).await
        })
        .await?;
    Ok(Page::new(rows, cursor))
}

pub fn configure(config: &mut impl Router) {
    config.service(list);
}
