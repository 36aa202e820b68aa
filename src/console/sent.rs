//! A form that was sent: the request that it names is made, and leads elsewhere or back to the form.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::form::is_dangerous;
use super::page::{self, Visit};
use super::refusal::Refusal;
use super::wire::{Entered, below, received, see_other};
use super::{preview, queries, screens};
use crate::api::fields::{self, FromFields};
use crate::api::path;
use crate::api::problem::{Fault, Problem};
use crate::auth::Gatekeeper;
use crate::auth::passwords::Password;
use crate::sessions::password;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A form that was sent.
struct Sent {
    method: Method,
    target: String,
    headers: Vec<(HeaderName, String)>,
    body: Bytes,
}

fn read(entered: &Entered) -> Result<Sent, Refusal> {
    let no_form = || Refusal::not_found("Form");
    let (method, target) =
        entered.get("_call").and_then(|call| call.split_once(' ')).ok_or_else(no_form)?;
    let method = match method {
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        _ => return Err(no_form()),
    };
    let mut target = target.to_owned();
    for (name, value) in &entered.0 {
        // What stands in the address: `/blocks/…/aliases/{alias}`.
        if let Some(name) = name.strip_prefix('_') {
            let segment = path::of(&[&value.trim()]);
            target = target.replace(&format!("/{{{name}}}"), &segment);
        }
    }
    // Tokens are for programs.
    if !target.starts_with('/') || target.starts_with("/auth") {
        return Err(no_form());
    }
    let mut headers = Vec::new();
    if let Some(tag) = entered.get("_if_match") {
        headers.push((header::IF_MATCH, tag.to_owned()));
    }
    if let Some(key) =
        entered.get("_key").filter(|_| method == Method::POST || method == Method::PATCH)
    {
        headers.push((IDEMPOTENCY_KEY, key.to_owned()));
    }
    let mut body: BTreeMap<&str, Box<RawValue>> = BTreeMap::new();
    // What stands in a member: `parameters/epochs`.
    let mut within: BTreeMap<&str, BTreeMap<&str, Box<RawValue>>> = BTreeMap::new();
    let mut faults = Vec::new();
    for (name, value) in entered.0.iter().filter(|(name, _)| !name.starts_with('_')) {
        let (member, kind) = name.rsplit_once(':').unwrap_or((name, ""));
        // Browsers end lines in forms as letters do.
        let value = value.replace("\r\n", "\n");
        let is_empty = value.trim().is_empty();
        let json = match kind {
            "skip" | "json" if is_empty => continue,
            "clear" | "null" if is_empty => "null".to_owned(),
            "json" | "null" => value,
            _ => to_raw_value(&value).map_err(|_| Refusal::internal())?.get().to_owned(),
        };
        match RawValue::from_string(json.trim().to_owned()) {
            Ok(json) => match member.split_once('/') {
                Some((member, name)) => {
                    within.entry(member).or_default().insert(name, json);
                }
                None => drop(body.insert(member, json)),
            },
            Err(error) => faults.push(Fault {
                pointer: format!("/{member}"),
                detail: format!("Is no JSON: {error}."),
            }),
        }
    }
    if !faults.is_empty() {
        return Err(Problem::faults(faults).into());
    }
    for (member, members) in &within {
        body.insert(member, to_raw_value(members).map_err(|_| Refusal::internal())?);
    }
    let body = if body.is_empty() {
        Bytes::new()
    } else {
        serde_json::to_vec(&body).map_err(|_| Refusal::internal())?.into()
    };
    Ok(Sent { method, target, headers, body })
}

/// What a form that was sent leads to: elsewhere, or the page again with what is wrong.
pub(super) async fn respond(visit: &mut Visit, parts: &[&str]) -> HttpResponse {
    let entered = match visit.api.request() {
        Ok(request) => received(request).await,
        Err(refusal) => Err(refusal),
    };
    let outcome = match entered {
        Ok(pairs) => {
            let entered = Entered(pairs);
            if entered.get("_preview").is_some() {
                return foresee(visit, parts, entered).await;
            }
            let outcome = match parts {
                ["account", "sessions", session, "end"] => end_session(visit, session).await,
                _ => send(visit, &entered).await,
            };
            outcome.map_err(|refusal| (refusal, entered))
        }
        Err(refusal) => Err((refusal, Entered(Vec::new()))),
    };
    match outcome {
        Ok(response) => response,
        Err((refusal, entered)) => {
            visit.refused = Some((refusal, entered));
            screens::respond(visit, parts).await
        }
    }
}

/// The page once more, with what the form would break.
async fn foresee(visit: &mut Visit, parts: &[&str], entered: Entered) -> HttpResponse {
    let outcome = match read(&entered) {
        Ok(sent) => preview::ask(&mut visit.api, &sent.method, &sent.target, &sent.body).await,
        Err(refusal) => Err(refusal),
    };
    match outcome {
        Ok(preview) => visit.previewed = Some((preview, entered)),
        Err(refusal) => visit.refused = Some((refusal, entered)),
    }
    screens::respond(visit, parts).await
}

async fn send(visit: &mut Visit, entered: &Entered) -> Result<HttpResponse, Refusal> {
    let sent = read(entered)?;
    if is_dangerous(sent.method.as_str(), &sent.target) {
        confirm(visit, entered.get("_password").unwrap_or_default()).await?;
    }
    let headers: Vec<_> =
        sent.headers.iter().map(|(name, value)| (name.clone(), value.as_str())).collect();
    let answer =
        visit.api.call(sent.method, &sent.target, "application/json", &headers, sent.body).await?;
    if sent.target.starts_with("/api-keys") && !answer.body.is_empty() {
        // A key is shown once.
        if let Some(page) = screens::account::issued(visit, &answer.body)? {
            return Ok(page::html(StatusCode::OK, page));
        }
    }
    let place = visit.place.clone();
    let then = match entered.get("_then").unwrap_or_default() {
        "location" => answer.location.unwrap_or(place),
        then if !below(then).is_empty() => then.to_owned(),
        _ => {
            let query = visit.target(&place, &["tab", "node", "q", "as_of"], &[]);
            let mark = if query.contains('?') { '&' } else { '?' };
            format!("{query}{mark}done=1")
        }
    };
    Ok(see_other(&format!("/console{then}")).finish())
}

/// Whether it is really they, for what a browser left open must not do.
async fn confirm(visit: &mut Visit, text: &str) -> Result<(), Refusal> {
    let fault = |detail: &str| Refusal::from(Problem::invalid_field("/_password", detail));
    if text.is_empty() {
        return Err(fault("Is required for this."));
    }
    let db = visit.db()?;
    let account = visit.me.user_id;
    let request = visit.api.request()?.request();
    let gatekeeper = Gatekeeper::of(request)?;
    let attempt = gatekeeper.attempt(request);
    let body = serde_json::json!({ "password": text }).to_string();
    let given: Given = fields::read(body.as_bytes())?;
    if password::is_of(&db, gatekeeper, account, &given.password, &attempt).await? {
        return Ok(());
    }
    Err(fault("Is not your password."))
}

#[derive(FromFields)]
struct Given {
    password: Password,
}

/// `POST /console/account/sessions/{session}/end`
async fn end_session(visit: &mut Visit, session: &str) -> Result<HttpResponse, Refusal> {
    let session: Uuid = session.parse().map_err(|_| Refusal::not_found("Session"))?;
    let db = visit.db()?;
    let caller = visit.caller.clone();
    db.find(&caller, "Session", async |scope| queries::end_own_session(scope, session).await)
        .await?;
    Ok(see_other("/console/account?done=1").finish())
}
