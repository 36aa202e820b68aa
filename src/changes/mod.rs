//! What differs between two instants. The database keeps the history (`migrations/0025_history.sql`).

mod queries;
pub mod routes;

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::page::{Cursor, CursorText, Limit};
use crate::api::query::FromParams;
use crate::api::raw_json::RawJson;
use crate::api::time::DateTime;

/// What its cursors are for.
const BY_CHANGE: &str = "changed_at";

/// What became of a thing from one instant to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Difference {
    Created,
    Changed,
    Archived,
    Restored,
    Removed,
}

/// A thing that was otherwise at one instant than at the other.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StateChange)]
pub struct Change {
    /// The table that has it, as in `details` of the audit trail; `withdrawals` are versions that are
    /// withdrawn.
    #[schema(example = "blocks")]
    pub table: String,
    pub id: Uuid,
    /// Its name, or its alias, at the later instant, if it has any.
    pub name: Option<String>,
    pub change: Difference,
    /// The instant of its last change between the two.
    pub changed_at: DateTime,
    /// What differs, as it was at the earlier instant; null when it was not there. Metadata is told by
    /// the number of its version.
    #[schema(value_type = Option<Object>, example = json!({"version_number": 3}))]
    pub before: Option<RawJson>,
    /// The same at the later instant.
    #[schema(value_type = Option<Object>, example = json!({"version_number": 4}))]
    pub after: Option<RawJson>,
}

/// Between which instants.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct Between {
    /// The earlier instant.
    #[param(example = "2026-06-01T12:00:00Z")]
    pub from: DateTime,
    /// The later one: one that no open transaction can change any more.
    #[param(example = "2026-06-02T12:00:00Z")]
    pub to: DateTime,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    #[read(default)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<CursorText>)]
    #[read(cursor = BY_CHANGE)]
    pub cursor: Option<Cursor>,
}
