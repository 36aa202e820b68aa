//! Chroma, by its API v2. It knows collections by ids, which their names lead to: asked for each time,
//! since who makes a collection anew gets another.

use std::fmt::Display;

use serde_json::{Value, json};
use uuid::Uuid;

use super::store::{Found, Question, Store, Trouble, list};

pub(super) async fn nearest(store: &Store, question: &Question<'_>) -> Result<Vec<Found>, Trouble> {
    let settings = &store.settings;
    let tenant = settings.tenant.as_deref().unwrap_or("default_tenant");
    let database = settings.database.as_deref().unwrap_or("default_database");
    let collections: [&dyn Display; 7] =
        [&"api", &"v2", &"tenants", &tenant, &"databases", &database, &"collections"];
    let name: &dyn Display = &settings.collection;
    let collection = store.read(&[&collections[..], &[name]].concat()).await?;
    let id: Uuid = collection["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| Trouble::Failed("the collection has no id".to_owned()))?;
    let mut body = json!({
        "query_embeddings": [question.vector],
        "n_results": question.limit,
        "include": ["distances"],
    });
    if let Some(filter) = &question.filter {
        body["where"] = filter.clone();
    }
    let query: [&dyn Display; 2] = [&id, &"query"];
    let answer = store.post(&[&collections[..], &query].concat(), &body).await?;
    let (ids, distances) = (list(&answer, "/ids/0")?, list(&answer, "/distances/0")?);
    if ids.len() != distances.len() {
        return Err(Trouble::Failed("it has not as many distances as ids".to_owned()));
    }
    let found = |(id, distance): (&Value, &Value)| {
        Some(Found { key: id.as_str()?.to_owned(), score: distance.as_f64()? })
    };
    ids.iter()
        .zip(distances)
        .map(found)
        .collect::<Option<_>>()
        .ok_or_else(|| Trouble::Failed("a hit has no id or no distance".to_owned()))
}
