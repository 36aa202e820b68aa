//! `/console/blocks` and `/console/edges`: they have the same versions, and so the same pages.

use askama::Template;
use serde_json::Value;
use uuid::Uuid;

use super::written;
use crate::api::path;
use crate::console::form::{Field, Form};
use crate::console::page::{Shell, Theme, Visit};
use crate::console::refusal::Refusal;
use crate::console::seen::{Items, Thing, Version};
use crate::console::tree::{self, Tree};

/// Of what the pages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Block,
    Edge,
}

impl Kind {
    pub(super) fn one(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Edge => "edge",
        }
    }

    pub(super) fn many(self) -> &'static str {
        match self {
            Self::Block => "blocks",
            Self::Edge => "edges",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Block => "Blocks",
            Self::Edge => "Edges",
        }
    }
}

#[derive(Template)]
#[template(path = "things.html")]
struct List<'a> {
    shell: Shell<'a>,
    kind: Kind,
    rows: Vec<(Thing, Option<Form>)>,
    next: Option<String>,
    q: &'a str,
    block_type: &'a str,
    sort: &'a str,
    is_archived: bool,
}

pub(super) async fn list(visit: &mut Visit, kind: Kind) -> Result<String, Refusal> {
    let known = [
        "q",
        "block_type",
        "category",
        "recursive",
        "sort",
        "cursor",
        "archived",
        "as_of",
        "where",
    ];
    let more: &[_] = match kind {
        Kind::Block => &[],
        Kind::Edge => &[("include", "verifications")],
    };
    let target = visit.target(&format!("/{}", kind.many()), &known, more);
    let page: Items<Thing> = visit.api.get(&target).await?;
    let next = page.next_cursor.as_deref().map(|cursor| visit.with("cursor", Some(cursor)));
    let rows = page.items.into_iter().map(|thing| {
        let form =
            restore(visit, kind.many(), thing.id, thing.archived_at.is_some(), thing.created_by);
        (thing, form)
    });
    let rows = rows.collect();
    let param = |name| visit.param(name).unwrap_or_default();
    written(&List {
        shell: visit.shell(kind.title(), kind.many()),
        kind,
        next,
        q: param("q"),
        block_type: param("block_type"),
        sort: param("sort"),
        is_archived: visit.param("archived") == Some("true"),
        rows,
    })
}

/// Brings back what is archived.
pub(super) fn restore(
    visit: &Visit,
    many: &str,
    id: Uuid,
    is_archived: bool,
    created_by: Option<Uuid>,
) -> Option<Form> {
    (is_archived && visit.may_archive(created_by)).then(|| {
        let address = path::of(&[&many, &id, &"restore"]);
        let form = Form::new(visit, format!("restore-{id}"), "POST", &address);
        form.small().then(format!("/{many}/{id}")).button("Restore")
    })
}

#[derive(Template)]
#[template(path = "new.html")]
struct New<'a> {
    shell: Shell<'a>,
    form: Form,
    told: &'static str,
}

const BLOCK_TYPES: [(&str, &str); 2] = [("dataset", "dataset"), ("model", "model")];

pub(super) fn new(visit: &Visit, kind: Kind) -> Result<String, Refusal> {
    let mut form = Form::new(visit, "new", "POST", &format!("/{}", kind.many()))
        .button("Register")
        .then_there()
        .field(Field::line("name", "Name").required());
    if kind == Kind::Block {
        form = form.field(Field::choice("block_type", "Type", BLOCK_TYPES).required());
    }
    let form = form
        .field(Field::text("description:skip", "Description"))
        .field(
            Field::code("metadata:json", "Metadata").help("A JSON object: whatever describes it."),
        )
        .field(activation("open"));
    let (title, told) = match kind {
        Kind::Block => {
            ("Register a block", "A named dataset or model. What is entered becomes version 1.")
        }
        Kind::Edge => (
            "Register an edge",
            "A connection between blocks. What is entered becomes version 1, which has to be verified before a pipeline runs on it.",
        ),
    };
    written(&New { shell: visit.shell(title, kind.many()), form, told })
}

fn activation(value: &str) -> Field {
    let choices = [("open", "at once"), ("reviewed", "once somebody else has activated them")];
    Field::choice("activation", "Changes count", choices).value(value).required()
}

/// A chosen member of the metadata, over the versions.
pub(super) struct Column {
    pub(super) name: String,
    /// A line over the versions, where all that have it have a number.
    pub(super) line: Option<Line>,
}

/// Points of a line, and what a reader is told of it.
pub(super) struct Line {
    pub(super) points: String,
    pub(super) told: String,
}

pub(super) struct Row<'a> {
    pub(super) version: &'a Version,
    pub(super) cells: Vec<String>,
}

#[derive(Template)]
#[template(path = "thing.html")]
struct Page<'a> {
    shell: Shell<'a>,
    kind: Kind,
    thing: &'a Thing,
    metadata: Tree,
    columns: Vec<Column>,
    columns_text: &'a str,
    rows: Vec<Row<'a>>,
    forms: Vec<(&'static str, Form)>,
    at: String,
}

pub(super) async fn show(visit: &mut Visit, kind: Kind, name: &str) -> Result<String, Refusal> {
    let include = match kind {
        Kind::Block => "versions,categories,aliases,used_by",
        Kind::Edge => "versions,verifications,aliases,used_by",
    };
    let address = path::of(&[&kind.many(), &name]);
    let target = visit.target(&address, &["as_of"], &[("include", include)]);
    let thing: Thing = visit.api.get(&target).await?;
    let wanted: Vec<&str> =
        visit.param("columns").unwrap_or_default().split(',').map(str::trim).collect();
    let wanted: Vec<&str> = wanted.into_iter().filter(|name| !name.is_empty()).take(8).collect();
    let rows = thing.versions.iter().map(|version| Row {
        cells: wanted
            .iter()
            .map(|name| at(&version.metadata, name).map(tree::line).unwrap_or_default())
            .collect(),
        version,
    });
    let columns = wanted.iter().map(|name| column(name, &thing.versions)).collect();
    let page = Page {
        shell: visit.shell(thing.name.as_str(), kind.many()),
        kind,
        metadata: Tree::of(&thing.metadata),
        columns,
        columns_text: visit.param("columns").unwrap_or_default(),
        rows: rows.collect(),
        forms: if visit.may_write() { forms(visit, kind, &thing) } else { Vec::new() },
        at: visit.shell("", "").at,
        thing: &thing,
    };
    written(&page)
}

/// A member of the metadata, by its path: `training.accuracy`.
fn at<'a>(metadata: &'a Value, name: &str) -> Option<&'a Value> {
    metadata.get(name).or_else(|| name.split('.').try_fold(metadata, |value, key| value.get(key)))
}

fn column(name: &str, versions: &[Version]) -> Column {
    let numbers: Vec<(i32, f64)> = versions
        .iter()
        .rev()
        .filter_map(|version| {
            Some((version.version_number, at(&version.metadata, name)?.as_f64()?))
        })
        .collect();
    Column { name: name.to_owned(), line: line(name, &numbers) }
}

fn line(name: &str, numbers: &[(i32, f64)]) -> Option<Line> {
    let (first, last) = (numbers.first()?, numbers.last()?);
    if numbers.len() < 2 {
        return None;
    }
    let least = numbers.iter().map(|(_, number)| *number).fold(f64::INFINITY, f64::min);
    let most = numbers.iter().map(|(_, number)| *number).fold(f64::NEG_INFINITY, f64::max);
    let (width, height) =
        (f64::from(last.0 - first.0).max(1.0), (most - least).max(f64::MIN_POSITIVE));
    let point = |(version, number): &(i32, f64)| {
        let x = f64::from(version - first.0) / width * 300.0 + 5.0;
        format!("{x:.1},{:.1}", 55.0 - (number - least) / height * 50.0)
    };
    Some(Line {
        points: numbers.iter().map(point).collect::<Vec<_>>().join(" "),
        told: format!(
            "{name} from version {} ({}) to version {} ({}); least {least}, most {most}",
            first.0, first.1, last.0, last.1
        ),
    })
}

fn forms(visit: &Visit, kind: Kind, thing: &Thing) -> Vec<(&'static str, Form)> {
    let address = path::of(&[&kind.many(), &thing.id]);
    let here = format!("/{}/{}", kind.many(), thing.id);
    if thing.archived_at.is_some() {
        return Vec::new();
    }
    let contents = |form: Form| {
        let form = if kind == Kind::Block {
            let chosen = thing.block_type.as_deref().unwrap_or_default();
            form.field(Field::choice("block_type", "Type", BLOCK_TYPES).value(chosen).required())
        } else {
            form
        };
        form.field(
            Field::text("description:clear", "Description")
                .value(thing.description.as_deref().unwrap_or_default()),
        )
        .field(
            Field::code("metadata:json", "Metadata")
                .value(tree::pretty(&thing.metadata))
                .help("A JSON object; replaced as a whole."),
        )
    };
    let change = Form::new(visit, "change", "PATCH", &address)
        .of_revision(thing.updated_at.0)
        .then(here.clone())
        .button("Save as a new version")
        .field(Field::line("name", "Name").value(&thing.name).required());
    let mut forms = vec![
        ("Change it", contents(change).field(activation(&thing.activation))),
        (
            "Add a candidate",
            contents(
                Form::new(visit, "candidate", "POST", &format!("{address}/versions"))
                    .of_revision(thing.updated_at.0)
                    .then(here.clone())
                    .button("Append"),
            ),
        ),
        (
            "Give a version an alias",
            Form::new(visit, "alias", "PUT", &format!("{address}/aliases/{{alias}}"))
                .then(here.clone())
                .button("Point it there")
                .field(
                    Field::line("_alias", "Alias")
                        .required()
                        .help("Such as champion. One that is there moves."),
                )
                .field(Field::line("version", "Version").value(thing.version_number).required()),
        ),
    ];
    if kind == Kind::Block {
        forms.push((
            "Put it into a category",
            Form::new(visit, "category", "PUT", &format!("{address}/categories/{{category}}"))
                .then(here)
                .button("Put in")
                .field(Field::line("_category", "Category").required().help("Its name or its id.")),
        ));
    }
    if visit.may_archive(thing.created_by) {
        forms.push((
            "Archive it",
            Form::new(visit, "archive", "DELETE", &address)
                .of_revision(thing.updated_at.0)
                .then(format!("/{}", kind.many()))
                .button("Archive"),
        ));
    }
    forms
}
