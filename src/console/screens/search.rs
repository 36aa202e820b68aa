//! `/console/search`: one box, and of each hit what was found in it.

use std::collections::BTreeMap;

use askama::Template;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::written;
use crate::console::page::{Shell, Theme, Visit};
use crate::console::refusal::Refusal;
use crate::console::tree;

#[derive(Deserialize)]
struct Found {
    hits: Vec<Hit>,
    total: u64,
    is_complete: bool,
    spelling: Option<String>,
    #[serde(default)]
    facets: BTreeMap<String, Vec<Value>>,
}

#[derive(Deserialize)]
struct Hit {
    kind: String,
    id: String,
    name: String,
    block_type: Option<String>,
    version_number: Option<i32>,
    verification_status: Option<String>,
    #[serde(default)]
    snippet: Snippet,
    #[serde(default)]
    explain: Vec<Words>,
}

/// A piece of a text, in which `**` stands around what was found.
#[derive(Default)]
struct Snippet(Vec<String>);

impl<'de> Deserialize<'de> for Snippet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        Ok(Self(text.split("**").map(str::to_owned).collect()))
    }
}

#[derive(Deserialize)]
struct Words {
    field: String,
    words: Vec<String>,
}

/// A value of what is found, how often, and where only that is shown.
struct Facet {
    name: String,
    count: String,
    place: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Page<'a> {
    shell: Shell<'a>,
    q: &'a str,
    found: Option<&'a Found>,
    facets: Vec<Facet>,
    all: String,
}

pub(super) async fn show(visit: &mut Visit) -> Result<String, Refusal> {
    let q = visit.param("q").unwrap_or_default().to_owned();
    let mut found: Option<Found> = None;
    if !q.is_empty() {
        let more = [("explain", "true"), ("facets", "kind")];
        let target = visit.target("/search", &["q", "kind", "where"], &more);
        found = Some(visit.api.get(&target).await?);
    }
    let chosen = visit.param("kind").unwrap_or_default();
    let kinds = found.iter().flat_map(|found| found.facets.get("kind").into_iter().flatten());
    let facets = kinds.map(|counted| {
        let of = |name| counted.get(name).map(tree::line).unwrap_or_default();
        let name = of("value");
        Facet {
            count: of("count"),
            place: visit.with("kind", Some(&name)),
            is_chosen: chosen == name,
            name,
        }
    });
    written(&Page {
        shell: visit.shell("Search", "search"),
        q: &q,
        facets: facets.collect(),
        all: visit.with("kind", None),
        found: found.as_ref(),
    })
}
