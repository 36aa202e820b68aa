//! What the pool says of itself when somebody looks.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, IntGaugeVec, Opts, Result};

use super::pool::Pool;

/// The pool, read when somebody looks.
pub(super) struct PoolMetrics {
    pool: Pool,
    connections: IntGaugeVec,
    most: IntGauge,
    waiters: IntGauge,
}

impl PoolMetrics {
    /// Of the `database`, or the `replica`.
    pub(super) fn new(pool: &Pool, server: &str) -> Result<Self> {
        let name = |what: &str| format!("blockyard_{server}_{what}");
        Ok(Self {
            pool: pool.clone(),
            connections: IntGaugeVec::new(
                Opts::new(name("connections"), "Connections in the pool."),
                &["state"],
            )?,
            most: IntGauge::new(
                name("connections_max"),
                "How many connections there may be: DATABASE_CONNECTIONS.",
            )?,
            waiters: IntGauge::new(
                name("connection_waiters"),
                "Requests that wait for a connection.",
            )?,
        })
    }
}

impl Collector for PoolMetrics {
    fn desc(&self) -> Vec<&Desc> {
        let mut all = self.connections.desc();
        all.extend(self.most.desc());
        all.extend(self.waiters.desc());
        all
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let status = self.pool.status();
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let set = |state, number| {
            let gauge = self.connections.with_label_values(&[state]);
            gauge.set(count(number));
        };
        set("idle", status.available);
        set("in_use", status.size.saturating_sub(status.available));
        self.most.set(count(status.max_size));
        self.waiters.set(count(status.waiting));
        let mut all = self.connections.collect();
        all.extend(self.most.collect());
        all.extend(self.waiters.collect());
        all
    }
}
