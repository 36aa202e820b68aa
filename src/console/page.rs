//! What surrounds every page, and whoever looks at it.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use askama::filters::HtmlSafe;
use url::form_urlencoded;
use uuid::Uuid;

use super::api::Api;
use super::assets;
use super::preview::Preview;
use super::refusal::Refusal;
use super::wire::{Entered, NO_STORE, below, received, see_other};
use crate::api::time::DateTime;
use crate::auth::account::Role;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::perimeter;
use crate::sessions::queries::Me;

/// What a page has to know of the configuration, so that it offers nothing that is refused. The application holds
/// one, as `web::Data<Rules>`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// Whether nobody verifies what they have written themselves.
    pub independent_verifier: bool,
}

/// Somebody who is signed in, and what they look at.
pub(super) struct Visit {
    pub(super) api: Api,
    pub(super) caller: Caller,
    pub(super) me: Me,
    /// The path below the console: `/pipelines/nightly`.
    pub(super) place: String,
    pub(super) query: Vec<(String, String)>,
    /// A form of this page that was refused.
    pub(super) refused: Option<(Refusal, Entered)>,
    /// A form of this page that somebody wants to know the consequences of.
    pub(super) previewed: Option<(Preview, Entered)>,
    base: String,
    theme: Theme,
    host: String,
}

impl Visit {
    pub(super) fn new(mut api: Api, caller: Caller, me: Me, place: String) -> Self {
        let (mut base, mut theme, mut host, mut query) = Default::default();
        if let Ok(request) = api.request() {
            base = self::base(request.request());
            theme = Theme::of(request.request());
            let scheme = if perimeter::is_https(request.request()) { "https" } else { "http" };
            host = format!("{scheme}://{}", request.connection_info().host());
            query = pairs(request.query_string());
        }
        Self { api, caller, me, place, query, refused: None, previewed: None, base, theme, host }
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// What the configuration asks for.
    pub(super) fn rules(&mut self) -> Rules {
        let request = self.api.request().ok();
        let rules = request.and_then(|request| {
            request.app_data::<web::Data<Rules>>().map(|rules| *rules.get_ref())
        });
        rules.unwrap_or_default()
    }

    /// # Errors
    /// 500 when the application has no database.
    pub(super) fn db(&mut self) -> Result<web::Data<Db>, Refusal> {
        let request = self.api.request()?;
        request.app_data::<web::Data<Db>>().cloned().ok_or_else(Refusal::internal)
    }

    /// A parameter of the page that has a value.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.trim().is_empty())
    }

    pub(super) fn may_write(&self) -> bool {
        self.me.effective_role >= Role::Developer && self.param("as_of").is_none()
    }

    pub(super) fn is_admin(&self) -> bool {
        self.me.effective_role == Role::Admin && self.param("as_of").is_none()
    }

    /// Whether they may archive what this user has made, and restore it.
    pub(super) fn may_archive(&self, created_by: Option<Uuid>) -> bool {
        self.is_admin() || self.may_write() && created_by == Some(self.me.user_id)
    }

    /// The address in the API that those parameters of the page lead to that it knows as well.
    pub(super) fn target(&self, path: &str, known: &[&str], more: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(more);
        for (name, value) in &self.query {
            if known.contains(&name.as_str()) && !value.trim().is_empty() {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// The address of this page with another value of a parameter, or without it.
    pub(super) fn with(&self, name: &str, value: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let others = self.query.iter().filter(|(known, value)| {
            known != name && !value.is_empty() && !matches!(known.as_str(), "cursor" | "done")
        });
        query.extend_pairs(others);
        if let Some(value) = value {
            query.append_pair(name, value);
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{}{mark}{query}", self.base, self.place)
    }

    /// What surrounds the page.
    pub(super) fn shell(&self, title: impl Into<String>, section: &'static str) -> Shell<'_> {
        let as_of = self.param("as_of");
        let at = as_of.map_or_else(String::new, |instant| {
            let pair = form_urlencoded::Serializer::new(String::new())
                .append_pair("as_of", instant)
                .finish();
            format!("?{pair}")
        });
        Shell {
            title: title.into(),
            section,
            base: &self.base,
            assets: assets::links(),
            me: &self.me,
            theme: self.theme,
            place: &self.place,
            query: &self.query,
            is_done: self.param("done").is_some(),
            asked: self.api.asked().iter().map(|target| self.curl(target)).collect(),
            as_of,
            now: self.with("as_of", None),
            at,
            may_write: self.may_write(),
            is_admin: self.is_admin(),
        }
    }

    fn curl(&self, target: &str) -> String {
        let root = self.base.strip_suffix("/console").unwrap_or_default();
        format!(
            "curl -H \"X-API-Key: $BLOCKYARD_API_KEY\" '{}{root}{}'",
            self.host,
            target.replace('\'', "%27")
        )
    }
}

/// What surrounds a page.
pub(super) struct Shell<'a> {
    pub(super) title: String,
    pub(super) section: &'static str,
    pub(super) base: &'a str,
    pub(super) assets: &'static assets::Links,
    pub(super) me: &'a Me,
    pub(super) theme: Theme,
    pub(super) place: &'a str,
    query: &'a [(String, String)],
    pub(super) is_done: bool,
    /// How to get the same without the console.
    pub(super) asked: Vec<String>,
    pub(super) as_of: Option<&'a str>,
    /// The same page as it is now.
    pub(super) now: String,
    /// What every link ends with: the instant that is looked at.
    pub(super) at: String,
    pub(super) may_write: bool,
    pub(super) is_admin: bool,
}

impl Shell<'_> {
    /// Whether the page can show what was so at another time.
    pub(super) fn looks_back(&self) -> bool {
        let is_of_now = self.place.ends_with("/new") || self.place.ends_with("/history");
        matches!(self.section, "pipelines" | "blocks" | "edges" | "lineage") && !is_of_now
    }

    /// What else is asked of the page.
    pub(super) fn kept(&self) -> impl Iterator<Item = &(String, String)> {
        self.query.iter().filter(|(name, _)| !matches!(name.as_str(), "as_of" | "cursor" | "done"))
    }
}

/// Light or dark, where somebody has said so; else as their system has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

const THEME: &str = "blockyard_theme";

impl Theme {
    pub(super) fn of(request: &HttpRequest) -> Self {
        cookie(request, THEME).map(|word| Self::named(&word)).unwrap_or_default()
    }

    fn named(word: &str) -> Self {
        match word {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        })
    }
}

impl HtmlSafe for Theme {}

/// `POST /console/theme`
pub(super) async fn choose_theme(mut request: ServiceRequest) -> ServiceResponse<BoxBody> {
    let pairs = received(&mut request).await.unwrap_or_default();
    let of =
        |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let theme = Theme::named(of("theme").unwrap_or_default());
    let then = below(of("then").unwrap_or_default());
    let prefix = perimeter::prefix(request.request());
    let kept =
        format!("{THEME}={theme}; Path={prefix}/console; Max-Age=31536000; HttpOnly; SameSite=Lax");
    let mut response = see_other(&format!("/console{then}"));
    let response = response.insert_header((header::SET_COOKIE, kept)).finish();
    request.into_response(response)
}

/// A cookie of the browser.
pub(super) fn cookie(request: &HttpRequest, name: &str) -> Option<String> {
    let values = request.headers().get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs =
        values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

/// Where the console is: `/console`, below whatever the proxy has it.
pub(super) fn base(request: &HttpRequest) -> String {
    format!("{}/console", perimeter::prefix(request))
}

pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = form_urlencoded::parse(text.as_bytes());
    pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// A page as an answer.
pub(super) fn html(status: StatusCode, rendered: askama::Result<String>) -> HttpResponse {
    match rendered {
        Ok(text) => HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .insert_header(NO_STORE)
            .body(text),
        Err(error) => {
            tracing::error!(%error, "a page cannot be written");
            HttpResponse::InternalServerError().insert_header(NO_STORE).finish()
        }
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Failure<'a> {
    base: &'a str,
    assets: &'static assets::Links,
    theme: Theme,
    refusal: &'a Refusal,
}

/// The page that says why there is none.
pub(super) fn failure(request: &ServiceRequest, refusal: &Refusal) -> HttpResponse {
    let base = base(request.request());
    let theme = Theme::of(request.request());
    let page = Failure { base: &base, assets: assets::links(), theme, refusal };
    html(refusal.status(), page.render())
}

/// A time: in the reader's zone where scripts run, else in UTC, with the exact one at hand.
pub(super) struct Time(pub(super) DateTime);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.0.to_string();
        let (date, time) =
            (exact.get(..10).unwrap_or_default(), exact.get(11..16).unwrap_or_default());
        write!(f, r#"<time datetime="{exact}" title="{exact}">{date} {time} UTC</time>"#)
    }
}

impl HtmlSafe for Time {}

impl<'de> serde::Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DateTime::deserialize(deserializer).map(Self)
    }
}
