//! Weaviate, by `POST /v1/search/{collection}/near-vector` (REST Search API, on by default since
//! 1.39.7). Its GraphQL goes: new clusters do not have it any more.

use serde_json::{Value, json};

use super::store::{Found, Question, Store, Trouble, below, hits, list};

pub(super) async fn nearest(store: &Store, question: &Question<'_>) -> Result<Vec<Found>, Trouble> {
    let settings = &store.settings;
    // Without a list of properties all come along.
    let properties: Vec<&str> = settings.key_field.as_deref().into_iter().collect();
    let mut body = json!({
        "vector": question.vector,
        "limit": question.limit,
        "returnProperties": properties,
        "returnMetadata": ["distance"],
    });
    let others = [("tenant", &settings.tenant), ("targetVector", &settings.vector_name)];
    for (member, value) in others {
        if let Some(value) = value {
            body[member] = Value::String(value.clone());
        }
    }
    if let Some(filter) = &question.filter {
        body["where"] = filter.clone();
    }
    let key = settings
        .key_field
        .as_ref()
        .map_or_else(|| "/id".to_owned(), |field| below("/properties", field));
    let answer =
        store.post(&[&"v1", &"search", &settings.collection, &"near-vector"], &body).await?;
    hits(list(&answer, "/results")?, &key, "/metadata/distance")
}
