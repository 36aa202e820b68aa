//! The registry as a file: what should be there, by names; what has to change for it; and what is there,
//! in the same words. One form, compared member by member ([`Members`]): what is given, what is found,
//! and who manages it all have a member's JSON pointer for a key.

mod body;
mod categories;
mod changing;
mod changing_parts;
mod claims;
mod comparison;
pub mod csv;
mod described;
mod export;
mod found;
mod given;
mod given_category;
mod given_parts;
mod given_pipeline;
mod parts;
mod queries;
mod renaming;
pub mod routes;
mod rows;
mod told;
mod wanted;
mod wanted_parts;

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::problem::pointer;
use crate::api::query::FromParams;
use crate::preview::{PipelineOutlook, Reason, Verdict};
use crate::resource::owner::EntityType;
use crate::versions::PatchOperation;

/// What a file tells of.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[schema(as = FileKind)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Taxonomy,
    Block,
    Edge,
    Pipeline,
}

impl From<EntityType> for Kind {
    fn from(kind: EntityType) -> Self {
        match kind {
            EntityType::Block => Self::Block,
            EntityType::Edge => Self::Edge,
        }
    }
}

/// A thing as the file tells of it, member by member: each JSON pointer with its value. Of what is a list
/// in the file each entry is a member, under the word that it is known by.
pub type Members = BTreeMap<String, Value>;

/// Whose word counts for each member.
pub type Owners = BTreeMap<String, String>;

/// The pointer to a member, or to an entry of one.
fn at(path: &[&str]) -> String {
    path.iter().copied().map(pointer).collect()
}

/// The members that are lists in the file, sorted by what their entries are of.
const LISTS: [&str; 5] = ["categories", "code_repos", "dependencies", "docker_images", "vectors"];

/// A thing as it stands in the file.
fn whole(members: &Members) -> Value {
    let mut whole = json!({});
    for (pointer, value) in members {
        let mut steps = pointer.split('/').skip(1);
        let (Some(member), entry) = (steps.next(), steps.next()) else { continue };
        match entry {
            None => whole[member] = value.clone(),
            Some(_) if LISTS.contains(&member) => match &mut whole[member] {
                Value::Array(list) => list.push(value.clone()),
                none => *none = json!([value]),
            },
            // Of the entries that have a name only aliases are told by it, and none of those is escaped.
            Some(entry) => whole[member][entry] = value.clone(),
        }
    }
    whole
}

/// How a file is applied.
#[derive(Debug, Clone, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct Manner {
    /// `true` makes the changes for real, tells what they came to, and undoes them.
    #[param(value_type = Option<bool>)]
    #[read(default)]
    pub dry_run: bool,
    /// `true` archives what the owner of this file manages and the file names no more, and removes such
    /// entries of lists; it takes `owner`.
    #[param(value_type = Option<bool>)]
    #[read(default)]
    pub prune: bool,
    /// `true` takes over what other files manage.
    #[param(value_type = Option<bool>)]
    #[read(default)]
    pub force: bool,
    /// `plan` of a dry run: 412 when what it has read is not so any more, or the file is another.
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{64}$")]
    pub plan: Option<PlanDigest>,
}

/// What a plan was worked out of, as a SHA-256 in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PlanDigest(String);

impl FromStr for PlanDigest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != 64 || !is_hex {
            return Err("Must be the plan of a dry run: 64 hexadecimal digits.");
        }
        Ok(Self(text.to_owned()))
    }
}

/// What became of a thing of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FileOutcome)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Created,
    Updated,
    /// It is reviewed: its new content is a candidate, which somebody else activates.
    Candidate,
    /// Another version is in use.
    Activated,
    Unchanged,
    /// The file names it no more.
    Archived,
    /// Another file says otherwise (a dry run only; else the file is refused).
    Conflict,
}

/// What applying a file came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AppliedFile)]
pub struct Applied {
    /// Whether it was undone.
    pub dry_run: bool,
    /// Whether anything is, or would be, otherwise than before.
    pub has_changes: bool,
    /// What this was worked out of, as a digest: the file, and all of the registry that was read for it.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    pub plan: PlanDigest,
    /// Each thing of the file, in the order of the file, then what was archived.
    pub items: Vec<AppliedItem>,
    pub verdict: Verdict,
    /// Why, the worst first.
    pub reasons: Vec<Reason>,
    /// Each pipeline that was there and is another: at most 100.
    pub pipelines: Vec<PipelineOutlook>,
    /// How many pipelines were asked before and after: at most 100. When the changes reach more, `reasons`
    /// has `pipelines_unchecked`.
    pub pipelines_checked: usize,
}

/// What became of a thing of the file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AppliedItem)]
pub struct AppliedItem {
    pub kind: Kind,
    /// A category by its path.
    #[schema(example = "passengers")]
    pub name: String,
    /// JSON pointer to it in the file; missing of what was archived.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "/blocks/0")]
    pub pointer: Option<String>,
    pub outcome: Outcome,
    /// Missing when it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Uuid, required = false)]
    pub id: Option<Uuid>,
    /// Of the version in use, or of the candidate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i32, required = false)]
    pub version_number: Option<i32>,
    /// As the file tells of it before the change; missing of what is new, and of what stays as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    pub before: Option<Value>,
    /// What changed, as a JSON Patch (RFC 6902) of the thing as the file tells of it.
    #[schema(value_type = Vec<PatchOperation>)]
    pub patch: json_patch::Patch,
    /// Where another file says otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub conflicts: Vec<Conflict>,
}

/// That another file manages what this one would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FileConflict)]
pub struct Conflict {
    /// JSON pointer to the member, below the thing.
    #[schema(example = "/metadata")]
    pub member: String,
    /// Whose file manages it.
    #[schema(example = "team-fraud")]
    pub owner: String,
}
