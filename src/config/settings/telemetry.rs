//! What is told of the service to those who watch it.

use crate::config::setting::{Group, secret, setting};

pub(super) const GROUP: Group = Group {
    title: "Metrics and traces",
    settings: &[
        secret(
            "METRICS_TOKEN",
            "",
            "at least 16 characters (`openssl rand -hex 24` makes them)",
            "Who sends it as Bearer may read GET /metrics. Without it only this machine may.",
        ),
        setting(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "",
            "an http or https URL",
            "Where traces are sent, by OTLP over HTTP; `/v1/traces` is added. Without an endpoint there are none. All OTEL_… variables are OpenTelemetry's own; its SDK reads them.",
        ),
        setting(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "",
            "an http or https URL",
            "The same for traces alone; nothing is added.",
        ),
        secret(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "",
            "a list such as name=value,name=value",
            "Headers that go along, such as an API key.",
        ),
        setting(
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "http/protobuf",
            "http/protobuf",
            "How traces are sent.",
        ),
        setting(
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "http/protobuf",
            "The same for traces alone.",
        ),
        setting("OTEL_SERVICE_NAME", "blockyard", "a text", "What traces call the service."),
        setting(
            "OTEL_RESOURCE_ATTRIBUTES",
            "",
            "a list such as name=value,name=value",
            "What else traces say of it, such as deployment.environment.name=production.",
        ),
        setting(
            "OTEL_TRACES_SAMPLER",
            "parentbased_always_on",
            "always_on, always_off, traceidratio, or one of them after parentbased_",
            "Which requests are traced.",
        ),
        setting(
            "OTEL_TRACES_SAMPLER_ARG",
            "1.0",
            "a number from 0 to 1",
            "The share of requests, for traceidratio.",
        ),
        setting("OTEL_TRACES_EXPORTER", "otlp", "otlp or none", "none switches traces off."),
        setting("OTEL_SDK_DISABLED", "false", "true or false", "true switches traces off."),
    ],
};
