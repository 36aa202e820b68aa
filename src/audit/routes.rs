//! `GET /audit-logs`.

use actix_web::{HttpRequest, HttpResponse, get, web};
use chrono::{DateTime, Utc};
use utoipa::IntoParams;
use uuid::Uuid;

use super::{Action, AuditLog, queries};
use crate::api::page::{Cursor, Limit, Page};
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{FromParams, Params, Query};
use crate::api::router::Router;
use crate::api::time::Timestamp;
use crate::api::word::Word;
use crate::api::entity::Entity;
use crate::auth::caller::Caller;
use crate::db::Db;

/// Which rows of the audit trail.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditList {
    /// Who did it.
    pub user_id: Option<Uuid>,
    #[param(inline)]
    pub action_type: Option<Action>,
    #[param(inline)]
    pub entity_type: Option<Entity>,
    /// What it was done to, or what that is part of: with the id of a block also the rows of its
    /// versions.
    pub entity_id: Option<Uuid>,
    /// At this time or later.
    pub timestamp_after: Option<DateTime<Utc>>,
    /// Before this time.
    pub timestamp_before: Option<DateTime<Utc>>,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

impl FromParams for AuditList {
    fn from_params(params: &mut Params) -> Option<Self> {
        let user_id = params.optional("user_id");
        let action_type = params.optional("action_type");
        let entity_type = params.optional("entity_type");
        let entity_id = params.optional("entity_id");
        let timestamp_after = params.optional::<Timestamp>("timestamp_after");
        let timestamp_before = params.optional::<Timestamp>("timestamp_before");
        let page = PageOfLogs::from_params(params);
        let page = page?;
        Some(Self {
            user_id: user_id?,
            action_type: action_type?.map(|Word(action)| action),
            entity_type: entity_type?.map(|Word(entity)| entity),
            entity_id: entity_id?,
            timestamp_after: timestamp_after?.map(|Timestamp(time)| time),
            timestamp_before: timestamp_before?.map(|Timestamp(time)| time),
            limit: page.limit,
            cursor: page.cursor,
        })
    }
}

/// Which page of a history.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageOfLogs {
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

impl FromParams for PageOfLogs {
    fn from_params(params: &mut Params) -> Option<Self> {
        let limit = params.optional("limit");
        let cursor = params.cursor_by_time(ORDER);
        Some(Self {
            limit: limit?.unwrap_or_default(),
            cursor: cursor?,
        })
    }
}

const ORDER: &str = "-timestamp";

fn cursor(log: &AuditLog) -> Cursor {
    Cursor::at(ORDER, log.timestamp, log.log_id)
}

/// Who did what, newest first
///
/// Admins see the whole trail, everybody else what they did themselves.
#[utoipa::path(
    operation_id = "list_audit_logs",
    tag = "audit",
    params(AuditList),
    responses((status = 200, description = "A page of the audit trail", body = Page<AuditLog>)),
    security(("bearer" = []), ("api_key" = []))
)]
#[get("/audit-logs")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(wanted): Query<AuditList>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::AuditLog, None);
    let rows = db
        .run(&caller, async |scope| queries::list(scope, &wanted).await)
        .await?;
    Ok(Page::new(rows, wanted.limit, cursor).respond(&request))
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
    Ok(Page::new(rows, page.limit, cursor).respond(request))
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
) -> Result<Page<AuditLog>, Problem> {
    let caller = caller.reading(Entity::AuditLog, None);
    let rows = db
        .run(&caller, async |scope| {
            queries::activity(scope, user, page.cursor.as_ref(), page.limit).await
        })
        .await?;
    Ok(Page::new(rows, page.limit, cursor))
}

pub fn configure(config: &mut impl Router) {
    config.service(list);
}
