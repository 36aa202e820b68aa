//! What `GET /metrics` says, in the text format of Prometheus.
//!
//! Every service has a registry of its own; what is asked for only when somebody looks (the pool,
//! the process, the lines that were dropped) is read then.

use std::sync::{Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry, Result, TextEncoder};

use super::http_metrics::HttpMetrics;
use super::outputs;

/// The metrics of a service. The application holds one, as `web::Data<Metrics>`.
pub struct Metrics {
    registry: Registry,
    pub(super) http: HttpMetrics,
    dropped_lines: IntCounterVec,
    /// One reader at a time: what is read now is added as the difference to what was read before.
    reading: Mutex<()>,
}

impl Metrics {
    /// For the routes with these patterns, and with what others count.
    ///
    /// # Errors
    /// When two metrics have the same name.
    pub fn new<'a>(
        patterns: impl Iterator<Item = &'a str>,
        others: Vec<Box<dyn Collector>>,
    ) -> Result<Self> {
        let registry = Registry::new();
        let http = HttpMetrics::new(patterns)?;
        http.register(&registry)?;
        for collector in others {
            registry.register(collector)?;
        }
        let dropped_lines = IntCounterVec::new(
            Opts::new(
                "blockyard_log_lines_dropped_total",
                "Log lines that did not reach an output: its queue was full, or it cannot be written.",
            ),
            &["output"],
        )?;
        registry.register(Box::new(dropped_lines.clone()))?;
        let build = IntGaugeVec::new(
            Opts::new("blockyard_build_info", "Always 1; which version this is."),
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(build))?;
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Self { registry, http, dropped_lines, reading: Mutex::new(()) })
    }

    /// All of it, as it is now.
    ///
    /// # Errors
    /// When a metric has no text form.
    pub fn text(&self) -> Result<String> {
        let _one = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        for (output, lines) in outputs::dropped_lines() {
            let counter = self.dropped_lines.with_label_values(&[output]);
            let lines = u64::try_from(lines).unwrap_or(u64::MAX);
            counter.inc_by(lines.saturating_sub(counter.get()));
        }
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
