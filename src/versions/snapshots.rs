//! The versions of one thing: which of them, page by page, and how two of them differ.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::{Number, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::reference::{VersionReference, Which};
use crate::api::page::{Cursor, CursorText, Limit, Page, Rows};
use crate::api::problem::Problem;
use crate::api::query::{FromParams, Params};
use crate::api::raw_json::RawJson;

/// What describes a block or an edge: a JSON object with any members.
#[derive(ToSchema)]
#[schema(value_type = Object)]
#[allow(dead_code, reason = "the document only")]
pub struct Metadata(Value);

/// One step of a JSON Patch (RFC 6902).
#[derive(ToSchema)]
#[schema(example = json!({ "op": "replace", "path": "/metadata/rows", "value": 1309 }))]
#[allow(dead_code, reason = "the document only")]
pub struct PatchOperation {
    /// `add`, `remove` or `replace`.
    op: String,
    /// JSON pointer (RFC 6901) to what it changes.
    path: String,
    /// What is there afterwards: any JSON value; missing of `remove`.
    #[schema(required = false)]
    value: Value,
}

/// A version of a block or an edge.
pub trait Version: Serialize {
    /// Where it is read.
    fn location(&self) -> String;

    fn id(&self) -> Uuid;

    fn number(&self) -> i32;

    /// What two versions are compared by.
    ///
    /// # Errors
    /// 500 when the database holds metadata that is no JSON.
    fn content(&self) -> Result<Value, Problem>;
}

/// Which page of the versions.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VersionList {
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<CursorText>)]
    pub cursor: Option<Cursor>,
}

const BY_NUMBER: &str = "-version_number";

impl VersionList {
    /// The number of the last version seen.
    pub fn before(&self) -> Option<i32> {
        self.cursor.as_ref()?.key.parse().ok()
    }

    /// The rows of a page, if there is anything that they are versions of: everything has a version, so that
    /// a first page has one.
    pub fn of_something<V: Version>(&self, rows: Rows<V>) -> Option<Rows<V>> {
        (!rows.is_empty() || self.cursor.is_some()).then_some(rows)
    }

    /// The page of which `rows` are, one more than it has.
    pub fn respond<V: Version>(&self, rows: Rows<V>, request: &HttpRequest) -> HttpResponse {
        let page = Page::new(rows, |version| Cursor {
            sort: BY_NUMBER.to_owned(),
            key: version.number().to_string(),
            id: version.id(),
        });
        page.respond(request)
    }
}

impl FromParams for VersionList {
    fn from_params(params: &mut Params) -> Option<Self> {
        let limit = params.optional("limit");
        let cursor =
            params.cursor(|cursor| cursor.sort == BY_NUMBER && cursor.key.parse::<i32>().is_ok());
        Some(Self { limit: limit?.unwrap_or_default(), cursor: cursor? })
    }
}

/// From which version to which.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct Difference {
    /// A number, `latest`, `active` or an alias.
    #[param(value_type = VersionReference, example = "1")]
    pub from: Which,
    /// A number, `latest`, `active` or an alias; `active` when missing.
    #[param(value_type = Option<VersionReference>, example = "latest")]
    #[read(default = Which::Active)]
    pub to: Which,
}

impl Difference {
    /// The JSON Patch (RFC 6902) that turns the first version into the second.
    ///
    /// # Errors
    /// Those of [`Version::content`].
    pub fn patch([from, to]: &[impl Version; 2]) -> Result<HttpResponse, Problem> {
        let patch = json_patch::diff(&from.content()?, &to.content()?);
        Ok(HttpResponse::Ok()
            .insert_header(("content-type", "application/json-patch+json"))
            .json(patch))
    }
}

/// JSON as a tree, to be compared: equal numbers are written alike.
///
/// # Errors
/// 500 when the database holds what is no JSON.
pub fn tree(json: &RawJson) -> Result<Value, Problem> {
    let mut tree = json.read()?;
    unify_numbers(&mut tree);
    Ok(tree)
}

/// 1.0 is 1. (All are doubles: the database lets no others in.)
fn unify_numbers(value: &mut Value) {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => {
            if let Some(double) = number.as_f64() {
                #[allow(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
                let unified = if double.fract() == 0.0 && double.abs() < EXACT {
                    Some((double as i64).into())
                } else {
                    Number::from_f64(double)
                };
                *number = unified.unwrap_or_else(|| number.clone());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(unify_numbers),
        Value::Object(members) => members.values_mut().for_each(unify_numbers),
        _ => {}
    }
}
