//! Filters (`where`): what a thing is to be for a search or a list to show it. As JSON in a body, in a
//! short form in a query (`short`); what metadata is to say becomes a path of PostgreSQL's
//! (`metadata`), everything else a value that a static statement compares with.

mod metadata;
mod short;
mod taxonomy;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa::ToSchema;

pub use metadata::Condition;
pub use taxonomy::TaxonomyFilter;

use crate::api::entity::BlockType;
use crate::api::fields::{Fields, FromFields, Patch};
use crate::api::path::Reference;
use crate::api::query::{FromParams, Params};
use crate::api::time::DateTime;
use crate::api::word::Word;
use crate::versions::AliasName;

/// What a thing is to be. All that is said must be so; what is said of one kind of things only (a
/// `block_type`, a category, `verified`) lets none of the others through.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema, FromFields)]
#[read(body_optional)]
#[schema(example = json!({"block_type": "model", "metadata": {"/accuracy": {"gte": 0.9}}, "taxonomy": {"any": ["vision"]}}))]
pub struct Where {
    /// Of a block.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[read(with = Word)]
    #[schema(value_type = Option<BlockType>)]
    pub block_type: Option<BlockType>,
    /// By JSON pointers (RFC 6901) into the metadata of the active version: a value that is equal, or
    /// an object of `eq`, `ne`, `in`, `gt`, `gte`, `lt`, `lte`, `exists`, `contains`. Beside pointers,
    /// `all`, `any` and `none` are lists of such objects. Of a list in the metadata, any element counts.
    #[serde(skip_serializing_if = "is_told_apart", serialize_with = "untold")]
    #[read(via = Condition::from_member)]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Condition>,
    /// The categories of a block.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[read(via = taxonomy)]
    #[schema(value_type = Option<TaxonomyFilter>)]
    pub taxonomy: Option<TaxonomyFilter>,
    /// Whether the active version of an edge has passed its verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<bool>)]
    pub verified: Option<bool>,
    /// A block or edge that this pipeline uses: its id or its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Reference>)]
    pub used_by: Option<Reference>,
    /// A block or edge that has this alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AliasName>)]
    pub alias: Option<AliasName>,
    /// Who created it: an id, a username, or `me`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Reference>)]
    pub author: Option<Reference>,
    /// Created at this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DateTime>)]
    pub created_after: Option<DateTime>,
    /// Created before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DateTime>)]
    pub created_before: Option<DateTime>,
    /// Last changed at this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DateTime>)]
    pub updated_after: Option<DateTime>,
    /// Last changed before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DateTime>)]
    pub updated_before: Option<DateTime>,
}

/// As what it is looked up by, see [`Where::looked_up`].
fn is_told_apart<T>(_: &T) -> bool {
    true
}

fn untold<T, S: Serializer>(_: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_none()
}

fn taxonomy(fields: &mut Fields) -> Option<Option<TaxonomyFilter>> {
    match TaxonomyFilter::patched(fields, "taxonomy")? {
        Patch::Set(filter) => Some(Some(filter)),
        Patch::Keep | Patch::Clear => Some(None),
    }
}

impl Where {
    /// What `app.matching` takes, which looks for as much as it can in indexes.
    pub fn looked_up(&self) -> Value {
        let mut filter = json!(self);
        if let (Some(metadata), Some(members)) = (&self.metadata, filter.as_object_mut()) {
            members.insert("metadata".to_owned(), metadata.path().into());
            members.insert("indexed".to_owned(), metadata.is_indexed().into());
        }
        filter
    }
}

/// What is listed, beside its other parameters.
#[derive(Debug, Clone, Default, PartialEq, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct Conditions {
    /// What it is to be: conditions with `and` between, such as
    /// `metadata/accuracy>=0.9 and metadata/license in (mit, apache-2.0)`. Fields are `metadata` with a JSON
    /// pointer, `block_type`, `category`, `recursive`, `verified`, `used_by`, `alias`, `author`, `created` and
    /// `updated`; operators `=`, `!=`, `>`, `>=`, `<`, `<=`, `*=` (contains), `in`, `exists` and `missing`.
    /// Equality is looked up in an index; anything else of metadata is asked of one row after the other,
    /// within the time that a statement has. Not of what is archived.
    #[param(rename = "where", value_type = Option<String>, max_length = 2000, example = "metadata/license=mit")]
    #[read(rename = "where")]
    pub condition: Option<Where>,
}

impl Conditions {
    /// What is looked up for a list.
    pub fn looked_up(&self) -> Option<Value> {
        self.condition.as_ref().map(Where::looked_up)
    }

    /// What is looked up for a list, and the path that it holds the rows against which it reads.
    pub fn of_list(&self) -> (Option<Value>, Option<String>) {
        let Some(condition) = &self.condition else {
            return (None, None);
        };
        match &condition.metadata {
            Some(metadata) if !metadata.is_indexed() => {
                let others = Where { metadata: None, ..condition.clone() };
                ((others != Where::default()).then(|| others.looked_up()), Some(metadata.path()))
            }
            _ => (Some(condition.looked_up()), None),
        }
    }

    /// Refuses a filter of what is archived: nothing looks that up.
    pub fn of_live(&self, archived: bool, params: &mut Params) -> bool {
        let fits = !archived || self.condition.is_none();
        if !fits {
            params.fault("where", "Is not asked of what is archived.");
        }
        fits
    }
}
