//! The audit trail, as it can be read. The database writes it (`migrations/0003_audit.sql`).

mod queries;
pub mod routes;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::entity::Entity;
use crate::api::page::Cursor;
use crate::api::page::Limit;
use crate::api::query::FromParams;
use crate::api::query::Params;
use crate::api::raw_json::RawJson;
use crate::api::time::Timestamp;
use crate::api::word::Word;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[sqlx(type_name = "action_type", rename_all = "UPPERCASE")]
pub enum Action {
    Create,
    Read,
    Update,
    Delete,
}

/// One action: who did what, when, and what changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditLog {
    pub log_id: Uuid,
    /// Who; null for the owner of the database.
    pub user_id: Option<Uuid>,
    pub action_type: Action,
    pub entity_type: Entity,
    /// The row that was acted on; null when a list was read.
    pub entity_id: Option<Uuid>,
    /// What that row is part of: the block of a version, the pipeline of a step.
    pub subject_id: Option<Uuid>,
    pub timestamp: DateTime<Utc>,
    /// `table`; `before` and `after` (of an update the changed columns); `request` with `id`,
    /// `method` and `path`; `api_key_id`.
    #[schema(value_type = Object, example = json!({
        "table": "blocks",
        "before": {"name": "imagenet"},
        "after": {"name": "imagenet-1k"},
        "request": {"id": "01a20575-84d9-79db-a493-fbb455308177", "method": "PATCH", "path": "/blocks/imagenet"}
    }))]
    pub details: RawJson,
}

/// Which rows of the audit trail.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditList {
    /// Who did it.
    pub user_id: Option<Uuid>,
    #[param(inline)]
    pub action_type: Option<Action>,
    #[param(inline)]
    pub entity_type: Option<Entity>,
    /// What it was done to, or what that is part of: with the id of a block also the rows of its
    /// versions.
    pub entity_id: Option<Uuid>,
    /// At this time or later.
    pub timestamp_after: Option<DateTime<Utc>>,
    /// Before this time.
    pub timestamp_before: Option<DateTime<Utc>>,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

impl FromParams for AuditList {
    fn from_params(params: &mut Params) -> Option<Self> {
        let user_id = params.optional("user_id");
        let action_type = params.optional("action_type");
        let entity_type = params.optional("entity_type");
        let entity_id = params.optional("entity_id");
        let timestamp_after = params.optional::<Timestamp>("timestamp_after");
        let timestamp_before = params.optional::<Timestamp>("timestamp_before");
        let page = PageOfLogs::from_params(params);
        let page = page?;
        Some(Self {
            user_id: user_id?,
            action_type: action_type?.map(|Word(action)| action),
            entity_type: entity_type?.map(|Word(entity)| entity),
            entity_id: entity_id?,
            timestamp_after: timestamp_after?.map(|Timestamp(time)| time),
            timestamp_before: timestamp_before?.map(|Timestamp(time)| time),
            limit: page.limit,
            cursor: page.cursor,
        })
    }
}

/// Which page of a history.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageOfLogs {
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

impl FromParams for PageOfLogs {
    fn from_params(params: &mut Params) -> Option<Self> {
        let limit = params.optional("limit");
        let cursor = params.cursor_by_time(ORDER);
        Some(Self {
            limit: limit?.unwrap_or_default(),
            cursor: cursor?,
        })
    }
}

const ORDER: &str = "-timestamp";
