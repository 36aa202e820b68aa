//! What would break: changes are made for real in a transaction that never commits, and every pipeline
//! that they reach is asked before and after whether it may run, and on what.

mod making;
mod proposal;
pub(crate) mod queries;
pub mod routes;
pub(crate) mod verdict;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::fields::{Fields, FromFields};
use crate::api::problem::Problem;
use crate::api::thing::Blocker;

pub use proposal::{Proposal, ProposalMembers};

/// So many changes are previewed together.
const MOST_CHANGES: usize = 1000;

/// So many pipelines are asked before and after.
const MOST_PIPELINES: u16 = 100;

/// Changes that are not made yet.
#[derive(Debug, ToSchema)]
#[schema(example = json!({ "changes": [
    { "operation": "update_edge", "edge": "train", "body": { "metadata": { "epochs": 90 } } },
    { "operation": "put_block_alias", "block": "resnet-50", "alias": "champion", "body": { "version": "4" } }
] }))]
pub struct PreviewRequest {
    /// In the order in which they are made; those that are refused are left out.
    #[schema(value_type = Vec<ProposalMembers>, min_items = 1, max_items = 1000)]
    pub changes: Vec<Proposal>,
}

impl FromFields for PreviewRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let changes: Option<Option<Vec<Proposal>>> = fields.items("changes", MOST_CHANGES);
        match changes? {
            Some(changes) if !changes.is_empty() => Some(Self { changes }),
            _ => {
                fields.fault("changes", "Must have at least one change.");
                None
            }
        }
    }
}

/// What changes would come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(as = PreviewVerdict)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No pipeline would be blocked, or run on anything else.
    Safe,
    /// Pipelines would run on something else, or have more in their way than they have.
    Warn,
    /// A pipeline that may run might not any more, or a change would be refused.
    Breaking,
}

/// The answer to changes that are not made yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    pub verdict: Verdict,
    /// Why, the worst first.
    pub reasons: Vec<Reason>,
    /// Each pipeline that would be another: at most 100.
    pub pipelines: Vec<PipelineOutlook>,
    /// How many pipelines were asked: at most 100. When the changes reach more, `reasons` has
    /// `pipelines_unchecked`, and the verdict is `warn` at least.
    pub pipelines_checked: usize,
    /// The changes that would be refused.
    pub refused: Vec<Refusal>,
}

/// One reason for a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PreviewReason)]
pub struct Reason {
    pub verdict: Verdict,
    /// `change_refused`, `pipeline_blocked`, `blockers_gained`, `warnings_gained`, `lock_differs` or
    /// `pipelines_unchecked`.
    pub code: &'static str,
    /// For people.
    #[schema(
        example = "Pipeline nightly-training may run now, and might not any more: Version 4 of the edge was never verified: verify it."
    )]
    pub detail: String,
    /// The pipeline that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = Uuid)]
    pub pipeline_id: Option<Uuid>,
}

/// A change that would be refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefusedChange)]
pub struct Refusal {
    /// Its place in `changes`, from 0.
    pub change: usize,
    /// What it would be answered.
    pub problem: Problem,
}

/// A pipeline before and after.
#[derive(Debug, Serialize, ToSchema)]
pub struct PipelineOutlook {
    pub pipeline_id: Uuid,
    /// As it is called afterwards.
    pub name: String,
    /// Whether it may run now.
    pub ready_before: bool,
    /// Whether it might run afterwards.
    pub ready_after: bool,
    /// What would be in its way that is not now, as its readiness would tell.
    #[schema(value_type = Vec<Blocker>)]
    pub blockers_gained: Vec<Value>,
    /// What is in its way now and would not be.
    #[schema(value_type = Vec<Blocker>)]
    pub blockers_lost: Vec<Value>,
    /// What its readiness would warn of that it does not now: dependencies whose constraint would not hold,
    /// images without a digest.
    #[schema(value_type = Vec<Blocker>)]
    pub warnings_gained: Vec<Value>,
    pub lock_digest_before: String,
    pub lock_digest_after: String,
    /// How the locks differ, a line each.
    #[schema(example = json!(["block resnet-50: version 3 → 4"]))]
    pub lock_summary: Vec<String>,
}
