//! The request that a task serves: its id and its span.

use opentelemetry::trace::{Span, Status};
use uuid::Uuid;

use super::traces::RequestSpan;

/// The request that a task serves.
pub(super) struct Request {
    pub(super) id: String,
    pub(super) span: RequestSpan,
}

tokio::task_local! {
    pub(super) static REQUEST: Request;
}

/// The id of the request that this task serves.
pub fn request_id() -> Option<String> {
    REQUEST.try_with(|request| request.id.clone()).ok()
}

/// The span that this task works in, as the header `traceparent` names it, if there are traces.
pub fn traceparent() -> Option<String> {
    REQUEST.try_with(|request| request.span.traceparent()).ok().flatten()
}

/// Runs `work` in a span within the trace that `within` names, and every log line with that trace's
/// id; without traces only runs it.
pub async fn continued<T>(
    name: &'static str,
    within: Option<&str>,
    run: Uuid,
    work: impl Future<Output = T>,
) -> T {
    let span = RequestSpan::continued(name, within, run);
    let Some(trace) = span.trace() else { return work.await };
    let done = within_request(trace.to_string(), span.clone(), work).await;
    span.close();
    done
}

/// Asks another service: a span below that of the request, or of what goes on for it, if there is one.
pub async fn asking<T, E>(
    whom: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let span = REQUEST.try_with(|request| request.span.below(whom)).ok().flatten();
    let outcome = work.await;
    if let Some(mut span) = span {
        if outcome.is_err() {
            span.set_status(Status::error(""));
        }
        span.end();
    }
    outcome
}

/// Runs `work` as part of the request `id`, which every log line within then carries, and `span`,
/// which the spans within are children of.
pub async fn within_request<T>(id: String, span: RequestSpan, work: impl Future<Output = T>) -> T {
    REQUEST.scope(Request { id, span }, work).await
}
