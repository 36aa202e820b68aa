//! What all that speaks with Dagster shares.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::RngExt;
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::answers::SeenEvent;
use super::client::{Dagster, Trouble};
use super::metrics::EngineMetrics;
use super::queries::{self, Task};
use crate::api::problem::Problem;
use crate::config::Config;
use crate::db::Db;
use crate::db::back_off::BackOff;

/// Longer than it takes to look, also when Dagster is slow; so long nobody follows when the leader dies.
const LEADS_SECONDS: i32 = 15;

pub(super) struct Work {
    pub(super) db: Db,
    pub(super) dagster: Dagster,
    pub(super) locations: Vec<String>,
    pub(super) timeout_seconds: u32,
    pub(super) cancel_seconds: u32,
    pub(super) lost_seconds: u32,
    pub(super) metrics: EngineMetrics,
    /// Rung when this instance has written something into the outbox.
    pub(super) launches: Notify,
    pub(super) cancels: Notify,
    hints: mpsc::Sender<Vec<Uuid>>,
    /// As whom this instance leads, until it has resigned.
    leads_as: Mutex<Option<Uuid>>,
    breaker: BackOff,
    /// Whether the database was told that Dagster does not answer. What another instance told, the
    /// first answer takes back.
    is_noted: AtomicBool,
}

impl Work {
    pub(super) fn new(
        db: Db,
        dagster: Dagster,
        config: &Config,
        metrics: EngineMetrics,
        hints: mpsc::Sender<Vec<Uuid>>,
    ) -> Self {
        Self {
            db,
            dagster,
            locations: config.dagster_locations.clone(),
            timeout_seconds: config.dagster_timeout_seconds,
            cancel_seconds: config.dagster_cancel_seconds,
            lost_seconds: config.dagster_lost_seconds,
            metrics,
            launches: Notify::new(),
            cancels: Notify::new(),
            hints,
            leads_as: Mutex::new(Some(Uuid::new_v4())),
            breaker: BackOff::default(),
            is_noted: AtomicBool::new(true),
        }
    }

    /// How long a run may go on of which nothing is heard.
    pub(super) fn lost_after(&self) -> Duration {
        Duration::from_secs(self.lost_seconds.into())
    }

    /// Has these runs looked at, as soon as may be.
    pub(super) fn look_at(&self, runs: Vec<Uuid>) {
        if self.hints.try_send(runs).is_err() {
            tracing::debug!("a hint is dropped");
        }
    }

    /// Whether this instance is the one that follows all runs, for some seconds.
    pub(super) async fn lead(&self) -> Result<bool, Problem> {
        match *self.leads_as.lock().await {
            Some(me) => queries::lead(&self.db, me, LEADS_SECONDS).await,
            None => Ok(false),
        }
    }

    /// Leaves it to another instance to follow the runs.
    pub(super) async fn resign(&self) -> Result<(), Problem> {
        match self.leads_as.lock().await.take() {
            Some(me) => queries::lead(&self.db, me, 0).await.map(drop),
            None => Ok(()),
        }
    }

    /// Whether Dagster may be asked now: after a failure less and less often, until it answers.
    pub(super) fn may_ask(&self) -> bool {
        self.breaker.allows().is_ok()
    }

    /// Whether the database says that Dagster does not answer, as far as is known here.
    pub(super) fn is_noted(&self) -> bool {
        self.is_noted.load(Ordering::Relaxed)
    }

    /// Counts what came of a question, and tells the database when Dagster stops to answer or does again.
    pub(super) async fn heard<T>(&self, outcome: Result<T, Trouble>) -> Result<T, Trouble> {
        let trouble = outcome.as_ref().err().map(ToString::to_string);
        match &outcome {
            Ok(_) => self.breaker.succeeded(),
            Err(_) => self.breaker.failed("down"),
        }
        self.metrics.heard(match &outcome {
            Ok(_) => "answered",
            Err(Trouble::NotReached(_)) => "not_reached",
            Err(Trouble::Refused(_)) => "refused",
            Err(Trouble::Unknown(_)) => "unknown",
        });
        if self.is_noted.swap(trouble.is_some(), Ordering::Relaxed) != trouble.is_some() {
            match &trouble {
                Some(trouble) => tracing::warn!("Dagster {trouble}"),
                None => tracing::info!("Dagster answers"),
            }
            if let Err(problem) = queries::note(&self.db, trouble.as_deref()).await {
                self.is_noted.store(trouble.is_none(), Ordering::Relaxed);
                tracing::warn!(%problem, "it was not noted whether Dagster answers");
            }
        }
        outcome
    }
}

/// Pages of a log that are searched for why something failed.
const PAGES: usize = 10;

impl Work {
    /// Shows the log of a run, event by event, as far as that is soon done, or until it is enough.
    pub(super) async fn walk_log(
        &self,
        id: &str,
        mut show: impl FnMut(SeenEvent) -> ControlFlow<()>,
    ) -> Result<(), Trouble> {
        let mut after = None;
        for _ in 0..PAGES {
            let logs = self.heard(self.dagster.logs(id, after.as_deref(), 1000).await).await?;
            let Some(logs) = logs else { break };
            if logs.events.into_iter().try_for_each(&mut show).is_break() || !logs.has_more {
                break;
            }
            after = Some(logs.cursor);
        }
        Ok(())
    }
}

/// How often is looked for what other instances have written.
const LOOK: Duration = Duration::from_secs(2);
/// How often is looked whether Dagster may be asked again.
const BLINK: Duration = Duration::from_millis(250);

/// The next task of a kind, once there is one: sooner when the bell is rung, and none while it may not
/// be taken.
pub(super) async fn next_task(
    db: &Db,
    kind: &str,
    lease_seconds: i32,
    may_take: impl Fn() -> bool,
    bell: &Notify,
) -> Task {
    let kinds = [kind.to_owned()];
    loop {
        if !may_take() {
            sleep(BLINK).await;
            continue;
        }
        match queries::take(db, &kinds, lease_seconds).await {
            Ok(Some(task)) => return task,
            Ok(None) => drop(timeout(LOOK, bell.notified()).await),
            Err(problem) => {
                tracing::debug!(%problem, "the outbox was not read");
                sleep(LOOK).await;
            }
        }
    }
}

/// How long to wait after so many tries: longer each time, and never two at the same moment.
pub(super) fn pause(tries: i32) -> f64 {
    let longest = f64::from(1 << tries.clamp(0, 6)).min(60.0);
    longest * rand::rng().random_range(0.5..1.0)
}
