//! What is served beside the routes of the document: itself, in both editions, and the schema of a file.

use std::fmt;
use std::future::ready;
use std::sync::{Arc, OnceLock};

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::openapi::OpenApi;

use super::{Edition, Written, file_schema};
use crate::api::problem::Problem;
use crate::perimeter;

/// Where they are.
pub const PATHS: [&str; 3] = ["/openapi.json", "/openapi-3.0.json", file_schema::PATH];

/// A text that is made of the document.
///
/// It is written when it is first asked for: that takes as much memory as everything else of the
/// service, and most instances are never asked.
pub struct Served {
    path: &'static str,
    media_type: &'static str,
    write: fn(&OpenApi) -> serde_json::Result<String>,
    text: OnceLock<serde_json::Result<String>>,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Served").field(&self.path).finish()
    }
}

/// All of them.
pub fn all() -> [Arc<Served>; 3] {
    let [newest, older, schema] = PATHS;
    let served = |path, media_type, write| {
        Arc::new(Served { path, media_type, write, text: OnceLock::new() })
    };
    [
        served(newest, "application/json", |document| written(document, Edition::V3_1)),
        served(older, "application/json", |document| written(document, Edition::V3_0)),
        served(schema, "application/schema+json", file_schema::text),
    ]
}

fn written(document: &OpenApi, edition: Edition) -> serde_json::Result<String> {
    serde_json::to_string(&Written::of(document, edition)?)
}

/// Routes to them, made of what `document` makes.
pub fn configure(served: &[Arc<Served>], document: fn() -> OpenApi, config: &mut ServiceConfig) {
    for it in served.iter().cloned() {
        let path = it.path;
        let answer = move |request: HttpRequest| ready(it.answer(document, &request));
        config.route(path, web::get().to(answer));
    }
}

impl Served {
    fn answer(
        &self,
        document: fn() -> OpenApi,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Problem> {
        let text = self.text.get_or_init(|| (self.write)(&document())).as_ref();
        let text = text.map_err(|error| {
            tracing::error!(%error, path = self.path, "the document cannot be written");
            Problem::internal()
        })?;
        let body = below(text, perimeter::prefix(request));
        Ok(HttpResponse::Ok().content_type(self.media_type).body(body))
    }
}

/// The address of the only server; what stands before it is `info`.
const ROOT: &str = r#""url":"/""#;

/// The text for who finds the service below a path, such as `/registry`.
fn below(text: &str, prefix: &str) -> String {
    match text.split_once(ROOT) {
        Some((before, after)) if !prefix.is_empty() => {
            [before, &format!(r#""url":"{prefix}""#), after].concat()
        }
        _ => text.to_owned(),
    }
}
