//! `/search` and `/search/resolve`.

use actix_web::{get, post, web};

use super::resolve::{ForeignHits, Resolved};
use super::{Search, SearchAnswer, SearchRequest, queries, stores};
use crate::api::body::Body;
use crate::api::entity::Entity;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::filter::Conditions;

async fn answer(db: &Db, caller: Caller, request: &SearchRequest) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::Metadata, None);
    Reply::ok(&db.run(&caller, async |scope| queries::search(scope, request).await).await?)
}

/// Search blocks, edges and pipelines
///
/// By words, by what they are to be, or both; without words, the newest first. When nothing has the
/// words, those most like them are looked for, and the answer says so.
#[utoipa::path(
    operation_id = "search",
    params(Search, Conditions),
    responses((status = 200, description = "What is found", body = SearchAnswer))
)]
#[get("/search")]
pub async fn search(
    db: web::Data<Db>,
    caller: Caller,
    Query(search): Query<Search>,
) -> Result<Reply, Problem> {
    answer(&db, caller, &search.into()).await
}

/// Search by words, a filter, a vector, or several of these
///
/// As `GET /search`, with the filter as JSON and a vector, by which blocks and edges are found that have
/// embeddings of the same model. Leaves nothing behind.
#[utoipa::path(
    operation_id = "search_by",
    request_body = SearchRequest,
    responses((status = 200, description = "What is found", body = SearchAnswer))
)]
#[post("/search")]
pub async fn search_by(
    db: web::Data<Db>,
    caller: Caller,
    Query(NoParams): Query<NoParams>,
    Body(request): Body<SearchRequest>,
) -> Result<Reply, Problem> {
    answer(&db, caller, &request).await
}

/// Tell which blocks and edges a vector store has found
///
/// By `vector_db` and `vector_key` of their vector representations, as you may see them, with their
/// versions. The store is not asked for anything. Leaves nothing behind.
#[utoipa::path(
    operation_id = "resolve_hits",
    request_body = ForeignHits,
    responses((status = 200, description = "What is behind them", body = Resolved))
)]
#[post("/search/resolve")]
pub async fn resolve(
    db: web::Data<Db>,
    caller: Caller,
    Query(NoParams): Query<NoParams>,
    Body(hits): Body<ForeignHits>,
) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::Vector, None);
    Reply::ok(
        &db.run(&caller, async |scope| queries::resolve(scope, &hits.hits, None).await).await?,
    )
}

pub fn configure(config: &mut impl Router) {
    config.service(search).service(search_by).service(resolve);
    stores::routes::configure(config);
}
