//! Runs: executions of pipelines, admitted by the gate and reported step by step.

mod queries;
pub mod routes;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::fields::{Fields, FromFields};

/// How far a run is. The last three are outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "run_status", rename_all = "snake_case")]
pub enum RunStatus {
    Queued,
    Started,
    Success,
    Failure,
    Canceled,
}

/// One execution of a pipeline.
#[derive(Debug, Serialize, ToSchema)]
pub struct Run {
    pub run_id: Uuid,
    pub pipeline_id: Uuid,
    pub status: RunStatus,
    pub created_at: DateTime<Utc>,
    /// When a report last changed it; `ETag` is made of it.
    pub updated_at: DateTime<Utc>,
    pub created_by: Option<Uuid>,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    /// What it runs on: `GET /locks/{lock_digest}`.
    #[schema(example = "89358878025f80c275dc2f07d9c425b1b9192345269bd0f7e2b4cd99efeb3ef6")]
    pub lock_digest: String,
}

/// What became of a run. Reports may come twice and in any order: what was said already, or was
/// overtaken, changes nothing. Only an outcome that contradicts the first one is refused.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "status": "success",
    "started_at": "2026-11-22T10:00:00Z",
    "ended_at": "2026-11-22T10:07:30Z"
}))]
pub struct Report {
    pub status: RunStatus,
    /// With `started` or an outcome; of `started` the time of the report when missing.
    pub started_at: Option<DateTime<Utc>>,
    /// With an outcome; the time of the report when missing.
    pub ended_at: Option<DateTime<Utc>>,
}

impl FromFields for Report {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let status = fields.required("status");
        let started_at = fields.optional("started_at");
        let ended_at = fields.optional("ended_at");
        let (status, started_at, ended_at) = (status?, started_at?, ended_at?);
        if status == RunStatus::Queued && started_at.is_some() {
            fields.fault("started_at", "A queued run has not started.");
            return None;
        }
        if matches!(status, RunStatus::Queued | RunStatus::Started) && ended_at.is_some() {
            fields.fault("ended_at", "Only an outcome has an end.");
            return None;
        }
        if started_at > ended_at && ended_at.is_some() {
            fields.fault("ended_at", "Lies before started_at.");
            return None;
        }
        Some(Self {
            status,
            started_at,
            ended_at,
        })
    }
}
