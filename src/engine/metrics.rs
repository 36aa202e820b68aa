//! What is counted of launches, runs and Dagster.

use prometheus::core::Collector;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, Opts, Result};

use super::queries::Figures;

#[derive(Clone)]
pub(super) struct EngineMetrics {
    requests: IntCounterVec,
    launches: IntCounterVec,
    doubles: IntCounter,
    lost_runs: IntCounter,
    looked_at: Gauge,
    open: IntGauge,
    queued: IntGauge,
    lost: IntGauge,
    waiting: IntGauge,
    oldest_queued: Gauge,
    oldest_task: Gauge,
    lineage: IntCounterVec,
}

impl EngineMetrics {
    pub(super) fn new() -> Result<Self> {
        // From the beginning at 0: what is not there yet can be neither shown nor watched.
        let by_outcome = |name: &str, help: &str, outcomes: &[&str]| -> Result<IntCounterVec> {
            let counter = IntCounterVec::new(Opts::new(name, help), &["outcome"])?;
            for outcome in outcomes {
                counter.with_label_values(&[*outcome]);
            }
            Ok(counter)
        };
        Ok(Self {
            requests: by_outcome(
                "blockyard_engine_requests_total",
                "Questions to Dagster: answered, not_reached, refused, or unknown what came of them.",
                &["answered", "not_reached", "refused", "unknown"],
            )?,
            launches: by_outcome(
                "blockyard_engine_launches_total",
                "Tries to launch a run: launched, adopted (an earlier try had come to something), put_off, rejected, canceled.",
                &["launched", "adopted", "put_off", "rejected", "canceled"],
            )?,
            doubles: IntCounter::new(
                "blockyard_engine_doubled_launches_total",
                "Runs that Dagster had twice; the later one was ended.",
            )?,
            lost_runs: IntCounter::new(
                "blockyard_engine_lost_runs_total",
                "Runs that this instance has marked as lost.",
            )?,
            looked_at: Gauge::new(
                "blockyard_engine_looked_timestamp_seconds",
                "When this instance last looked at all runs, since 1970: the one that leads does.",
            )?,
            open: IntGauge::new(
                "blockyard_engine_open_runs",
                "Runs of Dagster that have not ended.",
            )?,
            queued: IntGauge::new("blockyard_engine_queued_runs", "Those that have not begun.")?,
            lost: IntGauge::new("blockyard_engine_lost_runs", "Those that are lost.")?,
            waiting: IntGauge::new("blockyard_engine_outbox_tasks", "Tasks in the outbox.")?,
            oldest_queued: Gauge::new(
                "blockyard_engine_oldest_queued_seconds",
                "How long the oldest run has been queued that has not begun.",
            )?,
            oldest_task: Gauge::new(
                "blockyard_engine_oldest_task_seconds",
                "How long the oldest task has been in the outbox.",
            )?,
            lineage: by_outcome(
                "blockyard_engine_lineage_events_total",
                "OpenLineage events: sent, put_off, or refused by whom they were sent to.",
                &["sent", "put_off", "refused"],
            )?,
        })
    }

    pub(super) fn collectors(&self) -> Vec<Box<dyn Collector>> {
        vec![
            Box::new(self.requests.clone()),
            Box::new(self.launches.clone()),
            Box::new(self.doubles.clone()),
            Box::new(self.lost_runs.clone()),
            Box::new(self.looked_at.clone()),
            Box::new(self.open.clone()),
            Box::new(self.queued.clone()),
            Box::new(self.lost.clone()),
            Box::new(self.waiting.clone()),
            Box::new(self.oldest_queued.clone()),
            Box::new(self.oldest_task.clone()),
            Box::new(self.lineage.clone()),
        ]
    }

    pub(super) fn heard(&self, outcome: &str) {
        self.requests.with_label_values(&[outcome]).inc();
    }

    pub(super) fn launched(&self, outcome: &str) {
        self.launches.with_label_values(&[outcome]).inc();
    }

    pub(super) fn doubled(&self) {
        self.doubles.inc();
    }

    pub(super) fn lost(&self) {
        self.lost_runs.inc();
    }

    pub(super) fn looked(&self) {
        let now = std::time::UNIX_EPOCH.elapsed().map_or(0.0, |since| since.as_secs_f64());
        self.looked_at.set(now);
    }

    pub(super) fn told(&self, outcome: &str) {
        self.lineage.with_label_values(&[outcome]).inc();
    }

    pub(super) fn show(&self, figures: &Figures) {
        self.open.set(figures.open);
        self.queued.set(figures.queued);
        self.lost.set(figures.lost);
        self.waiting.set(figures.waiting);
        self.oldest_queued.set(figures.oldest_queued);
        self.oldest_task.set(figures.oldest_task);
    }
}
