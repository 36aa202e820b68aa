//! What traces say of the work in the database.

use std::borrow::Cow;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, SpanKind, Status, Tracer};
use opentelemetry_semantic_conventions::attribute as name;

use super::request::REQUEST;
use super::traces::TRACER;

/// The work that a request does in the database: the wait for a connection, its statements, and
/// their repetition. Ends when it is dropped.
pub(crate) struct DatabaseSpan(Option<opentelemetry_sdk::trace::Span>);

impl DatabaseSpan {
    /// A child of the request that this task serves, if there are traces.
    pub(crate) fn begin(database: Option<&str>) -> Self {
        Self(TRACER.get().map(|tracer| {
            let parent = REQUEST
                .try_with(|request| request.span.context.clone())
                .ok()
                .flatten()
                .unwrap_or_default();
            let mut attributes = vec![KeyValue::new(name::DB_SYSTEM_NAME, "postgresql")];
            if let Some(database) = database {
                attributes.push(KeyValue::new(name::DB_NAMESPACE, database.to_owned()));
            }
            tracer
                .span_builder("postgresql")
                .with_kind(SpanKind::Client)
                .with_attributes(attributes)
                .start_with_context(tracer, &parent)
        }))
    }

    /// Marks a moment in it.
    pub(crate) fn event(&mut self, name: &'static str) {
        if let Some(span) = &mut self.0 {
            span.add_event(name, Vec::new());
        }
    }

    /// It did not succeed; `state` is the SQLSTATE, or a word where there is none.
    pub(crate) fn failed(&mut self, state: impl Into<Cow<'static, str>>) {
        if let Some(span) = &mut self.0 {
            let state = state.into();
            if state.len() == 5 {
                span.set_attribute(KeyValue::new(name::DB_RESPONSE_STATUS_CODE, state.clone()));
            }
            span.set_attribute(KeyValue::new(name::ERROR_TYPE, state));
            span.set_status(Status::error(""));
        }
    }
}
