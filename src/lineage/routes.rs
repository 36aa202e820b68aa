//! `/lineage` and `/impact`.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, web};

use super::{
    BY_DISTANCE, Direction, ImpactParams, Lineage, LineageParams, NodeReference, NodeType, Reached,
    queries,
};
use crate::api::entity::Entity;
use crate::api::page::{self, Cursor, Page};
use crate::api::problem::Problem;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::pipelines::drawing::Format;
use crate::resource::as_of::{AsOf, Instant};

fn reading(caller: Caller, node: &NodeReference) -> Caller {
    let entity = match node.kind {
        NodeType::Block => Entity::Block,
        NodeType::Edge => Entity::Edge,
        NodeType::Pipeline => Entity::Pipeline,
    };
    caller.reading(entity, Some(node.reference.as_str()))
}

fn lineage(found: queries::Found) -> Lineage {
    let next_cursor = found.nodes.last().filter(|_| found.more).map(|last| {
        let direction = last.direction.unwrap_or(Direction::Down);
        let key = format!("{} {direction}", last.distance);
        Cursor { sort: BY_DISTANCE.to_owned(), key, id: last.entity_id }.encode()
    });
    let narrow = if found.crowded {
        Some(
            "Only 5000 of the edges between these nodes are shown: ask for a smaller limit, a smaller depth or one direction.",
        )
    } else if found.more {
        Some("There is more: narrow it by depth or direction, or go on with next_cursor.")
    } else {
        None
    };
    Lineage {
        nodes: found.nodes.0,
        edges: found.edges.0,
        next_cursor,
        narrow: narrow.map(str::to_owned),
    }
}

/// Read a lineage
///
/// What feeds a block, an edge or a pipeline, and what it feeds: by the edges of pipelines, internal
/// dependencies, and membership. As JSON, or drawn: as `format` or else `Accept` says.
#[utoipa::path(
    operation_id = "get_lineage",
    params(LineageParams, Instant),
    responses(
        (status = 200, description = "A page of the lineage", content(
            (Lineage = "application/json"),
            (String = "image/svg+xml"),
            (String = "text/vnd.mermaid"),
            (String = "text/vnd.graphviz")
        )),
        (status = 404, description = "There is no such thing", content_type = "application/problem+json", body = Problem),
        (status = 406, description = "None of these forms is accepted", content_type = "application/problem+json", body = Problem)
    )
)]
#[get("/lineage")]
pub async fn get_lineage(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted }: AsOf<LineageParams>,
) -> Result<HttpResponse, Problem> {
    let format = Format::of(wanted.format, &request)?;
    let caller = reading(caller, &wanted.node);
    let found = db.run(&caller, async |scope| queries::lineage(scope, &wanted).await).await?;
    let lineage = lineage(found);
    let mut response = HttpResponse::Ok();
    response.insert_header((header::VARY, "Accept"));
    if let Some(cursor) = &lineage.next_cursor {
        response.insert_header((header::LINK, page::next_link(&request, cursor)));
    }
    Ok(response.content_type(format.media_type()).body(format.render(&lineage)?))
}

/// List what a change reaches
///
/// The nearest first, each once, with the shortest path to it and why it is reached.
#[utoipa::path(
    operation_id = "get_impact",
    params(ImpactParams, Instant),
    responses(
        (status = 200, description = "A page of what is reached", body = Page<Reached>),
        (status = 404, description = "There is no such thing or version", content_type = "application/problem+json", body = Problem)
    )
)]
#[get("/impact")]
pub async fn get_impact(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted }: AsOf<ImpactParams>,
) -> Result<HttpResponse, Problem> {
    let caller = reading(caller, &wanted.node);
    let rows = db.run(&caller, async |scope| queries::impact(scope, &wanted).await).await?;
    let page = Page::new(rows, |reached| Cursor {
        sort: BY_DISTANCE.to_owned(),
        key: reached.distance.to_string(),
        id: reached.entity_id,
    });
    Ok(page.respond(&request))
}

pub fn configure(config: &mut impl Router) {
    config.service(get_lineage).service(get_impact);
}
