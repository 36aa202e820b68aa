//! What is given beside what is found: what has to change, and what stands in the way. Nothing is asked
//! of the database here.

use std::collections::BTreeSet;

use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::categories::Categories;
use super::found::{Found, Thing};
use super::given::RegistryFile;
use super::renaming::Renaming;
use super::wanted::{Looking, Names, Planned, Wanted};
use super::{Conflict, Kind, Manner, PlanDigest};
use crate::api::hex::hex;
use crate::api::problem::{Fault, Problem};

/// All that a file comes to.
pub(super) struct Comparison<'a> {
    /// In the order of the file.
    pub items: Vec<Planned<'a>>,
    /// The places of `items` that get another name, in an order in which each name is free by then.
    pub renamed: &'a [usize],
    /// The places of the categories that are made or moved, in their order.
    pub placed: &'a [usize],
    /// What the file names no more.
    pub archived: Vec<&'a Thing>,
    pub plan: PlanDigest,
}

impl<'a> Comparison<'a> {
    /// # Errors
    /// 422 with everything that the file says wrong, beside what is there.
    pub fn of(
        file: &'a RegistryFile,
        found: &'a Found,
        renaming: &'a Renaming,
        categories: &'a Categories,
        manner: &Manner,
    ) -> Result<Self, Problem> {
        let owner = file.owner.as_ref().map(|owner| owner.as_str());
        let mut faults = Vec::new();
        let names = Names::of(&file.items, found, renaming);
        let mut items = Vec::with_capacity(file.items.len());
        for (place, given) in file.items.iter().enumerate() {
            let is_renamed = renaming.order.contains(&place);
            let key = if is_renamed { given.former_key() } else { None };
            let key = (given.kind(), key.unwrap_or_else(|| given.key()));
            // What has the name now may leave it.
            let thing =
                found.0.get(&key).filter(|_| is_renamed || !renaming.left.contains_key(&key));
            let mut looking = Looking { names: &names, faults: &mut faults, given };
            items.push(looking.planned(thing, owner, manner));
        }
        let kept: BTreeSet<Uuid> =
            items.iter().filter_map(|item| item.thing).map(|thing| thing.id).collect();
        let is_pruned = |thing: &&Thing| {
            manner.prune
                && owner.is_some()
                && thing.owner.as_deref() == owner
                && !kept.contains(&thing.id)
        };
        let archived: Vec<&Thing> = found.0.values().filter(is_pruned).collect();
        if !faults.is_empty() {
            return Err(Problem::faults(faults));
        }
        let plan = plan(file, &items, found, manner)?;
        Ok(Self { items, renamed: &renaming.order, placed: &categories.order, archived, plan })
    }

    /// The things that are there and will be otherwise.
    pub fn touched(&self) -> Vec<Uuid> {
        let changed = self.items.iter().filter(|item| !item.changes.is_empty());
        let changed = changed.filter_map(|item| item.thing);
        changed.chain(self.archived.iter().copied()).map(|thing| thing.id).collect()
    }

    /// The refusal of a file that another one stands against.
    pub fn refusal(&self) -> Option<Problem> {
        let faults: Vec<Fault> = self
            .items
            .iter()
            .flat_map(|item| item.conflicts.iter().map(move |conflict| (item, conflict)))
            .map(|(item, Conflict { member, owner })| Fault {
                pointer: format!("{}{member}", item.given.pointer),
                detail: format!(
                    "Is managed by the file of {owner}, which says otherwise of {}. Apply with force=true to take it over.",
                    item.given.name()
                ),
            })
            .collect();
        (!faults.is_empty()).then(|| Problem::managed(faults))
    }
}

/// What the plan was worked out of, as a digest.
fn plan(
    file: &RegistryFile,
    items: &[Planned<'_>],
    found: &Found,
    manner: &Manner,
) -> Result<PlanDigest, Problem> {
    /// What it is, what it is called, and what it was called before.
    type Item = (Kind, String, Option<String>);
    #[derive(Serialize)]
    struct Read<'a> {
        owner: Option<&'a str>,
        manner: [bool; 2],
        given: Vec<(Item, &'a Wanted)>,
        found: Vec<(&'a (Kind, String), &'a Thing)>,
    }
    let owner = file.owner.as_ref().map(|owner| owner.as_str());
    // All categories are known, for their paths; those count that the file is about.
    let paths: BTreeSet<&str> = items
        .iter()
        .flat_map(|item| &item.wanted)
        .filter(|(member, _)| member.starts_with("/categories/"))
        .filter_map(|(_, path)| path.as_ref()?.as_str())
        .collect();
    let its_own: BTreeSet<Uuid> =
        items.iter().filter_map(|item| item.thing).map(|thing| thing.id).collect();
    let is_read = |thing: &Thing| {
        thing.kind != Kind::Taxonomy
            || its_own.contains(&thing.id)
            || paths.contains(thing.name.as_str())
            || (owner.is_some() && thing.owner.as_deref() == owner)
    };
    let given =
        |item: &'_ Planned<'_>| (item.given.kind(), item.given.name(), item.given.former_key());
    let read = Read {
        owner,
        manner: [manner.prune, manner.force],
        given: items.iter().map(|item| (given(item), &item.wanted)).collect(),
        found: found.0.iter().filter(|(_, thing)| is_read(thing)).collect(),
    };
    let text = serde_json::to_vec(&read).map_err(|error| {
        tracing::error!(%error, "a plan has no JSON form");
        Problem::internal()
    })?;
    Ok(PlanDigest(hex(&Sha256::digest(text))))
}
