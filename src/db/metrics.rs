//! What is counted of the database: its connections, its errors, and what it keeps waiting.

use prometheus::core::Collector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Result,
};

use super::failure::is_lost_race;

const WAIT_SECONDS: [f64; 12] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 3.0];

/// Classes of SQLSTATE that get a series of their own,
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
const CLASSES: [&str; 16] = [
    "08", "0A", "21", "22", "23", "25", "26", "28", "40", "42", "53", "54", "55", "57", "P0", "XX",
];

/// What is counted where it happens.
#[derive(Clone)]
pub(super) struct DatabaseMetrics {
    pub wait: Histogram,
    pub opened: IntCounter,
    pub retries: IntCounter,
    up: IntGauge,
    refusals: IntCounterVec,
    errors: IntCounterVec,
    lost_races: IntCounterVec,
}

impl DatabaseMetrics {
    /// Of the `database`, or the `replica`.
    pub fn new(server: &str) -> Result<Self> {
        let name = |what: &str| format!("blockyard_{server}_{what}");
        let wait = HistogramOpts::new(
            name("connection_wait_seconds"),
            "How long requests waited for a connection.",
        );
        let metrics = Self {
            wait: Histogram::with_opts(wait.buckets(WAIT_SECONDS.to_vec()))?,
            opened: IntCounter::new(
                name("connections_opened_total"),
                "Connections that were opened.",
            )?,
            retries: IntCounter::new(
                name("retries_total"),
                "Statements and transactions that were tried again after they lost against others.",
            )?,
            up: IntGauge::new(name("up"), "Whether the database answered when it was last asked.")?,
            refusals: IntCounterVec::new(
                Opts::new(
                    name("connection_refusals_total"),
                    "Requests that got no connection: all were in use (exhausted), or none could be opened (unreachable).",
                ),
                &["reason"],
            )?,
            errors: IntCounterVec::new(
                Opts::new(
                    name("errors_total"),
                    "Errors by class of SQLSTATE. 22, 23, 28, 42 and P0 are mostly refusals of what clients asked for; class connection: the answer was lost.",
                ),
                &["class"],
            )?,
            lost_races: IntCounterVec::new(
                Opts::new(
                    name("lost_races_total"),
                    "Deadlocks (40P01) and serialization failures (40001).",
                ),
                &["sqlstate"],
            )?,
        };
        // Shown from the start: an increase from nothing is none to Prometheus.
        for reason in ["exhausted", "unreachable"] {
            metrics.refusals.with_label_values(&[reason]);
        }
        for class in CLASSES.iter().chain(&["connection", "other"]) {
            metrics.errors.with_label_values(&[*class]);
        }
        for state in ["40001", "40P01"] {
            metrics.lost_races.with_label_values(&[state]);
        }
        Ok(metrics)
    }

    /// The database answered.
    pub fn answered(&self) {
        self.see(1);
    }

    /// A request got no connection: all were in use.
    pub fn exhausted(&self) {
        self.refusals.with_label_values(&["exhausted"]).inc();
    }

    /// The same, when none could be opened.
    pub fn unreachable(&self) {
        self.refusals.with_label_values(&["unreachable"]).inc();
        self.see(0);
    }

    /// A statement failed.
    pub fn failed(&self, error: &sqlx::Error) {
        let class = match error {
            sqlx::Error::Database(error) => {
                self.answered();
                let state = error.code().unwrap_or_default();
                if is_lost_race(&state) {
                    self.lost_races.with_label_values(&[&*state]).inc();
                }
                let class = state.get(..2).unwrap_or_default();
                let mut known = CLASSES.iter();
                known.find(|known| **known == class).unwrap_or(&"other")
            }
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => {
                self.see(0);
                "connection"
            }
            _ => "other",
        };
        self.errors.with_label_values(&[class]).inc();
    }

    fn see(&self, up: i64) {
        // Read first: every request comes here, and a write takes the cache line from the others.
        if self.up.get() != up {
            self.up.set(up);
        }
    }

    /// All of these.
    pub fn collectors(&self) -> Vec<Box<dyn Collector>> {
        vec![
            Box::new(self.wait.clone()),
            Box::new(self.opened.clone()),
            Box::new(self.retries.clone()),
            Box::new(self.up.clone()),
            Box::new(self.refusals.clone()),
            Box::new(self.errors.clone()),
            Box::new(self.lost_races.clone()),
        ]
    }
}

/// What is counted when house is kept.
#[derive(Clone)]
pub(super) struct HouseMetrics {
    pub unpartitioned_rows: IntGauge,
    pub kept_at: Gauge,
}

impl HouseMetrics {
    pub fn new() -> Result<Self> {
        Ok(Self {
            unpartitioned_rows: IntGauge::new(
                "blockyard_audit_unpartitioned_rows",
                "Audit rows in the default partition after the last housekeeping, up to 100000.",
            )?,
            kept_at: Gauge::new(
                "blockyard_housekeeping_last_success_timestamp_seconds",
                "When housekeeping last succeeded; 0: not yet since the start.",
            )?,
        })
    }

    pub fn collectors(&self) -> Vec<Box<dyn Collector>> {
        vec![Box::new(self.unpartitioned_rows.clone()), Box::new(self.kept_at.clone())]
    }
}
