//! Runs: executions of pipelines, admitted by the gate and reported step by step.

pub mod engine_routes;
mod queries;
pub mod routes;

use serde::Serialize;
use utoipa::IntoParams;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::entity::Entity;
use crate::api::fields::{Fields, FromFields};
use crate::api::page::Limit;
use crate::api::page::{Cursor, CursorText};
use crate::api::path::{self, Reference};
use crate::api::query::FromParams;
use crate::api::query::Params;
use crate::api::raw_json::{JsonObject, RawJson};
use crate::api::time::DateTime;
use crate::api::word::Word;
use crate::engine::RunStatus;
use crate::locks::routes::LockDigest;
use crate::resource::table::Listed;
use crate::resource::verbs::Resource;
use crate::versions::{AliasName, VersionReference, Which};

/// One execution of a pipeline.
#[derive(Debug, Serialize, ToSchema)]
pub struct Run {
    pub run_id: Uuid,
    pub pipeline_id: Uuid,
    /// What the pipeline is called now.
    pub pipeline_name: String,
    pub status: RunStatus,
    pub created_at: DateTime,
    /// When a report last changed it; `ETag` is made of it.
    pub updated_at: DateTime,
    pub created_by: Option<Uuid>,
    pub created_by_username: Option<String>,
    pub started_at: Option<DateTime>,
    pub ended_at: Option<DateTime>,
    /// What it runs on: `GET /locks/{lock_digest}`.
    #[schema(example = "89358878025f80c275dc2f07d9c425b1b9192345269bd0f7e2b4cd99efeb3ef6")]
    pub lock_digest: String,
    /// Whether Dagster runs it, and not somebody who reports by hand.
    pub launch: bool,
    /// What it was started with, beside the lock.
    #[schema(value_type = Object)]
    pub parameters: RawJson,
    /// Why it failed, was canceled or is lost, in words.
    pub failure: Option<String>,
    /// Who reported its beginning by hand: `claim:` and what the worker calls itself, `key:` and the id of
    /// its API key, or `user:` and that of its user.
    pub claimed_by: Option<String>,
    /// What the worker, the API key or the user is called; null for the names of other people's keys.
    pub claimed_by_name: Option<String>,
    /// Since when it is to be canceled.
    pub cancel_requested_at: Option<DateTime>,
    /// Since when Dagster cannot say what became of it; it may be settled by hand then.
    pub lost_at: Option<DateTime>,
    /// What Dagster calls it.
    pub dagster_run_id: Option<String>,
}

/// How a run is started.
#[derive(Debug, ToSchema, FromFields)]
#[schema(as = NewRun)]
#[schema(example = json!({ "parameters": { "date": "2026-11-22" } }))]
#[read(body_optional)]
pub struct NewRun {
    /// Whether Dagster runs it. Without it, it does where the service has one; `false` records a run of
    /// which somebody reports by hand.
    pub launch: Option<bool>,
    /// What it is started with: any JSON object, which the steps are told.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<JsonObject>,
}

impl Resource for Run {
    const WHAT: &'static str = "Run";
    const ENTITY: Entity = Entity::PipelineRun;

    fn id(&self) -> Uuid {
        self.run_id
    }

    fn location(&self) -> String {
        path::of(&[&"runs", &self.run_id])
    }

    fn created_at(&self) -> DateTime {
        self.created_at
    }

    fn revision(&self) -> DateTime {
        self.updated_at
    }
}

/// What became of a run. Reports may come twice and in any order: what was said already, or was
/// overtaken, changes nothing. Only an outcome that contradicts the first one is refused.
#[derive(Debug, ToSchema, FromFields)]
#[schema(as = RunReport)]
#[schema(example = json!({ "status": "success" }))]
#[read(check = Self::in_order)]
pub struct Report {
    pub status: RunStatus,
    /// With `started` or an outcome; of `started` the time of the report when missing.
    pub started_at: Option<DateTime>,
    /// With an outcome; the time of the report when missing.
    pub ended_at: Option<DateTime>,
    /// With `failure` or `canceled`: why.
    #[schema(min_length = 1, max_length = 10000)]
    pub failure: Option<String>,
    /// What the worker calls itself, where several have one API key: of two that report `started` one gets
    /// the run, and the other 409 `claimed`. Without it a worker is its API key, or its user.
    #[schema(min_length = 1, max_length = 200)]
    pub claim: Option<String>,
}

impl Report {
    /// Times go with the state that they belong to.
    fn in_order(self, fields: &mut Fields) -> Option<Self> {
        let Self { status, started_at, ended_at, .. } = self;
        let is_failure = matches!(status, RunStatus::Failure | RunStatus::Canceled);
        let (member, fault) = if self.failure.is_some() && !is_failure {
            ("failure", "Only what failed or was canceled has one.")
        } else if status == RunStatus::Queued && started_at.is_some() {
            ("started_at", "A queued run has not started.")
        } else if matches!(status, RunStatus::Queued | RunStatus::Started) && ended_at.is_some() {
            ("ended_at", "Only an outcome has an end.")
        } else if started_at > ended_at && ended_at.is_some() {
            ("ended_at", "Lies before started_at.")
        } else {
            return Some(self);
        };
        fields.fault(member, fault);
        None
    }
}

/// Which runs, newest first.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RunList {
    pub status: Option<RunStatus>,
    /// Created at this time or later.
    pub created_after: Option<DateTime>,
    /// Created before this time.
    pub created_before: Option<DateTime>,
    /// That ran on exactly this.
    pub lock_digest: Option<LockDigest>,
    /// That ran on this block: its id or its name.
    #[param(value_type = Option<String>)]
    pub block: Option<Reference>,
    /// That ran on this edge: its id or its name.
    #[param(value_type = Option<String>)]
    pub edge: Option<Reference>,
    /// On this version of the block or edge: its number, `latest`, `active` or an alias.
    #[param(value_type = Option<VersionReference>)]
    pub version: Option<Which>,
    /// That came to the version of the block or edge by following this alias.
    pub alias: Option<AliasName>,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<CursorText>)]
    pub cursor: Option<Cursor>,
}

impl FromParams for RunList {
    fn from_params(params: &mut Params) -> Option<Self> {
        let status = params.optional("status");
        let created_after = params.optional::<DateTime>("created_after");
        let created_before = params.optional::<DateTime>("created_before");
        let lock_digest = params.optional("lock_digest");
        let block = params.optional("block");
        let edge = params.optional("edge");
        let version = params.optional("version");
        let alias = params.optional("alias");
        for (name, given) in [
            ("version", matches!(version, Some(Some(_)))),
            ("alias", matches!(alias, Some(Some(_)))),
        ] {
            if given && matches!((&block, &edge), (Some(None), Some(None))) {
                params.fault(name, "Is that of a block or an edge: name one.");
            }
        }
        let limit = params.optional("limit");
        let cursor: Option<Option<Cursor>> = params.optional("cursor");
        if let Some(Some(cursor)) = &cursor
            && (cursor.sort != ORDER || cursor.time().is_none())
        {
            params.fault("cursor", "Is no cursor of this list.");
            return None;
        }
        Some(Self {
            status: status?.map(|Word(status)| status),
            created_after: created_after?,
            created_before: created_before?,
            lock_digest: lock_digest?,
            block: block?,
            edge: edge?,
            version: version?,
            alias: alias?,
            limit: limit?.unwrap_or_default(),
            cursor: cursor?,
        })
    }
}

const ORDER: &str = "-created_at";

/// The runs of a pipeline, or of all.
#[derive(Debug)]
pub struct RunsOf {
    pub pipeline: Option<Reference>,
    /// Whether the pipeline is in the path: one that is not there is not found.
    pub in_path: bool,
    pub list: RunList,
}

impl Listed for RunsOf {
    type Row = Run;
    const ENTITY: Entity = Run::ENTITY;
    const NAME: &'static str = "runs";
    const COLUMNS: &'static [&'static str] = &[
        "run_id",
        "pipeline_id",
        "pipeline_name",
        "status",
        "created_at",
        "updated_at",
        "created_by",
        "created_by_username",
        "started_at",
        "ended_at",
        "lock_digest",
        "launch",
        "parameters",
        "failure",
        "claimed_by",
        "claimed_by_name",
        "cancel_requested_at",
        "lost_at",
        "dagster_run_id",
    ];

    fn place(&mut self) -> (&mut Limit, &mut Option<Cursor>) {
        (&mut self.list.limit, &mut self.list.cursor)
    }

    fn cursor(&self, run: &Run) -> Cursor {
        Cursor::at(ORDER, run.created_at, run.run_id)
    }
}
