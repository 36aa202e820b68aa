//! Refusals: `application/problem+json` (RFC 9457), with a stable `code`.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::thing::{BlockCategory, Blocker, Thing, with_impact};
use crate::telemetry;

/// How many faults are told at once: an answer must not outgrow its request.
pub(super) const MOST_FAULTS: usize = 200;

/// Media type of every refusal.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// Why a request was refused (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:blockyard:problem:invalid",
    "title": "Unprocessable Entity",
    "status": 422,
    "detail": "The request has 1 fault.",
    "code": "invalid",
    "request_id": "01a20575-84d9-79db-a493-fbb455308177",
    "errors": [{ "pointer": "/name", "detail": "Must not be empty." }]
}))]
pub struct Problem {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// The phrase of the HTTP status.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong with this very request, for people.
    detail: String,
    /// What is wrong, for programs: a word that never changes.
    code: &'static str,
    /// The request, as the log and the audit trail know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    request_id: Option<String>,
    /// All faults of the input, each with the JSON pointer (RFC 6901) to it, or the name of the
    /// parameter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<Fault>,
    /// With `in_use`: up to 20 things that use it.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schema(required = false, value_type = Vec<Thing>)]
    used_by: Value,
    /// With `missing`: up to 20 archived things that it needs.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schema(required = false, value_type = Vec<Thing>)]
    missing: Value,
    /// With `not_ready`: why the pipeline may not run.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schema(required = false, value_type = Vec<Blocker>)]
    blockers: Value,
    /// With `ambiguous`: the categories that have the name.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schema(required = false, value_type = Vec<BlockCategory>)]
    candidates: Value,
    #[serde(skip)]
    #[schema(ignore)]
    headers: Vec<(header::HeaderName, String)>,
}

/// One fault of the input.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Fault {
    /// JSON pointer into the body, or the name of a parameter.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

/// A member as one step of a JSON pointer (RFC 6901): `~` and `/` are escaped.
pub fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The member that a step of a JSON pointer names.
pub fn member(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:blockyard:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            code,
            request_id: None,
            errors: Vec::new(),
            used_by: Value::Null,
            missing: Value::Null,
            blockers: Value::Null,
            candidates: Value::Null,
            headers: Vec::new(),
        }
    }

    /// 400: what came cannot be read at all.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// 401.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
            .with_header(header::WWW_AUTHENTICATE, r#"Bearer realm="blockyard""#)
    }

    /// 403.
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Your role does not allow this.")
    }

    /// 404 for a thing that is not there or not visible: "Block not found".
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("{what} not found"))
    }

    /// 408: the body does not come.
    pub fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "The body did not arrive in time.")
    }

    /// 409.
    pub fn conflict(code: &'static str, detail: &str) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 412.
    pub fn stale() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "stale",
            "It has changed since: read it again, and repeat the change on what it is now.",
        )
    }

    /// 413.
    pub fn too_large(limit: usize, announced: Option<u64>) -> Self {
        let detail = match announced {
            Some(bytes) => format!("The body has {bytes} bytes; at most {limit} are taken."),
            None => format!("The body is larger than {limit} bytes."),
        };
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    /// 415.
    pub fn unsupported_media_type(detail: &str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    /// 422 without a place.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    /// 422 with one place.
    pub fn invalid_field(pointer: &str, detail: &str) -> Self {
        Self::faults(vec![Fault { pointer: pointer.to_owned(), detail: detail.to_owned() }])
    }

    /// 422 with all places, as far as anybody would read them.
    pub fn faults(mut errors: Vec<Fault>) -> Self {
        let detail = match errors.len() {
            1 => "The request has 1 fault.".to_owned(),
            n if n > MOST_FAULTS => {
                format!("The request has {n} faults, of which these are the first {MOST_FAULTS}.")
            }
            n => format!("The request has {n} faults."),
        };
        errors.truncate(MOST_FAULTS);
        Self { errors, ..Self::invalid(detail) }
    }

    /// 429, for attempts at a password.
    pub fn too_many_attempts(retry_after_seconds: i32) -> Self {
        Self::too_many("There were too many attempts", retry_after_seconds)
    }

    /// 429, for requests of one caller or address.
    pub fn too_many_requests(whose: &str, a_minute: u32, retry_after_seconds: u64) -> Self {
        Self::too_many(
            &format!("One {whose} may send {a_minute} requests a minute"),
            retry_after_seconds,
        )
    }

    fn too_many(what: &str, retry_after_seconds: impl fmt::Display) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            format!("{what}; Retry-After says in how many seconds to try again."),
        )
        .with_header(header::RETRY_AFTER, format!("{retry_after_seconds}"))
    }

    /// 500: the log says more than the client may know.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong here. The request id leads to it in the log.",
        )
    }

    /// 503: it was not even begun, or is undone.
    pub fn unavailable() -> Self {
        Self::not_now(
            "unavailable",
            "The database does not answer. Nothing was changed: repeat the request.",
        )
    }

    /// 503: the caller is in their own way.
    pub fn too_many_at_once() -> Self {
        Self::not_now(
            "unavailable",
            "Your other requests hold all the connections that one caller gets. Nothing was changed.",
        )
    }

    /// 503: others are in the way.
    /// What is wrong, for people.
    /// What is wrong, and where in the request, in one line.
    pub fn in_words(&self) -> String {
        if self.errors.is_empty() {
            return self.detail.clone();
        }
        let places = self.errors.iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail));
        places.collect::<Vec<_>>().join(" ")
    }

    pub fn detail(&self) -> &str {
        &self.detail
    }

    pub fn busy() -> Self {
        Self::not_now(
            "unavailable",
            "It took too long: others hold what it needs, or it reads too much. Nothing was changed.",
        )
    }

    /// 503: it was begun, and how it ended is not known.
    pub fn unknown_outcome() -> Self {
        Self::not_now(
            "unknown_outcome",
            "The database was lost, or time ran out, in the middle of it: the change is made as a whole, \
             or not at all. Repeat it with the same Idempotency-Key; if it had none, look first.",
        )
    }

    /// 503 to whoever asks whether to send requests here.
    pub fn stopping() -> Self {
        Self::not_now("stopping", "This instance is about to end; it still serves what comes.")
    }

    /// 503 to whoever asks for what only the engine knows.
    pub fn engine_unreachable(trouble: &str) -> Self {
        Self::not_now(
            "engine_unreachable",
            &format!(
                "Dagster, which knows this, {trouble}. Runs go on, and are followed once it answers."
            ),
        )
    }

    fn not_now(code: &'static str, detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
            .with_header(header::RETRY_AFTER, "1")
    }

    /// 503 while the database only reads.
    pub fn read_only() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "read_only",
            "The database is read-only at the moment.",
        )
        .with_header(header::RETRY_AFTER, "5")
    }

    /// 409: files of others say otherwise.
    pub fn managed(errors: Vec<Fault>) -> Self {
        let detail = "Other files manage what this one would change.";
        Self { errors, ..Self::conflict("managed", detail) }
    }

    /// The same of a part of the body: faults are below this JSON pointer, and without any the whole
    /// part is what it is about.
    #[must_use]
    pub fn within(mut self, pointer: &str) -> Self {
        if self.errors.is_empty() {
            self.errors.push(Fault { pointer: String::new(), detail: self.detail.clone() });
        }
        for fault in &mut self.errors {
            fault.pointer.insert_str(0, pointer);
        }
        self
    }

    /// The same of a body that has other words for its members.
    #[must_use]
    pub fn in_words_of(mut self, word: fn(&str) -> String) -> Self {
        for fault in &mut self.errors {
            fault.pointer = word(&fault.pointer);
        }
        self
    }

    /// 409: something uses it.
    pub fn in_use(detail: &str, used_by: Value) -> Self {
        Self { used_by: with_impact(used_by), ..Self::conflict("in_use", detail) }
    }

    /// 409: something that it needs is archived.
    pub fn missing(detail: &str, missing: Value) -> Self {
        Self { missing, ..Self::conflict("missing", detail) }
    }

    /// 409: the pipeline may not run.
    pub fn not_ready(detail: &str, blockers: Value) -> Self {
        Self { blockers: with_impact(blockers), ..Self::conflict("not_ready", detail) }
    }

    /// 409: several have that name.
    pub fn ambiguous(detail: &str, candidates: Value) -> Self {
        Self { candidates, ..Self::conflict("ambiguous", detail) }
    }

    #[must_use]
    pub fn with_header(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.content_type(CONTENT_TYPE);
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        response.json(Self { request_id: telemetry::request_id(), ..self.clone() })
    }
}
