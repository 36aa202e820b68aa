//! What a route refuses, as a page tells it.

use actix_web::http::StatusCode;
use serde::Deserialize;
use uuid::Uuid;

use crate::api::problem::{Fault, Problem};
use crate::telemetry;

/// A problem (RFC 9457), read back.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    status: u16,
    pub(super) title: String,
    pub(super) detail: String,
    #[serde(default)]
    pub(super) code: String,
    pub(super) request_id: Option<String>,
    /// All faults of what was entered, each with where it is.
    #[serde(default)]
    pub(super) errors: Vec<Fault>,
    #[serde(default)]
    pub(super) used_by: Vec<Named>,
    #[serde(default)]
    pub(super) missing: Vec<Named>,
    #[serde(default)]
    pub(super) blockers: Vec<Named>,
    #[serde(default)]
    pub(super) candidates: Vec<Named>,
}

/// Something that a refusal names.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    pub(super) entity_type: String,
    #[serde(alias = "category_id")]
    pub(super) entity_id: Uuid,
    pub(super) name: Option<String>,
    pub(super) detail: Option<String>,
}

impl Named {
    /// Where the console shows it, if it does.
    pub(super) fn place(&self) -> Option<String> {
        let list = match self.entity_type.as_str() {
            "block" => "blocks",
            "edge" => "edges",
            "pipeline" => "pipelines",
            "pipeline_run" => "runs",
            _ => return None,
        };
        Some(format!("/{list}/{}", self.entity_id))
    }

    pub(super) fn shown(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.entity_id.to_string())
    }
}

impl Refusal {
    pub(super) fn read(status: StatusCode, body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_else(|error| {
            tracing::error!(%error, %status, "a refusal is no problem");
            Self::internal()
        })
    }

    pub(super) fn internal() -> Self {
        Problem::internal().into()
    }

    pub(super) fn not_found(what: &str) -> Self {
        Problem::not_found(what).into()
    }

    /// A form that stands on a page of somebody else.
    pub(super) fn from_elsewhere() -> Self {
        Problem::new(
            StatusCode::FORBIDDEN,
            "from_elsewhere",
            "This form was not sent from a page of this console, so nothing was done.",
        )
        .into()
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether nobody is signed in.
    pub(super) fn is_of_nobody(&self) -> bool {
        self.status == 401
    }

    /// Everything that it names.
    pub(super) fn named(&self) -> impl Iterator<Item = &Named> {
        let several = [&self.blockers, &self.used_by, &self.missing, &self.candidates];
        several.into_iter().flatten()
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let told = serde_json::to_value(&problem).and_then(serde_json::from_value::<Self>);
        let told = told.unwrap_or_else(|_| Self {
            status: 500,
            title: "Internal Server Error".to_owned(),
            detail: problem.to_string(),
            code: problem.code().to_owned(),
            request_id: None,
            errors: Vec::new(),
            used_by: Vec::new(),
            missing: Vec::new(),
            blockers: Vec::new(),
            candidates: Vec::new(),
        });
        Self { request_id: told.request_id.or_else(telemetry::request_id), ..told }
    }
}
