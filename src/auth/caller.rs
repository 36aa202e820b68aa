//! The caller: a request's verified identity, in the form in which every statement carries it.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use super::credential::Credential;
use super::gatekeeper::Gatekeeper;
use super::identity::Identity;
use crate::api::entity::Entity;
use crate::api::problem::Problem;
use crate::api::time::DateTime;
use crate::{perimeter, telemetry};

/// The authenticated user behind a request. That they exist, are active and what their role is, the
/// database decides with every statement.
#[derive(Debug, Clone)]
pub struct Caller {
    context: Context,
    /// Of a request that changes nothing: for the audit trail if it turns out to be recorded.
    line: Option<RequestLine>,
    only_reads: bool,
    audit_all_reads: bool,
    instant: Option<DateTime>,
}

/// What `app.as_caller` in the database takes: the identity, and the request for the audit trail.
#[derive(Debug, Clone, Serialize)]
pub struct Context {
    #[serde(flatten)]
    identity: Identity,
    /// Only where the audit trail records something: each statement parses what it is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestLine>,
    /// Set when the read itself is to be recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    reads: Option<Entity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_id: Option<String>,
    /// Set when a statement writes the rows that it is identified by.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Entity>,
}

/// The request, as the audit trail names it.
#[derive(Debug, Clone, Serialize)]
struct RequestLine {
    id: String,
    method: String,
    path: String,
    /// For what is done of it later; not for the trail.
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
}

impl Caller {
    pub fn context(&self) -> Json<&Context> {
        Json(&self.context)
    }

    /// Tells requests with different credentials apart: the digest of the API key. All access
    /// tokens of a user are one, since they are exchanged every few minutes, and so are all sessions.
    pub fn credential(&self) -> &str {
        match &self.context.identity {
            Identity::User(_) => "token",
            Identity::ApiKey(digest) => digest,
            Identity::Session(_) => "session",
        }
    }

    /// Tells callers apart where only that matters.
    pub fn number(&self) -> u128 {
        self.context.identity.number()
    }

    /// Whether the audit trail gets a row of what is read.
    pub fn is_recorded(&self) -> bool {
        self.context.reads.is_some()
    }

    /// Whether nothing is changed for them: HTTP's safe methods (HEAD is served as GET).
    pub fn only_reads(&self) -> bool {
        self.only_reads
    }

    /// Says what this request reads. Reads of users, API keys and the audit trail are always
    /// recorded, the others with `AUDIT_READS=all`.
    #[must_use]
    pub fn reading(mut self, entity: Entity, reference: Option<&str>) -> Self {
        if self.audit_all_reads
            || matches!(entity, Entity::User | Entity::ApiKey | Entity::AuditLog)
        {
            if let Some(line) = self.line.take() {
                self.context.request = Some(line);
            }
            self.context.reads = Some(entity);
            self.context.read_id = reference.map(str::to_owned);
        }
        self
    }

    /// Says at which instant this request looks, if not now.
    #[must_use]
    pub fn at(mut self, instant: Option<DateTime>) -> Self {
        self.instant = instant;
        self
    }

    /// The instant at which they look; none is now.
    pub fn instant(&self) -> Option<DateTime> {
        self.instant
    }

    /// Says that this request writes API keys: the database then leaves `last_used_at` of the
    /// caller's own key alone, since one statement cannot write a row twice.
    #[must_use]
    pub fn changing_api_keys(mut self) -> Self {
        self.context.changes = Some(Entity::ApiKey);
        self
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let gatekeeper = Gatekeeper::of(&request)?;
            let identity = gatekeeper.identify(Credential::of(&request)?).await?;
            perimeter::admit_caller(&request, identity.number())?;
            let line = RequestLine {
                id: telemetry::request_id().unwrap_or_else(|| Uuid::now_v7().to_string()),
                method: request.method().to_string(),
                path: request.path().to_owned(),
                traceparent: telemetry::traceparent(),
            };
            let only_reads = request.method().is_safe();
            let (request, line) = if only_reads { (None, Some(line)) } else { (Some(line), None) };
            Ok(Self {
                context: Context { identity, request, reads: None, read_id: None, changes: None },
                line,
                only_reads,
                audit_all_reads: gatekeeper.audits_all_reads(),
                instant: None,
            })
        })
    }
}
