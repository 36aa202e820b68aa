//! One thing of the file beside what is there of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use super::found::{self, Found, Thing};
use super::given::{Content, Given, Versioned};
use super::given_parts::{Entry, FileAlias};
use super::given_pipeline::{FilePipeline, Follows};
use super::renaming::Renaming;
use super::{Conflict, Kind, LISTS, Manner, Members, Owners, at};
use crate::api::fields::Patch;
use crate::api::name;
use crate::api::problem::Fault;
use crate::api::raw_json::JsonObject;
use crate::resource::owner::EntityType;
use crate::versions::{Activation, Which, tree};

/// The members that are content: a change of them is a version.
const CONTENT: [&str; 4] = ["/name", "/type", "/description", "/metadata"];

/// What is given of each member; nothing clears it.
pub(super) type Wanted = BTreeMap<String, Option<Value>>;

/// What has to change of a thing.
pub(super) struct Planned<'a> {
    pub given: &'a Given,
    /// As it is now.
    pub thing: Option<&'a Thing>,
    /// All that the file says of it.
    pub wanted: Wanted,
    /// What of that is otherwise now, and what is pruned.
    pub changes: Wanted,
    pub conflicts: Vec<Conflict>,
    /// Whether the newest version is a candidate with this content already.
    pub waits: bool,
    /// Whether its changes are reviewed.
    pub is_reviewed: bool,
    /// The entries of its lists in the file, by their members.
    pub parts: BTreeMap<String, Entry<'a>>,
}

impl Planned<'_> {
    /// A member as it is now.
    pub fn now(&self, member: &str) -> Option<&Value> {
        self.thing?.members.get(member)
    }

    pub fn changes_content(&self) -> bool {
        CONTENT.iter().any(|member| self.changes.contains_key(*member))
    }

    /// As it is before and afterwards. (Which version is in use then is told besides.)
    pub fn states(&self) -> (Option<Members>, Members) {
        let mut before = self.thing.map(|thing| thing.members.clone());
        if let (Some(before), false) = (&mut before, self.changes.contains_key("/active")) {
            before.remove("/active");
        }
        let mut after = before.clone().unwrap_or_default();
        for (member, value) in &self.changes {
            match value {
                Some(value) => after.insert(member.clone(), value.clone()),
                None => after.remove(member),
            };
        }
        (before, after)
    }
}

/// What things are called afterwards, by kind and key.
pub(super) struct Names(HashMap<(Kind, String), String>);

impl Names {
    pub fn of(items: &[Given], found: &Found, renaming: &Renaming) -> Self {
        let mut afterwards: HashMap<_, _> = found
            .0
            .iter()
            .filter(|(key, _)| !renaming.left.contains_key(key))
            .map(|(key, thing)| (key.clone(), thing.name.clone()))
            .collect();
        for item in items {
            // A category keeps the name that it has.
            let name = afterwards.entry((item.kind(), item.key())).or_insert_with(|| item.name());
            if item.kind() != Kind::Taxonomy {
                *name = item.name();
            }
        }
        Self(afterwards)
    }

    /// As it is written afterwards, if there is such a thing.
    fn known(&self, kind: Kind, key: String) -> Option<&str> {
        self.0.get(&(kind, key)).map(String::as_str)
    }
}
/// One thing of the file, being compared.
pub(super) struct Looking<'l, 'a> {
    pub names: &'l Names,
    pub faults: &'l mut Vec<Fault>,
    pub given: &'a Given,
}

impl<'a> Looking<'_, 'a> {
    pub fn planned(
        &mut self,
        thing: Option<&'a Thing>,
        owner: Option<&str>,
        manner: &Manner,
    ) -> Planned<'a> {
        let mut planned = Planned {
            given: self.given,
            thing,
            wanted: Wanted::new(),
            changes: Wanted::new(),
            conflicts: Vec::new(),
            waits: false,
            is_reviewed: false,
            parts: BTreeMap::new(),
        };
        match &self.given.content {
            Content::Category(it) => {
                if let Some(parent) = it.path.parent() {
                    self.known(Kind::Taxonomy, parent.key(), "");
                }
                // One that is there keeps its name, but for what moves it.
                let path = thing.map_or_else(|| it.path.to_string(), |thing| thing.name.clone());
                planned.wanted.insert("/path".to_owned(), Some(path.into()));
                planned.changes = differing(&planned.wanted, thing.map(|thing| &thing.members));
            }
            Content::Versioned(it) => {
                self.versioned(&mut planned, it);
                Self::settle(&mut planned, it);
            }
            Content::Pipeline(it) => {
                self.pipeline(&mut planned, it);
                planned.changes = differing(&planned.wanted, thing.map(|thing| &thing.members));
            }
        }
        if let (Some(thing), Some(owner), true) = (thing, owner, manner.prune) {
            planned.changes.extend(no_more(thing, owner, &planned.wanted));
        }
        if let (Some(thing), false) = (thing, manner.force) {
            planned.conflicts = conflicts(&thing.owners, owner, &planned.changes);
        }
        planned
    }

    pub(super) fn fault(&mut self, within: &str, detail: &str) {
        let pointer = format!("{}{within}", self.given.pointer);
        self.faults.push(Fault { pointer, detail: detail.to_owned() });
    }

    /// The name of what is mentioned, as it is written afterwards.
    pub(super) fn known(&mut self, kind: Kind, key: String, within: &str) -> Option<String> {
        let name = self.names.known(kind, key).map(str::to_owned);
        if name.is_none() {
            let what = match kind {
                Kind::Taxonomy if within.is_empty() => "The category above it is",
                Kind::Taxonomy => "That category is",
                Kind::Block => "That block is",
                Kind::Edge => "That edge is",
                Kind::Pipeline => "That pipeline is",
            };
            self.fault(within, &format!("{what} neither there nor in the file."));
        }
        name
    }

    fn json(&mut self, planned: &mut Planned<'a>, member: &str, given: Option<&JsonObject>) {
        match given.map(|json| tree(json.as_json())) {
            None => {}
            Some(Ok(json)) => drop(planned.wanted.insert(member.to_owned(), Some(json))),
            Some(Err(_)) => self.fault(member, "Is nested too deeply."),
        }
    }

    fn versioned(&mut self, planned: &mut Planned<'a>, it: &'a Versioned) {
        let wanted = &mut planned.wanted;
        wanted.insert("/name".to_owned(), Some(it.name.as_str().into()));
        if let Some(block_type) = it.block_type {
            wanted.insert("/type".to_owned(), Some(json!(block_type)));
        } else if it.kind == EntityType::Block && planned.thing.is_none() {
            self.fault("/type", "Is required: there is no such block yet.");
        }
        wanted.extend(description(&it.description));
        self.json(planned, "/metadata", it.metadata.as_ref());
        let wanted = &mut planned.wanted;
        if let Some(activation) = it.activation {
            wanted.insert("/activation".to_owned(), Some(json!(activation)));
        }
        if let Some(active) = it.active {
            wanted.insert("/active".to_owned(), Some(active.into()));
        }
        self.parts(planned, it);
    }

    /// Finds out what changes of a block or an edge: its content first, since aliases may follow it.
    fn settle(planned: &mut Planned<'a>, it: &Versioned) {
        let now = planned.thing.map(|thing| &thing.members);
        planned.changes = differing(&planned.wanted, now);
        let activation = planned.wanted.get("/activation").and_then(Option::as_ref);
        let activation = activation.or_else(|| now?.get("/activation"));
        planned.is_reviewed = activation == Some(&json!(Activation::Reviewed));
        if let Some(candidate) = planned.thing.and_then(|thing| thing.candidate.as_ref())
            && planned.is_reviewed
            && planned.changes_content()
            && !planned.changes.contains_key("/name")
        {
            let content =
                planned.wanted.iter().filter(|(member, _)| CONTENT[1..].contains(&member.as_str()));
            planned.waits =
                content.into_iter().all(|(member, value)| candidate.get(member) == value.as_ref());
            if planned.waits {
                planned.changes.retain(|member, _| !CONTENT.contains(&member.as_str()));
            }
        }
        let (active, latest) = planned
            .thing
            .map_or((0, 0), |thing| (thing.version_number, thing.latest_version_number));
        let latest = latest + i32::from(planned.thing.is_none() || planned.changes_content());
        let active = match it.active {
            Some(active) => active,
            None if planned.thing.is_none() => 1,
            None if planned.changes_content() && !planned.is_reviewed => latest,
            None => active,
        };
        for (alias, given) in it.aliases.iter().flatten() {
            let member = at(&["aliases", alias.as_str()]);
            let before = now.and_then(|now| now.get(&member));
            let value = given.as_ref().map(|FileAlias { version, protected }| {
                let version = match version {
                    Which::Number(number) => *number,
                    Which::Latest => latest,
                    Which::Active | Which::Alias(_) => active,
                };
                let protected = protected.unwrap_or_else(|| {
                    before.is_some_and(|before| before["protected"] == Value::Bool(true))
                });
                json!({ "version": version, "protected": protected })
            });
            if before != value.as_ref() {
                planned.changes.insert(member.clone(), value.clone());
            }
            planned.wanted.insert(member, value);
        }
    }

    fn pipeline(&mut self, planned: &mut Planned<'a>, it: &FilePipeline) {
        planned.wanted.insert("/name".to_owned(), Some(it.name.as_str().into()));
        planned.wanted.extend(description(&it.description));
        self.json(planned, "/config", it.config.as_ref());
        let (is_said, schema) = it.parameters_schema.assignment();
        match schema {
            Some(schema) => self.json(planned, "/parameters_schema", Some(schema)),
            None if is_said => drop(planned.wanted.insert("/parameters_schema".to_owned(), None)),
            None => {}
        }
        let Some(graph) = &it.graph else { return };
        let mut blocks = Vec::new();
        for (place, member) in graph.blocks.iter().enumerate() {
            let within = format!("/blocks/{place}");
            let name = self.known(Kind::Block, name::key(member.name.as_str()), &within);
            blocks.push(following(json!({ "name": name }), &member.follows));
        }
        let members: HashSet<String> =
            graph.blocks.iter().map(|member| name::key(member.name.as_str())).collect();
        let mut edges = Vec::new();
        for (place, joint) in graph.edges.iter().enumerate() {
            let within = format!("/edges/{place}");
            let edge =
                self.known(Kind::Edge, name::key(joint.edge.as_str()), &format!("{within}/edge"));
            let mut end = |member: &str, name: &name::Name| {
                let key = name::key(name.as_str());
                if !members.contains(&key) {
                    self.fault(&format!("{within}/{member}"), "Is no block of the pipeline.");
                }
                self.names.known(Kind::Block, key).unwrap_or(name.as_str()).to_owned()
            };
            let (from, to) = (end("from", &joint.from), end("to", &joint.to));
            let joined = json!({ "edge": edge, "from": from, "to": to });
            edges.push(following(joined, &joint.follows));
        }
        found::sort_parts(&mut blocks);
        found::sort_parts(&mut edges);
        planned.wanted.insert("/blocks".to_owned(), Some(blocks.into()));
        planned.wanted.insert("/edges".to_owned(), Some(edges.into()));
    }
}

fn description(given: &Patch<crate::api::text::Description>) -> Option<(String, Option<Value>)> {
    let (is_said, text) = given.assignment();
    is_said.then(|| ("/description".to_owned(), text.map(|text| text.as_str().into())))
}

fn following(mut part: Value, follows: &Follows) -> Value {
    if let Some(pin) = follows.pin {
        part["pin"] = pin.into();
    }
    if let Some(alias) = &follows.alias {
        part["alias"] = alias.as_str().into();
    }
    part
}

/// What is wanted otherwise than it is.
fn differing(wanted: &Wanted, now: Option<&Members>) -> Wanted {
    let differs = |(member, value): &(&String, &Option<Value>)| {
        now.and_then(|now| now.get(*member)) != value.as_ref()
    };
    wanted.iter().filter(differs).map(|(member, value)| (member.clone(), value.clone())).collect()
}

/// The entries of lists that this owner has made and the file names no more.
fn no_more(thing: &Thing, owner: &str, wanted: &Wanted) -> Wanted {
    let is_entry = |member: &str| {
        let list = member.split('/').nth(1).unwrap_or_default();
        list == "aliases" || LISTS.contains(&list)
    };
    thing
        .owners
        .iter()
        .filter(|(member, whose)| {
            *whose == owner
                && is_entry(member)
                && thing.members.contains_key(*member)
                && !wanted.contains_key(*member)
        })
        .map(|(member, _)| (member.clone(), None))
        .collect()
}

fn conflicts(owners: &Owners, owner: Option<&str>, changes: &Wanted) -> Vec<Conflict> {
    changes
        .keys()
        .filter_map(|member| owners.get(member).map(|whose| (member, whose)))
        .filter(|(_, whose)| Some(whose.as_str()) != owner)
        .map(|(member, whose)| Conflict { member: member.clone(), owner: whose.clone() })
        .collect()
}
