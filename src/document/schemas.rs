//! What the derived schemas do not say, or say twice: rules for all of them, on the JSON of the
//! document.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

type Schemas = Map<String, Value>;

pub const HOME: &str = "#/components/schemas/";

/// Brings the schemas of a document into the form that people and generators read best.
pub fn tidy(document: &mut Value) {
    rename_pages(document);
    plain_bodies(document);
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut)
    else {
        return;
    };
    join_parts(schemas);
    each(document, &mut open_free_form);
    each(document, &mut describe_outside);
    let sent = reached(document, |operation| operation.get("requestBody"));
    let shown = reached(document, |operation| operation.get("responses"));
    if let Some(schemas) = schemas_of(document) {
        for (name, schema) in schemas.iter_mut() {
            if sent.contains(name) {
                close(schema);
            } else if shown.contains(name) {
                require_nullable(schema);
            }
        }
    }
    drop_unused(document);
}

fn schemas_of(document: &mut Value) -> Option<&mut Schemas> {
    document.pointer_mut("/components/schemas")?.as_object_mut()
}

/// Applies `change` to every object in a document, the outer ones first.
pub fn each(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            change(members);
            members
                .iter_mut()
                // What is shown is no schema, whatever it looks like.
                .filter(|(name, _)| {
                    !matches!(name.as_str(), "example" | "examples" | "default" | "enum")
                })
                .for_each(|(_, value)| each(value, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each(item, change)),
        _ => {}
    }
}

fn target(reference: &Value) -> Option<&str> {
    reference.as_str()?.strip_prefix(HOME)
}

/// A page of blocks is a `BlockPage`, and its items are blocks, not copies of their schema.
fn rename_pages(document: &mut Value) {
    let name = |page: &str| page.strip_prefix("Page_").map(|item| format!("{item}Page"));
    if let Some(schemas) = schemas_of(document) {
        *schemas = std::mem::take(schemas)
            .into_iter()
            .map(|(page, mut schema)| match (name(&page), page.strip_prefix("Page_")) {
                (Some(renamed), Some(item)) => {
                    if let Some(items) = schema.pointer_mut("/properties/items/items") {
                        *items = json!({ "$ref": format!("{HOME}{item}") });
                    }
                    (renamed, schema)
                }
                _ => (page, schema),
            })
            .collect();
    }
    each(document, &mut |members| {
        if let Some(reference) = members.get_mut("$ref")
            && let Some(renamed) = target(reference).and_then(name)
        {
            *reference = format!("{HOME}{renamed}").into();
        }
    });
}

/// A body that may be missing is still never null.
fn plain_bodies(document: &mut Value) {
    let items = document["paths"].as_object_mut().into_iter().flatten();
    for (_, operation) in items.filter_map(|(_, item)| item.as_object_mut()).flatten() {
        let content = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut);
        for (_, content) in content.into_iter().flatten() {
            let mut choices = content["schema"]["oneOf"].as_array().into_iter().flatten();
            let body = choices.find_map(|choice| choice.get("$ref")).cloned();
            if let Some(body) = body {
                content["schema"] = json!({ "$ref": body });
            }
        }
    }
}

/// An object that is said in parts (`allOf`) becomes one object: a part that allows no further
/// members would forbid those of the others.
fn join_parts(schemas: &mut Schemas) {
    let known = schemas.clone();
    for schema in schemas.values_mut() {
        let Some(Value::Array(parts)) = schema.get("allOf").cloned() else { continue };
        let mut properties = Map::new();
        let mut required = Vec::new();
        for part in &parts {
            let part =
                part.get("$ref").and_then(target).and_then(|name| known.get(name)).unwrap_or(part);
            properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
            required.extend(part["required"].as_array().cloned().unwrap_or_default());
        }
        if let Some(whole) = schema.as_object_mut() {
            whole.remove("allOf");
            whole.insert("type".to_owned(), "object".into());
            whole.insert("properties".to_owned(), properties.into());
            whole.insert("required".to_owned(), required.into());
        }
    }
}

fn may_be(schema: &Map<String, Value>, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == kind,
        Some(Value::Array(kinds)) => kinds.iter().any(|known| known == kind),
        _ => false,
    }
}

/// An object of which no member is known may have any. Without a word on it generators take it for
/// one that has none.
fn open_free_form(schema: &mut Map<String, Value>) {
    if may_be(schema, "object") && !schema.contains_key("properties") {
        schema.entry("additionalProperties").or_insert(true.into());
    }
}

/// What a member means stands at the member, not inside of the choice between it and null.
fn describe_outside(schema: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = schema.get_mut("oneOf") else { return };
    let described = choices
        .iter_mut()
        .filter_map(Value::as_object_mut)
        .filter(|choice| choice.contains_key("$ref"))
        .find_map(|choice| choice.remove("description"));
    if let Some(description) = described {
        schema.entry("description").or_insert(description);
    }
}

/// What a body has beside the members that are known is refused.
fn close(schema: &mut Value) {
    if let Some(schema) = schema.as_object_mut()
        && schema.contains_key("properties")
    {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
}

/// A member of an answer that may be null is always there; one that may be missing is never null.
fn require_nullable(schema: &mut Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let nullable = |property: &Value| {
        let choices = property.get("oneOf").and_then(Value::as_array).into_iter().flatten();
        property.as_object().is_some_and(|property| may_be(property, "null"))
            || choices.filter_map(Value::as_object).any(|choice| may_be(choice, "null"))
    };
    let mut required: BTreeSet<String> = properties
        .iter()
        .filter(|(_, property)| nullable(property))
        .map(|(name, _)| name.clone())
        .collect();
    let already = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    required.extend(already.filter_map(Value::as_str).map(str::to_owned));
    if let Some(schema) = schema.as_object_mut()
        && !required.is_empty()
    {
        schema.insert("required".to_owned(), required.into_iter().collect());
    }
}

/// Which schemas a part of the operations leads to.
fn reached(document: &Value, part: impl Fn(&Value) -> Option<&Value>) -> BTreeSet<String> {
    let operations = document["paths"].as_object().into_iter().flatten();
    let operations = operations.filter_map(|(_, item)| item.as_object()).flatten();
    let mut found = BTreeSet::new();
    for (_, operation) in operations {
        if let Some(part) = part(operation) {
            follow(document, part, &mut found);
        }
    }
    found
}

fn follow(document: &Value, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref")
                && let Some(pointer) = reference.strip_prefix('#')
            {
                let name = reference.strip_prefix(HOME);
                let is_new = name.is_none_or(|name| found.insert(name.to_owned()));
                if is_new && let Some(value) = document.pointer(pointer) {
                    follow(document, value, found);
                }
            }
            members.values().for_each(|value| follow(document, value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| follow(document, item, found)),
        _ => {}
    }
}

fn drop_unused(document: &mut Value) {
    let mut used = BTreeSet::new();
    follow(document, &document["paths"], &mut used);
    if let Some(schemas) = schemas_of(document) {
        schemas.retain(|name, _| used.contains(name));
    }
}
