//! What a hub has of what is asked for, and what that names.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;

use reqwest::StatusCode;
use serde_json::Value;

use super::api::{Api, Kind};
use super::content;
use crate::api::name::{self, Name};
use crate::cli::import::landing::Arrival;
use crate::cli::import::reader::Denied;
use crate::cli::import::report::Report;

/// A revision, and its commit.
pub(super) struct Revision {
    pub sha: String,
    pub commit: Value,
}

/// A repository, its revisions (oldest first), and which tag or branch means which.
pub(super) struct Wanted {
    pub kind: Kind,
    pub id: String,
    pub revisions: Vec<Revision>,
    pub refs: BTreeMap<String, String>,
}

/// What repositories are called now, by the kind and the key of what cards call them.
pub(super) type Called = HashMap<(Kind, String), String>;

/// What is asked for, and after it what its cards name; what they in turn name is told alone.
/// A dataset comes before a model, and what is named before what names it.
pub(super) async fn wanted(
    api: &Api,
    asked: Vec<(Kind, String)>,
    commits: usize,
    report: &mut Report,
) -> Result<(Vec<Wanted>, Called), Box<dyn Error>> {
    let mut seen = HashSet::new();
    let mut called = Called::new();
    let mut names: HashMap<String, (Kind, String)> = HashMap::new();
    let mut rounds = Vec::new();
    let mut round = asked;
    for depth in 0..2 {
        let mut found = Vec::new();
        let mut named = Vec::new();
        for (kind, id) in round {
            if !seen.insert((kind, id.clone())) {
                continue;
            }
            if !is_id(&id) {
                report.left_out(kind.word(), &id, None, "that is no id of a repository");
                continue;
            }
            let answer = api.repo(kind, &id, None).await;
            let Some(repo) = allowed(kind.word(), &id, answer, report)?.flatten() else { continue };
            // Renamed ones answer by their present id.
            let asked = id;
            let id = repo["id"].as_str().unwrap_or(&asked).to_owned();
            called.insert((kind, name::key(&asked)), id.clone());
            if let Err(why) = Name::parse(&id) {
                report.left_out(kind.word(), &id, None, why);
                continue;
            }
            match names.get(&name::key(&id)) {
                Some((same, other)) if *same == kind && *other == id => continue,
                Some((same, other)) => {
                    let why = format!("the {} {other} has its name", same.word());
                    report.left_out(kind.word(), &id, None, why);
                    continue;
                }
                None => names.insert(name::key(&id), (kind, id.clone())),
            };
            if depth == 0 {
                named.extend(content::named(&repo));
            }
            let answer = revisions(api, kind, id.clone(), &repo, commits, report).await;
            found.extend(allowed(kind.word(), &id, answer, report)?);
        }
        rounds.push(found);
        round = named;
    }
    let mut wanted: Vec<Wanted> = rounds.into_iter().rev().flatten().collect();
    wanted.sort_by_key(|it| it.kind);
    Ok((wanted, called))
}

/// One or two segments, none of which leads elsewhere in an address.
fn is_id(id: &str) -> bool {
    let is_segment = |it: &str| {
        !it.is_empty()
            && it.chars().all(|it| it.is_ascii_alphanumeric() || "-_.".contains(it))
            && !it.chars().all(|it| it == '.')
    };
    id.len() <= 200 && id.split('/').count() <= 2 && id.split('/').all(is_segment)
}

async fn revisions(
    api: &Api,
    kind: Kind,
    id: String,
    repo: &Value,
    commits: usize,
    report: &mut Report,
) -> Result<Wanted, Box<dyn Error>> {
    let head = repo["sha"].as_str().unwrap_or_default();
    let mut found = BTreeMap::from([(head.to_owned(), Value::Null)]);
    for commit in api.commits(kind, &id, head, commits.max(1)).await? {
        if let Some(sha) = commit["id"].as_str() {
            found.insert(sha.to_owned(), commit.clone());
        }
    }
    let mut refs = BTreeMap::new();
    let answer = api.refs(kind, &id).await?;
    for member in ["branches", "tags"] {
        for it in answer[member].as_array().into_iter().flatten() {
            let (Some(word), Some(sha)) = (it["name"].as_str(), it["targetCommit"].as_str()) else {
                continue;
            };
            if !found.contains_key(sha) {
                let mut commit = api.commits(kind, &id, sha, 1).await?;
                found.insert(sha.to_owned(), commit.pop().unwrap_or_default());
            }
            if let Some(branch) = refs.insert(word.to_owned(), sha.to_owned())
                && branch != sha
            {
                report.left_out("branch of", &id, Some(word), "a tag has its name");
            }
        }
    }
    let mut revisions: Vec<Revision> =
        found.into_iter().map(|(sha, commit)| Revision { sha, commit }).collect();
    // Times of one form, so that their texts are in order; what the hub stands at is the last.
    revisions.sort_by_key(|it| {
        (it.sha == head, it.commit["date"].as_str().unwrap_or_default().to_owned())
    });
    Ok(Wanted { kind, id, revisions, refs })
}

/// A revision as it comes; `None` when the hub keeps it back, which is told.
pub(super) async fn arrival(
    api: &Api,
    source: &str,
    wanted: &Wanted,
    revision: &Revision,
    known: impl Fn(Kind, &str) -> Option<String>,
    report: &mut Report,
) -> Result<Option<Arrival>, Box<dyn Error>> {
    let Wanted { kind, id, .. } = wanted;
    let answer = api.repo(*kind, id, Some(&revision.sha)).await;
    let Some(repo) = allowed("version of", id, answer, report)?.flatten() else { return Ok(None) };
    let answer = api.tree(*kind, id, &revision.sha, content::MOST_FILES).await;
    let files = allowed("files of", id, answer, report)?.unwrap_or_default();
    let thing = (*kind, id.as_str());
    let refs = wanted.refs.iter().filter(|(_, sha)| **sha == revision.sha);
    let refs: Vec<&str> = refs.map(|(word, _)| word.as_str()).collect();
    let seen = content::Seen { repo: &repo, commit: &revision.commit, files: &files, refs: &refs };
    Ok(Some(content::version(source, thing, seen, known, report)))
}

/// `None` when the hub says no to this one alone, which is told. A hub hides what is private from
/// those who may not see it, by 401 as by 404.
fn allowed<T: Presence>(
    what: &'static str,
    id: &str,
    answer: Result<T, Box<dyn Error>>,
    report: &mut Report,
) -> Result<Option<T>, Box<dyn Error>> {
    match answer {
        Ok(it) => {
            if !it.is_present() {
                report.left_out(what, id, None, "the hub has none of that name, or hides it");
            }
            Ok(Some(it))
        }
        Err(error) => match error.downcast_ref::<Denied>() {
            Some(denied)
                if matches!(denied.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) =>
            {
                let why = format!("not there, private or gated: HF_TOKEN may help ({denied})");
                report.left_out(what, id, None, why);
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

/// Whether there is something in an answer.
trait Presence {
    fn is_present(&self) -> bool {
        true
    }
}

impl Presence for Option<Value> {
    fn is_present(&self) -> bool {
        self.is_some()
    }
}

impl Presence for Vec<Value> {}

impl Presence for Wanted {}
