//! A `taxonomy_filter` in the words of a vector store, for whoever searches there: on the ids of the
//! categories that a vector was stored with.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::api::query::FromParams;
use crate::api::word::Word;
use crate::config::StoreKind;

/// The field that has the ids of the categories, where none is named.
const FIELD: &str = "categories";

/// For which store a filter is written.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct FilterFor {
    #[param(rename = "for", value_type = StoreKind)]
    #[read(rename = "for", with = Word)]
    pub store: StoreKind,
}

/// The categories of a filter, those below them included, as the database writes them out.
#[derive(Debug, Deserialize)]
pub struct WrittenOut {
    any: Vec<String>,
    all: Vec<Vec<String>>,
    none: Vec<String>,
}

/// A filter in the words of a store.
#[derive(Debug, Serialize, ToSchema)]
pub struct StoreFilter {
    #[serde(rename = "for")]
    pub store: StoreKind,
    /// The field of a vector that has to have the ids of its block's categories: a list of texts; for
    /// Chroma, one field for each category, named so with a colon and the id behind it, that is `true`.
    #[schema(example = "categories")]
    pub field: &'static str,
    /// What the store takes as its filter; null when nothing is filtered.
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
}

impl StoreFilter {
    /// The filter for a store; the categories of each condition are alternatives.
    pub fn of(store: StoreKind, written: Option<&WrittenOut>) -> Self {
        let filter = written.map(|written| {
            let mut required: Vec<&[String]> = written.all.iter().map(Vec::as_slice).collect();
            if !written.any.is_empty() {
                required.push(&written.any);
            }
            match store {
                StoreKind::Qdrant => qdrant(&required, &written.none),
                StoreKind::Pinecone => pinecone(&required, &written.none),
                StoreKind::Weaviate => weaviate(&required, &written.none),
                StoreKind::Chroma => chroma(&required, &written.none),
            }
        });
        Self { store, field: FIELD, filter }
    }
}

fn qdrant(required: &[&[String]], none: &[String]) -> Value {
    let condition = |ids: &[String]| json!({ "key": FIELD, "match": { "any": ids } });
    let must: Vec<Value> = required.iter().map(|ids| condition(ids)).collect();
    let must_not: Vec<Value> = none.first().map(|_| condition(none)).into_iter().collect();
    json!({ "must": must, "must_not": must_not })
}

fn pinecone(required: &[&[String]], none: &[String]) -> Value {
    let mut conditions: Vec<Value> =
        required.iter().map(|ids| json!({ FIELD: { "$in": ids } })).collect();
    if !none.is_empty() {
        conditions.push(json!({ FIELD: { "$nin": none } }));
    }
    json!({ "$and": conditions })
}

fn weaviate(required: &[&[String]], none: &[String]) -> Value {
    let contains = |ids: &[String]| json!({ "path": [FIELD], "operator": "ContainsAny", "valueTextArray": ids });
    let mut operands: Vec<Value> = required.iter().map(|ids| contains(ids)).collect();
    if !none.is_empty() {
        operands.push(json!({ "operator": "Not", "operands": [contains(none)] }));
    }
    json!({ "operator": "And", "operands": operands })
}

/// Its values are no lists, and its `$and` and `$or` want two conditions at least.
fn chroma(required: &[&[String]], none: &[String]) -> Value {
    let has = |id: &String| json!({ format!("{FIELD}:{id}"): { "$eq": true } });
    let lacks = |id: &String| json!({ format!("{FIELD}:{id}"): { "$ne": true } });
    let conditions = required
        .iter()
        .map(|ids| joined("$or", ids.iter().map(has).collect()))
        .chain(none.iter().map(lacks))
        .collect();
    joined("$and", conditions)
}

fn joined(operator: &str, mut conditions: Vec<Value>) -> Value {
    if conditions.len() == 1 { conditions.remove(0) } else { json!({ operator: conditions }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_store_gets_it_in_its_words() {
        let written = WrittenOut {
            any: vec!["a".to_owned(), "b".to_owned()],
            all: vec![vec!["c".to_owned()]],
            none: vec!["d".to_owned()],
        };
        let of = |store| StoreFilter::of(store, Some(&written)).filter;
        let wanted = [
            (
                StoreKind::Qdrant,
                json!({
                    "must": [
                        {"key": "categories", "match": {"any": ["c"]}},
                        {"key": "categories", "match": {"any": ["a", "b"]}}
                    ],
                    "must_not": [{"key": "categories", "match": {"any": ["d"]}}]
                }),
            ),
            (
                StoreKind::Pinecone,
                json!({"$and": [
                    {"categories": {"$in": ["c"]}},
                    {"categories": {"$in": ["a", "b"]}},
                    {"categories": {"$nin": ["d"]}}
                ]}),
            ),
            (
                StoreKind::Weaviate,
                json!({"operator": "And", "operands": [
                    {"path": ["categories"], "operator": "ContainsAny", "valueTextArray": ["c"]},
                    {"path": ["categories"], "operator": "ContainsAny", "valueTextArray": ["a", "b"]},
                    {"operator": "Not", "operands": [
                        {"path": ["categories"], "operator": "ContainsAny", "valueTextArray": ["d"]}
                    ]}
                ]}),
            ),
            (
                StoreKind::Chroma,
                json!({"$and": [
                    {"categories:c": {"$eq": true}},
                    {"$or": [{"categories:a": {"$eq": true}}, {"categories:b": {"$eq": true}}]},
                    {"categories:d": {"$ne": true}}
                ]}),
            ),
        ];
        for (store, wanted) in wanted {
            assert_eq!(of(store), Some(wanted));
        }
        assert_eq!(StoreFilter::of(StoreKind::Qdrant, None).filter, None);
    }
}
