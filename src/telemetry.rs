//! Logs, and the id that ties a request's log lines, audit rows and answer together.

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The id of the request that this task serves.
pub fn request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}

/// Runs `work` as part of the request `id`.
pub async fn with_request_id<T>(id: String, work: impl Future<Output = T>) -> T {
    REQUEST_ID.scope(id, work).await
}
