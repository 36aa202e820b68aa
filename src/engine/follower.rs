//! Follows the runs that Dagster has, by asking for them: what Dagster calls out may be lost or come
//! in any order, and only makes us ask at once.
//!
//! One instance asks for all runs; who it is says a lease in the database. Should there be two for a
//! moment, they see the same, and what is seen twice changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;

use super::answers::{Retry, SeenRun, Terminated};
use super::client::Trouble;
use super::queries::{self, OpenRun};
use super::run_status::RunStatus;
use super::work::Work;
use crate::api::problem::Problem;

/// Runs that Dagster is asked for at once.
const BATCH: usize = 100;
const OFTENEST: Duration = Duration::from_millis(500);
const RAREST: Duration = Duration::from_secs(5);
/// For so long a run that is not found may come back.
const MISSING: Duration = Duration::from_mins(1);
/// For so long Dagster may think about another try.
const UNDECIDED: Duration = Duration::from_secs(30);
/// Beyond what a pipeline allows: Dagster's own watch goes first.
const OVERDUE_SECONDS: f64 = 60.0;

/// What keeps one from looking.
enum Obstacle {
    Dagster(Trouble),
    Database(Box<Problem>),
}

impl From<Problem> for Obstacle {
    fn from(problem: Problem) -> Self {
        Self::Database(Box::new(problem))
    }
}

impl From<Trouble> for Obstacle {
    fn from(trouble: Trouble) -> Self {
        Self::Dagster(trouble)
    }
}

/// What was noticed once, and counts when it stays so.
#[derive(Default)]
struct Doubts(HashMap<Uuid, Instant>);

impl Doubts {
    fn have_lasted(&mut self, run: Uuid, time: Duration) -> bool {
        self.0.entry(run).or_insert_with(Instant::now).elapsed() >= time
    }
}

#[derive(Default)]
struct Follower {
    missing: Doubts,
    undecided: Doubts,
    /// Runs that were hinted at and are to be canceled: looked at until they end, whoever leads.
    awaited: BTreeSet<Uuid>,
}

/// Goes on until it is aborted.
pub(super) async fn follow_all(work: Arc<Work>, mut hints: mpsc::Receiver<Vec<Uuid>>) {
    let mut follower = Follower::default();
    let mut interval = OFTENEST;
    loop {
        let mut hinted: BTreeSet<Uuid> = match timeout(interval, hints.recv()).await {
            Ok(Some(runs)) => runs.into_iter().collect(),
            Ok(None) => return,
            Err(_) => std::mem::take(&mut follower.awaited),
        };
        while let Ok(more) = hints.try_recv() {
            hinted.extend(more);
        }
        let outcome = follower.round(&work, &hinted).await;
        interval = match outcome {
            // Where something happens more will.
            Ok(Some(true)) => OFTENEST,
            Ok(Some(false)) => (interval * 3 / 2).min(RAREST),
            Ok(None) => RAREST,
            Err(Obstacle::Dagster(trouble)) => {
                tracing::debug!(%trouble, "the runs were not looked at");
                RAREST
            }
            Err(Obstacle::Database(problem)) => {
                tracing::debug!(%problem, "the runs were not looked at");
                RAREST
            }
        };
    }
}

impl Follower {
    /// Whether anything was new; `None` when there was nothing to look at.
    async fn round(
        &mut self,
        work: &Work,
        hinted: &BTreeSet<Uuid>,
    ) -> Result<Option<bool>, Obstacle> {
        let leads = work.lead().await?;
        if !leads && hinted.is_empty() {
            return Ok(None);
        }
        let mut open = queries::open_runs(&work.db).await?;
        if leads {
            let known: BTreeSet<Uuid> = open.iter().map(|run| run.run_id).collect();
            for doubts in [&mut self.missing, &mut self.undecided] {
                doubts.0.retain(|run, _| known.contains(run));
            }
        } else {
            open.retain(|run| hinted.contains(&run.run_id));
        }
        if open.is_empty() {
            work.metrics.looked();
            // Nobody else finds out that it is back.
            if leads && work.is_noted() && work.may_ask() {
                work.heard(work.dagster.runs(&[&Uuid::nil().to_string()]).await).await?;
            }
            return Ok(None);
        }
        if !work.may_ask() {
            return Ok(None);
        }
        let to_end = open.iter().filter(|run| run.is_to_be_canceled && !run.is_lost);
        self.awaited = to_end.map(|run| run.run_id).filter(|run| hinted.contains(run)).collect();
        // Who has asked for an end waits for it.
        let mut is_any_new = open.iter().any(|run| run.is_to_be_canceled && !run.is_lost);
        for batch in open.chunks(BATCH) {
            let ids: Vec<&str> = batch.iter().map(|run| run.dagster_run_id.as_str()).collect();
            let seen = work.heard(work.dagster.runs(&ids).await).await?;
            let seen: BTreeMap<&str, &SeenRun> =
                seen.iter().map(|seen| (seen.run_id.as_str(), seen)).collect();
            for run in batch {
                // One whose row cannot be written keeps nobody else from being followed.
                match self.look(work, run, seen.get(run.dagster_run_id.as_str()).copied()).await {
                    Ok(is_new) => is_any_new |= is_new,
                    Err(Obstacle::Dagster(trouble)) => return Err(trouble.into()),
                    Err(Obstacle::Database(problem)) => {
                        tracing::warn!(run_id = %run.run_id, %problem, "what Dagster says of a run is not written");
                    }
                }
            }
        }
        work.metrics.looked();
        Ok(Some(is_any_new))
    }

    /// Whether what Dagster says of a run was new.
    async fn look(
        &mut self,
        work: &Work,
        run: &OpenRun,
        seen: Option<&SeenRun>,
    ) -> Result<bool, Obstacle> {
        let Some(seen) = seen else { return self.miss(work, run).await };
        self.missing.0.remove(&run.run_id);
        let Some(state) = seen.state() else {
            tracing::warn!(run_id = %run.run_id, status = seen.status(), "a state that is not known");
            return Ok(false);
        };
        if state == RunStatus::Failure && seen.retry() != Retry::None {
            let tries = work.heard(work.dagster.tagged(run.run_id).await).await?;
            let newest = tries.iter().rfind(|one| one.root() == seen.root());
            if let Some(next) = newest.filter(|next| next.run_id != seen.run_id) {
                self.undecided.0.remove(&run.run_id);
                return Ok(write(work, run, next, next.state().unwrap_or(RunStatus::Queued)).await?);
            }
            // Dagster's daemon has yet to make it, or to say that there is none.
            if seen.retry() == Retry::Comes || !self.undecided.have_lasted(run.run_id, UNDECIDED) {
                return Ok(false);
            }
        }
        if state == run.status {
            return self.watch(work, run, seen, state).await;
        }
        if state == RunStatus::Queued {
            return Ok(false);
        }
        // Before it counts: is it the only one?
        let tries = work.heard(work.dagster.tagged(run.run_id).await).await?;
        if let Some(first) = end_doubles(work, &tries).await
            && first.run_id != seen.root()
        {
            return Ok(write(work, run, first, first.state().unwrap_or(RunStatus::Queued)).await?);
        }
        Ok(write(work, run, seen, state).await?)
    }

    /// A run that goes on: for too long?
    async fn watch(
        &mut self,
        work: &Work,
        run: &OpenRun,
        seen: &SeenRun,
        state: RunStatus,
    ) -> Result<bool, Obstacle> {
        let seconds = run.started_seconds.unwrap_or_default();
        let is_endless =
            run.max_runtime_seconds.is_none() && seconds > work.lost_after().as_secs_f64();
        if run.is_lost && !is_endless && !run.is_to_be_canceled {
            return Ok(write(work, run, seen, state).await?);
        }
        if run.max_runtime_seconds.is_some_and(|most| seconds > f64::from(most) + OVERDUE_SECONDS)
            && !run.is_to_be_canceled
        {
            tracing::warn!(run_id = %run.run_id, "ran longer than its pipeline allows");
            let is_new = queries::end_overdue_run(&work.db, run.run_id).await?;
            work.cancels.notify_one();
            return Ok(is_new);
        }
        if is_endless && !run.is_lost {
            let why = format!(
                "Dagster says for {} seconds that it runs, and nothing else.",
                work.lost_seconds
            );
            work.metrics.lost();
            return Ok(queries::lose_run(&work.db, run.run_id, &why).await?);
        }
        Ok(false)
    }

    /// Dagster does not know the run by its id. By its tag?
    async fn miss(&mut self, work: &Work, run: &OpenRun) -> Result<bool, Obstacle> {
        let tries = work.heard(work.dagster.tagged(run.run_id).await).await?;
        if let Some(newest) = tries.last() {
            self.missing.0.remove(&run.run_id);
            let state = newest.state().unwrap_or(RunStatus::Queued);
            return Ok(write(work, run, newest, state).await?);
        }
        if run.is_lost || !self.missing.have_lasted(run.run_id, MISSING.min(work.lost_after())) {
            return Ok(false);
        }
        let why = format!("Dagster does not know the run {} any more.", run.dagster_run_id);
        tracing::warn!(run_id = %run.run_id, why, "lost");
        work.metrics.lost();
        Ok(queries::lose_run(&work.db, run.run_id, &why).await?)
    }
}

async fn write(
    work: &Work,
    run: &OpenRun,
    seen: &SeenRun,
    state: RunStatus,
) -> Result<bool, Problem> {
    let why = match state {
        RunStatus::Failure => why(work, &seen.run_id).await,
        RunStatus::Canceled => Some(why_canceled(run, seen)),
        _ => None,
    };
    let times = (seen.started(), seen.end_time.filter(|_| state.is_outcome()));
    let id = seen.run_id.as_str();
    let is_new = queries::see_run(&work.db, run.run_id, id, state, times, why.as_deref()).await?;
    if is_new {
        tracing::info!(run_id = %run.run_id, dagster_run_id = id, status = seen.status(), "seen");
    }
    Ok(is_new)
}

fn why_canceled(run: &OpenRun, seen: &SeenRun) -> String {
    let ran = seen.started().zip(seen.end_time).map(|(started, ended)| ended - started);
    match (run.max_runtime_seconds, ran) {
        _ if !run.is_to_be_canceled => "Canceled in Dagster.".to_owned(),
        (Some(most), Some(ran)) if ran > f64::from(most) => {
            format!(
                "Ended since it ran for longer than the {most} seconds that its pipeline allows."
            )
        }
        _ => "Canceled as it was asked for.".to_owned(),
    }
}

/// Of several launches of one run the first counts, whoever asks; the others are ended. The one that
/// counts.
pub(super) async fn end_doubles<'a>(work: &Work, tries: &'a [SeenRun]) -> Option<&'a SeenRun> {
    let mut roots = tries.iter().filter(|seen| seen.is_root());
    let first = roots.next()?;
    for double in roots.filter(|double| !double.state().is_some_and(RunStatus::is_outcome)) {
        let id = &double.run_id;
        tracing::error!(run_id = ?double.of(), dagster_run_id = id, "launched twice: the later one is ended");
        work.metrics.doubled();
        match work.heard(work.dagster.terminate(id, false).await).await {
            Ok(Terminated::NotNow(said)) => {
                tracing::warn!(dagster_run_id = id, said, "not yet");
                // What is just starting cannot be asked.
                let _ = work.heard(work.dagster.terminate(id, true).await).await;
            }
            Ok(_) => {}
            Err(trouble) => tracing::warn!(dagster_run_id = id, %trouble, "it goes on"),
        }
    }
    Some(first)
}

/// What Dagster gives as the reason of a failure, as far as its log says it soon enough.
async fn why(work: &Work, id: &str) -> Option<String> {
    let (mut of_step, mut of_run) = (None, None);
    let walked = work.walk_log(id, |event| {
        if let Some((step, error)) = event.failed_step() {
            of_step = Some(format!("{step}: {error}"));
            return ControlFlow::Break(());
        }
        if let Some("RUN_FAILURE" | "PIPELINE_FAILURE") = event.event_type.as_deref() {
            of_run = event.message;
        }
        ControlFlow::Continue(())
    });
    walked.await.ok()?;
    of_step.or(of_run)
}
