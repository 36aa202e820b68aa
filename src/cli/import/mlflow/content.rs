//! What becomes of MLflow's models, versions, runs and datasets: the one place that says so.

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::api::{Dataset, DatasetInput, Model, OF_VERSION, Pair, Run, Version};
use crate::cli::import::landing::{Arrival, put};
use crate::cli::import::report::Report;
use crate::cli::import::repos;

/// What a run says of itself, and goes into metadata.
const OF_RUN: [&str; 5] =
    ["run_name", "experiment_id", "status", "lifecycle_stage", "artifact_uri"];

/// A version as a block of a registry file; the datasets in `known` become dependencies.
pub(super) fn version(
    source: &str,
    model: &Model,
    version: &Version,
    run: Option<&Run>,
    known: impl Fn(&str) -> bool,
    report: &mut Report,
) -> Arrival {
    let number = version.version.to_string();
    let mut origin = json!({ "source": source, "name": model.name, "version": version.version });
    put(&mut origin, "created_at", time(version.creation_timestamp));
    for member in OF_VERSION {
        let word = if member == "source" { "artifacts" } else { member };
        match version.rest.get(member) {
            Some(Value::String(text)) if text.is_empty() || text == "None" => {}
            Some(value) => put(&mut origin, word, value.clone()),
            None => {}
        }
    }
    put(&mut origin, "model_tags", object(&model.tags));
    let run_id = version.run_id.as_deref().filter(|id| !id.is_empty());
    put(&mut origin, "run_id", run_id.into());
    if let Some(run) = run {
        put(&mut origin, "run", of_run(run));
        let inputs = run.inputs.dataset_inputs.iter();
        put(&mut origin, "datasets", inputs.map(of_input).collect());
    }

    let (params, metrics) = match run {
        Some(run) => (&run.data.params[..], &run.data.metrics[..]),
        None => (&[][..], &[][..]),
    };
    let mut metadata = json!({ "mlflow": origin });
    put(&mut metadata, "tags", object(&version.tags));
    put(&mut metadata, "params", object(params.iter().chain(&version.model_params)));
    put(&mut metadata, "metrics", object(metrics.iter().chain(&version.model_metrics)));

    let described = [&version.description, &model.description];
    let description = described.into_iter().flatten().find(|text| !text.is_empty());
    let mut block = json!({
        "name": model.name,
        "type": "model",
        "description": description,
        "metadata": metadata,
    });
    let tags = version.tags.iter().chain(run.into_iter().flat_map(|run| &run.data.tags));
    if let Some(repo) = repo(&tags, &model.name, &number, report) {
        block["code_repos"] = json!([repo]);
    }
    let mut datasets: Vec<&str> = run
        .into_iter()
        .flat_map(|run| &run.inputs.dataset_inputs)
        .map(|input| input.dataset.name.as_str())
        .filter(|name| known(name))
        .collect();
    datasets.sort_unstable();
    datasets.dedup();
    if !datasets.is_empty() {
        block["dependencies"] = datasets.iter().map(|name| json!({ "block": name })).collect();
    }
    Arrival { name: model.name.clone(), version: number, block }
}

/// A dataset, of which a digest is a version.
pub(super) fn dataset(source: &str, dataset: &Dataset) -> Arrival {
    let mut origin = json!({ "source": source, "name": dataset.name, "version": dataset.digest });
    for (member, value) in &dataset.rest {
        let word = if member == "source" { "location" } else { member };
        put(&mut origin, word, unpacked(value));
    }
    Arrival {
        name: dataset.name.clone(),
        version: dataset.digest.clone(),
        block: json!({
            "name": dataset.name,
            "type": "dataset",
            "metadata": { "mlflow": origin },
        }),
    }
}

fn of_run(run: &Run) -> Value {
    let mut told = json!({});
    for member in OF_RUN {
        put(&mut told, member, run.info.get(member).cloned().unwrap_or_default());
    }
    for (member, word) in [("start_time", "started_at"), ("end_time", "ended_at")] {
        let moment = run.info.get(member);
        let moment = moment.and_then(|it| it.as_u64().or_else(|| it.as_str()?.parse().ok()));
        put(&mut told, word, time(moment));
    }
    put(&mut told, "tags", object(&run.data.tags));
    told
}

fn of_input(input: &DatasetInput) -> Value {
    let mut told = json!({ "name": input.dataset.name, "digest": input.dataset.digest });
    put(&mut told, "tags", object(&input.tags));
    told
}

/// The repository that tags name, when it may stand in a registry.
fn repo<'a>(
    tags: &(impl Iterator<Item = &'a Pair> + Clone),
    model: &str,
    version: &str,
    report: &mut Report,
) -> Option<Value> {
    let tag = |wanted: &str| {
        let mut found = tags.clone().filter(|tag| tag.key == wanted);
        found.find_map(|tag| tag.value.as_str()).filter(|text| !text.is_empty())
    };
    let url = tag("mlflow.source.git.repoURL")?;
    repos::repo(url, tag("mlflow.source.git.branch"), (model, Some(version)), report)
}

fn object<'a>(pairs: impl IntoIterator<Item = &'a Pair>) -> Value {
    let pairs = pairs.into_iter().map(|Pair { key, value }| (key.clone(), value.clone()));
    Value::Object(pairs.collect::<Map<_, _>>())
}

/// JSON that MLflow keeps as a text.
fn unpacked(value: &Value) -> Value {
    let text = value.as_str().filter(|text| text.starts_with(['{', '[']));
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| value.clone())
}

fn time(milliseconds: Option<u64>) -> Value {
    let moment = milliseconds.and_then(|it| DateTime::from_timestamp_millis(it.try_into().ok()?));
    moment.map(|moment| moment.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)).into()
}
