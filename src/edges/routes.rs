//! `/edges` and everything below it.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use utoipa::IntoParams;

use super::{Edge, EdgeList, EdgePart, EdgePatch, NewEdge, queries};
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

/// How one edge is shown.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct EdgeShown {
    /// `versions`, `verifications`, `aliases`, `used_by`, or several with commas between.
    #[param(value_type = Option<String>, pattern = r"^ *(versions|verifications|aliases|used_by) *(, *(versions|verifications|aliases|used_by) *)*$", example = "versions,aliases")]
    #[read(default)]
    pub include: Words<EdgePart>,
}

/// Register an edge
///
/// The edge gets version 1, with the metadata that is sent. Pipelines run on it once that version
/// is verified.
#[utoipa::path(
    operation_id = "create_edge",
    request_body = NewEdge,
    responses((status = 201, description = "Registered", body = Edge))
)]
#[post("/edges")]
pub async fn create(
    db: web::Data<Db>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewEdge>,
) -> Result<Reply, Problem> {
    verbs::create(&db, &change, async |scope| queries::create(scope, &change.body).await).await
}

/// List edges
///
/// Newest first, unless `sort` says otherwise. Filters combine: an edge is listed when it passes
/// all of them. Archived edges are listed with `archived=true` only.
#[utoipa::path(
    operation_id = "list_edges",
    params(EdgeList, Conditions, Filter, Position, Instant),
    responses((status = 200, description = "A page of edges", body = Page<Edge>))
)]
#[get("/edges")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted }: AsOf<EdgeList>,
) -> Result<HttpResponse, Problem> {
    table::list(&request, &db, caller, wanted, queries::list).await
}

/// Read an edge
///
/// The edge as it is in use now: what its active version says. `include` adds its newest versions,
/// and the verifications of the active one with what they come to.
#[utoipa::path(
    operation_id = "get_edge",
    params(("edge" = Reference, Path, description = "Id or name"), EdgeShown, Instant),
    responses((status = 200, description = "The edge as it is in use now", body = Edge))
)]
#[get("/edges/{edge}")]
pub async fn get(
    db: web::Data<Db>,
    AsOf { caller, wanted: shown }: AsOf<EdgeShown>,
    edge: web::Path<Reference>,
) -> Result<Reply, Problem> {
    let found = verbs::find(&db, caller, edge.as_str(), async |scope| {
        queries::get(scope, &edge, &shown.include).await
    })
    .await?;
    if shown.include.is_empty() {
        return verbs::shown(&found);
    }
    Ok(Reply::ok(&found)?.compound_revision(found.updated_at))
}

/// Change an edge
///
/// Whatever changes, a new version is appended and becomes the active one; when changes are
/// `reviewed`, it is a candidate, and the edge stays as it is until somebody else activates that. A
/// change that changes nothing appends nothing.
#[utoipa::path(
    operation_id = "update_edge",
    params(("edge" = Reference, Path, description = "Id or name")),
    request_body = EdgePatch,
    responses((status = 200, description = "The edge after the change", body = Edge))
)]
#[patch("/edges/{edge}")]
pub async fn update(
    db: web::Data<Db>,
    edge: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<EdgePatch>,
) -> Result<Reply, Problem> {
    change
        .make(&db, async |scope| {
            match queries::update(scope, &edge, &change.body, &change.if_match).await? {
                Some(mut edge) => {
                    if edge.activation == Activation::Reviewed {
                        let (id, revision) = (edge.edge_id, edge.updated_at);
                        let candidate =
                            queries::candidate(scope, id, revision, &change.body).await?;
                        edge.candidate = candidate.as_ref().map(RawJson::of).transpose()?;
                    }
                    Ok(verbs::shown(&edge)?)
                }
                None => {
                    let found = queries::revision(scope, &edge).await?;
                    Err(verbs::why::<Edge>(found, &change.if_match, Reach::Live))
                }
            }
        })
        .await
}

/// Archive an edge
///
/// It leaves every list and read and its name is free again; its history stays. Refused while a
/// pipeline or something that depends on it uses it.
#[utoipa::path(
    operation_id = "archive_edge",
    params(("edge" = Reference, Path, description = "Id or name; of an archived edge its id"), Removal),
    responses((status = 204, description = "Archived, or purged"))
)]
#[delete("/edges/{edge}")]
pub async fn archive(
    db: web::Data<Db>,
    edge: web::Path<Reference>,
    Query(removal): Query<Removal>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    verbs::write::<Edge>(
        &db,
        &change,
        removal.reach(),
        async |scope| {
            if removal.purge {
                queries::purge(scope, &edge, &change.if_match).await
            } else {
                queries::archive(scope, &edge, &change.if_match).await
            }
        },
        async |scope| queries::revision(scope, &edge).await,
    )
    .await
}

/// Restore an archived edge
///
/// Refused with 409 `missing` while something that it depends on, or a category that one of its
/// taxonomy filters names, is archived.
#[utoipa::path(
    operation_id = "restore_edge",
    params(("edge" = Reference, Path, description = "Id; the name may be another's by now")),
    responses((status = 200, description = "The edge, back again", body = Edge))
)]
#[post("/edges/{edge}/restore")]
pub async fn restore(
    db: web::Data<Db>,
    edge: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    verbs::restore(
        &db,
        &change,
        async |scope| queries::restore(scope, &edge, &change.if_match).await,
        async |scope| queries::revision(scope, &edge).await,
    )
    .await
}

/// Who did what to an edge and its parts, newest first
///
/// Admins see every row, everybody else what they did themselves.
#[utoipa::path(
    operation_id = "list_edge_history",
    params(("edge" = Reference, Path, description = "Id or name; of an archived or purged edge its id"), PageOfLogs),
    responses((status = 200, description = "A page of the audit trail", body = Trail))
)]
#[get("/edges/{edge}/history")]
pub async fn history(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    edge: web::Path<Reference>,
    Query(page): Query<PageOfLogs>,
) -> Result<HttpResponse, Problem> {
    audit_history(&request, &db, caller, "edge", &edge, &page).await
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
