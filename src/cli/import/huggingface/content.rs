//! What becomes of repositories of the hub: the one place that says so.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::api::Kind;
use crate::cli::import::landing::{Arrival, put};
use crate::cli::import::report::Report;

/// So many files are told of one by one.
pub(super) const MOST_FILES: usize = 1000;

/// Of a repository, what goes into its metadata under the same word.
const OF_REPO: [&str; 9] = [
    "author",
    "private",
    "gated",
    "disabled",
    "pipeline_tag",
    "library_name",
    "downloads",
    "likes",
    "safetensors",
];

/// Of a repository, what says nothing new or what this program asks for otherwise.
const OF_REPO_LEFT: [&str; 23] = [
    "_id",
    "id",
    "modelId",
    "key",
    "sha",
    "tags",
    "cardData",
    "siblings",
    "lastModified",
    "createdAt",
    "model-index",
    "config",
    "description",
    "citation",
    "paperswithcode_id",
    "transformersInfo",
    "widgetData",
    "spaces",
    "usedStorage",
    "mask_token",
    "inference",
    "downloadsAllTime",
    "trendingScore",
];

/// What a card names: repositories of the hub.
pub(super) fn named(repo: &Value) -> Vec<(Kind, String)> {
    let mut found = Vec::new();
    for (member, kind) in [("datasets", Kind::Dataset), ("base_model", Kind::Model)] {
        for id in texts(&repo["cardData"][member]) {
            if !found.contains(&(kind, id.clone())) {
                found.push((kind, id));
            }
        }
    }
    found
}

/// One text, or a list of them.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => {
            items.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

/// A repository as it was.
pub(super) struct Seen<'a> {
    pub repo: &'a Value,
    pub commit: &'a Value,
    pub files: &'a [Value],
    /// The tags and branches that mean it.
    pub refs: &'a [&'a str],
}

/// A revision as a block of a registry file; what is `known` becomes dependencies, by the name that it has there.
pub(super) fn version(
    source: &str,
    (kind, id): (Kind, &str),
    Seen { repo, commit, files, refs }: Seen<'_>,
    known: impl Fn(Kind, &str) -> Option<String>,
    report: &mut Report,
) -> Arrival {
    let sha = repo["sha"].as_str().unwrap_or_default();
    let mut origin = json!({ "source": source, "name": id, "version": sha });
    let card = &repo["cardData"];
    for member in OF_REPO {
        put(&mut origin, member, repo[member].clone());
    }
    put(&mut origin, "tags", repo["tags"].clone());
    put(&mut origin, "created_at", repo["createdAt"].clone());
    put(&mut origin, "committed_at", commit["date"].clone());
    put(&mut origin, "commit_title", commit["title"].clone());
    let authors = commit["authors"].as_array().into_iter().flatten();
    put(&mut origin, "commit_authors", authors.map(|it| it["user"].clone()).collect());
    put(&mut origin, "card", card.clone());
    put(&mut origin, "refs", refs.into());
    put(&mut origin, "config", repo["config"].clone());
    put(&mut origin, "files", files.iter().filter_map(file).collect());
    if files.len() >= MOST_FILES {
        let why = format!("of its files the first {MOST_FILES} are told");
        report.left_out("files of", id, Some(sha), why);
    }
    let members = repo.as_object().into_iter().flatten().map(|(member, _)| member);
    let known_members =
        |it: &&String| !OF_REPO.contains(&it.as_str()) && !OF_REPO_LEFT.contains(&it.as_str());
    report.unknown(kind.word(), members.filter(known_members).cloned());

    let mut metadata = json!({ "huggingface": origin });
    put(&mut metadata, "license", card["license"].clone());
    put(&mut metadata, "language", card["language"].clone());
    put(&mut metadata, "metrics", metrics(repo));
    let mut block = json!({ "name": id, "type": kind.word(), "metadata": metadata });
    let described = repo["description"].as_str().or_else(|| card["pretty_name"].as_str());
    put(&mut block, "description", described.map(str::trim).filter(|it| !it.is_empty()).into());
    let mut depends = Vec::new();
    for (of, name) in named(repo) {
        if name == id {
            continue;
        }
        if let Some(name) = known(of, &name) {
            depends.push(json!({ "block": name }));
        } else {
            let why = format!("the {} {name}, which its card names, is not here", of.word());
            report.left_out("dependency of", id, Some(sha), why);
        }
    }
    put(&mut block, "dependencies", depends.into());
    Arrival { name: id.to_owned(), version: sha.to_owned(), block }
}

/// Path, size, and the digest: that of the content where the hub has it in large storage.
fn file(entry: &Value) -> Option<Value> {
    if entry["type"] == "directory" {
        return None;
    }
    let mut told = json!({ "path": entry["path"].as_str()? });
    put(&mut told, "size", entry["size"].clone());
    match entry["lfs"]["oid"].as_str() {
        Some(digest) => told["sha256"] = digest.into(),
        None => put(&mut told, "git_oid", entry["oid"].clone()),
    }
    Some(told)
}

/// The results of `model-index`, by data set and metric.
fn metrics(repo: &Value) -> Value {
    let index = &repo["model-index"];
    let index = if index.is_null() { &repo["cardData"]["model-index"] } else { index };
    let mut found = BTreeMap::new();
    let models = index.as_array().into_iter().flatten();
    for result in models.flat_map(|it| it["results"].as_array().into_iter().flatten()) {
        let data = &result["dataset"];
        let data = data["type"].as_str().or_else(|| data["name"].as_str()).unwrap_or("unknown");
        for metric in result["metrics"].as_array().into_iter().flatten() {
            if let Some(name) = metric["type"].as_str() {
                found.insert(format!("{data}:{name}"), metric["value"].clone());
            }
        }
    }
    found.into_iter().collect::<serde_json::Map<_, _>>().into()
}
