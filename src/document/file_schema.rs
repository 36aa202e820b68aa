//! The schema of a registry's file by itself, for editors that complete what people write: what the
//! document has of it, as JSON Schema.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::schemas::{self, HOME};
use super::{Edition, Written};

/// Where it is served: the form that a file names is part of it.
pub const PATH: &str = "/schemas/registry.v1.json";

const ROOT: &str = "RegistryFile";

/// # Errors
/// As [`Written::of`].
pub fn text(document: &utoipa::openapi::OpenApi) -> serde_json::Result<String> {
    let mut known = Written::of(document, Edition::V3_1)?.components["schemas"].take();
    let mut waiting = vec![ROOT.to_owned()];
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    while let Some(name) = waiting.pop() {
        let mut schema = known[&name].take();
        if schema.is_null() {
            continue;
        }
        schemas::each(&mut schema, &mut |members| {
            members.remove("example");
            if let Some(Value::String(target)) = members.get_mut("$ref")
                && let Some(name) = target.strip_prefix(HOME)
            {
                waiting.push(name.to_owned());
                *target = format!("#/$defs/{name}");
            }
        });
        found.insert(name, schema);
    }
    serde_json::to_string(&json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Blockyard registry as a file",
        "$ref": format!("#/$defs/{ROOT}"),
        "$defs": found,
    }))
}
