//! What comes between writing a version and running on it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::fields::FromFields;
use crate::api::text::Line;

/// What a change of a block or an edge comes to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, sqlx::Type, ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "activation_mode", rename_all = "snake_case")]
pub enum Activation {
    /// It is in use at once.
    #[default]
    Open,
    /// It appends a candidate, which somebody other than its author activates; of an edge, once it
    /// has passed.
    Reviewed,
}

/// Why a version is withdrawn.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "reason": "Trained on the test set" }))]
pub struct Withdrawal {
    /// What pipelines that would run on it are told.
    #[schema(value_type = String, min_length = 1, max_length = 1000)]
    pub reason: Line<1000>,
}
