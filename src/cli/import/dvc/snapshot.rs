//! What DVC tracks at a revision: outputs, each with what made it.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::form::{self, Artifact, Data, Form, Stage, joined};
use crate::cli::import::landing::put;
use crate::cli::import::repos::without_secrets;

/// The files of DVC at a revision, by their paths.
#[derive(Debug, Default)]
pub(super) struct Snapshot(pub BTreeMap<String, Rc<Form>>);

/// An output as it was.
#[derive(Debug, Clone)]
pub(super) struct Made {
    /// From the root of the checkout.
    pub path: String,
    /// What tells its content from another.
    pub identity: String,
    /// Digest, size … as DVC has them.
    pub data: Map<String, Value>,
    /// What the team says of it: description, type, labels, meta.
    pub said: Map<String, Value>,
    /// The file of DVC that says so.
    pub file: String,
    /// The stage that made it, where one did.
    pub stage: Value,
    pub read: Vec<Read>,
    /// By files.
    pub params: BTreeMap<String, Map<String, Value>>,
    pub remote: Option<String>,
}

/// What was read to make an output.
#[derive(Debug, Clone)]
pub(super) struct Read {
    /// From the root of the checkout; `None` of what is elsewhere.
    pub path: Option<String>,
    /// With what it was.
    pub told: Value,
}

/// What an output is for.
#[derive(Debug, PartialEq, Eq)]
enum Role {
    Output(Map<String, Value>),
    Metric,
    Plot,
}

/// Why something in a file is not an output of ours: what, its name, why.
pub(super) type Trouble = (&'static str, String, String);

impl Snapshot {
    /// The artifacts, by their names (`folder:name`), with what is said of each and the path of it.
    pub fn artifacts(&self) -> BTreeMap<String, (Artifact, Option<String>)> {
        let mut found = BTreeMap::new();
        for (file, form) in &self.0 {
            let Form::Project(project) = &**form else { continue };
            let folder = folder(file);
            for (name, artifact) in &project.artifacts {
                let name =
                    if folder.is_empty() { name.clone() } else { format!("{folder}:{name}") };
                found.insert(name, (artifact.clone(), joined(folder, &artifact.path)));
            }
        }
        found
    }

    /// The outputs that a file says, and what in it is none.
    pub fn outputs(&self, file: &str) -> (Vec<Made>, Vec<Trouble>) {
        let (mut made, mut troubles) = (Vec::new(), Vec::new());
        match self.0.get(file).map(|it| &**it) {
            Some(Form::Single(single)) => {
                let base = joined(folder(file), single.wdir.as_deref().unwrap_or("."));
                let Some(base) = base else {
                    troubles.push(("file", file.to_owned(), "its wdir is elsewhere".to_owned()));
                    return (made, troubles);
                };
                let mut said = Map::new();
                for (member, value) in [("desc", json!(single.desc)), ("meta", single.meta.clone())]
                {
                    if !value.is_null() {
                        said.insert(member.to_owned(), value);
                    }
                }
                let read: Vec<Read> =
                    single.deps.iter().flatten().map(|it| Read::of(&base, it)).collect();
                for out in single.outs.iter().flatten() {
                    let mut of = said.clone();
                    of.extend(said_of(&out.rest));
                    match self.made(&base, out, file, of) {
                        Ok(it) => made.push(Made { read: read.clone(), ..it }),
                        Err(why) => troubles.push(("output", told(out), why)),
                    }
                }
            }
            Some(Form::Lock(lock)) => {
                for (name, locked) in &lock.stages {
                    let (base, stage) = match self.stage(file, name) {
                        Ok(it) => it,
                        Err(why) => {
                            troubles.push(("stage", format!("{file}:{name}"), why));
                            continue;
                        }
                    };
                    let mut ran = json!({ "name": name, "cmd": locked.cmd });
                    put(&mut ran, "desc", json!(stage.desc));
                    put(&mut ran, "meta", stage.meta.clone());
                    if stage.is_frozen {
                        ran["frozen"] = true.into();
                    }
                    for out in &locked.outs {
                        let Some(path) = joined(&base, &out.path) else {
                            let why = "it is outside of the checkout".to_owned();
                            troubles.push(("output", told(out), why));
                            continue;
                        };
                        let Role::Output(said) = self.role(file, &base, &stage, &path) else {
                            continue;
                        };
                        match self.made(&base, out, file, said) {
                            Ok(it) => made.push(Made {
                                stage: ran.clone(),
                                read: locked.deps.iter().map(|it| Read::of(&base, it)).collect(),
                                params: locked.params.clone(),
                                ..it
                            }),
                            Err(why) => troubles.push(("output", told(out), why)),
                        }
                    }
                }
            }
            Some(Form::Unreadable(why)) => troubles.push(("file", file.to_owned(), why.clone())),
            Some(Form::Project(_) | Form::Config(_)) | None => {}
        }
        (made, troubles)
    }

    /// The output at a path, or that in which the path is.
    pub fn output(&self, path: &str) -> Option<Made> {
        let made = self.0.keys().flat_map(|file| self.outputs(file).0);
        let within = made.filter(|it| is_within(path, &it.path));
        within.max_by_key(|it| it.path.len())
    }

    /// The files of metrics that say something of an output: those of the stage that made it, and of a model those
    /// of stages that have read it and made nothing but metrics and plots.
    pub fn metrics(&self, path: &str, is_model: bool) -> Vec<String> {
        let mut found = Vec::new();
        for (file, form) in &self.0 {
            let Form::Lock(lock) = &**form else { continue };
            for (name, locked) in &lock.stages {
                let Ok((base, stage)) = self.stage(file, name) else { continue };
                let is_in = |list: &[Data]| {
                    list.iter().any(|it| joined(&base, &it.path).as_deref() == Some(path))
                };
                let reads = is_model && is_in(&locked.deps);
                if !reads && !is_in(&locked.outs) {
                    continue;
                }
                let (mut metrics, mut outputs) = (Vec::new(), Vec::new());
                for at in locked.outs.iter().filter_map(|out| joined(&base, &out.path)) {
                    match self.role(file, &base, &stage, &at) {
                        Role::Metric => metrics.push(at),
                        Role::Output(_) => outputs.push(at),
                        Role::Plot => {}
                    }
                }
                if outputs.iter().any(|it| it == path) || (reads && outputs.is_empty()) {
                    found.extend(metrics);
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }

    /// All files of metrics that stages have made.
    pub fn all_metrics(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (file, form) in &self.0 {
            let Form::Lock(lock) = &**form else { continue };
            for (name, locked) in &lock.stages {
                let Ok((base, stage)) = self.stage(file, name) else { continue };
                let outs = locked.outs.iter().filter_map(|out| joined(&base, &out.path));
                found.extend(outs.filter(|at| self.role(file, &base, &stage, at) == Role::Metric));
            }
        }
        found
    }

    /// How the stage of a lock is written down beside it, and where it is run.
    fn stage(&self, lock: &str, name: &str) -> Result<(String, Stage), String> {
        let folder = folder(lock);
        let project = joined(folder, "dvc.yaml").and_then(|it| self.0.get(&it));
        let Some(Form::Project(project)) = project.map(|it| &**it) else {
            return Err("there is no dvc.yaml beside it that can be read".to_owned());
        };
        let stage = project.stage(name).ok_or("dvc.yaml has no such stage")?;
        let wdir = stage.wdir.as_deref().unwrap_or(".");
        if wdir.contains("${") {
            return Err("its wdir is a template".to_owned());
        }
        Ok((joined(folder, wdir).ok_or("its wdir is elsewhere")?, stage))
    }

    fn role(&self, lock: &str, base: &str, stage: &Stage, path: &str) -> Role {
        let is_there = |folder: &str, listed: &[(String, Value)]| {
            let mut listed = listed.iter().filter_map(|(it, _)| joined(folder, it));
            listed.any(|template| form::is_of(&template, path))
        };
        let folder = folder(lock);
        let project = joined(folder, "dvc.yaml").and_then(|it| self.0.get(&it));
        let (metrics, plots) = match project.map(|it| &**it) {
            Some(Form::Project(it)) => {
                (form::listed(&it.metrics.clone().into()), form::listed(&it.plots))
            }
            _ => (Vec::new(), Vec::new()),
        };
        if is_there(base, &stage.metrics) || is_there(folder, &metrics) {
            return Role::Metric;
        }
        if is_there(base, &stage.plots) || is_there(folder, &plots) {
            return Role::Plot;
        }
        let written = stage
            .outs
            .iter()
            .find(|(it, _)| joined(base, it).is_some_and(|template| form::is_of(&template, path)));
        let said = written.and_then(|(_, said)| said.as_object());
        Role::Output(said.map(said_of).unwrap_or_default())
    }

    fn made(
        &self,
        base: &str,
        out: &Data,
        file: &str,
        said: Map<String, Value>,
    ) -> Result<Made, String> {
        let path = joined(base, &out.path).ok_or("it is outside of the checkout")?;
        let identity = out.identity().ok_or("DVC has no digest of it")?;
        let remote = said.get("remote").or_else(|| out.rest.get("remote"));
        let remote = remote.and_then(Value::as_str).map(str::to_owned);
        Ok(Made {
            remote: remote.or_else(|| self.remote(&path)),
            path,
            identity,
            data: out.rest.clone(),
            said,
            file: file.to_owned(),
            stage: Value::Null,
            read: Vec::new(),
            params: BTreeMap::new(),
        })
    }

    /// The default remote of the innermost project around a path.
    fn remote(&self, path: &str) -> Option<String> {
        let mut folder = folder(path);
        loop {
            let config = joined(folder, ".dvc/config").and_then(|it| self.0.get(&it));
            if let Some(Form::Config(remote)) = config.map(|it| &**it) {
                return remote.clone();
            }
            if folder.is_empty() {
                return None;
            }
            folder = self::folder(folder);
        }
    }
}

impl Read {
    fn of(base: &str, data: &Data) -> Self {
        let from = data.rest.get("repo");
        let path = if from.is_some() { None } else { joined(base, &data.path) };
        let mut told =
            json!({ "path": path.clone().unwrap_or_else(|| without_secrets(&data.path)) });
        for member in ["hash", "md5", "etag", "checksum", "version_id", "size", "nfiles"] {
            put(&mut told, member, data.rest.get(member).cloned().unwrap_or_default());
        }
        if let Some(from) = from {
            let url = without_secrets(from["url"].as_str().unwrap_or_default());
            let mut repo = json!({ "url": url });
            put(&mut repo, "rev", from["rev"].clone());
            put(&mut repo, "rev_lock", from["rev_lock"].clone());
            told["repo"] = repo;
        }
        Self { path, told }
    }
}

/// The folder of a path, from the root of the checkout.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether a path is another one, or within it.
pub(super) fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What the team says of an output, among other things about it.
fn said_of(members: &Map<String, Value>) -> Map<String, Value> {
    let said = ["desc", "type", "labels", "meta", "remote"];
    said.iter().filter_map(|it| Some(((*it).to_owned(), members.get(*it)?.clone()))).collect()
}

fn told(data: &Data) -> String {
    without_secrets(&data.path)
}
