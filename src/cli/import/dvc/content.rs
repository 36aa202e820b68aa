//! What becomes of what DVC tracks: the one place that says so.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use serde_json::{Map, Value, json};

use super::objects::Objects;
use super::past::Version;
use super::wanted::{Wanted, at};
use crate::cli::file::yaml;
use crate::cli::import::landing::{Arrival, put};
use crate::cli::import::report::Report;

/// Of an output, what goes into metadata under the same word.
const OF_OUTPUT: [&str; 10] =
    ["hash", "md5", "etag", "checksum", "version_id", "cloud", "size", "nfiles", "isexec", "push"];

/// Of an output, what the team says of it, and what says nothing new.
const OF_OUTPUT_LEFT: [&str; 7] = ["desc", "type", "labels", "meta", "remote", "cache", "persist"];

/// Where a checkout is from.
pub(super) struct Origin<'a> {
    pub source: &'a str,
    /// As it may stand in a registry.
    pub repo: Option<&'a Value>,
}

/// A version as a block of a registry file; what is `known` becomes a dependency.
pub(super) fn version(
    objects: &mut Objects,
    origin: &Origin<'_>,
    wanted: &[Wanted],
    (thing, version): (&Wanted, &Version),
    known: impl Fn(&str) -> bool,
    report: &mut Report,
) -> Result<Arrival, Box<dyn Error>> {
    let name = &thing.name;
    let commit = objects.commit(&version.commit)?;
    let mut told = json!({ "source": origin.source, "name": name, "version": version.id });
    put(&mut told, "commit", version.commit.clone().into());
    put(&mut told, "committed_at", json!(commit.time()));
    put(&mut told, "commit_title", json!(Some(commit.title).filter(|it| !it.is_empty())));
    put(&mut told, "commit_author", json!(Some(commit.author).filter(|it| !it.is_empty())));
    put(&mut told, "tags", json!(version.tags));
    put(&mut told, "path", json!(version.path));
    let mut metadata = json!({});
    let mut description = None;
    let mut depends = BTreeSet::new();
    let mut outside = BTreeSet::new();
    match (&version.made, &version.path) {
        (Some(made), _) => {
            for member in OF_OUTPUT {
                put(&mut told, member, made.data.get(member).cloned().unwrap_or_default());
            }
            if version.path.as_ref() != Some(&made.path) {
                told["within"] = made.path.clone().into();
            }
            if made.data.contains_key("files") {
                let why =
                    "of a folder with versions of the cloud's own, the list of files does not come";
                report.left_out("files of", name, Some(&version.id), why);
            }
            let is_known = |it: &&String| {
                let it = it.as_str();
                !OF_OUTPUT.contains(&it) && !OF_OUTPUT_LEFT.contains(&it) && it != "files"
            };
            report.unknown("output", made.data.keys().filter(is_known).cloned());
            put(&mut told, "remote", json!(made.remote));
            put(&mut told, "file", made.file.clone().into());
            put(&mut told, "stage", made.stage.clone());
            put(&mut told, "deps", made.read.iter().map(|it| it.told.clone()).collect());
            description = made.said.get("desc").cloned();
            put(&mut metadata, "labels", made.said.get("labels").cloned().unwrap_or_default());
            put(&mut metadata, "meta", made.said.get("meta").cloned().unwrap_or_default());
            put(&mut metadata, "params", merged(&made.params));
            for read in &made.read {
                let Some(path) = &read.path else {
                    outside.insert(elsewhere(&read.told));
                    continue;
                };
                for on in at(wanted, path).into_iter().filter(|on| on.name != *name) {
                    if known(&on.name) {
                        depends.insert(on.name.as_str());
                    } else {
                        let why = format!("{}, of which it was made, is not here", on.name);
                        report.left_out("dependency of", name, Some(&version.id), why);
                    }
                }
            }
        }
        // What is in git itself.
        (None, Some(path)) => match objects.file(&version.commit, path)? {
            Some(blob) => {
                told["git_oid"] = blob.id.into();
                told["size"] = blob.size.into();
            }
            None => {
                let why = format!("neither DVC nor git has {path} at its commit");
                report.left_out("content of", name, Some(&version.id), why);
            }
        },
        (None, None) => {}
    }
    put(&mut metadata, "metrics", metrics(objects, thing, version, report)?);
    if let Some(artifact) = &version.artifact {
        put(&mut told, "type", json!(artifact.kind));
        put(&mut metadata, "labels", artifact.labels.clone());
        put(&mut metadata, "meta", artifact.meta.clone());
        description = artifact.desc.clone().map(Value::from).or(description);
    }
    metadata["dvc"] = told;

    let mut block = json!({ "name": name, "type": thing.kind, "metadata": metadata });
    put(&mut block, "description", description.unwrap_or_default());
    put(&mut block, "code_repos", origin.repo.into_iter().cloned().collect());
    let depends = depends.into_iter().map(|it| json!({ "block": it }));
    let outside = outside.into_iter().map(|it| json!({ "external": it }));
    put(&mut block, "dependencies", depends.chain(outside).collect());
    Ok(Arrival { name: name.clone(), version: version.id.clone(), block })
}

/// What was read from outside of the checkout, in words: an address, and of another repository the path in it.
fn elsewhere(told: &Value) -> String {
    let path = told["path"].as_str().unwrap_or_default();
    match told["repo"]["url"].as_str() {
        Some(url) => format!("{url} {path}"),
        None => path.to_owned(),
    }
}

/// What the files of metrics said at the commit of a version.
fn metrics(
    objects: &mut Objects,
    thing: &Wanted,
    version: &Version,
    report: &mut Report,
) -> Result<Value, Box<dyn Error>> {
    let mut found = BTreeMap::new();
    for path in &version.metrics {
        let content = objects.file(&version.commit, path)?.map(|it| it.content);
        let read = match content {
            None => Err("it is not in git".to_owned()),
            Some(None) => Err("it is too large".to_owned()),
            Some(Some(content)) => String::from_utf8(content)
                .map_err(|_| "it is not UTF-8".to_owned())
                .and_then(|text| yaml::value(&text)),
        };
        let why = match read {
            Ok(Value::Object(members)) => {
                found.insert(path.clone(), members);
                continue;
            }
            Ok(_) => format!("its metrics {path} have no names: they are a value or a list"),
            Err(why) => format!("of its metrics {path} cannot be read: {why}"),
        };
        report.left_out("metrics of", &thing.name, Some(&version.id), why);
    }
    Ok(merged(&found))
}

/// What several files say. A member that two of them have stands there with its file, as in DVC: `params.yaml:lr`.
fn merged(files: &BTreeMap<String, Map<String, Value>>) -> Value {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for member in files.values().flat_map(Map::keys) {
        *times.entry(member).or_default() += 1;
    }
    let mut merged = Map::new();
    for (file, members) in files {
        for (member, value) in members {
            let is_one = times.get(member.as_str()) == Some(&1);
            let word = if is_one { member.clone() } else { format!("{file}:{member}") };
            merged.insert(word, value.clone());
        }
    }
    merged.into()
}
