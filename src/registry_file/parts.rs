//! What a thing has, entry by entry, as members: what an entry is of makes its pointer, and the rest its
//! value.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::categories::Categories;
use super::given_parts::FileFilter;
use super::{Members, at};
use crate::resource::owner::EntityType;

/// A member, by its pointer.
pub(super) type Member = (String, Value);

/// What a block or an edge depends on. Of what is outside, several may have the same words: `again` counts
/// them, from 0.
pub(super) fn dependency(
    on: Option<EntityType>,
    name: &str,
    again: usize,
    detail: Option<&str>,
    constraint: Option<&str>,
) -> Member {
    let word = match on {
        Some(EntityType::Block) => "block",
        Some(EntityType::Edge) => "edge",
        None => "external",
    };
    let mut value = json!({ word: name });
    if let Some(detail) = detail.filter(|detail| !detail.is_empty()) {
        value["detail"] = detail.into();
    }
    if let Some(constraint) = constraint {
        value["version_constraint"] = constraint.into();
    }
    let entry = format!("{word} {name}");
    let pointer = match again {
        0 => at(&["dependencies", &entry]),
        again => at(&["dependencies", &entry, &(again + 1).to_string()]),
    };
    (pointer, value)
}

pub(super) fn code_repo(url: &str, branch: &str) -> Member {
    let mut value = json!({ "repo_url": url });
    if branch != "main" {
        value["branch"] = branch.into();
    }
    (at(&["code_repos", url, branch]), value)
}

pub(super) fn image(name: &str, tag: &str, digest: Option<&str>) -> Member {
    let mut value = json!({ "registry_url": name, "image_tag": tag });
    if let Some(digest) = digest {
        value["image_digest"] = digest.into();
    }
    (at(&["docker_images", name, tag]), value)
}

pub(super) fn vector(vector_db: &str, key: &str, filter: Option<Value>) -> Member {
    let mut value = json!({ "vector_db": vector_db, "vector_key": key });
    if let Some(filter) = filter {
        value["taxonomy_filter"] = filter;
    }
    (at(&["vectors", vector_db, key]), value)
}

/// A filter by the paths of its categories, of which the order says nothing.
pub(super) fn filter(lists: [Vec<String>; 3], recursive: bool) -> Value {
    let mut filter = json!({});
    for (word, mut list) in FileFilter::LISTS.into_iter().zip(lists) {
        list.sort();
        list.dedup();
        if !list.is_empty() {
            filter[word] = list.into();
        }
    }
    if recursive {
        filter["recursive"] = true.into();
    }
    filter
}

/// Takes the lists of a row out of it: the members that they come to, and the ids of the entries.
pub(super) fn found(
    row: &mut Map<String, Value>,
    categories: &Categories,
) -> (Members, BTreeMap<String, Uuid>) {
    let mut members = Members::new();
    for id in taken(row, "categories") {
        let id = id.as_str().and_then(|id| id.parse().ok());
        if let Some(path) = id.and_then(|id| categories.path(id)) {
            members.insert(at(&["categories", path]), path.into());
        }
    }
    if let Some(Value::Object(aliases)) = row.remove("aliases") {
        members.extend(aliases.into_iter().map(|(alias, it)| (at(&["aliases", &alias]), it)));
    }
    let mut ids = BTreeMap::new();
    let mut note = |entry: &Value, (pointer, value): Member| {
        let id = entry["id"].as_str().and_then(|id| id.parse().ok());
        ids.extend(id.map(|id| (pointer.clone(), id)));
        members.insert(pointer, value);
    };
    let mut outside: BTreeMap<String, usize> = BTreeMap::new();
    for entry in taken(row, "dependencies") {
        let text = |member: &str| entry[member].as_str();
        let (on, name) = match (text("block"), text("edge"), text("detail")) {
            (Some(block), ..) => (Some(EntityType::Block), block),
            (_, Some(edge), _) => (Some(EntityType::Edge), edge),
            (.., detail) => (None, detail.unwrap_or_default()),
        };
        let again = match on {
            Some(_) => 0,
            None => {
                let count = outside.entry(name.to_owned()).or_default();
                *count += 1;
                *count - 1
            }
        };
        let (detail, constraint) = (on.and(text("detail")), text("version_constraint"));
        note(&entry, dependency(on, name, again, detail, constraint));
    }
    for entry in taken(row, "code_repos") {
        let text = |member: &str| entry[member].as_str().unwrap_or_default();
        note(&entry, code_repo(text("repo_url"), text("branch")));
    }
    for entry in taken(row, "docker_images") {
        let text = |member: &str| entry[member].as_str();
        let [name, tag] = ["registry_url", "image_tag"].map(|it| text(it).unwrap_or_default());
        note(&entry, image(name, tag, text("image_digest")));
    }
    for entry in taken(row, "vectors") {
        let text = |member: &str| entry[member].as_str().unwrap_or_default();
        let filter = found_filter(&entry["taxonomy_filter"], categories);
        note(&entry, vector(text("vector_db"), text("vector_key"), filter));
    }
    (members, ids)
}

fn taken(row: &mut Map<String, Value>, list: &str) -> Vec<Value> {
    match row.remove(list) {
        Some(Value::Array(entries)) => entries,
        _ => Vec::new(),
    }
}

fn found_filter(given: &Value, categories: &Categories) -> Option<Value> {
    let given = given.as_object()?;
    let lists = FileFilter::LISTS.map(|word| {
        let ids = given.get(word).and_then(Value::as_array).into_iter().flatten();
        let ids = ids.filter_map(Value::as_str);
        ids.map(|id| id.parse().ok().and_then(|id| categories.path(id)).unwrap_or(id).to_owned())
            .collect()
    });
    Some(filter(lists, given.get("recursive") == Some(&Value::Bool(true))))
}
