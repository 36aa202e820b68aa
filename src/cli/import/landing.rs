//! What comes, into the registry: by applies, as any client makes them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::fmt::Write as _;

use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::report::Report;
use crate::api::name;
use crate::cli::asking::{Asked, Question, Refusal};

/// So many of the registry's answers are waited for at a time.
const SIDE_BY_SIDE: usize = 8;

/// An apply: so many things, and about so many bytes.
const MOST_ITEMS: usize = 500;
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// One version of a thing: a block of a registry file.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub name: String,
    /// As the source calls it; nothing of what is no version.
    pub version: String,
    pub block: Value,
}

/// What has landed.
#[derive(Debug)]
pub(super) struct Landed {
    pub name: String,
    pub version: String,
    /// The number that it has got.
    pub number: i64,
    pub is_changed: bool,
}

/// What the registry has of a thing of the source.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    Absent,
    /// The source's versions, and the numbers that they have here.
    Present(BTreeMap<String, i64>),
    /// Something of that name that does not come from there, and why it does not.
    Foreign(String),
}

/// A name, and whether it is to be a dataset or a model.
pub(super) type Wanted = (String, &'static str);

pub(super) struct Landing<'a> {
    server: &'a Asked,
    /// The member of metadata in which a version says where it comes from.
    kind: &'static str,
    source: &'a str,
    run: Uuid,
}

impl<'a> Landing<'a> {
    pub fn new(server: &'a Asked, kind: &'static str, source: &'a str) -> Self {
        Self { server, kind, source, run: Uuid::new_v4() }
    }

    /// What the registry has of each, by the key of its name.
    pub async fn standings(
        &self,
        wanted: Vec<Wanted>,
    ) -> Result<HashMap<String, Standing>, Box<dyn Error>> {
        stream::iter(wanted)
            .map(async |(name, block_type)| {
                let standing = self.standing(&name, block_type).await?;
                Ok((name::key(&name), standing))
            })
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect()
            .await
    }

    async fn standing(&self, name: &str, block_type: &str) -> Result<Standing, Box<dyn Error>> {
        let mut versions = BTreeMap::new();
        let mut others = BTreeSet::new();
        let mut query = vec![("limit", "200".to_owned())];
        loop {
            let path = ["blocks", name, "versions"];
            let question = Question { path: &path, query: query.clone(), ..Question::default() };
            let page = match self.server.ask(&question).await {
                Ok(page) => page,
                Err(error) => match error.downcast_ref::<Refusal>() {
                    Some(refusal) if refusal.status == StatusCode::NOT_FOUND => {
                        return Ok(Standing::Absent);
                    }
                    _ => return Err(error),
                },
            };
            for version in page["items"].as_array().into_iter().flatten() {
                let origin = &version["metadata"][self.kind];
                let number = version["version_number"].as_i64().unwrap_or_default();
                let is_ours = origin["source"] == self.source
                    && origin["name"] == name
                    && version["block_type"] == block_type;
                if is_ours {
                    // Newest first: what somebody has made of it since has the same origin.
                    versions.insert(plainly(&origin["version"]), number);
                } else if let Some(other) = origin["source"].as_str() {
                    others.insert(other.to_owned());
                }
            }
            match page["next_cursor"].as_str() {
                Some(cursor) => {
                    query = vec![("limit", "200".to_owned()), ("cursor", cursor.to_owned())];
                }
                None => break,
            }
        }
        if !versions.is_empty() {
            return Ok(Standing::Present(versions));
        }
        others.remove(self.source);
        let why = match others.first() {
            Some(other) => format!(
                "a block of that name comes from {other}: when that is the same, say so by --source"
            ),
            None => "a block of that name is there, and does not come from here".to_owned(),
        };
        Ok(Standing::Foreign(why))
    }

    /// The number of the version of a thing that is in use; `None` where its changes are reviewed,
    /// so that people say which one is, and where there is no such thing.
    pub async fn in_use(&self, name: &str) -> Result<Option<i64>, Box<dyn Error>> {
        let path = ["blocks", name];
        let question = Question { path: &path, ..Question::default() };
        match self.server.ask(&question).await {
            Ok(block) if block["activation"] == "reviewed" => Ok(None),
            Ok(block) => Ok(block["version_number"].as_i64()),
            Err(error) => match error.downcast_ref::<Refusal>() {
                Some(refusal) if refusal.status == StatusCode::NOT_FOUND => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Makes versions of what comes, each name once. What the registry refuses is left out and told.
    pub async fn land(
        &self,
        what: &'static str,
        arrivals: Vec<Arrival>,
        report: &mut Report,
    ) -> Result<Vec<Landed>, Box<dyn Error>> {
        self.bring(what, arrivals, is_of_a_thing, report).await
    }

    /// Points aliases, or what is in use, to versions that are here. Some may not be moved by everybody.
    pub async fn point(
        &self,
        what: &'static str,
        arrivals: Vec<Arrival>,
        report: &mut Report,
    ) -> Result<Vec<Landed>, Box<dyn Error>> {
        let is_refused = |status| is_of_a_thing(status) || status == StatusCode::FORBIDDEN;
        self.bring(what, arrivals, is_refused, report).await
    }

    async fn bring(
        &self,
        what: &'static str,
        arrivals: Vec<Arrival>,
        is_refused: impl Fn(StatusCode) -> bool,
        report: &mut Report,
    ) -> Result<Vec<Landed>, Box<dyn Error>> {
        let mut landed = Vec::new();
        let mut waiting = parted(arrivals);
        waiting.reverse();
        while let Some(mut part) = waiting.pop() {
            match self.apply(&part).await {
                Ok(answer) => landed.extend(told(part, &answer)),
                Err(error) => match error.downcast_ref::<Refusal>() {
                    Some(refusal) if is_refused(refusal.status) => {
                        if part.len() == 1 {
                            for Arrival { name, version, .. } in &part {
                                let version = Some(&**version).filter(|it| !it.is_empty());
                                report.left_out(what, name, version, refusal.to_string());
                            }
                        } else {
                            // One of them is refused: the halves tell which.
                            let rest = part.split_off(part.len() / 2);
                            waiting.push(rest);
                            waiting.push(part);
                        }
                    }
                    _ => return Err(error),
                },
            }
        }
        Ok(landed)
    }

    async fn apply(&self, part: &[Arrival]) -> Result<Value, Box<dyn Error>> {
        let blocks: Vec<&Value> = part.iter().map(|arrival| &arrival.block).collect();
        let body = json!({ "apiVersion": "blockyard/v1", "blocks": blocks });
        // Of this run alone: what has landed in an earlier one may have been archived since.
        let mut key = Sha256::new();
        key.update(self.run);
        key.update(self.source);
        key.update(serde_json::to_vec(&body)?);
        let key = key.finalize().iter().fold(String::new(), |mut key, byte| {
            let _ = write!(key, "{byte:02x}");
            key
        });
        let path = ["apply"];
        let question = Question {
            method: Method::POST,
            path: &path,
            body: Some(&body),
            key: Some(key),
            ..Question::default()
        };
        self.server.ask(&question).await
    }
}

/// Whether it is refused for what it is, and not for who asks or when.
fn is_of_a_thing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::CONFLICT
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY
    )
}

fn parted(arrivals: Vec<Arrival>) -> Vec<Vec<Arrival>> {
    let mut parts: Vec<Vec<Arrival>> = Vec::new();
    let mut bytes = 0;
    for arrival in arrivals {
        let length = arrival.block.to_string().len();
        match parts.last_mut() {
            Some(part) if part.len() < MOST_ITEMS && bytes + length <= MOST_BYTES => {
                part.push(arrival);
                bytes += length;
            }
            _ => {
                parts.push(vec![arrival]);
                bytes = length;
            }
        }
    }
    parts
}

fn told(part: Vec<Arrival>, answer: &Value) -> Vec<Landed> {
    let items: HashMap<String, &Value> = answer["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| (name::key(item["name"].as_str().unwrap_or_default()), item))
        .collect();
    part.into_iter()
        .filter_map(|Arrival { name, version, .. }| {
            let item = items.get(&name::key(&name))?;
            let number = item["version_number"].as_i64().unwrap_or_default();
            let is_changed = item["outcome"] != "unchanged";
            Some(Landed { name, version, number, is_changed })
        })
        .collect()
}

/// A word or a number as text.
pub(super) fn plainly(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Sets a member, unless there is nothing in it.
pub(super) fn put(object: &mut Value, member: &str, value: Value) {
    let is_empty = match &value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    if !is_empty {
        object[member] = value;
    }
}
