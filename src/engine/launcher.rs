//! Launches what waits in the outbox: once, whatever breaks.
//!
//! Dagster takes no id of ours and gives a new run to each request. So a try of which nobody knows what
//! came is looked up by its tag before the next one, for as long as Dagster may still be busy with it.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::answers::{Launched, RUN_TAG, SeenRun, Whereabouts};
use super::client::Trouble;
use super::follower;
use super::queries::{self, Certainty, Launch, Task};
use super::work::{Work, next_task, pause};
use crate::api::problem::Problem;
use crate::telemetry;

/// Launches at the same time, of one instance.
const AT_ONCE: usize = 4;
/// For so long a launch is looked for after its outcome was lost, before it is tried again.
const GRACE_SECONDS: f64 = 60.0;
/// For so long a code location may be missing before its runs are given up.
const MISSING_SECONDS: f64 = 900.0;

/// Where a run is launched, and as what.
struct Place {
    location: String,
    repository: String,
    job: String,
}

/// Goes on until it is aborted.
pub(super) async fn launch_all(work: Arc<Work>) {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut launches = JoinSet::new();
    loop {
        while launches.try_join_next().is_some() {}
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let (may_ask, bell) = (|| work.may_ask(), &work.launches);
        let task = next_task(&work.db, "launch", lease(&work), may_ask, bell).await;
        let work = Arc::clone(&work);
        launches.spawn_local(async move {
            let launched = Box::pin(launch(&work, &task));
            let within = task.traceparent.as_deref();
            if let Err(problem) =
                telemetry::continued("launch", within, task.run_id, launched).await
            {
                // Its lease ends, and whoever takes it then looks first.
                tracing::warn!(run_id = %task.run_id, %problem, "a launch was interrupted");
            }
            drop(permit);
        });
    }
}

/// Longer than a task takes that asks three things.
fn lease(work: &Work) -> i32 {
    i32::try_from(work.timeout_seconds).unwrap_or(300) * 3 + 30
}

async fn launch(work: &Work, task: &Task) -> Result<(), Problem> {
    let run_id = task.run_id;
    if task.is_unknown {
        match work.heard(work.dagster.tagged(run_id).await).await {
            Ok(found) if !found.is_empty() => return adopt(work, task, &found).await,
            Ok(_) if task.unknown_seconds.is_some_and(|seconds| seconds < GRACE_SECONDS) => {
                let why = "an earlier try may still come to something";
                return queries::put_off(&work.db, task, 5.0, why, Certainty::Waiting).await;
            }
            Ok(_) => {}
            Err(trouble) => return put_off(work, task, &trouble, Certainty::Waiting).await,
        }
    }
    let Some(launch) = queries::admit(&work.db, task, lease(work)).await? else {
        work.metrics.launched("canceled");
        return Ok(());
    };
    let (place, params) = match params(work, task, launch) {
        Ok(params) => params,
        Err(reason) => return refuse(work, task, &reason).await,
    };
    match work.heard(work.dagster.launch(&params).await).await {
        Ok(Launched::As(id)) => {
            queries::note_launch(&work.db, task, &id).await?;
            work.metrics.launched("launched");
            tracing::info!(%run_id, dagster_run_id = id, attempts = task.attempts, "launched");
            Ok(())
        }
        Ok(Launched::Rejected(reason)) => refuse(work, task, &reason).await,
        Ok(Launched::NotThere(said)) => look_for(work, task, &place, &said).await,
        Err(trouble @ Trouble::Unknown(_)) => {
            put_off(work, task, &trouble, Certainty::Unknown).await
        }
        Err(trouble) => put_off(work, task, &trouble, Certainty::Certain).await,
    }
}

/// Dagster has it: of several the first, and the others end.
async fn adopt(work: &Work, task: &Task, found: &[SeenRun]) -> Result<(), Problem> {
    let Some(first) = found.iter().find(|seen| seen.is_root()).or(found.first()) else {
        return Ok(());
    };
    queries::note_launch(&work.db, task, &first.run_id).await?;
    work.metrics.launched("adopted");
    tracing::info!(run_id = %task.run_id, dagster_run_id = first.run_id, "an earlier launch is found");
    follower::end_doubles(work, found).await;
    Ok(())
}

/// A job that is not there may come back: a code location that restarts has none for a while.
async fn look_for(work: &Work, task: &Task, place: &Place, said: &str) -> Result<(), Problem> {
    let Place { location, repository, job } = place;
    let found = work.dagster.whereabouts(location, repository, job).await;
    let reason = match work.heard(found).await {
        Ok(Whereabouts::NoSuchJob) => {
            let reason = format!("The code location {location} has no job {job} in {repository}.");
            return refuse(work, task, &reason).await;
        }
        Ok(Whereabouts::NoSuchLocation) if task.age_seconds > MISSING_SECONDS => {
            return refuse(work, task, &format!("Dagster has no code location {location}.")).await;
        }
        Ok(Whereabouts::Down(why)) => why,
        Ok(Whereabouts::There | Whereabouts::NoSuchLocation) => said.to_owned(),
        Err(trouble) => trouble.to_string(),
    };
    work.metrics.launched("put_off");
    let seconds = pause(task.attempts.min(4));
    queries::put_off(&work.db, task, seconds, &reason, Certainty::Certain).await
}

async fn refuse(work: &Work, task: &Task, reason: &str) -> Result<(), Problem> {
    queries::refuse_launch(&work.db, task, reason).await?;
    work.metrics.launched("rejected");
    tracing::warn!(run_id = %task.run_id, reason, "a run cannot be launched");
    Ok(())
}

async fn put_off(
    work: &Work,
    task: &Task,
    trouble: &Trouble,
    certainty: Certainty,
) -> Result<(), Problem> {
    work.metrics.launched("put_off");
    let error = trouble.to_string();
    tracing::debug!(run_id = %task.run_id, error, "a launch is put off");
    queries::put_off(&work.db, task, pause(task.attempts), &error, certainty).await
}

/// What Dagster is sent: what the lock says, and nothing that is so now.
fn params(work: &Work, task: &Task, launch: Launch) -> Result<(Place, Value), String> {
    let Launch { lock, lock_digest, pipeline_id, parameters } = launch;
    let config = lock["dagster_pipeline_config"].clone();
    let named = |name: &str| config[name].as_str().map(str::to_owned);
    let location = named("repository_location_name").or_else(|| work.locations.first().cloned());
    let location = location
        .filter(|location| work.locations.contains(location))
        .ok_or("The code location is not one of those that runs are launched in.")?;
    let repository = named("repository_name").unwrap_or_else(|| "__repository__".to_owned());
    let is_job = config["mode"] == "job";
    let job = match named("job_name") {
        Some(job) => job,
        None if is_job => return Err("The configuration names no job_name.".to_owned()),
        None => "blockyard_generic".to_owned(),
    };
    let mut run_config = config["run_config"].as_object().cloned().unwrap_or_default();
    if !is_job {
        let ops = run_config.entry("ops").or_insert_with(|| json!({}));
        ops["plan"] = json!({ "config": {
            "run": { "run_id": task.run_id, "pipeline_id": pipeline_id, "lock_digest": lock_digest },
            "parameters": parameters,
            "block_config": config.get("block_config").unwrap_or(&Value::Object(Map::new())),
            "lock": lock,
        }});
    }
    let mut tags = vec![
        json!({ "key": RUN_TAG, "value": task.run_id }),
        json!({ "key": "blockyard/pipeline_id", "value": pipeline_id }),
        json!({ "key": "blockyard/lock_digest", "value": lock_digest }),
    ];
    for (name, key) in
        [("max_runtime_seconds", "dagster/max_runtime"), ("max_retries", "dagster/max_retries")]
    {
        if config[name].is_number() {
            tags.push(json!({ "key": key, "value": config[name].to_string() }));
        }
    }
    // The database let in none with a slash; those steer Dagster, and would be taken for ours.
    let given = config["tags"].as_object().into_iter().flatten();
    tags.extend(
        given
            .filter(|(key, _)| !key.is_empty() && !key.contains('/'))
            .map(|(key, value)| json!({ "key": key, "value": value })),
    );
    let mut selector = json!({
        "repositoryLocationName": location, "repositoryName": repository, "jobName": job,
    });
    if is_job && config["op_selection"].is_array() {
        selector["solidSelection"] = config["op_selection"].clone();
    }
    let params = json!({
        "selector": selector,
        "runConfigData": run_config,
        "executionMetadata": { "tags": tags },
    });
    Ok((Place { location, repository, job }, params))
}
