//! The vector stores that searches may ask, over HTTP: what they find is told as ids of theirs, which
//! [`super::resolve`] turns into blocks and edges.

mod chroma;
mod metrics;
mod pinecone;
mod qdrant;
mod routes;
mod weaviate;

use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use prometheus::core::Collector;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::api::fields::{Fields, FromFields, Patch};
use crate::api::path;
use crate::api::problem::Problem;
use crate::api::raw_json::RawJson;
use crate::config::{Config, Scores, StoreKind, VectorStore};
use crate::db::back_off::BackOff;
use crate::filter::TaxonomyFilter;
use crate::outbound::{NoBody, body, http_client, innermost, secret_header};
use crate::telemetry;
use metrics::StoreMetrics;

pub use routes::configure;

/// Of 100 hits with ids of 1,000 characters there is a tenth of it.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;
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
        let asked = telemetry::asking("vector store", store.nearest(question)).await;
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

/// What is asked of a store.
struct Question<'a> {
    vector: &'a [f32],
    limit: i32,
    /// In the words of the store.
    filter: Option<Value>,
}

/// What a store has found.
struct Found {
    key: String,
    score: f64,
}

/// Why there are no hits. Never what the store says: there may be a key in it.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("cannot be reached ({0})")]
    NotReached(String),
    #[error("has too much to do (429)")]
    Busy,
    #[error("does not answer in time")]
    TimedOut,
    #[error("refuses the service ({0})")]
    Refused(StatusCode),
    #[error("does not take the question ({0})")]
    Rejected(StatusCode),
    #[error("gives no answer that can be used ({0})")]
    Failed(String),
}

impl Trouble {
    fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::TimedOut
        } else if error.is_connect() {
            Self::NotReached(innermost(error))
        } else {
            Self::Failed(innermost(error))
        }
    }

    /// The word in the metrics.
    fn outcome(&self) -> &'static str {
        match self {
            Self::NotReached(_) => "not_reached",
            Self::Busy => "busy",
            Self::TimedOut => "timed_out",
            Self::Refused(_) => "refused",
            Self::Rejected(_) => "rejected",
            Self::Failed(_) => "failed",
        }
    }

    fn problem(&self, name: &str) -> Problem {
        match self {
            Self::NotReached(_) => {
                Problem::store_unavailable(&format!("The vector store {name} cannot be reached."))
            }
            Self::Busy => {
                Problem::store_unavailable(&format!("The vector store {name} has too much to do."))
            }
            Self::TimedOut => Problem::new(
                StatusCode::GATEWAY_TIMEOUT,
                "store_timeout",
                format!("The vector store {name} did not answer in time."),
            ),
            Self::Rejected(status) => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "store_rejected",
                format!(
                    "The vector store {name} does not take the question ({status}): perhaps its vectors have another length, or not the fields that the filter asks for."
                ),
            ),
            Self::Refused(_) => Problem::new(
                StatusCode::BAD_GATEWAY,
                "store_failed",
                format!("The vector store {name} does not take the credentials of this service."),
            ),
            Self::Failed(_) => Problem::new(
                StatusCode::BAD_GATEWAY,
                "store_failed",
                format!("The vector store {name} gives no answer that can be used."),
            ),
        }
    }
}

struct Store {
    settings: VectorStore,
    http: reqwest::Client,
    breaker: BackOff,
}

impl Store {
    fn new(settings: VectorStore) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        if settings.kind == StoreKind::Pinecone {
            headers.insert(pinecone::VERSION.0, pinecone::VERSION.1);
        }
        if let Some(key) = &settings.key {
            let (header, scheme) = match settings.kind {
                StoreKind::Chroma => ("x-chroma-token", ""),
                StoreKind::Qdrant | StoreKind::Pinecone => ("api-key", ""),
                StoreKind::Weaviate => ("authorization", "Bearer "),
            };
            let value = secret_header("VECTOR_STORES", &format!("{scheme}{}", &**key))?;
            headers.insert(header, value);
        }
        let http = http_client(headers, Duration::from_secs(settings.timeout_seconds.into()))?;
        Ok(Self { settings, http, breaker: BackOff::default() })
    }

    async fn nearest(&self, question: &Question<'_>) -> Result<Vec<Found>, Trouble> {
        let work = async {
            match self.settings.kind {
                StoreKind::Chroma => chroma::nearest(self, question).await,
                StoreKind::Qdrant => qdrant::nearest(self, question).await,
                StoreKind::Pinecone => pinecone::nearest(self, question).await,
                StoreKind::Weaviate => weaviate::nearest(self, question).await,
            }
        };
        // All requests together.
        let time = Duration::from_secs(self.settings.timeout_seconds.into());
        let mut found = timeout(time, work).await.map_err(|_| Trouble::TimedOut)??;
        found.truncate(usize::try_from(question.limit).unwrap_or_default());
        Ok(found)
    }

    async fn read(&self, segments: &[&dyn std::fmt::Display]) -> Result<Value, Trouble> {
        answer(self.request(Method::GET, segments)).await
    }

    async fn post(
        &self,
        segments: &[&dyn std::fmt::Display],
        body: &Value,
    ) -> Result<Value, Trouble> {
        answer(self.request(Method::POST, segments).json(body)).await
    }

    fn request(&self, method: Method, segments: &[&dyn std::fmt::Display]) -> RequestBuilder {
        self.http.request(method, format!("{}{}", self.settings.url, path::of(segments)))
    }
}

async fn answer(request: RequestBuilder) -> Result<Value, Trouble> {
    let response = request.send().await.map_err(|error| Trouble::of(&error))?;
    let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or_default();
    match status.as_u16() {
        200..=299 => {}
        400 | 422 => return Err(Trouble::Rejected(status)),
        401 | 403 => return Err(Trouble::Refused(status)),
        429 => return Err(Trouble::Busy),
        _ => return Err(Trouble::Failed(status.to_string())),
    }
    let body = body(response, LARGEST_ANSWER).await.map_err(|trouble| match trouble {
        NoBody::TooLarge => Trouble::Failed("it is too large".to_owned()),
        NoBody::Broken(error) => Trouble::of(&error),
    })?;
    serde_json::from_slice(&body).map_err(|_| Trouble::Failed("it is no JSON".to_owned()))
}

/// The list at a pointer into an answer.
fn list<'a>(answer: &'a Value, pointer: &str) -> Result<&'a [Value], Trouble> {
    let found = answer.pointer(pointer).and_then(Value::as_array);
    found.map(Vec::as_slice).ok_or_else(|| Trouble::Failed(format!("it has no list {pointer}")))
}

/// The hits in a list: by the pointers to the key and the score of each. A key may be a number.
/// What has no key of ours is no hit.
fn hits(list: &[Value], key: &str, score: &str) -> Result<Vec<Found>, Trouble> {
    let score_of = |hit: &Value| hit.pointer(score).and_then(Value::as_f64);
    list.iter()
        .filter_map(|hit| {
            let key = match hit.pointer(key)? {
                Value::String(key) => key.clone(),
                Value::Number(key) => key.to_string(),
                _ => return None,
            };
            let score = score_of(hit);
            Some(score.map(|score| Found { key, score }))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| Trouble::Failed("a hit has no score".to_owned()))
}

/// A field as a step of a JSON pointer below this one.
fn below(pointer: &str, field: &str) -> String {
    format!("{pointer}{}", crate::api::problem::pointer(field))
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
