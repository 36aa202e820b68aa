//! How any vector store is talked to, and what may go wrong with it.

use std::time::Duration;

use actix_web::http::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::api::path;
use crate::api::problem::{self, Problem};
use crate::config::{StoreKind, VectorStore};
use crate::db::back_off::BackOff;
use crate::outbound::{NoBody, body, http_client, innermost, secret_header};

/// Of 100 hits with ids of 1,000 characters there is a tenth of it.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;
/// The version of Pinecone's API, by its header.
const PINECONE_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-pinecone-api-version"), HeaderValue::from_static("2025-10"));

/// What is asked of a store.
pub(super) struct Question<'a> {
    pub vector: &'a [f32],
    pub limit: i32,
    /// In the words of the store.
    pub filter: Option<Value>,
}

/// What a store has found.
pub(super) struct Found {
    pub key: String,
    pub score: f64,
}

/// Why there are no hits. Never what the store says: there may be a key in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
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
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::NotReached(_) => "not_reached",
            Self::Busy => "busy",
            Self::TimedOut => "timed_out",
            Self::Refused(_) => "refused",
            Self::Rejected(_) => "rejected",
            Self::Failed(_) => "failed",
        }
    }

    pub fn problem(&self, name: &str) -> Problem {
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

/// A store, and how to talk to it.
pub(super) struct Store {
    pub settings: VectorStore,
    http: reqwest::Client,
    pub breaker: BackOff,
}

impl Store {
    pub fn new(settings: VectorStore) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        if settings.kind == StoreKind::Pinecone {
            headers.insert(PINECONE_VERSION.0, PINECONE_VERSION.1);
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

    pub async fn read(&self, segments: &[&dyn std::fmt::Display]) -> Result<Value, Trouble> {
        answer(self.request(Method::GET, segments)).await
    }

    pub async fn post(
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
pub(super) fn list<'a>(answer: &'a Value, pointer: &str) -> Result<&'a [Value], Trouble> {
    let found = answer.pointer(pointer).and_then(Value::as_array);
    found.map(Vec::as_slice).ok_or_else(|| Trouble::Failed(format!("it has no list {pointer}")))
}

/// The hits in a list: by the pointers to the key and the score of each. A key may be a number.
/// What has no key of ours is no hit.
pub(super) fn hits(list: &[Value], key: &str, score: &str) -> Result<Vec<Found>, Trouble> {
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
pub(super) fn below(pointer: &str, field: &str) -> String {
    format!("{pointer}{}", problem::pointer(field))
}
