//! `dagster_pipeline_config`: how Dagster is to run a pipeline. Dagster takes nearly anything, and
//! some of it reaches past the pipeline: tags named `dagster…/…` change how runs are retried,
//! ended and scheduled, and `execution` can name another image, service account or secret for the
//! pod. So only what is known is let in.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::api::fields::{Fields, pointer};
use crate::api::raw_json::JsonObject;

const FIELD: &str = "dagster_pipeline_config";
const MAX_TAGS: usize = 20;
const MAX_RUN_CONFIG_BYTES: usize = 256 * 1024;
const MAX_RUN_CONFIG_DEPTH: usize = 32;

/// How Dagster runs a pipeline. Whatever is missing is the service's choice.
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
    /// Only `ops` and, of `execution`, the executors `in_process` and `multiprocess`. Dagster stores
    /// and shows it: refer to secrets as `{"env": "NAME"}`.
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

/// Passes a configuration on when it has no fault; otherwise notes them all.
pub(super) fn checked(
    config: Option<JsonObject>,
    fields: &mut Fields,
) -> Option<Option<JsonObject>> {
    let Some(given) = &config else {
        return Some(None);
    };
    let mut check = Check { fields, faulty: false };
    match serde_json::from_str(given.as_json().get()) {
        Ok(Value::Object(members)) => check.config(&members),
        _ => check.fault(&[], "Is nested too deeply."),
    }
    (!check.faulty).then_some(config)
}

struct Check<'a> {
    fields: &'a mut Fields,
    faulty: bool,
}

impl Check<'_> {
    fn fault(&mut self, path: &[&str], detail: &str) {
        self.faulty = true;
        let place = [FIELD].iter().chain(path).map(|step| pointer(step)).collect();
        self.fields.fault_at(place, detail);
    }

    fn config(&mut self, config: &Map<String, Value>) {
        let is_job = config.get("mode").is_some_and(|mode| mode == "job");
        for (name, value) in config {
            let path = [name.as_str()];
            match (name.as_str(), value) {
                ("schema_version", value) if *value == json!(1) => {}
                ("schema_version", _) => self.fault(&path, "Must be 1."),
                ("mode", Value::String(mode)) if matches!(mode.as_str(), "generic" | "job") => {}
                ("mode", _) => self.fault(&path, "Must be generic or job."),
                ("repository_location_name" | "repository_name", Value::String(text))
                    if (1..=255).contains(&text.chars().count())
                        && !text.chars().any(char::is_control) => {}
                ("repository_location_name" | "repository_name", _) => {
                    self.fault(&path, "Must be a text of 1 to 255 characters.");
                }
                ("job_name", Value::String(text)) if is_job_name(text) => {}
                ("job_name", _) => {
                    self.fault(&path, "Must be 1 to 255 letters, digits and underscores.");
                }
                ("run_config", Value::Object(run_config)) => self.run_config(run_config, is_job),
                ("block_config", Value::Object(blocks)) => {
                    for (block, config) in blocks {
                        if !config.is_object() {
                            self.fault(&["block_config", block], "Must be a JSON object.");
                        }
                    }
                }
                ("tags", Value::Object(tags)) => self.tags(tags),
                ("run_config" | "block_config" | "tags", _) => {
                    self.fault(&path, "Must be a JSON object.");
                }
                ("op_selection", Value::Null) => {}
                ("op_selection", Value::Array(ops))
                    if is_job && ops.iter().all(Value::is_string) => {}
                ("op_selection", _) => {
                    self.fault(&path, "Must be an array of names, in mode job only.");
                }
                ("max_runtime_seconds", value) => {
                    if !value.as_u64().is_some_and(|n| (1..=604_800).contains(&n)) {
                        self.fault(&path, "Must be a whole number from 1 to 604800.");
                    }
                }
                ("max_retries", value) => {
                    if value.as_u64().is_none_or(|n| n > 10) {
                        self.fault(&path, "Must be a whole number from 0 to 10.");
                    }
                }
                _ => self.fault(&path, "Is not known here."),
            }
        }
    }

    fn run_config(&mut self, run_config: &Map<String, Value>, is_job: bool) {
        let bytes = serde_json::to_string(run_config).map_or(usize::MAX, |text| text.len());
        if bytes > MAX_RUN_CONFIG_BYTES {
            self.fault(&["run_config"], "Must have at most 256 KiB.");
        }
        let depth = 1 + run_config.values().map(depth).max().unwrap_or_default();
        if depth > MAX_RUN_CONFIG_DEPTH {
            self.fault(&["run_config"], "Is nested more than 32 deep.");
        }
        for (name, value) in run_config {
            let path = ["run_config", name.as_str()];
            match (name.as_str(), value) {
                ("ops", Value::Object(ops)) => {
                    if !is_job && ops.contains_key("plan") {
                        let detail = "Is reserved: the service puts the graph here.";
                        self.fault(&["run_config", "ops", "plan"], detail);
                    }
                }
                ("execution", Value::Object(execution)) => self.execution(execution),
                ("ops" | "execution", _) => self.fault(&path, "Must be a JSON object."),
                _ => self.fault(&path, "Is not allowed here: only ops and execution are."),
            }
        }
    }

    /// Executors of other kinds start pods and containers, with whatever they are told.
    fn execution(&mut self, execution: &Map<String, Value>) {
        for (name, value) in execution {
            match (name.as_str(), value) {
                ("config", Value::Object(executors)) => {
                    for (executor, settings) in executors {
                        self.executor(executor, settings);
                    }
                }
                _ => self.fault(
                    &["run_config", "execution", name],
                    "Is not allowed here: only config is, a JSON object.",
                ),
            }
        }
    }

    fn executor(&mut self, executor: &str, settings: &Value) {
        let path = ["run_config", "execution", "config", executor];
        let allowed: &[&str] = match executor {
            "in_process" => &["retries"],
            "multiprocess" => &["retries", "max_concurrent"],
            _ => {
                let detail = "Is not allowed here: only in_process and multiprocess are.";
                return self.fault(&path, detail);
            }
        };
        let Value::Object(settings) = settings else {
            return self.fault(&path, "Must be a JSON object.");
        };
        for name in settings.keys() {
            if !allowed.contains(&name.as_str()) {
                let [a, b, c, d] = path;
                self.fault(&[a, b, c, d, name], "Is not allowed here.");
            }
        }
    }

    fn tags(&mut self, tags: &Map<String, Value>) {
        if tags.len() > MAX_TAGS {
            self.fault(&["tags"], "Must have at most 20 members.");
        }
        for (name, value) in tags {
            let is_plain = (1..=63).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
            if !is_plain {
                let detail = "A tag is named with 1 to 63 letters, digits, `_`, `.` and `-`: those with a `/` steer Dagster itself.";
                self.fault(&["tags", name], detail);
            }
            if value.as_str().is_none_or(|text| text.chars().count() > 256) {
                self.fault(&["tags", name], "Must be a text of at most 256 characters.");
            }
        }
    }
}

fn is_job_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}
