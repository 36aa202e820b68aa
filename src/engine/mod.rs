//! Dagster, as the engine that runs pipelines: launches what the outbox holds, follows what runs, ends
//! what shall end. What a run is, and how far it is, the database says; a request never waits for
//! Dagster, but for its steps and logs.

mod answers;
mod canceler;
mod client;
mod documents;
mod follower;
mod hint;
mod launcher;
mod lineage;
mod metrics;
mod queries;
mod run_status;
mod work;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use prometheus::core::Collector;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{interval, timeout};
use uuid::Uuid;

use crate::api::problem::Problem;
use crate::config::{Config, Secret};
use crate::db::Db;

pub(crate) use answers::{SeenLogs, SeenStep};
use client::Dagster;
use lineage::Collector as LineageCollector;
use metrics::EngineMetrics;
pub use run_status::RunStatus;
use work::Work;

/// Hints that wait to be followed; more are dropped, since all runs are looked at anyway.
const HINTS: usize = 100;
/// How often the figures are read.
const FIGURES: Duration = Duration::from_secs(10);
/// So long the end of a service waits for the database.
const RESIGNING: Duration = Duration::from_secs(2);

/// The engine of a service. The application holds one, as `web::Data<Engine>`; when it is dropped,
/// nothing is launched or followed any more.
pub struct Engine {
    work: Option<Arc<Work>>,
    secret: Option<Secret>,
    metrics: EngineMetrics,
    /// Its end is the end of the thread that does the work.
    _life: oneshot::Sender<()>,
}

impl Engine {
    /// Starts what the configuration asks for; without a Dagster that is nothing.
    ///
    /// # Errors
    /// When the configuration makes no client.
    pub fn start(config: &Config, db: &Db) -> Result<Self, String> {
        let metrics = EngineMetrics::new().map_err(|error| error.to_string())?;
        let (hints, hinted) = mpsc::channel(HINTS);
        let work = Dagster::new(config)?.map(|dagster| {
            Arc::new(Work::new(db.clone(), dagster, config, metrics.clone(), hints))
        });
        let collector = LineageCollector::new(config)?;
        let (life, end) = oneshot::channel();
        if work.is_some() || collector.is_some() {
            let (db, work, metrics) = (db.clone(), work.clone(), metrics.clone());
            on_its_thread(async move {
                if let Some(work) = work {
                    spawn_local(launcher::launch_all(Arc::clone(&work)));
                    spawn_local(canceler::cancel_all(Arc::clone(&work)));
                    spawn_local(follower::follow_all(work, hinted));
                }
                if let Some(collector) = collector {
                    spawn_local(collector.tell_all(db.clone(), metrics.clone()));
                }
                spawn_local(show_figures(db, metrics));
                // Nothing is ever sent: it is dropped.
                end.await.ok();
            })?;
        }
        Ok(Self { work, secret: config.dagster_events_secret.clone(), metrics, _life: life })
    }

    /// Tells the database that there is a Dagster, and somebody for lineage: before the first request.
    ///
    /// # Errors
    /// 503 when the database does not answer.
    pub async fn prepare(config: &Config, db: &Db) -> Result<(), Problem> {
        let locations = config.dagster_url.as_ref().map(|_| config.dagster_locations.as_slice());
        let sends_lineage = config.openlineage_url.is_some();
        if locations.is_none() && !sends_lineage {
            return Ok(());
        }
        queries::use_engine(db, locations, sends_lineage).await
    }

    /// Lets another instance follow the runs at once, instead of when this one has not been heard of for a while. For the
    /// end of a service, which does not depend on it.
    pub async fn resign(&self) {
        let Some(work) = &self.work else { return };
        match timeout(RESIGNING, work.resign()).await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => tracing::debug!(%problem, "others follow the runs later"),
            Err(_) => tracing::debug!("others follow the runs later: the database is slow"),
        }
    }

    /// What is counted here.
    pub fn collectors(&self) -> Vec<Box<dyn Collector>> {
        self.metrics.collectors()
    }

    /// Whether a run is launched unless its caller says otherwise.
    pub fn launches(&self) -> bool {
        self.work.is_some()
    }

    /// That the outbox has something to launch.
    pub fn wake_launcher(&self) {
        if let Some(work) = &self.work {
            work.launches.notify_one();
        }
    }

    /// That the outbox has something to cancel.
    pub fn wake_canceler(&self) {
        if let Some(work) = &self.work {
            work.cancels.notify_one();
        }
    }

    /// Checks who sends a hint.
    ///
    /// # Errors
    /// 401.
    pub fn check_hint(&self, signature: Option<&str>, body: &[u8]) -> Result<(), Problem> {
        hint::check(self.secret.as_ref(), signature, body, Utc::now().timestamp())
    }

    /// Has these runs looked at, as soon as may be.
    pub fn look_at(&self, runs: Vec<Uuid>) {
        if let Some(work) = &self.work {
            work.look_at(runs);
        }
    }

    /// Where a person looks at a run of Dagster.
    pub(crate) fn page_of(&self, dagster_run: &str) -> Option<String> {
        self.work.as_ref().map(|work| work.dagster.page_of(dagster_run))
    }

    /// The steps of a run.
    ///
    /// # Errors
    /// 503 `engine_unreachable`, 409 `no_engine`.
    pub(crate) async fn steps(&self, dagster_run: &str) -> Result<Vec<SeenStep>, Problem> {
        let work = self.work()?;
        let asked = work.heard(work.dagster.steps(dagster_run).await).await;
        asked.map_err(|trouble| Problem::engine_unreachable(&trouble.to_string()))
    }

    /// The steps of a run that failed, each with why.
    ///
    /// # Errors
    /// As [`Engine::steps`].
    pub(crate) async fn failed_steps(
        &self,
        dagster_run: &str,
    ) -> Result<Vec<(String, String)>, Problem> {
        let mut failed = Vec::new();
        let walked = self.work()?.walk_log(dagster_run, |event| {
            failed.extend(event.failed_step());
            ControlFlow::Continue(())
        });
        walked.await.map_err(|trouble| Problem::engine_unreachable(&trouble.to_string()))?;
        Ok(failed)
    }

    /// A page of the log of a run; `None` when Dagster does not know the run.
    ///
    /// # Errors
    /// As [`Engine::steps`].
    pub(crate) async fn logs(
        &self,
        dagster_run: &str,
        after: Option<&str>,
        limit: i32,
    ) -> Result<Option<SeenLogs>, Problem> {
        let work = self.work()?;
        let asked = work.heard(work.dagster.logs(dagster_run, after, limit).await).await;
        asked.map_err(|trouble| Problem::engine_unreachable(&trouble.to_string()))
    }

    fn work(&self) -> Result<&Work, Problem> {
        let none = || {
            Problem::conflict("no_engine", "This service has no Dagster: DAGSTER_URL is not set.")
        };
        self.work.as_deref().ok_or_else(none)
    }
}

/// Does the work of the engine away from the threads that answer requests, until it ends.
fn on_its_thread(work: impl Future<Output = ()> + Send + 'static) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let thread = std::thread::Builder::new().name("engine".to_owned());
    let spawned = thread.spawn(move || LocalSet::new().block_on(&runtime, work));
    spawned.map(drop).map_err(|error| error.to_string())
}

async fn show_figures(db: Db, metrics: EngineMetrics) {
    let mut moments = interval(FIGURES);
    loop {
        moments.tick().await;
        match queries::figures(&db).await {
            Ok(figures) => metrics.show(&figures),
            Err(problem) => tracing::debug!(%problem, "the engine's figures were not read"),
        }
    }
}
