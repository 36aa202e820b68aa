//! `/search/stores`.

use actix_web::{get, post, web};
use serde::de::IgnoredAny;

use super::super::queries;
use super::super::resolve::ForeignHit;
use super::store::Question;
use super::{SearchableStore, SearchableStores, StoreAnswer, StoreQuestion, Stores};
use crate::api::body::Body;
use crate::api::entity::Entity;
use crate::api::path::Reference;
use crate::api::problem::{Fault, Problem};
use crate::api::query::{NoParams, Query};
use crate::api::raw_json::RawJson;
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::vectors::store_filter::{StoreFilter, WrittenOut};

/// List the vector stores that can be searched
///
/// Those that the configuration of the service names (`VECTOR_STORES`), without their addresses.
#[utoipa::path(
    operation_id = "list_search_stores",
    responses((status = 200, description = "The stores", body = SearchableStores))
)]
#[get("/search/stores")]
pub async fn list(
    db: web::Data<Db>,
    stores: web::Data<Stores>,
    caller: Caller,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::Vector, None);
    // It reads nothing, but that the caller is somebody.
    db.run(&caller, async |scope| queries::named(scope, None).await).await?;
    let items = stores.stores.iter().map(|store| SearchableStore {
        name: store.settings.name.clone(),
        kind: store.settings.kind,
        vector_db: store.settings.vector_db.clone(),
        scores: store.settings.scores,
    });
    Reply::ok(&SearchableStores { items: items.collect() })
}

/// Search a vector store
///
/// Asks it for what is nearest to a vector, and tells which blocks and edges are behind that, as
/// `POST /search/resolve` does. Leaves nothing behind. 422 `store_rejected` when the store does not take
/// the question, 503 `store_unavailable` while it cannot be reached or is left alone because it failed.
#[utoipa::path(
    operation_id = "search_store",
    params(("store" = Reference, Path, description = "The name of a store")),
    request_body = StoreQuestion,
    responses(
        (status = 200, description = "What is found", body = StoreAnswer),
        (status = 502, description = "`store_failed`: the store gives no answer that can be used", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "`store_timeout`: the store does not answer in time", body = Problem, content_type = "application/problem+json")
    )
)]
#[post("/search/stores/{store}")]
pub async fn search(
    db: web::Data<Db>,
    stores: web::Data<Stores>,
    caller: Caller,
    store: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    Body(asked): Body<StoreQuestion>,
) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::Vector, None);
    let taxonomy = asked.taxonomy.as_ref();
    // The connection is given back before the store is asked, and the caller is somebody.
    let named = db.run(&caller, async |scope| queries::named(scope, taxonomy).await).await?;
    let store = stores.find(store.as_str())?;
    if !named.unknown.is_empty() {
        let detail = "Names no category that is there.".to_owned();
        let fault = |pointer| Fault { pointer, detail: detail.clone() };
        return Err(Problem::faults(named.unknown.into_iter().map(fault).collect()));
    }
    let written: Option<WrittenOut> = named.written.as_ref().map(RawJson::read).transpose()?;
    let filter = StoreFilter::of(store.settings.kind, written.as_ref()).filter;
    let question = Question { vector: &asked.vector, limit: asked.limit, filter };
    let found = stores.ask(store, &question).await?;
    let all = found.len();
    let hits: Vec<ForeignHit> = found
        .into_iter()
        .filter_map(|found| ForeignHit::of(&store.settings.vector_db, found.key, found.score))
        .collect();
    let filter = named.filter.as_ref();
    let resolved =
        db.run(&caller, async |scope| queries::resolve(scope, &hits, filter).await).await?;
    let count = |part: &RawJson| part.read::<Vec<IgnoredAny>>().map(|items| items.len());
    let no_keys = all - hits.len();
    let counts =
        [count(&resolved.hits)?, count(&resolved.refused)?, count(&resolved.unknown)? + no_keys];
    stores.metrics.found(&store.settings.name, counts);
    Reply::ok(&StoreAnswer {
        store: store.settings.name.clone(),
        scores: store.settings.scores,
        hits: resolved.hits,
        refused: resolved.refused,
    })
}

pub fn configure(config: &mut impl Router) {
    config.service(list).service(search);
}
