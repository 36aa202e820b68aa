//! Categories that something is to be in, or not: `taxonomy_filter`, and `taxonomy` of a filter. That
//! those of the first are there, the database checks in the statement that writes it
//! (`app.guard_taxonomy_filter`), which also turns names into ids.

use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::types::Json;
use utoipa::ToSchema;

use crate::api::fields::{Fields, Patch};
use crate::api::path::Reference;

/// How many categories one list of a filter has at most.
const MOST: usize = 100;

/// What a search is constrained to. A thing passes when it is in at least one category of `any`, in
/// every one of `all` and in no one of `none`; what is missing does not constrain. At least one
/// category is named. Categories are given by id or name, and kept by id.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"any": ["computer vision", "audio"], "none": ["deprecated"], "recursive": true}))]
pub struct TaxonomyFilter {
    #[schema(value_type = Option<Vec<Reference>>, max_items = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) any: Option<Vec<Reference>>,
    #[schema(value_type = Option<Vec<Reference>>, max_items = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) all: Option<Vec<Reference>>,
    #[schema(value_type = Option<Vec<Reference>>, max_items = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) none: Option<Vec<Reference>>,
    /// Whether what is in a category below counts as in it; `false` when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recursive: Option<bool>,
}

impl TaxonomyFilter {
    /// What is in these categories passes.
    pub fn of([any, all, none]: [Vec<Reference>; 3], recursive: bool) -> Self {
        let said = |list: Vec<Reference>| (!list.is_empty()).then_some(list);
        let recursive = recursive.then_some(true);
        Self { any: said(any), all: said(all), none: said(none), recursive }
    }

    /// The parameter of a statement.
    pub fn as_json(&self) -> Json<&Self> {
        Json(self)
    }

    /// Reads the member of a body, noting every fault of it.
    pub fn patched(fields: &mut Fields, member: &str) -> Option<Patch<Self>> {
        match fields.patched::<Map<String, Value>>(member)? {
            Patch::Keep => Some(Patch::Keep),
            Patch::Clear => Some(Patch::Clear),
            Patch::Set(members) => Self::read(members, fields, member).map(Patch::Set),
        }
    }

    fn read(mut members: Map<String, Value>, fields: &mut Fields, member: &str) -> Option<Self> {
        let any = categories(&mut members, "any", fields, member);
        let all = categories(&mut members, "all", fields, member);
        let none = categories(&mut members, "none", fields, member);
        let recursive = match members.remove("recursive") {
            None | Some(Value::Null) => Some(None),
            Some(Value::Bool(recursive)) => Some(Some(recursive)),
            Some(_) => {
                fields.fault_within(&[member, "recursive"], "Must be true or false.");
                None
            }
        };
        let unknown: Vec<_> = members.into_iter().map(|(name, _)| name).collect();
        for name in &unknown {
            fields.fault_within(&[member, name], "Is not known here.");
        }
        let filter = Self { any: any?, all: all?, none: none?, recursive: recursive? };
        if !unknown.is_empty() {
            return None;
        }
        if [&filter.any, &filter.all, &filter.none].into_iter().flatten().all(Vec::is_empty) {
            fields.fault(member, "Must name a category in any, all or none.");
            return None;
        }
        Some(filter)
    }
}

/// One list of the filter; the outer `None` is a fault.
fn categories(
    members: &mut Map<String, Value>,
    name: &str,
    fields: &mut Fields,
    member: &str,
) -> Option<Option<Vec<Reference>>> {
    let list = match members.remove(name) {
        None | Some(Value::Null) => return Some(None),
        Some(Value::Array(list)) if list.len() <= MOST => list,
        Some(_) => {
            let detail = format!("Must be a list of at most {MOST} categories.");
            fields.fault_within(&[member, name], &detail);
            return None;
        }
    };
    let wanted = list.len();
    let categories: Vec<Reference> = list
        .iter()
        .enumerate()
        .filter_map(|(index, value)| {
            let category = value.as_str().and_then(|text| text.parse().ok());
            if category.is_none() {
                let detail = "Must be the id or the name of a category.";
                fields.fault_within(&[member, name, &index.to_string()], detail);
            }
            category
        })
        .collect();
    (categories.len() == wanted).then_some(Some(categories))
}
