//! Repositories of code that a source names, as they may stand in a registry.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::report::Report;
use crate::code_repos::{Branch, RepoUrl};

/// A repository of a version of a thing; `None` when its address may not stand here, which is told
/// without it.
pub(super) fn repo(
    url: &str,
    branch: Option<&str>,
    (name, version): (&str, Option<&str>),
    report: &mut Report,
) -> Option<Value> {
    let mut repo = json!({ "repo_url": url });
    if let Err(why) = fits::<RepoUrl>(url) {
        report.left_out("repository of", name, version, why);
        return None;
    }
    if let Some(branch) = branch {
        match fits::<Branch>(branch) {
            Ok(()) => repo["branch"] = branch.into(),
            Err(why) => report.left_out("branch of", name, version, why),
        }
    }
    Some(repo)
}

fn fits<T: DeserializeOwned>(text: &str) -> Result<(), String> {
    serde_json::from_value::<T>(text.into()).map(drop).map_err(|error| error.to_string())
}
