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
    #[schema(value_type = i32, required = false, minimum = 1, maximum = 1)]
    pub schema_version: Option<i32>,
    /// `generic` (one job that is told the graph) or `job` (a job of your own).
    #[schema(value_type = DagsterMode, required = false)]
    pub mode: Option<String>,
    #[schema(value_type = String, required = false, min_length = 1, max_length = 255)]
    pub repository_location_name: Option<String>,
    #[schema(value_type = String, required = false, min_length = 1, max_length = 255)]
    pub repository_name: Option<String>,
    /// Letters, digits and `_`.
    #[schema(value_type = String, required = false, pattern = "^[A-Za-z0-9_]{1,255}$")]
    pub job_name: Option<String>,
    /// `ops` and `execution`, at most 262144 bytes and 32 levels. `execution` has `config`, that one
    /// executor, `in_process` or `multiprocess`, or the settings of `multiprocess` alone. Settings of
    /// both: `retries` (`{"enabled": {}}` or `{"disabled": {}}`) and `step_dependency_config`
    /// (`require_upstream_step_success`); of `multiprocess` also `max_concurrent`,
    /// `tag_concurrency_limits` (each `key`, `limit` and perhaps `value`) and `start_method`
    /// (`{"spawn": {}}` or `{"forkserver": {}}`, perhaps with `preload_modules`). Dagster stores and
    /// shows all of it: refer to secrets as `{"env": "NAME"}`.
    #[schema(value_type = RunConfig, required = false)]
    pub run_config: Option<Value>,
    /// What each block is configured with: a JSON object for each name.
    #[schema(value_type = HashMap<String, BlockConfig>, required = false)]
    pub block_config: Option<Value>,
    /// At most 20 texts of at most 256 characters; keys of letters, digits, `_`, `.` and `-`.
    #[schema(value_type = HashMap<String, String>, required = false)]
    pub tags: Option<Value>,
    /// Which ops of the job; in mode `job` only.
    pub op_selection: Option<Vec<String>>,
    #[schema(value_type = i32, required = false, minimum = 1, maximum = 604_800)]
    pub max_runtime_seconds: Option<i32>,
    #[schema(value_type = i32, required = false, minimum = 0, maximum = 10)]
    pub max_retries: Option<i32>,
}

/// JSON Schema, draft 2020-12, for the `parameters` of a pipeline's runs, at most 65536 bytes as it is
/// printed. Known are `type`, `enum`, `const`, `minimum`, `maximum`, `exclusiveMinimum`,
/// `exclusiveMaximum`, `multipleOf`, `minLength`, `maxLength`, `pattern`, `minItems`, `maxItems`,
/// `uniqueItems`, `items`, `minProperties`, `maxProperties`, `required`, `properties`,
/// `additionalProperties`, `allOf`, `anyOf`, `oneOf`, `not`, and words that only explain; there are no
/// references. A `pattern` is of what PostgreSQL and ECMAScript have alike: `[0-9]`, not a backslash and `d`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = Object, example = json!({
    "type": "object",
    "properties": {"date": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}},
    "required": ["date"],
    "additionalProperties": false
}))]
#[allow(dead_code, reason = "the document only")]
pub struct ParametersSchema(Value);

/// What a block is configured with: a JSON object with any members.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = Object)]
#[allow(dead_code, reason = "the document only")]
pub struct BlockConfig(Value);

/// What Dagster is told of a run, of which only these two are let in.
#[derive(Debug, Serialize, ToSchema)]
#[allow(dead_code, reason = "the document only")]
pub struct RunConfig {
    /// By the name of each op.
    #[schema(value_type = Object, required = false)]
    ops: Value,
    /// Which executor, and its settings.
    #[schema(value_type = Object, required = false)]
    execution: Value,
}

/// Which kind of job runs a pipeline.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code, reason = "the document only")]
pub enum DagsterMode {
    /// One job that is told the graph.
    Generic,
    /// A job of your own.
    Job,
}
