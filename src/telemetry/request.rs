//! The request that a task serves: its id and its span.

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

/// Runs `work` as part of the request `id`, which every log line within then carries, and `span`,
/// which the spans within are children of.
pub async fn within_request<T>(id: String, span: RequestSpan, work: impl Future<Output = T>) -> T {
    REQUEST.scope(Request { id, span }, work).await
}
