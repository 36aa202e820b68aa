//! The standard variables of OpenTelemetry, as far as they decide whether there are traces. The SDK
//! reads them as well, and falls back without a word where it cannot use one.

use super::{Config, Fault};

const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

impl Config {
    /// Whether spans are made and sent: an endpoint is configured, and nothing switches it off.
    pub fn traces_are_on(&self) -> bool {
        let has_endpoint = self.otel_exporter_otlp_endpoint.is_some()
            || self.otel_exporter_otlp_traces_endpoint.is_some();
        let is = |value: &Option<String>, word: &str| {
            value.as_deref().is_some_and(|value| value.eq_ignore_ascii_case(word))
        };
        has_endpoint
            && !is(&self.otel_sdk_disabled, "true")
            && !is(&self.otel_traces_exporter, "none")
    }

    pub(super) fn trace_faults(&self) -> Vec<Fault> {
        if !self.traces_are_on() {
            return Vec::new();
        }
        let fits =
            |value: &Option<String>, good: &dyn Fn(&str) -> bool| value.as_deref().is_none_or(good);
        let is_url = |value: &str| {
            url::Url::parse(value).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        };
        let is_protocol = |value: &str| value == "http/protobuf";
        let is_ratio =
            |value: &str| value.parse().is_ok_and(|ratio: f64| (0.0..=1.0).contains(&ratio));
        let checks = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", fits(&self.otel_exporter_otlp_endpoint, &is_url)),
            (
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                fits(&self.otel_exporter_otlp_traces_endpoint, &is_url),
            ),
            (
                "OTEL_EXPORTER_OTLP_PROTOCOL",
                // The one for traces wins.
                self.otel_exporter_otlp_traces_protocol.is_some()
                    || fits(&self.otel_exporter_otlp_protocol, &is_protocol),
            ),
            (
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
                fits(&self.otel_exporter_otlp_traces_protocol, &is_protocol),
            ),
            ("OTEL_TRACES_EXPORTER", fits(&self.otel_traces_exporter, &|value| value == "otlp")),
            (
                "OTEL_TRACES_SAMPLER",
                fits(&self.otel_traces_sampler, &|value| SAMPLERS.contains(&value)),
            ),
            ("OTEL_TRACES_SAMPLER_ARG", fits(&self.otel_traces_sampler_arg, &is_ratio)),
        ];
        checks
            .into_iter()
            .filter(|(_, fine)| !fine)
            .map(|(name, _)| Fault::unusable(name))
            .collect()
    }
}
