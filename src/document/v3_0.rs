//! The same document for readers of OpenAPI 3.0, which has its own JSON Schema: `nullable` where 3.1
//! has a type among types, and nothing beside a `$ref`.

use serde_json::{Map, Value, json};

use super::schemas::each;

/// Where the licences are that `identifier` names in 3.1.
const LICENSES: &str = "https://spdx.org/licenses/";

/// Turns a document of OpenAPI 3.1 into one of 3.0.3.
pub fn downgrade(document: &mut Value) {
    document["openapi"] = "3.0.3".into();
    if let Some(license) = document.pointer_mut("/info/license").and_then(Value::as_object_mut)
        && license.remove("identifier").is_some()
    {
        license.insert("url".to_owned(), LICENSES.into());
    }
    let schemas = document.pointer("/components/schemas").cloned().unwrap_or_default();
    each(document, &mut |members| {
        choose(members, &schemas);
        one_body(members);
        one_type(members);
        one_example(members);
        alone(members);
        // What the names of members look like, 3.0 cannot say.
        members.remove("propertyNames");
    });
}

/// Of several forms of a body readers of 3.0 mostly know one; JSON is what all bodies can be.
fn one_body(operation: &mut Map<String, Value>) {
    let body = operation.get_mut("requestBody").and_then(|body| body.get_mut("content"));
    if let Some(Value::Object(forms)) = body
        && forms.contains_key(JSON)
    {
        forms.retain(|form, _| form == JSON);
    }
}

const JSON: &str = "application/json";

/// `oneOf: [x, null]` is a nullable x, of the type of x: `nullable` adds to a type that is said. Where
/// x is itself a choice there is none to say, and null stays a choice.
fn choose(schema: &mut Map<String, Value>, schemas: &Value) {
    let Some(Value::Array(choices)) = schema.get_mut("oneOf") else { return };
    let before = choices.len();
    choices.retain(|choice| choice["type"] != "null");
    if choices.len() == before {
        return;
    }
    if let [only] = choices.as_slice() {
        let only = only.clone();
        let name = only["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
        let known = name.map(|name| &schemas[name]);
        if known.is_some_and(|known| known.get("oneOf").is_some()) {
            choices.push(json!({ "type": "string", "nullable": true, "enum": [null] }));
            return;
        }
        if let Some(kind) = known.and_then(|known| known.get("type")) {
            schema.insert("type".to_owned(), kind.clone());
        }
        schema.remove("oneOf");
        schema.insert("allOf".to_owned(), json!([only]));
    }
    schema.insert("nullable".to_owned(), true.into());
}

/// `type: [x, null]` is a nullable x.
fn one_type(schema: &mut Map<String, Value>) {
    let Some(Value::Array(kinds)) = schema.get_mut("type") else { return };
    kinds.retain(|kind| kind != "null");
    if let [only] = kinds.as_slice() {
        let only = only.clone();
        schema.insert("type".to_owned(), only);
        schema.insert("nullable".to_owned(), true.into());
    }
}

/// A schema has one example, not several.
fn one_example(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(examples)) = schema.get("examples")
        && let Some(first) = examples.first().cloned()
    {
        schema.remove("examples");
        schema.entry("example").or_insert(first);
    }
}

/// What stands beside a `$ref` is not read: the reference becomes the only part of a whole.
fn alone(schema: &mut Map<String, Value>) {
    let is_reference = schema.get("$ref").is_some_and(Value::is_string);
    if is_reference
        && schema.len() > 1
        && let Some(reference) = schema.remove("$ref")
    {
        schema.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_null_is_nullable() {
        let mut document = json!({
            "openapi": "3.1.0",
            "info": { "license": { "name": "MIT", "identifier": "MIT" } },
            "paths": { "/a": { "post": { "requestBody": { "content": { "text/plain": {}, "application/json": {} } } } } },
            "components": { "schemas": {
                "Text": { "type": ["string", "null"], "maxLength": 3, "description": "A text" },
                "Choice": { "oneOf": [{ "$ref": "#/components/schemas/Shown" }, { "type": "null" }], "description": "An a" },
                "Choices": { "oneOf": [{ "$ref": "#/a" }, { "$ref": "#/b" }, { "type": "null" }] },
                "Two": { "oneOf": [{ "$ref": "#/a" }, { "$ref": "#/b" }] },
                "OneOfTwo": { "oneOf": [{ "$ref": "#/components/schemas/Two" }, { "type": "null" }] },
                "Described": { "$ref": "#/a", "description": "An a" },
                "Plain": { "$ref": "#/a" },
                "Object": {
                    "type": "object",
                    "example": { "type": ["string", "null"], "$ref": "#/a", "oneOf": [{ "type": "null" }] },
                    "properties": { "items": { "type": ["array", "null"], "items": { "$ref": "#/a" } } }
                },
                "Shown": { "type": "string", "examples": ["a", "b"] }
            } }
        });
        downgrade(&mut document);
        let expected = json!({
            "openapi": "3.0.3",
            "info": { "license": { "name": "MIT", "url": LICENSES } },
            "paths": { "/a": { "post": { "requestBody": { "content": { "application/json": {} } } } } },
            "components": { "schemas": {
                "Text": { "type": "string", "nullable": true, "maxLength": 3, "description": "A text" },
                "Choice": {
                    "type": "string", "allOf": [{ "$ref": "#/components/schemas/Shown" }], "nullable": true, "description": "An a"
                },
                "Choices": { "oneOf": [{ "$ref": "#/a" }, { "$ref": "#/b" }], "nullable": true },
                "Two": { "oneOf": [{ "$ref": "#/a" }, { "$ref": "#/b" }] },
                "OneOfTwo": { "oneOf": [
                    { "$ref": "#/components/schemas/Two" }, { "type": "string", "nullable": true, "enum": [null] }
                ] },
                "Described": { "allOf": [{ "$ref": "#/a" }], "description": "An a" },
                "Plain": { "$ref": "#/a" },
                "Object": {
                    "type": "object",
                    "example": { "type": ["string", "null"], "$ref": "#/a", "oneOf": [{ "type": "null" }] },
                    "properties": { "items": { "type": "array", "nullable": true, "items": { "$ref": "#/a" } } }
                },
                "Shown": { "type": "string", "example": "a" }
            } }
        });
        assert_eq!(document, expected);
    }
}
