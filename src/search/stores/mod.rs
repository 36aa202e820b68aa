//! The vector stores that searches may ask, over HTTP: what they find is told as ids of theirs, which
//! [`super::resolve`] turns into blocks and edges.

mod chroma;
mod metrics;
mod pinecone;
mod qdrant;
pub mod routes;
mod store;
mod weaviate;

use std::time::{Duration, Instant};

use prometheus::core::Collector;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::api::fields::{Fields, FromFields, Patch};
use crate::api::problem::Problem;
use crate::api::raw_json::RawJson;
use crate::config::{Config, Scores, StoreKind, VectorStore};
use crate::filter::TaxonomyFilter;
use crate::telemetry;
use metrics::StoreMetrics;
use store::{Found, Question, Store, Trouble};

const MOST_HITS: i32 = 100;
const USUAL_HITS: i32 = 10;
const MOST_DIMENSIONS: usize = 20_000;

/// The stores of a service. The application holds them, as `web::Data<Stores>`.
pub struct Stores {
    stores: Vec<Store>,
    metrics: StoreMetrics,
}

impl Stores {
    /// Those that the configuration names.
    ///
    /// # Errors
    /// When it makes no client.
    pub fn new(config: &Config) -> Result<Self, String> {
        let described = config.vector_stores().map_err(|faults| faults.to_string())?;
        let metrics = StoreMetrics::new().map_err(|error| error.to_string())?;
        for store in &described {
            metrics.begin(&store.name);
            let VectorStore { name, kind, vector_db, .. } = store;
            tracing::info!(name, ?kind, vector_db, "a vector store may be searched");
        }
        let stores = described.into_iter().map(Store::new).collect::<Result<_, _>>()?;
        Ok(Self { stores, metrics })
    }

    /// What is counted here.
    pub fn collectors(&self) -> Vec<Box<dyn Collector>> {
        self.metrics.collectors()
    }

    fn find(&self, name: &str) -> Result<&Store, Problem> {
        let found = self.stores.iter().find(|store| store.settings.name == name);
        found.ok_or_else(|| Problem::not_found("Vector store"))
    }

    /// The nearest that a store has, best first.
    ///
    /// # Errors
    /// 422 `store_rejected`, 502 `store_failed`, 503 `store_unavailable`, 504 `store_timeout`.
    async fn ask(&self, store: &Store, question: &Question<'_>) -> Result<Vec<Found>, Problem> {
        let name = &store.settings.name;
        if store.breaker.allows().is_err() {
            self.metrics.asked(name, "skipped", None);
            return Err(Problem::store_unavailable(&format!(
                "The vector store {name} did not answer as it should a moment ago, and is left alone for a while."
            )));
        }
        let begun = Instant::now();
        let asked = telemetry::asking("vector store", nearest(store, question)).await;
        // That it does not take a question says nothing of how it is.
        let is_well = matches!(asked, Ok(_) | Err(Trouble::Rejected(_)));
        if is_well {
            store.breaker.succeeded();
        } else {
            store.breaker.failed("down");
        }
        self.metrics.is_left_alone(name, !is_well);
        let outcome = asked.as_ref().map_or_else(Trouble::outcome, |_| "answered");
        self.metrics.asked(name, outcome, Some(begun.elapsed()));
        asked.map_err(|trouble| {
            tracing::warn!(store = name, %trouble, "a vector store was not searched");
            trouble.problem(name)
        })
    }
}

/// The nearest that a store has, best first, within its time.
async fn nearest(store: &Store, question: &Question<'_>) -> Result<Vec<Found>, Trouble> {
    let work = async {
        match store.settings.kind {
            StoreKind::Chroma => chroma::nearest(store, question).await,
            StoreKind::Qdrant => qdrant::nearest(store, question).await,
            StoreKind::Pinecone => pinecone::nearest(store, question).await,
            StoreKind::Weaviate => weaviate::nearest(store, question).await,
        }
    };
    // All requests together.
    let time = Duration::from_secs(store.settings.timeout_seconds.into());
    let mut found = timeout(time, work).await.map_err(|_| Trouble::TimedOut)??;
    found.truncate(usize::try_from(question.limit).unwrap_or_default());
    Ok(found)
}

/// A store that searches may ask.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchableStore {
    #[schema(example = "docs")]
    name: String,
    kind: StoreKind,
    /// What representations have as their `vector_db` whose vectors are there.
    #[schema(example = "Qdrant")]
    vector_db: String,
    scores: Scores,
}

/// The stores that searches may ask.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchableStores {
    items: Vec<SearchableStore>,
}

/// What is asked of a vector store.
#[derive(Debug, ToSchema)]
#[schema(example = json!({ "vector": [0.12, -0.5, 0.33], "taxonomy": {"any": ["vision"], "recursive": true}, "limit": 10 }))]
pub struct StoreQuestion {
    /// As many numbers as the vectors of the store have.
    #[schema(min_items = 1, max_items = 20000)]
    vector: Vec<f32>,
    /// In which categories a block is to be. The store is asked for the ids of categories in the field
    /// `categories` of its vectors (`GET …/filter` of a representation says how), and what it finds is
    /// judged here as well.
    #[schema(value_type = Option<TaxonomyFilter>)]
    taxonomy: Option<TaxonomyFilter>,
    /// How many hits the store is asked for; 10 when missing.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 100)]
    limit: i32,
}

impl FromFields for StoreQuestion {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let vector = fields.required::<Vec<f32>>("vector");
        let taxonomy = TaxonomyFilter::patched(fields, "taxonomy");
        let limit = fields.optional::<i32>("limit");
        if vector.as_ref().is_some_and(|vector| !(1..=MOST_DIMENSIONS).contains(&vector.len())) {
            fields.fault("vector", "Must have 1 to 20,000 numbers.");
            return None;
        }
        let limit = limit?.unwrap_or(USUAL_HITS);
        if !(1..=MOST_HITS).contains(&limit) {
            fields.fault("limit", "Must be from 1 to 100.");
            return None;
        }
        let taxonomy = match taxonomy? {
            Patch::Set(filter) => Some(filter),
            Patch::Keep | Patch::Clear => None,
        };
        Some(Self { vector: vector?, taxonomy, limit })
    }
}

/// What a store has found, best first: of its hits those behind which there is something that you may
/// see. What is not known here is only counted, in the metrics.
#[derive(Debug, Serialize, ToSchema)]
pub struct StoreAnswer {
    /// The name of the store.
    #[schema(example = "docs")]
    store: String,
    /// What the scores are.
    scores: Scores,
    #[schema(value_type = Vec<super::resolve::ResolvedHit>)]
    hits: RawJson,
    /// Those that their own `taxonomy_filter`, or the one that was asked for, does not let be found.
    #[schema(value_type = Vec<super::resolve::ResolvedHit>)]
    refused: RawJson,
}
