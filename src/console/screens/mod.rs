//! The screens: each reads what it shows from the API, and writes a page of it.

pub(super) mod account;
mod audit;
mod difference;
mod home;
mod lineage;
mod people;
mod pipelines;
mod runs;
mod search;
mod taxonomy;
mod things;
mod verify;
mod version;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::door;
use super::page::{self, Visit};
use super::refusal::Refusal;
use super::wire::NO_STORE;

/// The page, with what was refused if it comes after that.
pub(super) async fn respond(visit: &mut Visit, parts: &[&str]) -> HttpResponse {
    const DRAWING: &str = "image/svg+xml";
    let file = match parts {
        ["pipelines", pipeline, "drawing"] => {
            Some((DRAWING, pipelines::drawing(visit, pipeline).await))
        }
        ["lineage", "drawing"] => Some((DRAWING, lineage::drawing(visit).await)),
        ["audit", "export"] => Some(("application/jsonl", audit::export(visit).await)),
        _ => None,
    };
    let outcome = match file {
        Some((media_type, Ok(bytes))) => {
            return HttpResponse::Ok().content_type(media_type).insert_header(NO_STORE).body(bytes);
        }
        Some((_, Err(refusal))) => Err(refusal),
        None => show(visit, parts).await,
    };
    let status = visit.refused.as_ref().map_or(StatusCode::OK, |(refusal, _)| refusal.status());
    let refusal = match outcome {
        Ok(text) => return page::html(status, Ok(text)),
        Err(refusal) if refusal.is_of_nobody() => match leave(visit) {
            Some(response) => return response,
            None => refusal,
        },
        // What a form was refused for says more than that its page is not there.
        Err(refusal) => visit.refused.take().map_or(refusal, |(refused, _)| refused),
    };
    match visit.api.request() {
        Ok(request) => page::failure(request, &refusal),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

async fn show(visit: &mut Visit, parts: &[&str]) -> Result<String, Refusal> {
    match parts {
        [] => home::show(visit).await,
        ["pipelines"] => pipelines::list(visit).await,
        ["pipelines", "new"] => pipelines::new(visit),
        ["pipelines", pipeline] => pipelines::show(visit, pipeline).await,
        ["pipelines", pipeline, "history"] => audit::history(visit, "pipelines", pipeline).await,
        ["blocks"] => things::list(visit, things::Kind::Block).await,
        ["edges"] => things::list(visit, things::Kind::Edge).await,
        ["blocks", "new"] => things::new(visit, things::Kind::Block),
        ["edges", "new"] => things::new(visit, things::Kind::Edge),
        ["blocks", block] => things::show(visit, things::Kind::Block, block).await,
        ["edges", edge] => things::show(visit, things::Kind::Edge, edge).await,
        ["blocks", block, "diff"] => difference::show(visit, things::Kind::Block, block).await,
        ["edges", edge, "diff"] => difference::show(visit, things::Kind::Edge, edge).await,
        ["blocks", block, "history"] => audit::history(visit, "blocks", block).await,
        ["edges", edge, "history"] => audit::history(visit, "edges", edge).await,
        ["blocks", block, "versions", which] => {
            version::show(visit, things::Kind::Block, block, which).await
        }
        ["edges", edge, "versions", which] => {
            version::show(visit, things::Kind::Edge, edge, which).await
        }
        ["verifications", verification] => version::verification_alone(visit, verification).await,
        ["verify"] => verify::show(visit).await,
        ["runs"] => runs::list(visit).await,
        ["runs", run] => runs::show(visit, run).await,
        ["locks", "diff"] => difference::locks(visit).await,
        ["search"] => search::show(visit).await,
        ["lineage"] => lineage::show(visit).await,
        ["impact"] => lineage::impact(visit).await,
        ["taxonomy"] => taxonomy::show(visit).await,
        ["taxonomy", category] => taxonomy::category(visit, category).await,
        ["audit"] => audit::show(visit).await,
        ["people"] => people::list(visit).await,
        ["people", user] => people::show(visit, user).await,
        ["account"] | ["account", "sessions", _, "end"] => account::show(visit).await,
        _ => Err(Refusal::not_found("Page")),
    }
}

/// A page that is written.
fn written(page: &impl askama::Template) -> Result<String, Refusal> {
    page.render().map_err(|error| {
        tracing::error!(%error, "a page cannot be written");
        Refusal::internal()
    })
}

/// To the door, where a session has ended in the middle of a page.
fn leave(visit: &mut Visit) -> Option<HttpResponse> {
    let request = visit.api.request().ok()?;
    Some(door::leave(request.request(), "/console/sign-in?ended=1"))
}
