//! What a checkout has: things, and their versions in their order.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::error::Error;

use super::form::Form;
use super::git::{Git, Tag};
use super::gto::{self, Registered};
use super::objects::Objects;
use super::past::{Reading, Version, kind};
use super::snapshot::{Snapshot, is_within};
use crate::cli::import::names::Names;
use crate::cli::import::report::Report;
use crate::versions::AliasName;

/// A thing, its versions (oldest first), and which alias means which.
#[derive(Debug)]
pub(super) struct Wanted {
    pub name: String,
    pub kind: &'static str,
    pub path: Option<String>,
    pub versions: Vec<Version>,
    /// The names of all of them, oldest first: of those as well that are not asked for.
    pub order: Vec<String>,
    pub aliases: BTreeMap<String, String>,
    /// Whether its versions are those that GTO has registered.
    pub is_registered: bool,
    /// So many things are made one after the other before it.
    pub rank: usize,
}

/// What is there.
pub(super) fn wanted(
    git: &Git,
    objects: &mut Objects,
    report: &mut Report,
) -> Result<Vec<Wanted>, Box<dyn Error>> {
    let line = git.line()?;
    let Some(head) = line.last().cloned() else { return Err("it has no commit yet".into()) };
    let mut reading = Reading::new(git, objects);
    let (now, nameless) = reading.at(&head)?;
    if nameless > 0 {
        let why = format!("{nameless} files have names that are not UTF-8");
        report.left_out("file", "HEAD", None, why);
    }
    let tags = git.tags()?;
    let (registered, tags) = gto::registered(&tags, report);
    let mut things = things(&now, &registered, report);
    let past = reading.past(&line, &now, report)?;
    let outputs = now.0.keys().flat_map(|file| now.outputs(file).0);
    let outputs: HashSet<String> = outputs.map(|it| it.path).collect();
    for path in past.keys().filter(|path| !outputs.contains(*path)) {
        report.left_out("output", path, None, "it is tracked no more");
    }
    let artifacts = now.artifacts();
    for thing in &mut things {
        if let Some(of) = registered.get(&thing.name).filter(|_| thing.is_registered) {
            let now = artifacts.get(&thing.name);
            thing.versions = reading.registered((&thing.name, thing.kind), of, now)?;
            thing.aliases.clone_from(&of.stages);
        } else if let Some(path) = &thing.path {
            let around = past.keys().filter(|outer| is_within(path, outer));
            let outer = around.max_by_key(|outer| outer.len());
            let now = artifacts.get(&thing.name).map(|(artifact, _)| artifact);
            let versions = outer.and_then(|it| past.get(it)).into_iter().flatten();
            thing.versions = versions
                .map(|it| Version {
                    artifact: it.artifact.clone().or_else(|| now.cloned()),
                    ..it.clone()
                })
                .collect();
        }
    }
    point(&line, &tags, &mut things, report);
    things.retain_mut(|it| {
        if it.versions.is_empty() {
            let why = if it.is_registered {
                "no version of it is registered any more"
            } else {
                "DVC does not track it, and no tag of GTO registers a version"
            };
            report.left_out(it.kind, &it.name, None, why);
        }
        it.order = it.versions.iter().map(|version| version.id.clone()).collect();
        !it.versions.is_empty()
    });
    rank(&mut things);
    Ok(things)
}

/// The artifacts, then the outputs that are none of these.
fn things(
    now: &Snapshot,
    registered: &BTreeMap<String, Registered>,
    report: &mut Report,
) -> Vec<Wanted> {
    let mut taken = Names::default();
    let mut found = Vec::new();
    let mut claimed = BTreeSet::new();
    let artifacts = now.artifacts();
    let names: BTreeSet<&String> = artifacts.keys().chain(registered.keys()).collect();
    for name in names {
        let (artifact, path) = match artifacts.get(name) {
            Some((artifact, path)) => (Some(artifact), path.clone()),
            None => (None, None),
        };
        if let Some(artifact) = artifact {
            report.unknown("artifact", artifact.rest.keys().cloned());
            claimed.extend(path.clone());
        }
        let said = artifact.and_then(|it| it.kind.as_deref());
        // What GTO alone knows is of the kind for which it is there.
        let kind = path.as_ref().map_or("model", |path| kind(said, path));
        if taken.take(kind, name, report) {
            let is_registered = registered.contains_key(name);
            found.push(thing(name.clone(), kind, path, is_registered));
        }
    }
    let mut metrics: BTreeSet<String> = now.all_metrics().into_iter().collect();
    let mut outputs = BTreeMap::new();
    for (file, form) in &now.0 {
        let (made, troubles) = now.outputs(file);
        for (what, name, why) in troubles {
            report.left_out(what, &name, None, why);
        }
        outputs.extend(made.into_iter().map(|it| (it.path.clone(), it)));
        unsaid(file, form, now, report);
    }
    for (path, made) in outputs {
        let kind = kind(made.said.get("type").and_then(|it| it.as_str()), &path);
        for file in now.metrics(&path, kind == "model") {
            metrics.remove(&file);
        }
        if !claimed.contains(&path) && taken.take(kind, &path, report) {
            found.push(thing(path.clone(), kind, Some(path), false));
        }
    }
    for (artifact, path) in artifacts.values() {
        if let Some(path) = path
            && kind(artifact.kind.as_deref(), path) == "model"
        {
            for file in now.metrics(path, true) {
                metrics.remove(&file);
            }
        }
    }
    for file in metrics {
        report.left_out("metrics", &file, None, "their stage makes no output, and reads no model");
    }
    found
}

fn thing(name: String, kind: &'static str, path: Option<String>, is_registered: bool) -> Wanted {
    let (versions, order, aliases) = (Vec::new(), Vec::new(), BTreeMap::new());
    Wanted { name, kind, path, versions, order, aliases, is_registered, rank: 0 }
}

/// What a file says that no version has.
fn unsaid(file: &str, form: &Form, now: &Snapshot, report: &mut Report) {
    match form {
        Form::Single(single) => {
            let known = ["md5", "frozen", "locked", "always_changed"];
            let unknown = single.rest.keys().filter(|it| !known.contains(&it.as_str()));
            report.unknown("dvc file", unknown.cloned());
        }
        Form::Lock(lock) => {
            for member in lock.rest.keys().filter(|it| *it != "schema") {
                let why = "a lock of before DVC 2, or something newer than this program";
                report.left_out("part of", file, Some(member), why);
            }
            for locked in lock.stages.values() {
                report.unknown("stage of dvc.lock", locked.rest.keys().cloned());
            }
        }
        Form::Project(project) => {
            let lock = file.strip_suffix("dvc.yaml").map(|folder| format!("{folder}dvc.lock"));
            let lock = lock.and_then(|it| now.0.get(&it));
            for stage in project.stages.keys() {
                let is_of =
                    |it: &String| it == stage || it.split_once('@').is_some_and(|it| it.0 == stage);
                let has_run = matches!(lock.map(|it| &**it), Some(Form::Lock(lock)) if lock.stages.keys().any(is_of));
                if !has_run {
                    let name = format!("{file}:{stage}");
                    let why = "dvc.lock has nothing of it: it has not run";
                    report.left_out("stage", &name, None, why);
                }
            }
            if project.rest.contains_key("datasets") {
                report.left_out("part of", file, Some("datasets"), "they are not files of DVC's");
            }
            let known = ["vars", "params", "datasets"];
            let unknown = project.rest.keys().filter(|it| !known.contains(&it.as_str()));
            report.unknown("dvc.yaml", unknown.cloned());
        }
        Form::Config(_) | Form::Unreadable(_) => {}
    }
}

/// Other tags of the branch mean what each output was at that commit; GTO's word is the last of what it registers.
fn point(line: &[String], tags: &[&Tag], things: &mut [Wanted], report: &mut Report) {
    let places: HashMap<&str, usize> = line.iter().map(String::as_str).zip(0..).collect();
    for tag in tags {
        let Some(place) = places.get(tag.commit.as_str()) else {
            let why = "its commit is not one of the branch's (along first parents)";
            report.left_out("tag", &tag.name, None, why);
            continue;
        };
        let is_alias = tag.name.parse::<AliasName>();
        if let Err(why) = is_alias {
            let why = format!("it is no alias, but in dvc.tags. {why}");
            report.left_out("tag", &tag.name, None, why);
        }
        for thing in things.iter_mut().filter(|it| !it.is_registered) {
            let was = thing.versions.iter_mut().rev();
            let mut was =
                was.filter(|it| places.get(it.commit.as_str()).is_some_and(|at| at <= place));
            if let Some(was) = was.next() {
                was.tags.push(tag.name.clone());
                if is_alias.is_ok() {
                    thing.aliases.insert(tag.name.clone(), was.id.clone());
                }
            }
        }
    }
}

/// Which things stand at these paths, the innermost for each.
pub(super) fn at<'w>(wanted: &'w [Wanted], path: &str) -> Vec<&'w Wanted> {
    let of = |it: &&Wanted, is: fn(&str, &str) -> bool| {
        it.path.as_deref().is_some_and(|at| is(path, at))
    };
    let around = wanted.iter().filter(|it| of(it, is_within));
    match around.max_by_key(|it| it.path.as_ref().map(String::len)) {
        Some(one) => vec![one],
        // A folder with outputs in it.
        None => wanted.iter().filter(|it| of(it, |path, at| is_within(at, path))).collect(),
    }
}

/// What is made of others comes after them; of a circle, one comes first.
fn rank(things: &mut [Wanted]) {
    let before: Vec<Vec<usize>> = things
        .iter()
        .map(|thing| {
            let read = thing.versions.last().and_then(|it| it.made.as_ref());
            let paths = read.iter().flat_map(|it| &it.read).filter_map(|it| it.path.as_deref());
            let names: HashSet<&str> =
                paths.flat_map(|it| at(things, it)).map(|it| it.name.as_str()).collect();
            (0..things.len()).filter(|it| names.contains(things[*it].name.as_str())).collect()
        })
        .collect();
    // As long as the longest way is, and no longer.
    for _ in 0..things.len() {
        let mut is_settled = true;
        for (thing, before) in before.iter().enumerate() {
            let rank =
                before.iter().filter(|it| **it != thing).map(|it| things[*it].rank + 1).max();
            let rank = rank.unwrap_or_default();
            if rank > things[thing].rank && rank <= things.len() {
                things[thing].rank = rank;
                is_settled = false;
            }
        }
        if is_settled {
            break;
        }
    }
}
