//! Which things get another name, in which order, and what that makes of what is found.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::found::{self, Found, Thing};
use super::given::Given;
use super::{Kind, parts};
use crate::api::name;
use crate::api::problem::{Fault, Problem};
use crate::resource::owner::EntityType;

/// The things of a file that get another name.
#[derive(Debug, Default)]
pub(super) struct Renaming {
    /// Their places in the file, in an order in which each name is free by then.
    pub order: Vec<usize>,
    /// The new names, by kind and key of the one that they leave.
    pub left: HashMap<(Kind, String), String>,
}

impl Renaming {
    /// # Errors
    /// 422 when names go round in a circle.
    pub fn of(items: &[Given], found: &Found) -> Result<Self, Problem> {
        let mut waiting: BTreeMap<usize, (Kind, String, String)> = BTreeMap::new();
        for (place, item) in items.iter().enumerate() {
            let (kind, key) = (item.kind(), item.key());
            // (Categories are called by their paths: `Categories`.)
            if let Some(former) = item.former_key()
                && kind != Kind::Taxonomy
                && former != key
                && found.0.contains_key(&(kind, former.clone()))
            {
                waiting.insert(place, (kind, former, key));
            }
        }
        // What has the new name already was renamed before, unless that one gets another name in turn.
        loop {
            let (left, before) = (left_by(&waiting), waiting.len());
            waiting.retain(|_, (kind, _, key)| {
                let to = (*kind, key.clone());
                !found.0.contains_key(&to) || left.contains(&to)
            });
            if waiting.len() == before {
                break;
            }
        }
        let mut renaming = Self::default();
        let mut left = left_by(&waiting);
        while !waiting.is_empty() {
            let is_free = |kind: Kind, key: &String| !left.contains(&(kind, key.clone()));
            let next = waiting.iter().find(|(_, (kind, _, key))| is_free(*kind, key));
            let Some(place) = next.map(|(place, _)| *place) else {
                let circle = waiting.keys().map(|place| Fault {
                    pointer: format!("{}/renamed_from", items[*place].pointer),
                    detail: "The names go round in a circle: rename them in two steps.".to_owned(),
                });
                return Err(Problem::faults(circle.collect()));
            };
            if let Some((kind, former, _)) = waiting.remove(&place) {
                left.remove(&(kind, former.clone()));
                renaming.left.insert((kind, former), items[place].name());
            }
            renaming.order.push(place);
        }
        Ok(renaming)
    }

    /// Calls what things mention as it is called afterwards: a new name of one thing is no change of
    /// another.
    pub fn rename(&self, found: &mut Found) {
        if self.left.is_empty() {
            return;
        }
        for thing in found.0.values_mut() {
            self.in_graph(thing);
            self.in_dependencies(thing);
        }
    }

    fn then(&self, kind: Kind, now: &str) -> Option<&str> {
        self.left.get(&(kind, name::key(now))).map(String::as_str)
    }

    fn in_graph(&self, thing: &mut Thing) {
        for graph in ["/blocks", "/edges"] {
            let Some(Value::Array(parts)) = thing.members.get_mut(graph) else { continue };
            for part in parts.iter_mut().filter_map(Value::as_object_mut) {
                for (member, kind) in [
                    ("name", Kind::Block),
                    ("edge", Kind::Edge),
                    ("from", Kind::Block),
                    ("to", Kind::Block),
                ] {
                    if let Some(Value::String(name)) = part.get_mut(member)
                        && let Some(then) = self.then(kind, name)
                    {
                        *name = then.to_owned();
                    }
                }
            }
            found::sort_parts(parts);
        }
    }

    fn in_dependencies(&self, thing: &mut Thing) {
        let pointers: Vec<String> = thing.parts.keys().cloned().collect();
        for pointer in pointers {
            let Some(value) = thing.members.get(&pointer) else { continue };
            for (word, kind) in [("block", EntityType::Block), ("edge", EntityType::Edge)] {
                let Some(then) = value[word].as_str().and_then(|now| self.then(kind.into(), now))
                else {
                    continue;
                };
                let text = |member: &str| value[member].as_str();
                let (detail, constraint) = (text("detail"), text("version_constraint"));
                let (renamed, value) = parts::dependency(Some(kind), then, 0, detail, constraint);
                if let Some(id) = thing.parts.remove(&pointer) {
                    thing.parts.insert(renamed.clone(), id);
                }
                if let Some(owner) = thing.owners.remove(&pointer) {
                    thing.owners.insert(renamed.clone(), owner);
                }
                thing.members.remove(&pointer);
                thing.members.insert(renamed, value);
                break;
            }
        }
    }
}

fn left_by(waiting: &BTreeMap<usize, (Kind, String, String)>) -> BTreeSet<(Kind, String)> {
    waiting.values().map(|(kind, former, _)| (*kind, former.clone())).collect()
}
