//! What pages read of the API's answers: of each thing what is shown of it.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::page::Time;

/// A page of a list.
#[derive(Deserialize)]
pub(super) struct Items<T> {
    pub(super) items: Vec<T>,
    pub(super) next_cursor: Option<String>,
}

/// A block or an edge.
#[derive(Deserialize)]
pub(super) struct Thing {
    #[serde(alias = "block_id", alias = "edge_id")]
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) block_type: Option<String>,
    pub(super) description: Option<String>,
    pub(super) metadata: Value,
    pub(super) created_at: Time,
    pub(super) updated_at: Time,
    pub(super) created_by: Option<Uuid>,
    pub(super) created_by_username: Option<String>,
    pub(super) archived_at: Option<Time>,
    pub(super) version_number: i32,
    pub(super) latest_version_number: i32,
    pub(super) activation: String,
    pub(super) verification_status: Option<String>,
    #[serde(default)]
    pub(super) versions: Vec<Version>,
    #[serde(default)]
    pub(super) categories: Vec<Category>,
    #[serde(default)]
    pub(super) aliases: Vec<Alias>,
    #[serde(default)]
    pub(super) used_by: Vec<Use>,
}

/// A version of a block or an edge.
#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) version_number: i32,
    pub(super) name: String,
    pub(super) block_type: Option<String>,
    pub(super) description: Option<String>,
    pub(super) metadata: Value,
    pub(super) created_at: Time,
    pub(super) created_by: Option<Uuid>,
    pub(super) created_by_username: Option<String>,
    pub(super) is_active: bool,
    pub(super) activated_at: Option<Time>,
    pub(super) withdrawn_at: Option<Time>,
    pub(super) withdrawn_by: Option<Uuid>,
    pub(super) withdrawn_by_username: Option<String>,
    pub(super) withdrawn_reason: Option<String>,
}

/// What a version says of a thing.
fn content(
    name: &str,
    block_type: Option<&str>,
    description: Option<&str>,
    metadata: &Value,
) -> Value {
    json!({ "name": name, "block_type": block_type, "description": description, "metadata": metadata })
}

impl Thing {
    /// What its active version says.
    pub(super) fn content(&self) -> Value {
        let (block_type, description) = (self.block_type.as_deref(), self.description.as_deref());
        content(&self.name, block_type, description, &self.metadata)
    }
}

impl Version {
    pub(super) fn content(&self) -> Value {
        let (block_type, description) = (self.block_type.as_deref(), self.description.as_deref());
        content(&self.name, block_type, description, &self.metadata)
    }

    /// What it is, in a word.
    pub(super) fn state(&self) -> &'static str {
        if self.withdrawn_at.is_some() {
            "withdrawn"
        } else if self.is_active {
            "active"
        } else if self.activated_at.is_none() {
            "candidate"
        } else {
            "earlier"
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Category {
    pub(super) category_id: Uuid,
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct Alias {
    pub(super) alias: String,
    pub(super) version_number: i32,
    pub(super) is_protected: bool,
    pub(super) updated_at: Time,
}

/// A pipeline that has a block or an edge.
#[derive(Deserialize)]
pub(super) struct Use {
    pub(super) pipeline_id: Uuid,
    pub(super) name: String,
    pub(super) by: String,
    pub(super) alias: Option<String>,
    pub(super) version_number: i32,
}

impl Use {
    pub(super) fn how(&self) -> String {
        match (&self.alias, self.by.as_str()) {
            (Some(alias), _) => format!("follows {alias}"),
            (None, "pin") => "pinned".to_owned(),
            (None, _) => "follows active".to_owned(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Verification {
    pub(super) verification_id: Uuid,
    pub(super) edge_id: Uuid,
    pub(super) version_number: i32,
    pub(super) verification_status: String,
    pub(super) verification_logs: Option<String>,
    pub(super) verified_at: Option<Time>,
    pub(super) verified_by_username: Option<String>,
    pub(super) created_at: Time,
    pub(super) created_by_username: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Pipeline {
    pub(super) pipeline_id: Uuid,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) created_at: Time,
    pub(super) updated_at: Time,
    pub(super) created_by: Option<Uuid>,
    pub(super) created_by_username: Option<String>,
    pub(super) times_run: i32,
    pub(super) average_runtime: Option<f64>,
    pub(super) archived_at: Option<Time>,
    pub(super) dagster_pipeline_config: Value,
    pub(super) parameters_schema: Option<Value>,
    #[serde(default)]
    pub(super) blocks: Vec<PipelineBlock>,
    #[serde(default)]
    pub(super) edges: Vec<PipelineEdge>,
    #[serde(default)]
    pub(super) runs: Vec<Run>,
}

impl Pipeline {
    pub(super) fn average(&self) -> String {
        self.average_runtime.map_or_else(|| "–".to_owned(), duration)
    }
}

#[derive(Deserialize)]
pub(super) struct PipelineBlock {
    pub(super) block_id: Uuid,
    pub(super) name: String,
    pub(super) block_type: String,
    pub(super) block_version_id: Option<Uuid>,
    pub(super) block_alias: Option<String>,
    pub(super) version_number: i32,
}

#[derive(Deserialize)]
pub(super) struct PipelineEdge {
    pub(super) edge_id: Uuid,
    pub(super) name: String,
    pub(super) source_block_id: Uuid,
    pub(super) target_block_id: Uuid,
    pub(super) edge_version_id: Option<Uuid>,
    pub(super) edge_alias: Option<String>,
    pub(super) version_number: i32,
    pub(super) verification_status: Option<String>,
}

/// Which version a pipeline takes of a part, in words.
pub(super) fn follows(pin: Option<Uuid>, alias: Option<&str>) -> String {
    match (pin, alias) {
        (Some(_), _) => "pinned".to_owned(),
        (None, Some(alias)) => format!("follows {alias}"),
        (None, None) => "follows active".to_owned(),
    }
}

#[derive(Deserialize)]
pub(super) struct Readiness {
    pub(super) ready: bool,
    pub(super) lock_digest: String,
    pub(super) blockers: Vec<Blocker>,
    pub(super) warnings: Vec<Blocker>,
}

#[derive(Deserialize)]
pub(super) struct Blocker {
    pub(super) code: String,
    pub(super) entity_type: String,
    pub(super) entity_id: Uuid,
    pub(super) name: String,
    pub(super) version_number: Option<i32>,
    pub(super) detail: String,
}

#[derive(Deserialize)]
pub(super) struct Run {
    pub(super) run_id: Uuid,
    pub(super) pipeline_id: Uuid,
    pub(super) pipeline_name: String,
    pub(super) status: String,
    pub(super) created_at: Time,
    pub(super) updated_at: Time,
    pub(super) created_by_username: Option<String>,
    pub(super) started_at: Option<Time>,
    pub(super) ended_at: Option<Time>,
    pub(super) lock_digest: String,
    pub(super) launch: bool,
    pub(super) parameters: Value,
    pub(super) failure: Option<String>,
    pub(super) claimed_by: Option<String>,
    pub(super) claimed_by_name: Option<String>,
    pub(super) cancel_requested_at: Option<Time>,
    pub(super) dagster_run_id: Option<String>,
}

impl Run {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "queued" | "started")
    }

    pub(super) fn lasted(&self) -> String {
        match (&self.started_at, &self.ended_at) {
            (Some(start), Some(end)) => duration((end.0.micros() - start.0.micros()) as f64 / 1e6),
            _ => "–".to_owned(),
        }
    }

    /// Who runs it, where it is nobody's secret and not Dagster.
    pub(super) fn worker(&self) -> &str {
        match (&self.claimed_by, self.claimed_by_name.as_deref()) {
            (_, Some(name)) => name,
            (Some(_), None) => "somebody's API key",
            (None, None) => "whoever reports",
        }
    }

    pub(super) fn short_digest(&self) -> &str {
        self.lock_digest.get(..12).unwrap_or(&self.lock_digest)
    }
}

/// Seconds in words.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0),
        s => format!("{:.0} h {:.0} min", (s / 3600.0).floor(), (s % 3600.0) / 60.0),
    }
}
