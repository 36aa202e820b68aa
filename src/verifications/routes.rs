//! `/verifications`: the queue of what is to be verified, and the reports.

use actix_web::{HttpRequest, HttpResponse, get, patch, web};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{Verification, VerificationReport, VerificationStatus, queries, version_routes};
use crate::resource::change::Change;
use crate::api::page::{Cursor, Limit, Page};
use crate::api::problem::Problem;
use crate::api::query::{FromParams, NoParams, Params, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::api::time::Timestamp;
use crate::api::word::Word;
use crate::api::entity::Entity;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::versions::Which;

/// In which order verifications are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Order {
    #[default]
    #[serde(rename = "-created_at")]
    Newest,
    #[serde(rename = "created_at")]
    Oldest,
}

impl Order {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "-created_at",
            Self::Oldest => "created_at",
        }
    }
}

/// Which page, in which order.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VerificationPage {
    /// `-created_at`, or `created_at` for the oldest first.
    #[param(value_type = Option<String>, default = "-created_at", example = "created_at")]
    pub sort: Order,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

impl VerificationPage {
    pub(super) fn of(&self, rows: Vec<Verification>) -> Page<Verification> {
        Page::new(rows, self.limit, |row| {
            Cursor::at(self.sort.as_str(), row.created_at, row.verification_id)
        })
    }
}

impl FromParams for VerificationPage {
    fn from_params(params: &mut Params) -> Option<Self> {
        let sort = params.optional::<Word<Order>>("sort");
        let limit = params.optional("limit");
        let in_order = sort.flatten().map(|Word(order)| order).unwrap_or_default();
        let cursor = params.cursor_by_time(in_order.as_str());
        sort?;
        Some(Self {
            sort: in_order,
            limit: limit?.unwrap_or_default(),
            cursor: cursor?,
        })
    }
}

/// Which verifications.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VerificationList {
    /// Also as `status`.
    #[param(inline)]
    pub verification_status: Option<VerificationStatus>,
    /// Of this edge: its id or its name.
    pub edge: Option<String>,
    /// Of this version of the edge: a number, `latest` or `active`.
    #[param(value_type = Option<String>, example = "latest")]
    pub version: Option<Which>,
    pub edge_version_id: Option<Uuid>,
    /// Reported by this user.
    pub verified_by: Option<Uuid>,
    /// Opened at this time or later.
    pub created_after: Option<DateTime<Utc>>,
    /// Opened before this time.
    pub created_before: Option<DateTime<Utc>>,
    #[param(ignore)]
    pub page: VerificationPage,
}

impl FromParams for VerificationList {
    fn from_params(params: &mut Params) -> Option<Self> {
        let status = params.optional("verification_status");
        let short = params.optional("status");
        if let (Some(Some(_)), Some(Some(_))) = (&status, &short) {
            params.fault("status", "Is given more than once.");
        }
        let edge = params.optional::<String>("edge");
        let version = params.optional::<Which>("version");
        if let (Some(None), Some(Some(_))) = (&edge, version) {
            params.fault("version", "Needs the edge.");
        }
        let edge_version_id = params.optional("edge_version_id");
        let verified_by = params.optional("verified_by");
        let created_after = params.optional::<Timestamp>("created_after");
        let created_before = params.optional::<Timestamp>("created_before");
        let page = VerificationPage::from_params(params);
        let status: Option<Word<_>> = status?;
        Some(Self {
            verification_status: status.or(short?).map(|Word(status)| status),
            edge: edge?,
            version: version?,
            edge_version_id: edge_version_id?,
            verified_by: verified_by?,
            created_after: created_after?.map(|Timestamp(time)| time),
            created_before: created_before?.map(|Timestamp(time)| time),
            page: page?,
        })
    }
}

/// List verifications
///
/// With `status=pending&sort=created_at` it is a queue: what is to be verified, the oldest first.
#[utoipa::path(
    operation_id = "list_verifications",
    tag = "verifications",
    params(VerificationList, VerificationPage),
    responses((status = 200, description = "A page of verifications, without their logs", body = Page<Verification>)),
    security(("bearer" = []), ("api_key" = []))
)]
#[get("/verifications")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(wanted): Query<VerificationList>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::Verification, None);
    let rows = db
        .run(&caller, async |scope| queries::list(scope, &wanted).await)
        .await?;
    Ok(wanted.page.of(rows).respond(&request))
}

/// Read a verification
#[utoipa::path(
    operation_id = "get_verification",
    tag = "verifications",
    params(("verification" = Uuid, Path, description = "Id")),
    responses((status = 200, description = "The verification, with its logs", body = Verification)),
    security(("bearer" = []), ("api_key" = []))
)]
#[get("/verifications/{verification}")]
pub async fn get(
    db: web::Data<Db>,
    caller: Caller,
    verification: web::Path<Uuid>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::Verification, Some(&verification.to_string()));
    let found = db
        .run(&caller, async |scope| {
            queries::get(scope, *verification).await
        })
        .await?
        .ok_or_else(|| Problem::not_found("Verification"))?;
    Ok(Reply::ok(&found)?.revision(found.updated_at))
}

/// Report a verification
///
/// `passed` or `failed`, once: what is reported does not change (409 `wrong_step`); open another
/// verification instead. Send an `Idempotency-Key` to repeat a report safely. While it is pending,
/// its logs can be written on their own.
#[utoipa::path(
    operation_id = "report_verification",
    tag = "verifications",
    params(("verification" = Uuid, Path, description = "Id")),
    request_body = VerificationReport,
    responses((status = 200, description = "The verification after the report", body = Verification)),
    security(("bearer" = []), ("api_key" = []))
)]
#[patch("/verifications/{verification}")]
pub async fn report(
    db: web::Data<Db>,
    verification: web::Path<Uuid>,
    Query(NoParams): Query<NoParams>,
    change: Change<VerificationReport>,
) -> Result<Reply, Problem> {
    change.make(&db, async |scope| {
        match queries::report(scope, *verification, &change.body, &change.if_match).await? {
            Some(reported) => Ok(Reply::ok(&reported)?.revision(reported.updated_at)),
            None => {
                let found = queries::revision(scope, *verification).await?;
                Err(change.if_match.refusal("Verification", found).into())
            }
        }
    })
    .await
}

pub fn configure(config: &mut impl Router) {
    config
        .service(list)
        .service(get)
        .service(report)
        .configure(version_routes::configure);
}
