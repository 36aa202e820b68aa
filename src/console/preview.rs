//! What a change would break, told before it is made: `POST /impact/preview` for the request of a form.

use actix_web::http::Method;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::api::Api;
use super::refusal::Refusal;

/// What it would come to.
#[derive(Debug, Deserialize)]
pub(super) struct Preview {
    pub(super) verdict: String,
    pub(super) reasons: Vec<Reason>,
    pub(super) pipelines_checked: usize,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reason {
    pub(super) detail: String,
}

/// The operation that a request is, with its parameters, where it is one that can be previewed.
fn change(method: &str, target: &str) -> Option<Map<String, Value>> {
    let parts = target.split('/').skip(1).map(|part| percent_decode_str(part).decode_utf8());
    let parts = parts.collect::<Result<Vec<_>, _>>().ok()?;
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    let (kind, id, rest) = match &parts[..] {
        ["blocks", id, rest @ ..] => ("block", *id, rest),
        ["edges", id, rest @ ..] => ("edge", *id, rest),
        ["pipelines", id, rest @ ..] => ("pipeline", *id, rest),
        _ => return None,
    };
    let (operation, more) = match (method, rest) {
        ("PATCH", []) => (format!("update_{kind}"), None),
        ("DELETE", []) => (format!("archive_{kind}"), None),
        ("PUT", ["graph"]) if kind == "pipeline" => ("replace_pipeline_graph".to_owned(), None),
        ("PUT", ["aliases", alias]) => (format!("put_{kind}_alias"), Some(("alias", *alias))),
        ("POST", ["versions", version, verb @ ("activate" | "withdraw")]) => {
            (format!("{verb}_{kind}_version"), Some(("version", *version)))
        }
        _ => return None,
    };
    let named = [("operation", operation.as_str()), (kind, id)];
    let members = named.into_iter().chain(more);
    Some(members.map(|(name, value)| (name.to_owned(), value.into())).collect())
}

/// Whether that of a request can be told.
pub(super) fn is_possible(method: &str, target: &str) -> bool {
    change(method, target).is_some()
}

/// Asks what a request would break.
///
/// # Errors
/// What the route refuses.
pub(super) async fn ask(
    api: &mut Api,
    method: &Method,
    target: &str,
    body: &[u8],
) -> Result<Preview, Refusal> {
    let no_form = || Refusal::not_found("Form");
    let mut change = change(method.as_str(), target).ok_or_else(no_form)?;
    if !body.is_empty() {
        change.insert("body".to_owned(), serde_json::from_slice(body).map_err(|_| no_form())?);
    }
    let body = serde_json::json!({ "changes": [change] }).to_string();
    let answer =
        api.call(Method::POST, "/impact/preview", "application/json", &[], body.into()).await?;
    serde_json::from_slice(&answer.body).map_err(|error| {
        tracing::error!(%error, "the console reads a preview otherwise than it is");
        Refusal::internal()
    })
}
