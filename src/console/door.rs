//! Who comes in: signing in and out, and the cookie between.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde_json::json;
use uuid::Uuid;

use super::assets;
use super::page::{self, Theme};
use super::queries::{self, Beginning};
use super::refusal::Refusal;
use super::wire::{NO_STORE, below, received, see_other};
use crate::api::fields;
use crate::api::problem::Problem;
use crate::auth::Gatekeeper;
use crate::auth::account::NO_USER;
use crate::auth::caller::Caller;
use crate::auth::opaque_token::OpaqueToken;
use crate::auth::signed_in::SignedIn;
use crate::db::Db;
use crate::perimeter;
use crate::sessions::password::{self, Login};
use crate::sessions::queries::{Me, me};

/// A browser stays signed in for a week at most, and for half a day in which nobody looks.
const LIFETIME_SECONDS: i32 = 7 * 24 * 3600;
const IDLE_SECONDS: i32 = 12 * 3600;

/// Whether the page that a form stands on is not ours. Browsers say so of every request that changes something
/// (`Sec-Fetch-Site`, and where the connection is not trusted, `Origin`); what says neither is no browser.
pub(super) fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = header("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let origin = header("origin").and_then(|origin| origin.split_once("://"));
    match (origin, header("host")) {
        (Some((_, origin)), Some(host)) => !origin.eq_ignore_ascii_case(host),
        _ => true,
    }
}

/// The name of the cookie. Where the connection is safe, no page of a connection that is not can set it.
fn cookie_name(request: &HttpRequest) -> &'static str {
    if perimeter::is_https(request) { "__Secure-blockyard_console" } else { "blockyard_console" }
}

fn cookie(request: &HttpRequest, value: &str, more: &str) -> String {
    let secure = if perimeter::is_https(request) { "; Secure" } else { "" };
    let (name, prefix) = (cookie_name(request), perimeter::prefix(request));
    format!("{name}={value}; Path={prefix}/console; HttpOnly; SameSite=Lax{secure}{more}")
}

/// What the browser shows. (Lax, so that a link to a page from elsewhere finds whoever follows it signed in; nothing
/// that only looks changes anything.)
fn token(request: &HttpRequest) -> Option<OpaqueToken> {
    page::cookie(request, cookie_name(request))?.parse().ok()
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    base: &'a str,
    assets: &'static assets::Links,
    theme: Theme,
    /// Where to go from here.
    then: &'a str,
    username: &'a str,
    refusal: Option<&'a Refusal>,
    notice: Option<&'static str>,
    /// Whether there are access tokens that do not come from here.
    takes_tokens: bool,
    /// Whether it is a token that was refused.
    with_token: bool,
}

fn sign_in_page(
    request: &HttpRequest,
    then: &str,
    username: &str,
    with_token: bool,
    refusal: Option<&Refusal>,
    notice: Option<&'static str>,
) -> HttpResponse {
    let base = page::base(request);
    let theme = Theme::of(request);
    let page = SignIn {
        base: &base,
        assets: assets::links(),
        theme,
        then,
        username,
        refusal,
        notice,
        takes_tokens: Gatekeeper::of(request).is_ok_and(Gatekeeper::trusts_others),
        with_token,
    };
    let status = refusal.map_or(actix_web::http::StatusCode::OK, Refusal::status);
    page::html(status, page.render())
}

/// `GET /console/sign-in`
pub(super) fn show(request: ServiceRequest) -> ServiceResponse<BoxBody> {
    let query: Vec<_> = url::form_urlencoded::parse(request.query_string().as_bytes()).collect();
    let of = |name| query.iter().find(|(known, _)| known == name).map(|(_, value)| &**value);
    let notice = of("ended").map(|_| "You were signed out: the session has ended.");
    let response =
        sign_in_page(request.request(), of("then").unwrap_or_default(), "", false, None, notice);
    request.into_response(response)
}

/// `POST /console/sign-in`
pub(super) async fn sign_in(mut request: ServiceRequest) -> ServiceResponse<BoxBody> {
    let (mut then, mut username, mut with_token) = (String::new(), String::new(), false);
    let outcome = match received(&mut request).await {
        Ok(pairs) => {
            let (mut password, mut token) = (String::new(), String::new());
            for (name, value) in pairs {
                match name.as_str() {
                    "then" => then = value,
                    "username" => username = value,
                    "password" => password = value,
                    "token" => token = value,
                    _ => {}
                }
            }
            with_token = !token.is_empty();
            if with_token {
                begin_with_token(request.request(), token.trim()).await
            } else {
                begin_with_password(request.request(), &username, &password).await
            }
        }
        Err(refusal) => Err(refusal),
    };
    let response = match outcome {
        Ok(token) => {
            let shown = cookie(request.request(), &token.to_string(), "");
            see_other(&format!("/console{}", below(&then)))
                .insert_header((header::SET_COOKIE, shown))
                .finish()
        }
        Err(refusal) => {
            sign_in_page(request.request(), &then, &username, with_token, Some(&refusal), None)
        }
    };
    request.into_response(response)
}

async fn begin_with_password(
    request: &HttpRequest,
    name: &str,
    text: &str,
) -> Result<OpaqueToken, Refusal> {
    let body = json!({ "username": name, "password": text }).to_string();
    let login: Login = fields::read(body.as_bytes())?;
    let gatekeeper = Gatekeeper::of(request)?;
    let attempt = gatekeeper.attempt(request);
    let proven = password::prove(db(request)?, gatekeeper, &login, &attempt).await?;
    let begun = begin(request, proven.account, Some(&proven.hash), LIFETIME_SECONDS).await?;
    begun.ok_or_else(|| password::wrong_credentials().into())
}

/// With an access token, as Supabase Auth makes them: the session ends with it.
async fn begin_with_token(request: &HttpRequest, token: &str) -> Result<OpaqueToken, Refusal> {
    let (account, seconds) = Gatekeeper::of(request)?.bearer(token).await?;
    let seconds = i32::try_from(seconds).unwrap_or(LIFETIME_SECONDS).min(LIFETIME_SECONDS);
    let begun = begin(request, account, None, seconds).await?;
    begun.ok_or_else(|| Problem::unauthorized(NO_USER).into())
}

/// `None` when the account is not what it was, or not active.
async fn begin(
    request: &HttpRequest,
    account: Uuid,
    hash: Option<&str>,
    lifetime_seconds: i32,
) -> Result<Option<OpaqueToken>, Refusal> {
    // Always a new one: what somebody may have put into the browser before is worth nothing afterwards.
    let new = OpaqueToken::random();
    let replaced = token(request);
    let beginning = Beginning {
        account,
        hash,
        address: &Gatekeeper::of(request)?.attempt(request).address,
        token: &new,
        replaced: replaced.as_ref(),
        lifetime_seconds,
        idle_seconds: IDLE_SECONDS,
        user_agent: request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok()),
    };
    let begun = queries::begin_session(db(request)?, &beginning).await?;
    Ok(begun.map(|_| new))
}

fn db(request: &HttpRequest) -> Result<&Db, Refusal> {
    let db = request.app_data::<web::Data<Db>>().ok_or_else(Refusal::internal)?;
    Ok(db.get_ref())
}

/// `POST /console/sign-out`
pub(super) async fn sign_out(request: ServiceRequest) -> ServiceResponse<BoxBody> {
    let response = match end(request.request()).await {
        Ok(()) => leave(request.request(), "/console/sign-in"),
        Err(problem) => page::failure(&request, &problem.into()),
    };
    request.into_response(response)
}

async fn end(request: &HttpRequest) -> Result<(), Problem> {
    if let (Some(token), Some(db)) = (token(request), request.app_data::<web::Data<Db>>()) {
        queries::end_session(db, &token).await?;
    }
    Ok(())
}

/// Lets in whoever is signed in, and sends everybody else to where that is done.
///
/// # Errors
/// With the answer that does so.
pub(super) async fn enter(
    mut request: ServiceRequest,
) -> Result<(ServiceRequest, Caller, Me), ServiceResponse<BoxBody>> {
    let Some(token) = token(request.request()) else {
        let response = elsewhere(&request, false);
        return Err(request.into_response(response));
    };
    SignedIn::show(&request, &token);
    match known(&mut request).await {
        Ok((caller, me)) => Ok((request, caller, me)),
        Err(refusal) if refusal.is_of_nobody() => {
            let response = elsewhere(&request, true);
            Err(request.into_response(response))
        }
        Err(refusal) => {
            let response = page::failure(&request, &refusal);
            Err(request.into_response(response))
        }
    }
}

async fn known(request: &mut ServiceRequest) -> Result<(Caller, Me), Refusal> {
    let caller = request.extract::<Caller>().await?;
    let me = db(request.request())?.find(&caller, "User", async |scope| me(scope).await).await?;
    Ok((caller, me))
}

/// To the door, and from there back to what was asked for.
fn elsewhere(request: &ServiceRequest, has_ended: bool) -> HttpResponse {
    let then = request.uri().path_and_query().map_or("", |target| target.as_str());
    let then = if request.method().is_safe() { then } else { request.path() };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(then) = then.strip_prefix("/console").filter(|then| !then.is_empty()) {
        query.append_pair("then", then);
    }
    if has_ended {
        query.append_pair("ended", "1");
    }
    let query = query.finish();
    let target = if query.is_empty() { String::new() } else { format!("?{query}") };
    leave(request.request(), &format!("/console/sign-in{target}"))
}

/// Out, without the cookie.
pub(super) fn leave(request: &HttpRequest, target: &str) -> HttpResponse {
    see_other(target)
        .insert_header((header::SET_COOKIE, cookie(request, "", "; Max-Age=0")))
        .insert_header(NO_STORE)
        .finish()
}
