//! Ends the runs that somebody wants to end: asks first, and then forces.

use std::sync::Arc;

use super::answers::Terminated;
use super::queries::{self, Certainty, Task};
use super::work::{Work, next_task, pause};
use crate::api::problem::Problem;
use crate::telemetry;

/// How long after it began to force a run is given up.
const GIVEN_UP_SECONDS: f64 = 300.0;

/// Goes on until it is aborted. A wish is fulfilled once the run has ended, which the follower sees.
pub(super) async fn cancel_all(work: Arc<Work>) {
    let lease = i32::try_from(work.timeout_seconds).unwrap_or(300) + 30;
    loop {
        let task = next_task(&work.db, "cancel", lease, || work.may_ask(), &work.cancels).await;
        let canceled = Box::pin(cancel(&work, &task));
        let within = task.traceparent.as_deref();
        if let Err(problem) = telemetry::continued("cancel", within, task.run_id, canceled).await {
            tracing::warn!(run_id = %task.run_id, %problem, "a cancellation was interrupted");
        }
    }
}

async fn cancel(work: &Work, task: &Task) -> Result<(), Problem> {
    let put_off = async |seconds: f64, why: &str| {
        queries::put_off(&work.db, task, seconds, why, Certainty::Certain).await
    };
    let Some(dagster_run_id) = &task.dagster_run_id else {
        return put_off(1.0, "its launch has not come to an end").await;
    };
    let patience = f64::from(work.cancel_seconds);
    let by_force = task.age_seconds >= patience;
    if task.age_seconds >= patience + GIVEN_UP_SECONDS {
        let why = "Dagster could not end it, neither asked nor by force.";
        queries::lose_run(&work.db, task.run_id, why).await?;
        return queries::finish(&work.db, task).await;
    }
    // What was asked once may end by itself until it is forced.
    let next = if by_force { 10.0 } else { (patience - task.age_seconds).clamp(1.0, 5.0) };
    match work.heard(work.dagster.terminate(dagster_run_id, by_force).await).await {
        Ok(Terminated::Asked) => {
            tracing::info!(run_id = %task.run_id, dagster_run_id, by_force, "asked to end");
            work.look_at(vec![task.run_id]);
            put_off(next, "asked to end").await
        }
        Ok(Terminated::NotNow(said)) => put_off(next.min(2.0), &said).await,
        Ok(Terminated::NotThere) => put_off(next, "Dagster does not know it").await,
        Err(trouble) => put_off(pause(task.attempts.min(3)), &trouble.to_string()).await,
    }
}
