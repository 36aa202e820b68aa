//! The console, as a browser without scripts sees it.

mod browser;
mod door;
mod forms;
mod hostile;
mod screens;

use std::collections::BTreeMap;

use regex::Regex;
use reqwest::header::{HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Method, StatusCode, redirect};
use serde_json::json;
use url::form_urlencoded;

use crate::pipelines::{chain, edge};
use crate::service::{PASSWORD, Service};

/// A browser, which keeps its cookie and follows nothing by itself.
pub struct Browser<'a> {
    service: &'a Service,
    http: reqwest::Client,
    pub cookie: Option<String>,
}

/// What it was shown.
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

/// A form of a page.
#[derive(Debug, Clone)]
pub struct Form {
    pub action: String,
    pub fields: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub fn new(service: &'a Service) -> Self {
        let http = reqwest::Client::builder().redirect(redirect::Policy::none());
        Self { service, http: http.build().expect("a client"), cookie: None }
    }

    /// One of `people`, signed in.
    pub async fn of(service: &'a Service, username: &str) -> Self {
        let mut browser = Self::new(service);
        browser.sign_in(username, PASSWORD).await.goes_to("/console");
        browser
    }

    pub async fn sign_in(&mut self, username: &str, password: &str) -> Page {
        self.post("/console/sign-in", &[("username", username), ("password", password)]).await
    }

    pub async fn request(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        pairs: &[(&str, &str)],
    ) -> Page {
        let mut request = self.http.request(method.clone(), self.service.url(path));
        if let Some(cookie) = &self.cookie {
            request = request.header("Cookie", cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !method.is_safe() {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            request =
                request.header("Content-Type", "application/x-www-form-urlencoded").body(body);
        }
        let response = request.send().await.expect("an answer");
        for set in response.headers().get_all(SET_COOKIE) {
            let set = set.to_str().expect("a text");
            let pair = set.split(';').next().unwrap_or_default();
            if pair.starts_with("blockyard_console=") {
                self.cookie = (!set.contains("Max-Age=0")).then(|| pair.to_owned());
            }
        }
        let (status, headers) = (response.status(), response.headers().clone());
        Page { status, headers, text: response.text().await.expect("a whole page") }
    }

    pub async fn get(&mut self, path: &str) -> Page {
        self.request(Method::GET, path, &[], &[]).await
    }

    /// A page that is there.
    pub async fn see(&mut self, path: &str) -> Page {
        let page = self.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        page
    }

    pub async fn post(&mut self, path: &str, pairs: &[(&str, &str)]) -> Page {
        self.request(Method::POST, path, &[("Sec-Fetch-Site", "same-origin")], pairs).await
    }

    /// Sends a form with some of its fields filled in.
    pub async fn submit(&mut self, form: &Form, entries: &[(&str, &str)]) -> Page {
        let mut fields = form.fields.clone();
        fields
            .extend(entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let pairs: Vec<_> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(&form.action, &pairs).await
    }
}

impl Page {
    /// Where it sends the browser.
    #[track_caller]
    pub fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.headers[LOCATION].to_str().expect("a text")
    }

    #[track_caller]
    pub fn goes_to(&self, path: &str) {
        assert_eq!(self.location(), path);
    }

    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.text.contains(text), "{text:?} is missing in {}", self.text);
        self
    }

    #[track_caller]
    pub fn says_nothing_of(&self, text: &str) -> &Self {
        assert!(!self.text.contains(text), "{text:?} stands in {}", self.text);
        self
    }

    /// The forms that make a request of the API, by their ids.
    pub fn forms(&self) -> BTreeMap<String, Form> {
        let form = Regex::new(
            r#"(?s)<form class="form[^"]*" method="post" action="([^"]*)" id="form-([^"]*)">(.*?)</form>"#,
        );
        let form = form.expect("a pattern");
        form.captures_iter(&self.text)
            .map(|found| {
                (found[2].to_owned(), Form { action: plain(&found[1]), fields: fields(&found[3]) })
            })
            .collect()
    }

    #[track_caller]
    pub fn form(&self, id: &str) -> Form {
        let forms = self.forms();
        forms.get(id).cloned().unwrap_or_else(|| panic!("no form {id}, but {:?}", forms.keys()))
    }
}

/// The fields of a form, with what stands in them.
fn fields(text: &str) -> BTreeMap<String, String> {
    let pattern = |pattern: &str| Regex::new(pattern).expect("a pattern");
    let mut fields = BTreeMap::new();
    for found in pattern(r"<input [^>]*>").find_iter(text) {
        let of = |name: &str| {
            let attribute = pattern(&format!(r#" {name}="([^"]*)""#));
            attribute.captures(found.as_str()).map(|value| plain(&value[1]))
        };
        fields.insert(of("name").expect("a name"), of("value").unwrap_or_default());
    }
    for found in
        pattern(r#"(?s)<textarea [^>]*name="([^"]*)"[^>]*>\n?(.*?)</textarea>"#).captures_iter(text)
    {
        fields.insert(found[1].to_owned(), plain(&found[2]));
    }
    for found in
        pattern(r#"(?s)<select [^>]*name="([^"]*)"[^>]*>(.*?)</select>"#).captures_iter(text)
    {
        let chosen = pattern(r#"<option value="([^"]*)" selected>"#).captures(&found[2]);
        let first = pattern(r#"<option value="([^"]*)""#).captures(&found[2]);
        let value = chosen.or(first).map(|value| plain(&value[1]));
        fields.insert(found[1].to_owned(), value.unwrap_or_default());
    }
    fields
}

/// A text without its entities.
fn plain(text: &str) -> String {
    let replaced = text.replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\"");
    replaced.replace("&#39;", "'").replace("&#38;", "&").replace("&amp;", "&")
}

/// A registry with something of everything: the pipeline p of blocks a, b, c, which may run and has run; the pipeline
/// q, which waits for the edge e; a candidate, an alias, a category, a key.
pub async fn furnished(service: &Service) -> Ids {
    let dan = service.developer().await;
    let p = chain(service, &dan).await;
    edge(service, "e").await;
    let q = json!({
        "name": "q", "blocks": [{ "block_id": "a" }, { "block_id": "c" }],
        "edges": [{ "edge_id": "e", "source_block_id": "a", "target_block_id": "c" }],
    });
    dan.post("/pipelines", q).await.expect(StatusCode::CREATED);
    dan.post("/blocks/a/versions", json!({ "metadata": { "rows": 2 } }))
        .await
        .expect(StatusCode::CREATED);
    dan.put("/blocks/a/aliases/champion", json!({ "version": "1" })).await;
    let run = dan.post("/pipelines/p/runs", json!({})).await.expect(StatusCode::CREATED);
    let opened = dan.post("/edges/ab/versions/1/verifications", json!({})).await;
    let opened = opened.expect(StatusCode::CREATED).id("verification_id");
    let category = dan.post("/taxonomy-categories", json!({ "name": "vision" })).await;
    let category = category.expect(StatusCode::CREATED).id("category_id");
    dan.put("/blocks/a/categories/vision", json!({})).await;
    Ids { p, run: run.id("run_id"), opened, category, vera: service.id_of("vera").await }
}

pub struct Ids {
    pub p: String,
    pub run: String,
    pub opened: String,
    pub category: String,
    pub vera: String,
}

/// Every screen, with a thing of each kind.
pub fn screens(ids: &Ids) -> Vec<String> {
    let Ids { p, run, opened, category, vera } = ids;
    [
        "",
        "/pipelines",
        "/pipelines?ready=false&q=q",
        "/pipelines?archived=true",
        "/pipelines/new",
        "/pipelines/p",
        "/pipelines/q",
        "/pipelines/p/history",
        "/pipelines/p/drawing",
        "/blocks",
        "/blocks?block_type=dataset&sort=name",
        "/blocks?archived=true",
        "/blocks/new",
        "/blocks/a",
        "/blocks/a?columns=rows",
        "/blocks/a/history",
        "/blocks/a/versions/latest",
        "/blocks/a/diff?from=1&to=2",
        "/edges",
        "/edges/new",
        "/edges/e",
        "/edges/e/versions/1",
        "/edges/ab/versions/1",
        "/verify",
        "/runs",
        "/runs?status=queued",
        "/search",
        "/search?q=a",
        "/taxonomy",
        "/audit",
        "/audit?action_type=CREATE&entity_type=block",
        "/account",
        "/locks/diff",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([
        format!("/runs/{run}"),
        format!("/locks/diff?a={run}&b={run}"),
        format!("/lineage?node=pipeline:{p}"),
        format!("/lineage/drawing?node=pipeline:{p}"),
        format!("/impact?node=pipeline:{p}"),
        format!("/verifications/{opened}"),
        format!("/taxonomy/{category}"),
        format!("/people/{vera}"),
        "/people".to_owned(),
    ])
    .map(|place| format!("/console{place}"))
    .collect()
}
