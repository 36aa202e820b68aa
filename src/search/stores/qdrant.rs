//! Qdrant, by `POST /collections/{collection}/points/query` (since 1.10). Its own ids are numbers and
//! UUIDs, so that what else is a key stands in the payload.

use serde_json::json;

use super::store::{Found, Question, Store, Trouble, below, hits, list};

pub(super) async fn nearest(store: &Store, question: &Question<'_>) -> Result<Vec<Found>, Trouble> {
    let settings = &store.settings;
    let mut body = json!({
        "query": question.vector,
        "limit": question.limit,
        "with_payload": false,
        "with_vector": false,
    });
    if let Some(name) = &settings.vector_name {
        body["using"] = json!(name);
    }
    if let Some(filter) = &question.filter {
        body["filter"] = filter.clone();
    }
    let mut key = "/id".to_owned();
    if let Some(field) = &settings.key_field {
        body["with_payload"] = json!([field]);
        key = below("/payload", field);
    }
    let answer =
        store.post(&[&"collections", &settings.collection, &"points", &"query"], &body).await?;
    hits(list(&answer, "/result/points")?, &key, "/score")
}
