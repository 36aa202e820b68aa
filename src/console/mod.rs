//! The console: the registry as pages, for people with a browser.
//!
//! A page shows what some requests of the API answer, and a form is one request of the API that a browser can send.
//! Both are made here, within the process and through the very routes that everybody else calls, in the name of
//! whoever has signed in (`api`). So nothing about the registry is decided here: what a page shows, what a form may
//! do and how it is refused, the routes say, and every page can tell with which requests the same is had.

#![allow(
    clippy::struct_field_names,
    reason = "pages read the answers of the API, which have these names"
)]

mod api;
mod assets;
mod door;
mod form;
mod page;
mod parameters;
mod preview;
mod queries;
mod refusal;
mod screens;
mod seen;
mod sent;
mod tree;
mod wire;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, VARY};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};
use percent_encoding::percent_decode_str;

use api::Api;
pub use page::Rules;
use page::Visit;
use wire::see_other;

/// What metrics and traces call every page.
pub const PATTERN: &str = "/console/{page}*";

/// Marks a request of a browser for a page, whatever was asked within.
struct OfConsole;

/// Whether the path is one of the console.
pub fn is_below(path: &str) -> bool {
    path == "/console" || path.starts_with("/console/")
}

/// Whether the console has answered a request, refusals included: with a page.
pub fn is_answered(request: &HttpRequest) -> bool {
    request.extensions().contains::<OfConsole>()
}

/// What metrics and traces call the route of a request.
pub fn pattern(request: &HttpRequest) -> Option<String> {
    if is_answered(request) {
        return Some(PATTERN.to_owned());
    }
    request.match_pattern()
}

/// Stands before the routes: answers what is asked of the console, and lets everything else pass.
///
/// # Errors
/// Those of the routes.
pub async fn serve(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.path() == "/" && request.method() == Method::GET && is_browser(&request) {
        let response = see_other("/console").insert_header((VARY, "Accept")).finish();
        return Ok(request.into_response(response));
    }
    let Some(place) = request.path().strip_prefix("/console") else {
        return next.call(request).await;
    };
    if !is_below(request.path()) {
        return next.call(request).await;
    }
    request.extensions_mut().insert(OfConsole);
    let place = place.to_owned();
    let decoded = place.split('/').skip(1).map(|part| percent_decode_str(part).decode_utf8());
    let Ok(parts) = decoded.collect::<Result<Vec<_>, _>>() else {
        let response = page::failure(&request, &refusal::Refusal::not_found("Page"));
        return Ok(request.into_response(response));
    };
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    if let (&Method::GET, ["assets", digest, name]) = (request.method(), &parts[..]) {
        let response = assets::serve(digest, name)
            .unwrap_or_else(|| page::failure(&request, &refusal::Refusal::not_found("File")));
        return Ok(request.into_response(response));
    }
    let is_safe = request.method().is_safe();
    if !is_safe && door::is_from_elsewhere(request.headers()) {
        let response = page::failure(&request, &refusal::Refusal::from_elsewhere());
        return Ok(request.into_response(response));
    }
    match (is_safe, &parts[..]) {
        (true, ["sign-in"]) => Ok(door::show(request)),
        (false, ["sign-in"]) => Ok(door::sign_in(request).await),
        (false, ["sign-out"]) => Ok(door::sign_out(request).await),
        (false, ["theme"]) => Ok(page::choose_theme(request).await),
        _ => match door::enter(request).await {
            Ok((request, caller, me)) => {
                let mut visit = Visit::new(Api::new(request, next), caller, me, place.clone());
                let response = if is_safe {
                    screens::respond(&mut visit, &parts).await
                } else {
                    sent::respond(&mut visit, &parts).await
                };
                visit.api.end(response)
            }
            Err(response) => Ok(response),
        },
    }
}

/// Whether somebody has opened an address in a browser.
fn is_browser(request: &ServiceRequest) -> bool {
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.starts_with("text/html"))
}
