//! `GET /audit-logs`.

use actix_web::{HttpRequest, HttpResponse, get, web};

use super::{AuditList, AuditLog, PageOfLogs, Trail, queries};
use crate::api::entity::Entity;
use crate::api::page::Rows;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::Query;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::table;

/// Says of a page whether it leaves out what others did. (Its rows say it, if it has any.)
async fn told(db: &Db, caller: &Caller, rows: Rows<AuditLog>) -> Result<Trail, Problem> {
    let partial =
        rows.is_empty() && db.run(caller, async |scope| queries::is_partial(scope).await).await?;
    Ok(Trail::new(rows, partial))
}

/// Who did what, newest first
///
/// Admins see the whole trail, everybody else what they did themselves (`partial`).
#[utoipa::path(
    operation_id = "list_audit_logs",
    params(AuditList),
    responses((status = 200, description = "A page of the audit trail", body = Trail))
)]
#[get("/audit-logs")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(wanted): Query<AuditList>,
) -> Result<HttpResponse, Problem> {
    table::list_with(&request, &db, caller.clone(), wanted, queries::list, async |rows, _| {
        Ok(told(&db, &caller, rows).await?.respond(&request))
    })
    .await
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
    let reading = caller.clone().reading(Entity::AuditLog, None);
    let rows = db
        .run(&reading, async |scope| {
            queries::history(scope, kind, thing, page.cursor.as_ref(), page.limit).await
        })
        .await?;
    Ok(told(db, &caller, rows).await?.respond(request))
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
) -> Result<Trail, Problem> {
    let caller = caller.reading(Entity::AuditLog, None);
    let rows = db
        .run(&caller, async |scope| {
            queries::activity(scope, user, page.cursor.as_ref(), page.limit).await
        })
        .await?;
    Ok(Trail::new(rows, false))
}

pub fn configure(config: &mut impl Router) {
    config.service(list);
}
