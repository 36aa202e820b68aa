//! The answer to a change: what is sent, and what an `Idempotency-Key` keeps.

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::etag;
use super::problem::Problem;
use super::time::DateTime;

/// An answer that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) etag: Option<String>,
    pub(crate) body: Option<String>,
    /// Whether it is an earlier answer, given again.
    pub(crate) replayed: bool,
}

impl Reply {
    fn new(status: StatusCode) -> Self {
        Self { status: status.as_u16(), location: None, etag: None, body: None, replayed: false }
    }

    /// 200 with `body`.
    ///
    /// # Errors
    /// 500 when it has no JSON form.
    pub fn ok(body: &impl Serialize) -> Result<Self, Problem> {
        Self::new(StatusCode::OK).with_body(body)
    }

    /// 201 with `body`, which can be read at `location`.
    ///
    /// # Errors
    /// 500 when it has no JSON form.
    pub fn created(location: String, body: &impl Serialize) -> Result<Self, Problem> {
        let mut reply = Self::new(StatusCode::CREATED).with_body(body)?;
        reply.location = Some(location);
        Ok(reply)
    }

    /// 204.
    pub fn no_content() -> Self {
        Self::new(StatusCode::NO_CONTENT)
    }

    #[must_use]
    pub fn revision(mut self, revision: DateTime) -> Self {
        self.etag = Some(etag::of(revision));
        self
    }

    /// The tag of a row shown together with things that change on their own.
    #[must_use]
    pub fn compound_revision(mut self, revision: DateTime) -> Self {
        let body = self.body.as_deref().unwrap_or_default();
        self.etag = Some(etag::of_compound(revision, body.as_bytes()));
        self
    }

    /// Puts another body in place of one that was kept as `T`.
    ///
    /// # Errors
    /// What `change` refuses; 500 when the body is no `T`, or the new one has no JSON form.
    pub fn map_body<T: DeserializeOwned, U: Serialize>(
        self,
        change: impl FnOnce(T) -> Result<U, Problem>,
    ) -> Result<Self, Problem> {
        let kept = serde_json::from_str(self.body.as_deref().unwrap_or_default());
        let kept = kept.map_err(|error| {
            tracing::error!(%error, "an answer was kept in another form");
            Problem::internal()
        })?;
        self.with_body(&change(kept)?)
    }

    fn with_body(mut self, body: &impl Serialize) -> Result<Self, Problem> {
        let json = serde_json::to_string(body).map_err(|error| {
            tracing::error!(%error, "an answer has no JSON form");
            Problem::internal()
        })?;
        self.body = Some(json);
        Ok(self)
    }
}

impl Responder for Reply {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let known = request.method().is_safe()
            && self.etag.as_ref().is_some_and(|tag| etag::is_known(request, tag));
        let mut response =
            HttpResponse::build(if known { StatusCode::NOT_MODIFIED } else { status });
        if let Some(etag) = self.etag {
            response.insert_header((header::ETAG, etag));
        }
        if let Some(location) = self.location {
            response.insert_header((header::LOCATION, location));
        }
        if self.replayed {
            response.insert_header(("Idempotency-Replayed", "true"));
        }
        match self.body {
            Some(body) if !known => response.content_type("application/json").body(body),
            _ => response.finish(),
        }
    }
}
