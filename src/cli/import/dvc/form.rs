//! The files of DVC: `*.dvc`, `dvc.lock`, `dvc.yaml` and `.dvc/config`, as DVC 3 writes them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::cli::file::yaml;

/// What DVC has of a file, by the kind of file that its path says.
#[derive(Debug)]
pub(super) enum Form {
    Single(Single),
    Lock(Lock),
    Project(Project),
    /// The remote that is used when nothing is said.
    Config(Option<String>),
    /// What is wrong with it.
    Unreadable(String),
}

/// A `*.dvc` file.
#[derive(Debug, Deserialize)]
pub(super) struct Single {
    #[serde(default)]
    pub wdir: Option<String>,
    #[serde(default)]
    pub deps: Option<Vec<Data>>,
    #[serde(default)]
    pub outs: Option<Vec<Data>>,
    #[serde(default)]
    pub desc: Option<String>,
    #[serde(default)]
    pub meta: Value,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A `dvc.lock`.
#[derive(Debug, Deserialize)]
pub(super) struct Lock {
    #[serde(default)]
    pub stages: BTreeMap<String, Locked>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A stage as it was run.
#[derive(Debug, Deserialize)]
pub(super) struct Locked {
    #[serde(default)]
    pub cmd: Value,
    #[serde(default)]
    pub deps: Vec<Data>,
    /// By files.
    #[serde(default)]
    pub params: BTreeMap<String, Map<String, Value>>,
    #[serde(default)]
    pub outs: Vec<Data>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A dependency or an output: where it is, and what it was.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Data {
    #[serde(default)]
    pub path: String,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Data {
    /// What tells its content from another; `None` where DVC has not seen any.
    pub fn identity(&self) -> Option<String> {
        let of = |member: &str| self.rest.get(member).filter(|it| !it.is_null());
        let digests = ["md5", "etag", "checksum", "version_id"];
        if let Some(digest) = digests.iter().find_map(|member| of(member)?.as_str()) {
            return Some(digest.to_owned());
        }
        // Under versions of the cloud's own.
        let seen: Vec<&Value> = ["cloud", "files"].iter().filter_map(|it| of(it)).collect();
        (!seen.is_empty()).then(|| serde_json::json!(seen).to_string())
    }
}

/// A `dvc.yaml`.
#[derive(Debug, Deserialize)]
pub(super) struct Project {
    #[serde(default)]
    pub stages: BTreeMap<String, Value>,
    #[serde(default)]
    pub artifacts: BTreeMap<String, Artifact>,
    #[serde(default)]
    pub metrics: Vec<Value>,
    #[serde(default)]
    pub plots: Value,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Project {
    /// How a stage is written down; of one of many (`train@a`) how they all are.
    pub fn stage(&self, name: &str) -> Option<Stage> {
        let written = self.stages.get(name);
        let written = written.or_else(|| self.stages.get(name.split_once('@')?.0))?;
        let written = if written["do"].is_object() { &written["do"] } else { written };
        let text = |member: &str| written[member].as_str().map(str::to_owned);
        Some(Stage {
            wdir: text("wdir"),
            desc: text("desc"),
            is_frozen: written["frozen"] == true,
            meta: written["meta"].clone(),
            outs: listed(&written["outs"]),
            metrics: listed(&written["metrics"]),
            plots: listed(&written["plots"]),
        })
    }
}

/// A stage as it is written down.
#[derive(Debug)]
pub(super) struct Stage {
    pub wdir: Option<String>,
    pub desc: Option<String>,
    pub is_frozen: bool,
    pub meta: Value,
    pub outs: Vec<(String, Value)>,
    pub metrics: Vec<(String, Value)>,
    pub plots: Vec<(String, Value)>,
}

/// What a team calls an artifact.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Artifact {
    pub path: String,
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub desc: Option<String>,
    #[serde(default)]
    pub labels: Value,
    #[serde(default)]
    pub meta: Value,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Paths, each with what is said of it or without.
pub(super) fn listed(value: &Value) -> Vec<(String, Value)> {
    match value {
        Value::String(path) => vec![(path.clone(), Value::Null)],
        Value::Array(items) => items.iter().flat_map(listed).collect(),
        Value::Object(members) => {
            members.iter().map(|(path, said)| (path.clone(), said.clone())).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a file at a path is one of DVC's.
pub(super) fn is_one(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if folder.split('/').any(|it| it == ".dvc") {
        return name == "config" && (folder == ".dvc" || folder.ends_with("/.dvc"));
    }
    matches!(name, "dvc.lock" | "dvc.yaml")
        || name.strip_suffix(".dvc").is_some_and(|it| !it.is_empty())
}

/// What a file says.
pub(super) fn read(path: &str, content: &[u8]) -> Form {
    let Ok(text) = str::from_utf8(content) else {
        return Form::Unreadable("it is not UTF-8".to_owned());
    };
    match path.rsplit('/').next() {
        Some("dvc.lock") => of(text, Form::Lock),
        Some("dvc.yaml") if text.trim().is_empty() => of("{}", Form::Project),
        Some("dvc.yaml") => of(text, Form::Project),
        Some("config") => Form::Config(default_remote(text)),
        _ => of(text, Form::Single),
    }
}

fn of<T: DeserializeOwned>(text: &str, form: fn(T) -> Form) -> Form {
    let value = yaml::value(text);
    let value = value.and_then(|it| serde_json::from_value(it).map_err(|it| it.to_string()));
    value.map_or_else(Form::Unreadable, form)
}

/// `remote = name` below `[core]`.
fn default_remote(text: &str) -> Option<String> {
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, value)) = line.split_once('=')
            && section.eq_ignore_ascii_case("core")
            && key.trim().eq_ignore_ascii_case("remote")
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}

/// A path from the root of the checkout; `None` of what is elsewhere: an address, an absolute path, or one that
/// leads out.
pub(super) fn joined(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains("://") || path.is_empty() {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|it| !it.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Whether a path may be what a template (`models/${item}.pkl`) stands for.
pub(super) fn is_of(template: &str, path: &str) -> bool {
    let Some((first, mut rest)) = template.split_once("${") else { return template == path };
    let Some(mut path) = path.strip_prefix(first) else { return false };
    loop {
        let Some((_, after)) = rest.split_once('}') else { return false };
        let Some((literal, next)) = after.split_once("${") else { return path.ends_with(after) };
        let Some(at) = path.find(literal) else { return false };
        path = &path[at + literal.len()..];
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_from_the_root() {
        for (folder, path, from_root) in [
            ("", "a", Some("a")),
            ("data", "raw.csv", Some("data/raw.csv")),
            ("a/b", "../c//./d", Some("a/c/d")),
            ("a", "../../b", None),
            ("a", "/etc/passwd", None),
            ("a", "s3://bucket/x", None),
            ("a", "", None),
        ] {
            assert_eq!(joined(folder, path).as_deref(), from_root, "{folder} {path}");
        }
    }

    #[test]
    fn templates_stand_for_paths() {
        for (template, path, is) in [
            ("a", "a", true),
            ("m/${item}.json", "m/x.json", true),
            ("m/${item.a}_${item.b}.json", "m/x_1.json", true),
            ("${x}", "anything", true),
            ("m/${item}.json", "m/x.csv", false),
            ("m/${item", "m/x", false),
        ] {
            assert_eq!(is_of(template, path), is, "{template} {path}");
        }
    }

    #[test]
    fn files_are_known_by_their_paths() {
        for path in ["a.dvc", "a/dvc.yaml", "dvc.lock", ".dvc/config", "a/.dvc/config"] {
            assert!(is_one(path), "{path}");
        }
        for path in [".dvc", "x/.dvc", ".dvc/tmp/x.dvc", "advc.lock", "config", ".dvc/config.local"]
        {
            assert!(!is_one(path), "{path}");
        }
    }

    #[test]
    fn the_default_remote_is_that_of_the_core() {
        let config =
            "[core]\n    remote = store\n['remote \"store\"']\n    url = s3://bucket/dvc\n";
        assert_eq!(default_remote(config).as_deref(), Some("store"));
        assert_eq!(default_remote("['remote \"x\"']\n    remote = y\n"), None);
    }
}
