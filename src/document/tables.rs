//! The lists that are tables as well.

use serde_json::{Map, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::path::Operation;

use crate::resource::table;

const LISTS: &[&str] =
    &["/audit-logs", "/blocks", "/edges", "/pipelines", "/pipelines/{pipeline}/runs", "/runs"];

/// Says of a list in which forms it is sent beside JSON. Not among the contents of the answer:
/// generated clients ask for JSON, and those that are typed by all contents (openapi-fetch) would not
/// know any more that they get a page.
pub(super) fn complete(path: &str, operation: &mut Operation) {
    if !LISTS.contains(&path) {
        return;
    }
    let words = "With `Accept: text/csv` or `application/x-ndjson` the answer is the whole list as a table, or the page of it that `limit` asks for.";
    let description = operation.description.get_or_insert_default();
    *description = format!("{}\n\n{words}", description.trim_end());
    if let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") {
        let text = json!({ "schema": { "type": "string" } });
        let contents = table::MEDIA_TYPES.map(|name| (name.to_owned(), text.clone()));
        response.extensions = Some([("x-content", Map::from_iter(contents))].into_iter().collect());
    }
}
