//! `dagster_pipeline_config`, as the document tells of it. What is let in the database says:
//! `app.dagster_faults`.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// How Dagster runs a pipeline. Whatever is missing is the service's choice. I-JSON (RFC 7493): a
/// number stays the same when it is read as a double. At most 524288 bytes as it is printed, and 100
/// levels.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "schema_version": 1,
    "mode": "generic",
    "run_config": {"execution": {"config": {"multiprocess": {"max_concurrent": 4}}}},
    "block_config": {"resnet-50": {"epochs": 90}},
    "tags": {"team": "vision"},
    "max_runtime_seconds": 3600,
    "max_retries": 1
}))]
pub struct DagsterConfig {
    /// 1.
    pub schema_version: Option<i32>,
    /// `generic` (one job that is told the graph) or `job` (a job of your own).
    pub mode: Option<String>,
    pub repository_location_name: Option<String>,
    pub repository_name: Option<String>,
    /// Letters, digits and `_`.
    pub job_name: Option<String>,
    /// `ops` and `execution`, at most 262144 bytes and 32 levels. `execution` has `config`, that one
    /// executor, `in_process` or `multiprocess`, or the settings of `multiprocess` alone. Settings of
    /// both: `retries` (`{"enabled": {}}` or `{"disabled": {}}`) and `step_dependency_config`
    /// (`require_upstream_step_success`); of `multiprocess` also `max_concurrent`,
    /// `tag_concurrency_limits` (each `key`, `limit` and perhaps `value`) and `start_method`
    /// (`{"spawn": {}}` or `{"forkserver": {}}`, perhaps with `preload_modules`). Dagster stores and
    /// shows all of it: refer to secrets as `{"env": "NAME"}`.
    #[schema(value_type = Option<Object>)]
    pub run_config: Option<Value>,
    /// What each block is configured with.
    #[schema(value_type = Option<Object>)]
    pub block_config: Option<Value>,
    /// At most 20; keys of letters, digits, `_`, `.` and `-`.
    #[schema(value_type = Option<Object>)]
    pub tags: Option<Value>,
    /// Which ops of the job; in mode `job` only.
    pub op_selection: Option<Vec<String>>,
    /// 1 to 604800.
    pub max_runtime_seconds: Option<i32>,
    /// 0 to 10.
    pub max_retries: Option<i32>,
}
