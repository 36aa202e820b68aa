//! Pinecone, by `POST /query` of an index, whose host is the URL.

use serde_json::json;

use super::store::{Found, Question, Store, Trouble, hits, list};

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
