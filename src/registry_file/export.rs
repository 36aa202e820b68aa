//! What is there as a file.

use serde_json::{Map, Value, json};
use utoipa::IntoParams;

use super::categories::Categories;
use super::found::{Found, Reading, Thing};
use super::given::MOST_ITEMS;
use super::queries::{self, Wanted};
use super::{Kind, whole};
use crate::api::name::{self, Name};
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::FromParams;
use crate::api::word::Words;
use crate::db::{Failure, Scope};

/// What is exported.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct Exported {
    /// `taxonomy`, `block`, `edge`, `pipeline`, or several with commas between; all when missing.
    #[param(value_type = Option<String>, pattern = "^ *(taxonomy|block|edge|pipeline) *(, *(taxonomy|block|edge|pipeline) *)*$", example = "block,edge")]
    #[read(default)]
    pub kind: Words<Kind>,
    /// Only what is called so, without regard to case; no category.
    #[param(value_type = Option<String>)]
    pub name: Option<String>,
    /// Only the blocks in this category (its id or its name), or in one below it.
    #[param(value_type = Option<String>)]
    pub category: Option<Reference>,
}

impl Exported {
    fn has(&self, kind: Kind) -> bool {
        (self.kind.is_empty() || self.kind.has(&kind))
            && (self.category.is_none() || kind == Kind::Block)
            && (self.name.is_none() || kind != Kind::Taxonomy)
    }
}

/// The file of what is there.
///
/// # Errors
/// 422 when there is more than one file may have.
pub(super) async fn file(scope: &mut Scope<'_>, exported: &Exported) -> Result<Value, Failure> {
    let keys = exported.name.as_deref().map(|name| vec![name::key(name)]);
    let wanted = Wanted { keys: keys.as_deref(), owner: None, limit: i64::from(MOST_ITEMS) + 1 };
    let category = exported.category.as_ref().map(Reference::as_str);
    // The paths of categories are part of blocks.
    let categories = Categories::of(queries::categories(scope).await?, &[])?;
    let mut reading = Reading::begin(&categories)?;
    if exported.has(Kind::Block) {
        reading.versioned(Kind::Block, queries::blocks(scope, wanted, category).await?)?;
    }
    if exported.has(Kind::Edge) {
        reading.versioned(Kind::Edge, queries::edges(scope, wanted).await?)?;
    }
    if exported.has(Kind::Pipeline) {
        reading.pipelines(queries::pipelines(scope, wanted).await?)?;
    }
    let Found(found) = reading.found;
    let things = found.values().filter(|thing| exported.has(thing.kind));
    if things.clone().count() > usize::from(MOST_ITEMS) {
        let words = format!(
            "There are more than {MOST_ITEMS} things, which are the most of one file: export them by kind, name or category."
        );
        return Err(Problem::invalid(words).into());
    }
    let mut file = json!({ "apiVersion": "blockyard/v1" });
    for thing in things {
        let (member, item) = match thing.kind {
            Kind::Taxonomy => ("taxonomy", Value::from(thing.name.as_str())),
            Kind::Block => ("blocks", versioned(thing)),
            Kind::Edge => ("edges", versioned(thing)),
            Kind::Pipeline => ("pipelines", pipeline(thing)),
        };
        match &mut file[member] {
            Value::Array(items) => items.push(item),
            none => *none = json!([item]),
        }
    }
    Ok(file)
}

/// What is as it would be without a word is left out.
fn leave_out(item: &mut Map<String, Value>, usual: &[(&str, Value)]) {
    for (member, value) in usual {
        if item.get(*member) == Some(value) {
            item.remove(*member);
        }
    }
}

fn versioned(thing: &Thing) -> Value {
    let mut item = whole(&thing.members);
    if let Some(item) = item.as_object_mut() {
        item.remove("active");
        leave_out(item, &[("metadata", json!({})), ("activation", json!("open"))]);
        if let Some(Value::Object(aliases)) = item.get_mut("aliases") {
            for alias in aliases.values_mut().filter(|alias| alias["protected"] == false) {
                *alias = alias["version"].take();
            }
        }
    }
    item
}

fn pipeline(thing: &Thing) -> Value {
    let mut item = whole(&thing.members);
    if let Some(item) = item.as_object_mut() {
        leave_out(item, &[("config", json!({})), ("blocks", json!([])), ("edges", json!([]))]);
        for block in item.get_mut("blocks").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(Value::String(name)) = block.get("name")
                && block.as_object().is_some_and(|block| block.len() == 1)
                // A text stands for a name alone.
                && Name::parse(name).is_ok()
            {
                *block = block["name"].take();
            }
        }
    }
    item
}
