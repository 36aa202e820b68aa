//! What two versions differ in, and what two locks do: only that.

use askama::Template;
use askama::filters::HtmlSafe;
use serde::Deserialize;
use serde_json::Value;

use super::things::Kind;
use super::written;
use crate::api::path;
use crate::console::page::{Shell, Theme, Visit};
use crate::console::refusal::Refusal;
use crate::console::seen::Version;
use crate::console::tree;

/// One operation of a JSON Patch (RFC 6902).
#[derive(Deserialize)]
struct Operation {
    op: String,
    path: String,
    value: Option<Value>,
}

impl Operation {
    fn shown(&self) -> String {
        self.value.as_ref().map(tree::pretty).unwrap_or_default()
    }
}

/// What differs, before and after.
struct Row {
    what: &'static str,
    path: String,
    before: Option<String>,
    after: Option<String>,
}

/// Rows as a table.
#[derive(Template)]
#[template(path = "rows.html")]
pub(super) struct Rows {
    rows: Vec<Row>,
}

impl HtmlSafe for Rows {}

impl Rows {
    /// What one content says otherwise than another.
    pub(super) fn between(from: &Value, to: &Value) -> Result<Self, Refusal> {
        let patch = serde_json::to_value(json_patch::diff(from, to));
        let patch = patch.and_then(serde_json::from_value).map_err(|_| Refusal::internal())?;
        Ok(Self::of(patch, from))
    }

    fn of(patch: Vec<Operation>, from: &Value) -> Self {
        let rows = patch.into_iter().map(|operation| Row {
            what: match operation.op.as_str() {
                "add" => "added",
                "remove" => "removed",
                _ => "changed",
            },
            before: (operation.op != "add")
                .then(|| from.pointer(&operation.path).map(tree::pretty))
                .flatten(),
            after: operation.value.as_ref().map(tree::pretty),
            path: operation.path,
        });
        Self { rows: rows.collect() }
    }
}

#[derive(Template)]
#[template(path = "difference.html")]
struct Page<'a> {
    shell: Shell<'a>,
    kind: Kind,
    name: &'a str,
    from: &'a str,
    to: &'a str,
    rows: Rows,
}

pub(super) async fn show(visit: &mut Visit, kind: Kind, name: &str) -> Result<String, Refusal> {
    let from = visit.param("from").unwrap_or("active").to_owned();
    let to = visit.param("to").unwrap_or("latest").to_owned();
    let address = path::of(&[&kind.many(), &name]);
    let target =
        visit.target(&format!("{address}/diff"), &["as_of"], &[("from", &from), ("to", &to)]);
    let patch: Vec<Operation> = visit.api.get(&target).await?;
    let old = path::of(&[&kind.many(), &name, &"versions", &from]);
    let old: Version = visit.api.get(&visit.target(&old, &["as_of"], &[])).await?;
    written(&Page {
        shell: visit.shell(format!("{name}: differences"), kind.many()),
        kind,
        name,
        from: &from,
        to: &to,
        rows: Rows::of(patch, &old.content()),
    })
}

#[derive(Template)]
#[template(path = "locks.html")]
struct Locks<'a> {
    shell: Shell<'a>,
    a: &'a str,
    b: &'a str,
    found: Option<LockDifference>,
}

#[derive(Deserialize)]
struct LockDifference {
    same: bool,
    /// A line for each part.
    summary: Vec<String>,
    patch: Vec<Operation>,
}

/// Two locks, by their digests or their runs; without them, where to enter them.
pub(super) async fn locks(visit: &mut Visit) -> Result<String, Refusal> {
    let of = |name| visit.param(name).unwrap_or_default().to_owned();
    let (a, b) = (of("a"), of("b"));
    let mut found = None;
    if !a.is_empty() && !b.is_empty() {
        let target = visit.target("/locks/diff", &["a", "b"], &[]);
        found = Some(visit.api.get(&target).await?);
    }
    let shell = visit.shell("What two runs ran on, compared", "runs");
    written(&Locks { shell, a: &a, b: &b, found })
}
