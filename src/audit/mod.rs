//! The audit trail, as it can be read. The database writes it (`migrations/0003_audit.sql`).

mod queries;
pub mod routes;

use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::IntoParams;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::entity::Entity;
use crate::api::id::Id;
use crate::api::page::{self, Cursor, CursorText, Limit, Page, Rows};
use crate::api::path::Reference;
use crate::api::query::FromParams;
use crate::api::raw_json::RawJson;
use crate::api::time::DateTime;
use crate::api::word::Word;
use crate::resource::table::Listed;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[schema(as = AuditAction)]
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
    pub username: Option<String>,
    pub action_type: Action,
    pub entity_type: Entity,
    /// The row that was acted on; null when a list was read.
    pub entity_id: Option<Uuid>,
    /// What that row is part of: the block of a version, the pipeline of a step.
    pub subject_id: Option<Uuid>,
    pub timestamp: DateTime,
    /// `table`; `before` and `after` (of an update the changed columns); `request` with `id`,
    /// `method` and `path`; `api_key_id`.
    #[schema(value_type = Object, example = json!({
        "table": "blocks",
        "before": {"name": "imagenet"},
        "after": {"name": "imagenet-1k"},
        "request": {"id": "01a20575-84d9-79db-a493-fbb455308177", "method": "PATCH", "path": "/blocks/imagenet"}
    }))]
    pub details: RawJson,
    /// Whether the caller is shown a part of the trail only.
    #[serde(skip)]
    pub is_partial: bool,
}

impl AuditLog {
    fn cursor(&self) -> Cursor {
        Cursor::at(ORDER, self.timestamp, self.log_id)
    }
}

/// A page of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditLogPage)]
pub struct Trail {
    #[schema(value_type = Vec<AuditLog>)]
    pub items: Vec<Box<RawValue>>,
    /// Send it as `cursor` to get the next page; null on the last one.
    #[schema(value_type = Option<CursorText>)]
    pub next_cursor: Option<String>,
    /// `true` when what others did is left out: only admins see that.
    pub partial: bool,
}

impl Trail {
    /// `partial` when there are no rows that say it.
    fn new(rows: Rows<AuditLog>, partial: bool) -> Self {
        let partial = rows.last().map_or(partial, |log| log.is_partial);
        let Page { items, next_cursor } = Page::new(rows, AuditLog::cursor);
        Self { items, next_cursor, partial }
    }

    pub fn respond(&self, request: &HttpRequest) -> HttpResponse {
        page::respond(self, self.next_cursor.as_deref(), request)
    }
}

/// Which rows of the audit trail.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct AuditList {
    /// Who did it: their id, their username or `me`.
    #[param(value_type = Option<String>)]
    pub user_id: Option<Reference>,
    #[read(with = Word)]
    pub action_type: Option<Action>,
    #[read(with = Word)]
    pub entity_type: Option<Entity>,
    /// What it was done to, or what that is part of: with the id of a block also the rows of its
    /// versions.
    #[read(with = Id)]
    pub entity_id: Option<Uuid>,
    /// At this time or later.
    pub timestamp_after: Option<DateTime>,
    /// Before this time.
    pub timestamp_before: Option<DateTime>,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    #[read(default)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<CursorText>)]
    #[read(cursor = ORDER)]
    pub cursor: Option<Cursor>,
}

impl Listed for AuditList {
    type Row = AuditLog;
    const ENTITY: Entity = Entity::AuditLog;
    const NAME: &'static str = "audit-logs";
    const COLUMNS: &'static [&'static str] = &[
        "log_id",
        "user_id",
        "username",
        "action_type",
        "entity_type",
        "entity_id",
        "subject_id",
        "timestamp",
        "details",
    ];

    fn place(&mut self) -> (&mut Limit, &mut Option<Cursor>) {
        (&mut self.limit, &mut self.cursor)
    }

    fn cursor(&self, log: &AuditLog) -> Cursor {
        log.cursor()
    }
}

/// Which page of a history.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct PageOfLogs {
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    #[read(default)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<CursorText>)]
    #[read(cursor = ORDER)]
    pub cursor: Option<Cursor>,
}

const ORDER: &str = "-timestamp";
