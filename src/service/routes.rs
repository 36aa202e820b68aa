//! `/`, `/health/…`.

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::drain::Drain;
use super::metrics_route;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::router::Router;
use crate::db::Db;
use crate::perimeter;

/// The greeting, and where to go from it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Greeting {
    #[schema(example = "Welcome to the Hybrid Model Application API!")]
    message: &'static str,
    /// The interactive documentation.
    docs: String,
    /// The OpenAPI document.
    openapi: String,
    health: String,
    version: &'static str,
}

/// Greet
///
/// Names the service and its version, and says where its documentation, this document and its
/// health are. Needs no identity.
#[utoipa::path(
    operation_id = "greet",
    responses((status = 200, description = "A greeting and links", body = Greeting))
)]
#[get("/")]
pub async fn greet(request: HttpRequest, Query(NoParams): Query<NoParams>) -> HttpResponse {
    let below = |path: &str| format!("{}{path}", perimeter::prefix(&request));
    HttpResponse::Ok().json(Greeting {
        message: "Welcome to the Hybrid Model Application API!",
        docs: below("/docs"),
        openapi: below("/openapi.json"),
        health: below("/health/ready"),
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the process lives
///
/// Answers as long as the process does, whatever the database does: who restarts processes asks
/// this. Needs no identity and is never counted.
#[utoipa::path(
    operation_id = "get_liveness",
    responses((status = 200, description = "It does", body = Health))
)]
#[get("/health/live")]
pub async fn live(Query(NoParams): Query<NoParams>) -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok" })
}

/// Whether requests can be served
///
/// 503 while the database does not answer, or while this instance is about to end: who sends
/// requests to instances asks this. Needs no identity and is never counted.
#[utoipa::path(
    operation_id = "get_readiness",
    responses((status = 200, description = "The database answers, and the service is not about to end", body = Health))
)]
#[get("/health/ready")]
pub async fn ready(
    db: web::Data<Db>,
    drain: web::Data<Drain>,
    Query(NoParams): Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    if drain.is_announced() {
        return Err(Problem::stopping());
    }
    db.ready().await?;
    Ok(HttpResponse::Ok().json(Health { status: "ok" }))
}

pub fn configure(config: &mut impl Router) {
    config.service(greet).service(live).service(ready).service(metrics_route::metrics);
}
