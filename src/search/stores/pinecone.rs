//! Pinecone, by `POST /query` of an index, whose host is the URL.

use reqwest::header::{HeaderName, HeaderValue};
use serde_json::json;

use super::{Found, Question, Store, Trouble, hits, list};

/// The version of the API, by its header.
pub(super) const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-pinecone-api-version"), HeaderValue::from_static("2025-10"));

pub(super) async fn nearest(store: &Store, question: &Question<'_>) -> Result<Vec<Found>, Trouble> {
    let mut body = json!({
        "vector": question.vector,
        "topK": question.limit,
        "includeValues": false,
        "includeMetadata": false,
    });
    if let Some(namespace) = &store.settings.namespace {
        body["namespace"] = json!(namespace);
    }
    if let Some(filter) = &question.filter {
        body["filter"] = filter.clone();
    }
    let answer = store.post(&[&"query"], &body).await?;
    hits(list(&answer, "/matches")?, "/id", "/score")
}
