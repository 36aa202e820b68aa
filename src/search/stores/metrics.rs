//! What is counted of vector stores.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Result};

const OUTCOMES: [&str; 8] =
    ["answered", "rejected", "failed", "refused", "not_reached", "busy", "timed_out", "skipped"];
const KNOWN: [&str; 3] = ["shown", "refused", "unknown"];

pub(super) struct StoreMetrics {
    requests: IntCounterVec,
    durations: HistogramVec,
    left_alone: IntGaugeVec,
    hits: IntCounterVec,
}

impl StoreMetrics {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            requests: IntCounterVec::new(
                Opts::new(
                    "blockyard_vector_store_requests_total",
                    "Questions to vector stores: answered, rejected (not taken), failed, refused (the credentials), not_reached, busy, timed_out, or skipped while it is left alone.",
                ),
                &["store", "outcome"],
            )?,
            durations: HistogramVec::new(
                HistogramOpts::new(
                    "blockyard_vector_store_duration_seconds",
                    "How long vector stores took, whatever came of it.",
                )
                .buckets(vec![0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]),
                &["store"],
            )?,
            left_alone: IntGaugeVec::new(
                Opts::new(
                    "blockyard_vector_store_left_alone",
                    "1 while a vector store is asked only now and then, since it failed last.",
                ),
                &["store"],
            )?,
            hits: IntCounterVec::new(
                Opts::new(
                    "blockyard_vector_store_hits_total",
                    "What vector stores found: shown, refused by a taxonomy filter, or unknown here to who asked.",
                ),
                &["store", "outcome"],
            )?,
        })
    }

    /// From the beginning at 0: what is not there yet can be neither shown nor watched.
    pub(super) fn begin(&self, store: &str) {
        for outcome in OUTCOMES {
            self.requests.with_label_values(&[store, outcome]);
        }
        for outcome in KNOWN {
            self.hits.with_label_values(&[store, outcome]);
        }
        self.durations.with_label_values(&[store]);
        self.left_alone.with_label_values(&[store]).set(0);
    }

    pub(super) fn collectors(&self) -> Vec<Box<dyn Collector>> {
        vec![
            Box::new(self.requests.clone()),
            Box::new(self.durations.clone()),
            Box::new(self.left_alone.clone()),
            Box::new(self.hits.clone()),
        ]
    }

    pub(super) fn asked(&self, store: &str, outcome: &str, time: Option<Duration>) {
        self.requests.with_label_values(&[store, outcome]).inc();
        if let Some(time) = time {
            self.durations.with_label_values(&[store]).observe(time.as_secs_f64());
        }
    }

    pub(super) fn is_left_alone(&self, store: &str, is_so: bool) {
        self.left_alone.with_label_values(&[store]).set(is_so.into());
    }

    /// How many hits were shown, refused and unknown.
    pub(super) fn found(&self, store: &str, counts: [usize; 3]) {
        for (outcome, count) in KNOWN.into_iter().zip(counts) {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            self.hits.with_label_values(&[store, outcome]).inc_by(count);
        }
    }
}
