//! `/console/audit`: who did what, when, and what changed.

use actix_web::web::Bytes;
use askama::Template;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use url::form_urlencoded;
use uuid::Uuid;

use super::written;
use crate::api::path;
use crate::console::page::{Shell, Theme, Time, Visit};
use crate::console::refusal::Refusal;
use crate::console::tree;

#[derive(Deserialize)]
struct Trail {
    items: Vec<Log>,
    next_cursor: Option<String>,
    partial: bool,
}

#[derive(Deserialize)]
struct Log {
    username: Option<String>,
    action_type: String,
    entity_type: String,
    entity_id: Option<Uuid>,
    subject_id: Option<Uuid>,
    timestamp: Time,
    details: Value,
}

impl Log {
    /// What it was done to, if the row says it.
    fn name(&self) -> Option<&str> {
        let of = |side: &str| self.details.get(side)?.get("name")?.as_str();
        of("after").or_else(|| of("before"))
    }

    fn by(&self) -> Option<&str> {
        self.details.get("by")?.as_str()
    }

    fn text(&self) -> String {
        tree::pretty(&self.details)
    }

    /// What kind of row it was.
    fn table(&self) -> &str {
        self.details.get("table").and_then(Value::as_str).unwrap_or(&self.entity_type)
    }

    /// Where the console shows it, or what it is part of.
    fn place(&self) -> Option<String> {
        let whole = self.subject_id.or(self.entity_id)?;
        match self.table() {
            "blocks" | "block_versions" | "block_taxonomies" => Some(format!("/blocks/{whole}")),
            "edges" | "edge_versions" | "edge_verifications" => Some(format!("/edges/{whole}")),
            "pipelines" | "pipeline_blocks" | "pipeline_edges" => {
                Some(format!("/pipelines/{whole}"))
            }
            "pipeline_runs" => Some(format!("/runs/{}", self.entity_id?)),
            "taxonomy_categories" => Some(format!("/taxonomy/{whole}")),
            "users" => Some(format!("/people/{whole}")),
            _ => None,
        }
    }
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Page<'a> {
    shell: Shell<'a>,
    trail: Trail,
    next: Option<String>,
    /// The filters, where there are any.
    filters: Option<[&'a str; 5]>,
    /// Where the same is had as a file.
    export: Option<String>,
}

const KNOWN: [&str; 7] = [
    "cursor",
    "user_id",
    "action_type",
    "entity_type",
    "entity_id",
    "timestamp_after",
    "timestamp_before",
];

pub(super) async fn show(visit: &mut Visit) -> Result<String, Refusal> {
    let trail: Trail =
        visit.api.get(&visit.target("/audit-logs", &KNOWN, &[("limit", "25")])).await?;
    let next = trail.next_cursor.as_deref().map(|cursor| visit.with("cursor", Some(cursor)));
    let of = |name| visit.param(name).unwrap_or_default();
    let filters =
        ["user_id", "action_type", "entity_type", "timestamp_after", "timestamp_before"].map(of);
    let shell = visit.shell("Audit trail", "audit");
    let export = visit.target(&format!("{}/audit/export", visit.base()), &KNOWN[1..], &[]);
    written(&Page { shell, trail, next, filters: Some(filters), export: Some(export) })
}

/// So many rows are one file; who wants more narrows the time, or asks the API for page after page.
const MOST_EXPORTED: usize = 5000;

#[derive(Deserialize)]
struct Rows {
    items: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

/// What the filters leave as JSON Lines, each row as the API answers it.
pub(super) async fn export(visit: &mut Visit) -> Result<Bytes, Refusal> {
    let target = visit.target("/audit-logs", &KNOWN[1..], &[("limit", "200")]);
    let (mut lines, mut number, mut cursor) = (String::new(), 0, String::new());
    loop {
        let rows: Rows = visit.api.get(&format!("{target}{cursor}")).await?;
        number += rows.items.len();
        for row in &rows.items {
            lines.push_str(row.get());
            lines.push('\n');
        }
        match rows.next_cursor.filter(|_| number < MOST_EXPORTED) {
            Some(next) => {
                let pair = form_urlencoded::Serializer::new(String::new())
                    .append_pair("cursor", &next)
                    .finish();
                cursor = format!("&{pair}");
            }
            None => return Ok(lines.into()),
        }
    }
}

/// Of one thing.
pub(super) async fn history(
    visit: &mut Visit,
    kind: &'static str,
    name: &str,
) -> Result<String, Refusal> {
    let target =
        visit.target(&path::of(&[&kind, &name, &"history"]), &["cursor"], &[("limit", "25")]);
    let trail: Trail = visit.api.get(&target).await?;
    let next = trail.next_cursor.as_deref().map(|cursor| visit.with("cursor", Some(cursor)));
    let shell = visit.shell("History", kind);
    written(&Page { shell, trail, next, filters: None, export: None })
}
