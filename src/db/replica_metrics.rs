//! What is counted of the replica, beside what is counted of every server.

use prometheus::core::Collector;
use prometheus::{IntCounterVec, IntGauge, Opts, Result};

/// Who answered a read that the replica might have, and why the primary.
const OUTCOMES: [&str; 6] = ["answered", "renewing", "behind", "asked_again", "down", "retired"];

pub(super) struct ReplicaMetrics {
    reads: IntCounterVec,
    lag: IntGauge,
    retired: IntGauge,
}

impl ReplicaMetrics {
    pub(super) fn new() -> Result<Self> {
        let reads = IntCounterVec::new(
            Opts::new(
                "blockyard_replica_reads_total",
                "Reads that the replica answered, and those that went to the primary: to ask how far it is (renewing), \
                 because the replica was behind or down (or had no connection left), would not answer (asked_again) or is none any more (retired).",
            ),
            &["outcome"],
        )?;
        for outcome in OUTCOMES {
            reads.with_label_values(&[outcome]);
        }
        Ok(Self {
            reads,
            lag: IntGauge::new(
                "blockyard_replica_lag_bytes",
                "How much of the log the replica did not have when it was last looked at.",
            )?,
            retired: IntGauge::new(
                "blockyard_replica_retired",
                "1 when the server of DATABASE_REPLICA_URL turned out to be no replica.",
            )?,
        })
    }

    pub(super) fn count(&self, outcome: &str) {
        self.reads.with_label_values(&[outcome]).inc();
    }

    pub(super) fn lag(&self, bytes: u64) {
        self.lag.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub(super) fn retired(&self) {
        self.retired.set(1);
    }

    pub(super) fn collectors(&self) -> Vec<Box<dyn Collector>> {
        vec![
            Box::new(self.reads.clone()),
            Box::new(self.lag.clone()),
            Box::new(self.retired.clone()),
        ]
    }
}
