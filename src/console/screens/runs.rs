//! `/console/runs`: what ran, on what, and what came of it.

use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use super::written;
use crate::api::path;
use crate::console::form::{Field, Form};
use crate::console::page::{Shell, Theme, Time, Visit};
use crate::console::refusal::Refusal;
use crate::console::seen::{Items, Run};
use crate::console::tree::Tree;

#[derive(Template)]
#[template(path = "runs.html")]
struct List<'a> {
    shell: Shell<'a>,
    runs: Vec<Run>,
    next: Option<String>,
    filters: Vec<(&'static str, String, bool)>,
}

const STATES: [(&str, &str); 6] = [
    ("all", ""),
    ("queued", "queued"),
    ("started", "started"),
    ("success", "success"),
    ("failure", "failure"),
    ("canceled", "canceled"),
];

pub(super) async fn list(visit: &mut Visit) -> Result<String, Refusal> {
    let known =
        ["status", "block", "edge", "version", "alias", "lock_digest", "cursor", "pipeline"];
    let page: Items<Run> = visit.api.get(&visit.target("/runs", &known, &[])).await?;
    let next = page.next_cursor.as_deref().map(|cursor| visit.with("cursor", Some(cursor)));
    let status = visit.param("status").unwrap_or_default();
    let filter = |(title, value): (&'static str, &str)| {
        (
            title,
            visit.with("status", Some(value).filter(|value| !value.is_empty())),
            status == value,
        )
    };
    let filters = STATES.into_iter().map(filter).collect();
    written(&List { shell: visit.shell("Runs", "runs"), runs: page.items, next, filters })
}

#[derive(Deserialize)]
struct Steps {
    dagster_url: Option<String>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    step: String,
    block_id: Option<Uuid>,
    status: Option<String>,
    started_at: Option<Time>,
    ended_at: Option<Time>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    at: Option<Time>,
    level: Option<String>,
    step: Option<String>,
    message: Option<String>,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "run.html")]
struct Page<'a> {
    shell: Shell<'a>,
    run: &'a Run,
    parameters: Tree,
    steps: Option<Steps>,
    lines: Vec<Line>,
    /// Why Dagster tells nothing.
    silence: Option<String>,
    forms: Vec<Form>,
}

pub(super) async fn show(visit: &mut Visit, id: &str) -> Result<String, Refusal> {
    let address = path::of(&[&"runs", &id]);
    let run: Run = visit.api.get(&address).await?;
    let (mut steps, mut lines, mut silence) = (None, Vec::new(), None);
    if run.launch && run.dagster_run_id.is_some() {
        match visit.api.get(&format!("{address}/steps")).await {
            Ok(told) => steps = Some(told),
            Err(refusal) => silence = Some(refusal.detail),
        }
        if silence.is_none() {
            match visit.api.get::<Items<Line>>(&format!("{address}/logs?limit=200")).await {
                Ok(told) => lines = told.items,
                Err(refusal) => silence = Some(refusal.detail),
            }
        }
    }
    let mut forms = Vec::new();
    if visit.may_write() && run.is_open() {
        if !run.launch {
            let next = if run.status == "queued" { &OUTCOMES[..] } else { &OUTCOMES[1..] };
            forms.push(
                Form::new(visit, "report", "PATCH", &address)
                    .title("Report what became of it")
                    .button("Report")
                    .field(Field::choice("status", "State", next.iter().copied()).required())
                    .field(Field::text("failure:skip", "Why it failed")),
            );
        }
        if run.cancel_requested_at.is_none() {
            forms.push(
                Form::new(visit, "cancel", "POST", &format!("{address}/cancel"))
                    .button("Cancel it"),
            );
        }
    }
    let page = Page {
        shell: visit.shell(format!("Run {}", run.run_id), "runs"),
        parameters: Tree::of(&run.parameters),
        run: &run,
        steps,
        lines,
        silence,
        forms,
    };
    written(&page)
}

const OUTCOMES: [(&str, &str); 3] =
    [("started", "started"), ("success", "succeeded"), ("failure", "failed")];
