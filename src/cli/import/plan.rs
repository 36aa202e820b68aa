//! What would come as a registry file. It has each thing once: the newest version of each.

use std::error::Error;
use std::path::Path;

use serde_json::{Value, json};

use super::landing::Arrival;
use super::report::Report;
use crate::cli::file::yaml;
use crate::versions::AliasName;

/// Gives the newest version of a thing the aliases that mean it; the other aliases, and the older
/// versions, are told.
pub(super) fn alone<'a>(
    newest: &mut Arrival,
    older: impl IntoIterator<Item = String>,
    aliases: impl IntoIterator<Item = (&'a str, String)>,
    report: &mut Report,
) {
    for version in older {
        let why = "a file has the newest version alone";
        report.left_out("version of", &newest.name, Some(&version), why);
    }
    let mut told = json!({});
    for (alias, version) in aliases {
        match alias.parse::<AliasName>() {
            Err(why) => report.left_out("alias of", &newest.name, Some(alias), why),
            Ok(_) if version == newest.version => told[alias] = "latest".into(),
            Ok(_) => {
                let why = "it points to an older version";
                report.left_out("alias of", &newest.name, Some(alias), why);
            }
        }
    }
    if told != json!({}) {
        newest.block["aliases"] = told;
    }
}

/// A registry file of these.
pub(super) fn write(
    path: &Path,
    mut arrivals: Vec<Arrival>,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    report.imported.things = arrivals.len();
    report.imported.versions = arrivals.len();
    arrivals.sort_by(|one, other| one.name.cmp(&other.name));
    let blocks: Vec<Value> = arrivals.into_iter().map(|arrival| arrival.block).collect();
    let file = json!({ "apiVersion": "blockyard/v1", "blocks": blocks });
    std::fs::write(path, yaml::written(&file)?)
        .map_err(|error| format!("{}: {error}", path.display()).into())
}
