//! `/console/lineage` and `/console/impact`: what feeds a thing, what it feeds, and what a change of it reaches.

use actix_web::web::Bytes;
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use super::written;
use crate::console::page::{Shell, Theme, Visit};
use crate::console::refusal::Refusal;
use crate::console::seen::Items;

const KNOWN: [&str; 5] = ["node", "direction", "depth", "cursor", "as_of"];

#[derive(Deserialize)]
struct Lineage {
    nodes: Vec<Node>,
    edges: Vec<Join>,
    next_cursor: Option<String>,
    narrow: Option<String>,
}

#[derive(Deserialize)]
struct Node {
    entity_type: String,
    entity_id: Uuid,
    name: String,
    direction: Option<String>,
    distance: i32,
    version_number: Option<i32>,
    verification_status: Option<String>,
}

impl Node {
    /// On which side of what is looked at it stands.
    fn whereabouts(&self) -> &'static str {
        match self.direction.as_deref() {
            Some("up") => "feeds it",
            Some("down") => "is fed by it",
            _ => "it itself",
        }
    }
}

#[derive(Deserialize)]
struct Join {
    kind: String,
    source_id: Uuid,
    target_id: Uuid,
    edge_name: Option<String>,
    pipeline_count: i32,
}

/// Of a join what it joins.
struct Joined<'a> {
    join: &'a Join,
    source: &'a str,
    target: &'a str,
}

#[derive(Template)]
#[template(path = "lineage.html")]
struct Page<'a> {
    shell: Shell<'a>,
    node: &'a str,
    depth: &'a str,
    direction: &'a str,
    found: &'a Lineage,
    joined: Vec<Joined<'a>>,
    picture: String,
    next: Option<String>,
}

/// More nodes are told as a table, and not drawn.
const MOST_DRAWN: usize = 150;

pub(super) async fn show(visit: &mut Visit) -> Result<String, Refusal> {
    let mut more = Vec::new();
    if visit.param("depth").is_none() {
        more.push(("depth", "2"));
    }
    let target = visit.target("/lineage", &KNOWN, &more);
    let found: Lineage = visit.api.get(&target).await?;
    let name = |id: Uuid| {
        found.nodes.iter().find(|node| node.entity_id == id).map_or("", |node| node.name.as_str())
    };
    let joined = found.edges.iter();
    let joined = joined
        .map(|join| Joined { source: name(join.source_id), target: name(join.target_id), join })
        .collect();
    let start = found.nodes.iter().find(|node| node.distance == 0);
    let title = start.map_or("Lineage".to_owned(), |node| format!("Lineage of {}", node.name));
    let drawing = visit.target("/lineage/drawing", &KNOWN, &more);
    let picture = if found.nodes.len() <= MOST_DRAWN {
        format!("{}{drawing}", visit.base())
    } else {
        String::new()
    };
    let next = found.next_cursor.as_deref().map(|cursor| visit.with("cursor", Some(cursor)));
    written(&Page {
        shell: visit.shell(title, "lineage"),
        node: visit.param("node").unwrap_or_default(),
        depth: visit.param("depth").unwrap_or("2"),
        direction: visit.param("direction").unwrap_or_default(),
        found: &found,
        joined,
        picture,
        next,
    })
}

/// The picture of a lineage, for its page.
pub(super) async fn drawing(visit: &mut Visit) -> Result<Bytes, Refusal> {
    visit.api.drawing(&visit.target("/lineage", &KNOWN, &[])).await
}

#[derive(Deserialize)]
struct Reached {
    entity_type: String,
    entity_id: Uuid,
    name: String,
    distance: i32,
    detail: String,
    path: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    name: String,
}

#[derive(Template)]
#[template(path = "impact.html")]
struct Impact<'a> {
    shell: Shell<'a>,
    node: &'a str,
    page: Items<Reached>,
    next: Option<String>,
}

pub(super) async fn impact(visit: &mut Visit) -> Result<String, Refusal> {
    let known = ["node", "version", "depth", "cursor", "as_of"];
    let page: Items<Reached> = visit.api.get(&visit.target("/impact", &known, &[])).await?;
    let next = page.next_cursor.as_deref().map(|cursor| visit.with("cursor", Some(cursor)));
    let node = visit.param("node").unwrap_or_default();
    written(&Impact { shell: visit.shell("What a change reaches", "lineage"), node, page, next })
}

/// Where the console shows a thing.
fn place(kind: &str, id: Uuid) -> String {
    match kind {
        "block" => format!("/blocks/{id}"),
        "edge" => format!("/edges/{id}"),
        _ => format!("/pipelines/{id}"),
    }
}
