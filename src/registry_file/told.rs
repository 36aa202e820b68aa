//! What became of each thing.

use super::found::Thing;
use super::rows::Written;
use super::wanted::Planned;
use super::{AppliedItem, Outcome, whole};

pub(super) fn gone(thing: &Thing) -> AppliedItem {
    AppliedItem {
        kind: thing.kind,
        name: thing.name.clone(),
        pointer: None,
        outcome: Outcome::Archived,
        id: Some(thing.id),
        version_number: None,
        before: Some(whole(&thing.members)),
        // Nothing is there afterwards.
        patch: json_patch::diff(&whole(&thing.members), &serde_json::Value::Null),
        conflicts: Vec::new(),
    }
}

pub(super) fn told(item: &Planned<'_>, written: Option<Written>) -> AppliedItem {
    let outcome = if !item.conflicts.is_empty() {
        Outcome::Conflict
    } else if item.thing.is_none() {
        Outcome::Created
    } else if item.changes.is_empty() {
        Outcome::Unchanged
    } else if item.is_reviewed && item.changes_content() {
        Outcome::Candidate
    } else if item.changes.keys().all(|member| member == "/active") {
        Outcome::Activated
    } else {
        Outcome::Updated
    };
    let (before, after) = item.states();
    let before = before.map(|before| whole(&before));
    let version = written.map(|written| written.version_number).filter(|number| *number > 0);
    AppliedItem {
        kind: item.given.kind(),
        name: item.given.name(),
        pointer: Some(item.given.pointer.clone()),
        outcome,
        id: written.map(|written| written.id).or(item.thing.map(|thing| thing.id)),
        version_number: version,
        patch: json_patch::diff(
            before.as_ref().unwrap_or(&serde_json::Value::Null),
            &whole(&after),
        ),
        before: before.filter(|_| !item.changes.is_empty()),
        conflicts: item.conflicts.clone(),
    }
}
