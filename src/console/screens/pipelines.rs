//! `/console/pipelines`: may it run now, why not, and what mends it.

use std::collections::HashMap;

use actix_web::web::Bytes;
use askama::Template;
use uuid::Uuid;

use super::things::restore;
use super::version::verification;
use super::written;
use crate::api::path;
use crate::console::form::{Field, Form};
use crate::console::page::{Shell, Theme, Visit};
use crate::console::parameters;
use crate::console::refusal::Refusal;
use crate::console::seen::{
    self, Blocker, Items, Pipeline, PipelineBlock, PipelineEdge, Readiness,
};
use crate::console::tree::{self, Tree};

#[derive(Template)]
#[template(path = "pipelines.html")]
struct List<'a> {
    shell: Shell<'a>,
    rows: Vec<(Pipeline, Option<Form>)>,
    next: Option<String>,
    q: &'a str,
    ready: &'a str,
    sort: &'a str,
    is_archived: bool,
    filters: [(&'static str, String, bool); 3],
}

pub(super) async fn list(visit: &mut Visit) -> Result<String, Refusal> {
    let known = [
        "q",
        "ready",
        "created_by",
        "block",
        "edge",
        "sort",
        "cursor",
        "archived",
        "as_of",
        "where",
    ];
    let page: Items<Pipeline> = visit.api.get(&visit.target("/pipelines", &known, &[])).await?;
    let next = page.next_cursor.as_deref().map(|cursor| visit.with("cursor", Some(cursor)));
    let rows = page.items.into_iter().map(|one| {
        let form =
            restore(visit, "pipelines", one.pipeline_id, one.archived_at.is_some(), one.created_by);
        (one, form)
    });
    let rows = rows.collect();
    let param = |name| visit.param(name).unwrap_or_default();
    let ready = param("ready");
    let filters =
        [("all", ""), ("may run now", "true"), ("may not", "false")].map(|(title, value)| {
            (
                title,
                visit.with("ready", Some(value).filter(|value| !value.is_empty())),
                ready == value,
            )
        });
    written(&List {
        shell: visit.shell("Pipelines", "pipelines"),
        next,
        q: param("q"),
        ready,
        sort: param("sort"),
        is_archived: visit.param("archived") == Some("true"),
        filters,
        rows,
    })
}

#[derive(Template)]
#[template(path = "new.html")]
struct New<'a> {
    shell: Shell<'a>,
    form: Form,
    told: &'static str,
}

const BLOCKS: &str = "[\n  {\"block_id\": \"name or id\"}\n]";
const EDGES: &str =
    "[\n  {\"edge_id\": \"name or id\", \"source_block_id\": \"…\", \"target_block_id\": \"…\"}\n]";

pub(super) fn new(visit: &Visit) -> Result<String, Refusal> {
    let form = Form::new(visit, "new", "POST", "/pipelines")
        .button("Make it")
        .then_there()
        .field(Field::line("name", "Name").required())
        .field(Field::text("description:skip", "Description"))
        .field(
            Field::code("blocks:json", "Blocks")
                .value(BLOCKS)
                .help("A JSON list; each by its name or its id."),
        )
        .field(
            Field::code("edges:json", "Edges")
                .value(EDGES)
                .help("A JSON list; each leads from one of the blocks to another."),
        )
        .field(
            Field::code("dagster_pipeline_config:json", "Configuration of Dagster")
                .help("A JSON object."),
        );
    let told = "Blocks joined by edges. Each takes the active version unless it is pinned.";
    written(&New { shell: visit.shell("Make a pipeline", "pipelines"), form, told })
}

/// A blocker, and what mends it.
struct Mended<'a> {
    blocker: &'a Blocker,
    /// Where it is seen to.
    place: String,
    form: Option<Form>,
}

struct Step<'a> {
    edge: &'a PipelineEdge,
    source: &'a str,
    target: &'a str,
    follows: String,
    status: &'a str,
}

struct Part<'a> {
    block: &'a PipelineBlock,
    follows: String,
}

#[derive(Template)]
#[template(path = "pipeline.html")]
struct Page<'a> {
    shell: Shell<'a>,
    pipeline: &'a Pipeline,
    readiness: Option<&'a Readiness>,
    blockers: Vec<Mended<'a>>,
    steps: Vec<Step<'a>>,
    parts: Vec<Part<'a>>,
    config: Tree,
    run: Option<Form>,
    forms: Vec<(&'static str, Form)>,
}

pub(super) async fn show(visit: &mut Visit, name: &str) -> Result<String, Refusal> {
    let address = path::of(&[&"pipelines", &name]);
    // What ran is not what was so at an instant.
    let include = if visit.param("as_of").is_some() { "blocks,edges" } else { "blocks,edges,runs" };
    let pipeline: Pipeline =
        visit.api.get(&visit.target(&address, &["as_of"], &[("include", include)])).await?;
    let address = path::of(&[&"pipelines", &pipeline.pipeline_id]);
    let readiness: Readiness =
        visit.api.get(&visit.target(&format!("{address}/readiness"), &["as_of"], &[])).await?;
    let names: HashMap<Uuid, &str> =
        pipeline.blocks.iter().map(|block| (block.block_id, block.name.as_str())).collect();
    let named = |id: &Uuid| names.get(id).copied().unwrap_or_default();
    let steps = pipeline.edges.iter().map(|edge| Step {
        edge,
        source: named(&edge.source_block_id),
        target: named(&edge.target_block_id),
        follows: seen::follows(edge.edge_version_id, edge.edge_alias.as_deref()),
        status: edge.verification_status.as_deref().unwrap_or("none"),
    });
    let parts = pipeline.blocks.iter().map(|block| Part {
        block,
        follows: seen::follows(block.block_version_id, block.block_alias.as_deref()),
    });
    let here = format!("/pipelines/{}", pipeline.pipeline_id);
    let may_write = visit.may_write();
    let run = (may_write && readiness.ready).then(|| {
        let form = Form::new(visit, "run", "POST", &format!("{address}/runs"));
        let form = form.then_there().button("Run it");
        match pipeline.parameters_schema.as_ref().and_then(parameters::fields) {
            Some(fields) => fields.into_iter().fold(form, Form::field),
            None => form.field(
                Field::code("parameters:json", "Parameters")
                    .help("A JSON object, which the steps are told."),
            ),
        }
    });
    let page = Page {
        shell: visit.shell(pipeline.name.as_str(), "pipelines"),
        blockers: readiness.blockers.iter().map(|blocker| mended(visit, blocker, &here)).collect(),
        steps: steps.collect(),
        parts: parts.collect(),
        config: Tree::of(&pipeline.dagster_pipeline_config),
        run,
        forms: if may_write { forms(visit, &pipeline, &address) } else { Vec::new() },
        readiness: Some(&readiness),
        pipeline: &pipeline,
    };
    written(&page)
}

fn mended<'a>(visit: &Visit, blocker: &'a Blocker, here: &str) -> Mended<'a> {
    let many = if blocker.entity_type == "edge" { "edges" } else { "blocks" };
    let version = blocker.version_number.unwrap_or_default();
    let place = match (blocker.entity_type.as_str(), blocker.version_number) {
        ("pipeline", _) => format!("/pipelines/{}", blocker.entity_id),
        (_, Some(version)) => format!("/{many}/{}/versions/{version}", blocker.entity_id),
        (_, None) => format!("/{many}/{}", blocker.entity_id),
    };
    let form = match blocker.code.as_str() {
        _ if !visit.may_write() => None,
        "edge_unverified" | "edge_verification_failed" => {
            let all =
                path::of(&[&"edges", &blocker.entity_id, &"versions", &version, &"verifications"]);
            let id = format!("verify-{}", blocker.entity_id);
            Some(verification(visit, &all, &id, &format!("{here}?done=1")))
        }
        _ => None,
    };
    Mended { blocker, place, form }
}

fn forms(visit: &Visit, pipeline: &Pipeline, address: &str) -> Vec<(&'static str, Form)> {
    let revision = pipeline.updated_at.0;
    let blocks: Vec<_> = pipeline.blocks.iter().map(given_block).collect();
    let edges: Vec<_> = pipeline.edges.iter().map(given_edge).collect();
    let mut forms = vec![
        (
            "Change it",
            Form::new(visit, "change", "PATCH", address)
                .of_revision(revision)
                .field(Field::line("name", "Name").value(&pipeline.name).required())
                .field(
                    Field::text("description:clear", "Description")
                        .value(pipeline.description.as_deref().unwrap_or_default()),
                )
                .field(
                    Field::code("dagster_pipeline_config:json", "Configuration of Dagster")
                        .value(tree::pretty(&pipeline.dagster_pipeline_config)),
                )
                .field(
                    Field::code("parameters_schema:null", "Schema of the parameters")
                        .value(pipeline.parameters_schema.as_ref().map(tree::pretty).unwrap_or_default())
                        .help("A JSON Schema, which the parameters of each run are held against."),
                ),
        ),
        (
            "Change its graph",
            Form::new(visit, "graph", "PUT", &format!("{address}/graph"))
                .of_revision(revision)
                .button("Replace the graph")
                .field(
                    Field::code("blocks:json", "Blocks")
                        .value(tree::pretty(&blocks.into()))
                        .help("With version_number or block_alias a block stays at that; else it follows the active version."),
                )
                .field(Field::code("edges:json", "Edges").value(tree::pretty(&edges.into()))),
        ),
    ];
    if visit.may_archive(pipeline.created_by) {
        forms.push((
            "Archive it",
            Form::new(visit, "archive", "DELETE", address)
                .of_revision(revision)
                .then("/pipelines")
                .button("Archive"),
        ));
    }
    forms
}

fn given_block(block: &PipelineBlock) -> serde_json::Value {
    let mut given = serde_json::json!({ "block_id": block.name });
    match (&block.block_version_id, &block.block_alias) {
        (Some(_), _) => given["version_number"] = block.version_number.into(),
        (None, Some(alias)) => given["block_alias"] = alias.as_str().into(),
        (None, None) => {}
    }
    given
}

fn given_edge(edge: &PipelineEdge) -> serde_json::Value {
    let mut given = serde_json::json!({
        "edge_id": edge.name, "source_block_id": edge.source_block_id, "target_block_id": edge.target_block_id,
    });
    match (&edge.edge_version_id, &edge.edge_alias) {
        (Some(_), _) => given["version_number"] = edge.version_number.into(),
        (None, Some(alias)) => given["edge_alias"] = alias.as_str().into(),
        (None, None) => {}
    }
    given
}

/// The picture of a pipeline, for its page.
pub(super) async fn drawing(visit: &mut Visit, name: &str) -> Result<Bytes, Refusal> {
    let address = path::of(&[&"pipelines", &name, &"graph"]);
    let target = visit.target(&address, &["as_of"], &[("format", "svg")]);
    visit.api.drawing(&target).await
}
