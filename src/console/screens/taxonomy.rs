//! `/console/taxonomy`: the categories, and what is in them.

use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use super::written;
use crate::api::path;
use crate::console::form::{Field, Form};
use crate::console::page::{Shell, Theme, Time, Visit};
use crate::console::refusal::Refusal;
use crate::console::seen::{Items, Thing};

#[derive(Deserialize)]
struct Category {
    category_id: Uuid,
    name: String,
}

#[derive(Template)]
#[template(path = "taxonomy.html")]
struct Page<'a> {
    shell: Shell<'a>,
    page: Items<Category>,
    next: Option<String>,
    form: Option<Form>,
}

pub(super) async fn show(visit: &mut Visit) -> Result<String, Refusal> {
    let target =
        visit.target("/taxonomy-categories", &["cursor"], &[("roots", "true"), ("sort", "name")]);
    let page: Items<Category> = visit.api.get(&target).await?;
    let next = page.next_cursor.as_deref().map(|cursor| visit.with("cursor", Some(cursor)));
    let form = visit.may_write().then(|| {
        Form::new(visit, "new", "POST", "/taxonomy-categories")
            .button("Make it")
            .field(Field::line("name", "Name").required())
    });
    written(&Page { shell: visit.shell("Taxonomy", "taxonomy"), page, next, form })
}

#[derive(Deserialize)]
struct Subtree {
    category_id: Uuid,
    name: String,
    parent_id: Option<Uuid>,
    created_by: Option<Uuid>,
    updated_at: Time,
    #[serde(default)]
    children: Vec<Category>,
}

#[derive(Template)]
#[template(path = "category.html")]
struct Shown<'a> {
    shell: Shell<'a>,
    category: &'a Subtree,
    blocks: Items<Thing>,
    next: Option<String>,
    forms: Vec<(&'static str, Form)>,
}

pub(super) async fn category(visit: &mut Visit, name: &str) -> Result<String, Refusal> {
    let address = path::of(&[&"taxonomy-categories", &name]);
    let category: Subtree = visit.api.get(&format!("{address}/subtree")).await?;
    let address = path::of(&[&"taxonomy-categories", &category.category_id]);
    let target = visit.target(&format!("{address}/blocks"), &["cursor"], &[]);
    let blocks: Items<Thing> = visit.api.get(&target).await?;
    let next = blocks.next_cursor.as_deref().map(|cursor| visit.with("cursor", Some(cursor)));
    let forms = if visit.may_write() { forms(visit, &category, &address) } else { Vec::new() };
    let shell = visit.shell(category.name.as_str(), "taxonomy");
    written(&Shown { shell, category: &category, blocks, next, forms })
}

fn forms(visit: &Visit, category: &Subtree, address: &str) -> Vec<(&'static str, Form)> {
    let parent = category.parent_id.map(|id| id.to_string()).unwrap_or_default();
    let below = Form::new(visit, "below", "POST", "/taxonomy-categories")
        .button("Make it")
        .field(Field::line("name", "Name").required())
        .field(Field::hidden("parent_id", category.category_id));
    let change = Form::new(visit, "change", "PATCH", address)
        .of_revision(category.updated_at.0)
        .field(Field::line("name", "Name").value(&category.name).required())
        .field(
            Field::line("parent_id:clear", "Below")
                .value(parent)
                .help("The id of a category, or nothing."),
        );
    let mut forms = vec![("Make one below it", below), ("Change or move it", change)];
    if visit.may_archive(category.created_by) {
        let archive =
            Form::new(visit, "archive", "DELETE", address).of_revision(category.updated_at.0);
        forms.push(("Archive it", archive.then("/taxonomy").button("Archive")));
    }
    forms
}
