//! The past of what is tracked: what commits have changed, and what tags of GTO mean.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::rc::Rc;

use super::form::{self, Artifact, Form, is_one};
use super::git::Git;
use super::gto::Registered;
use super::objects::Objects;
use super::snapshot::{Made, Snapshot};
use crate::cli::import::report::Report;

/// Endings of files in which models are kept, and hardly anything else.
const OF_MODELS: [&str; 13] = [
    "bst",
    "cbm",
    "ckpt",
    "gguf",
    "joblib",
    "keras",
    "mlmodel",
    "onnx",
    "pmml",
    "pt",
    "pth",
    "safetensors",
    "tflite",
];

/// A version: what a tag means, or what a commit has changed.
#[derive(Debug, Clone)]
pub(super) struct Version {
    /// The tag's `v1.2.3`, else the commit.
    pub id: String,
    pub commit: String,
    /// `None` of what DVC does not track.
    pub made: Option<Made>,
    /// What the team called it at that commit.
    pub artifact: Option<Artifact>,
    /// Where it is.
    pub path: Option<String>,
    /// The files of metrics that say something of it.
    pub metrics: Vec<String>,
    /// The tags that mean it.
    pub tags: Vec<String>,
}

/// Files of DVC as they were; the same content is read once.
pub(super) struct Reading<'a> {
    git: &'a Git,
    objects: &'a mut Objects,
    known: HashMap<(String, String), Rc<Form>>,
}

impl<'a> Reading<'a> {
    pub fn new(git: &'a Git, objects: &'a mut Objects) -> Self {
        Self { git, objects, known: HashMap::new() }
    }

    fn form(&mut self, path: &str, blob: &str) -> Result<Rc<Form>, Box<dyn Error>> {
        let read = self.objects.blob(blob)?;
        let read = read.ok_or_else(|| {
            format!("{path}: its content {blob} is not in the checkout, and nothing is fetched: is that a partial clone?")
        })?;
        Ok(Rc::new(match read.content {
            Some(content) => form::read(path, &content),
            None => Form::Unreadable(format!("it has {} bytes", read.size)),
        }))
    }

    /// What is tracked at a commit, and how many files have names that are none.
    pub fn at(&mut self, commit: &str) -> Result<(Snapshot, usize), Box<dyn Error>> {
        let (files, nameless) = self.git.files(commit, is_one)?;
        let mut snapshot = Snapshot::default();
        for (path, blob) in files {
            let Some(blob) = blob else {
                let why = "it is a link or a module of git, which is not followed".to_owned();
                snapshot.0.insert(path, Rc::new(Form::Unreadable(why)));
                continue;
            };
            let key = (path.clone(), blob);
            let form = match self.known.get(&key) {
                Some(form) => Rc::clone(form),
                None => self.form(&path, &key.1)?,
            };
            self.known.insert(key, Rc::clone(&form));
            snapshot.0.insert(path, form);
        }
        Ok((snapshot, nameless))
    }

    /// Of each output, the commits of the branch that have changed it.
    pub fn past(
        &mut self,
        line: &[String],
        now: &Snapshot,
        report: &mut Report,
    ) -> Result<BTreeMap<String, Vec<Version>>, Box<dyn Error>> {
        let mut then = Snapshot::default();
        let mut past: BTreeMap<String, Vec<Version>> = BTreeMap::new();
        for (commit, changes) in self.git.changes(line, is_one)? {
            let mut touched = BTreeSet::new();
            for (path, blob) in changes {
                match blob {
                    Some(blob) => {
                        let form = self.form(&path, &blob)?;
                        // What is unreadable to this day is told as what there is.
                        let is_still =
                            matches!(now.0.get(&path).map(|it| &**it), Some(Form::Unreadable(_)));
                        if let Form::Unreadable(why) = &*form
                            && !is_still
                        {
                            report.left_out("file", &path, Some(&commit), why);
                        }
                        then.0.insert(path.clone(), form);
                    }
                    None => drop(then.0.remove(&path)),
                }
                // A stage is written down beside its lock.
                touched.insert(match path.strip_suffix("dvc.yaml") {
                    Some(folder) => format!("{folder}dvc.lock"),
                    None => path,
                });
            }
            let mut artifacts = None;
            for made in touched.iter().flat_map(|file| then.outputs(file).0) {
                let versions = past.entry(made.path.clone()).or_default();
                let last = versions.last().and_then(|it| it.made.as_ref());
                if last.is_some_and(|last| last.identity == made.identity) {
                    continue;
                }
                let artifacts = artifacts.get_or_insert_with(|| then.artifacts());
                let of = |(it, path): &(Artifact, Option<String>)| {
                    (path.as_ref() == Some(&made.path)).then(|| it.clone())
                };
                let artifact = artifacts.values().find_map(of);
                let said = artifact.as_ref().and_then(|it| it.kind.as_deref());
                let said = said.or_else(|| made.said.get("type")?.as_str());
                versions.push(Version {
                    id: commit.clone(),
                    commit: commit.clone(),
                    metrics: then.metrics(&made.path, kind(said, &made.path) == "model"),
                    path: Some(made.path.clone()),
                    made: Some(made),
                    artifact,
                    tags: Vec::new(),
                });
            }
        }
        Ok(past)
    }

    /// The versions that GTO has registered.
    pub fn registered(
        &mut self,
        (name, kind): (&str, &str),
        registered: &Registered,
        now: Option<&(Artifact, Option<String>)>,
    ) -> Result<Vec<Version>, Box<dyn Error>> {
        let mut versions = Vec::new();
        for (version, commit) in &registered.versions {
            let (then, _) = self.at(commit)?;
            let of = then.artifacts().remove(name);
            let of = of.as_ref().or(now);
            let path = of.and_then(|(_, path)| path.clone());
            versions.push(Version {
                id: version.text.clone(),
                commit: commit.clone(),
                made: path.as_ref().and_then(|path| then.output(path)),
                artifact: of.map(|(artifact, _)| artifact.clone()),
                metrics: path
                    .as_ref()
                    .map(|it| then.metrics(it, kind == "model"))
                    .unwrap_or_default(),
                path,
                tags: vec![format!("{}@{}", name.replace(':', "="), version.text)],
            });
        }
        Ok(versions)
    }
}

/// A dataset or a model: what the team says, or else what the path sounds like.
pub(super) fn kind(said: Option<&str>, path: &str) -> &'static str {
    match said {
        Some("model") => return "model",
        Some(_) => return "dataset",
        None => {}
    }
    let path = path.to_ascii_lowercase();
    let mut words = path.split(|it: char| !it.is_ascii_alphanumeric());
    let ending = path.rsplit_once('.').map_or("", |(_, it)| it);
    if words.any(|it| it == "model" || it == "models") || OF_MODELS.contains(&ending) {
        return "model";
    }
    "dataset"
}
