//! How far a run is, whoever runs it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

impl RunStatus {
    pub fn is_outcome(self) -> bool {
        matches!(self, Self::Success | Self::Failure | Self::Canceled)
    }
}
