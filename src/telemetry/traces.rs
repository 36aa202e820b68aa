//! Traces, for OpenTelemetry: a span for each request and one for its work in the database, sent by
//! OTLP to where the standard variables say. Without an endpoint there are none, and they cost
//! nothing.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::USER_AGENT;
use actix_web::http::{StatusCode, Version};
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer, TracerProvider,
};
use opentelemetry::{Context, Key, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use opentelemetry_semantic_conventions::attribute as name;
use uuid::Uuid;

use super::http_metrics::method_name;
use crate::config::Config;

/// How long the end of the program waits for the last spans to be taken.
const LAST_EXPORT: Duration = Duration::from_secs(3);

pub(super) static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Sends the last spans when it is dropped.
pub(super) struct Traces(SdkTracerProvider);

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST_EXPORT) {
            tracing::warn!(%error, "the last spans may not have been sent");
        }
    }
}

/// Begins to trace, if an endpoint is configured. What the SDK cannot use is a warning: nobody's
/// request depends on it.
pub(super) fn start(config: &Config) -> Option<Traces> {
    if !config.traces_are_on() {
        return None;
    }
    // For an endpoint with TLS; an error says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Endpoint, headers and timeout are the variables' own, which the SDK reads; but no files.
    let exporter =
        opentelemetry_otlp::SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
    let exporter =
        match (&config.otel_exporter_otlp_headers_file, &config.otel_exporter_otlp_headers) {
            (Some(_), Some(text)) => exporter.with_headers(headers(text)),
            _ => exporter,
        };
    let to = match exporter.build() {
        Ok(exporter) => exporter,
        Err(error) => {
            tracing::warn!(%error, "no traces are sent: OTEL_EXPORTER_OTLP_… cannot be used");
            return None;
        }
    };
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(Exporter { to, fails: AtomicBool::new(false) })
        .with_resource(resource())
        .build();
    TRACER.set(provider.tracer("blockyard")).ok();
    Some(Traces(provider))
}

/// `name=value,name=value`, percent-encoded, as the SDK reads its variable.
fn headers(text: &str) -> HashMap<String, String> {
    let decoded = |part: &str| {
        percent_encoding::percent_decode_str(part.trim()).decode_utf8_lossy().into_owned()
    };
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), decoded(value))).collect()
}

/// What the variables say of this service, and what it is called if they do not.
fn resource() -> Resource {
    let detected = Resource::builder().build();
    let is_named = detected
        .get(&Key::from_static_str(name::SERVICE_NAME))
        .is_some_and(|given| !given.as_str().starts_with("unknown_service"));
    let mut resource = Resource::builder();
    if !is_named {
        resource = resource.with_service_name("blockyard");
    }
    if detected.get(&Key::from_static_str(name::SERVICE_VERSION)).is_none() {
        let version = env!("CARGO_PKG_VERSION");
        resource = resource.with_attribute(KeyValue::new(name::SERVICE_VERSION, version));
    }
    resource.build()
}

/// An exporter that says once that it fails, and once that it works again.
#[derive(Debug)]
struct Exporter {
    to: opentelemetry_otlp::SpanExporter,
    fails: AtomicBool,
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        match self.to.export(batch).await {
            Ok(()) => {
                if self.fails.swap(false, Ordering::Relaxed) {
                    tracing::info!("traces are sent again");
                }
            }
            Err(error) => {
                if !self.fails.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "traces cannot be sent; going on without (OTEL_EXPORTER_OTLP_ENDPOINT)");
                }
            }
        }
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.to.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.to.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.to.set_resource(resource);
    }
}

/// The trace that a request belongs to: its header `traceparent`,
/// <https://www.w3.org/TR/trace-context/#traceparent-header>. The SDK's own reader takes shorter
/// ids and signs as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    pub trace: TraceId,
    parent: SpanId,
    flags: TraceFlags,
}

impl TraceParent {
    /// `None` where it is missing or not what the standard asks for.
    pub fn of(request: &ServiceRequest) -> Option<Self> {
        let mut given = request.headers().get_all("traceparent");
        let one = given.next()?;
        if given.next().is_some() {
            return None;
        }
        Self::parse(one.to_str().ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let is_hex = |part: &str, length: usize| {
            part.len() == length
                && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let mut parts = text.split('-');
        let (version, trace, parent, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let fits = is_hex(version, 2)
            && is_hex(trace, 32)
            && is_hex(parent, 16)
            && is_hex(flags, 2)
            && version != "ff"
            // Later versions may say more; this one does not.
            && (version != "00" || parts.next().is_none());
        if !fits {
            return None;
        }
        let read = Self {
            trace: TraceId::from_hex(trace).ok()?,
            parent: SpanId::from_hex(parent).ok()?,
            flags: TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED,
        };
        (read.trace != TraceId::INVALID && read.parent != SpanId::INVALID).then_some(read)
    }

    /// For spans below it.
    fn context(self, state: TraceState) -> Context {
        let parent = SpanContext::new(self.trace, self.parent, self.flags, true, state);
        Context::new().with_remote_span_context(parent)
    }
}

/// The span of a request, if there are traces.
#[derive(Clone, Default)]
pub struct RequestSpan {
    pub(super) context: Option<Context>,
    method: &'static str,
}

impl RequestSpan {
    /// Begins it, within the trace that the request says.
    pub fn begin(request: &ServiceRequest, within: Option<TraceParent>) -> Self {
        let Some(tracer) = TRACER.get() else {
            return Self::default();
        };
        let method = method_name(request.method());
        let mut attributes = vec![
            KeyValue::new(name::HTTP_REQUEST_METHOD, method),
            KeyValue::new(name::URL_PATH, request.path().to_owned()),
            KeyValue::new(name::URL_SCHEME, "http"),
            KeyValue::new(name::NETWORK_PROTOCOL_VERSION, protocol(request.version())),
        ];
        if let Some(peer) = request.peer_addr() {
            let address = peer.ip().to_string();
            attributes.push(KeyValue::new(name::NETWORK_PEER_ADDRESS, address));
        }
        let agent = request.headers().get(USER_AGENT);
        if let Some(agent) = agent.and_then(|agent| agent.to_str().ok()) {
            attributes.push(KeyValue::new(name::USER_AGENT_ORIGINAL, agent.to_owned()));
        }
        let parent =
            within.map_or_else(Context::new, |within| within.context(trace_state(request)));
        let span = tracer
            .span_builder(method)
            .with_kind(SpanKind::Server)
            .with_attributes(attributes)
            .start_with_context(tracer, &parent);
        Self { context: Some(parent.with_span(span)), method }
    }

    /// What is done for a request after its answer: a span in the trace that it has named.
    pub(super) fn continued(name: &'static str, within: Option<&str>, run: Uuid) -> Self {
        let Some(tracer) = TRACER.get() else {
            return Self::default();
        };
        let within = within.and_then(TraceParent::parse);
        let parent =
            within.map_or_else(Context::new, |within| within.context(TraceState::default()));
        let span = tracer
            .span_builder(name)
            .with_kind(SpanKind::Consumer)
            .with_attributes([KeyValue::new("blockyard.run_id", run.to_string())])
            .start_with_context(tracer, &parent);
        Self { context: Some(parent.with_span(span)), method: "" }
    }

    /// One below it, of a client.
    pub(super) fn below(&self, name: &'static str) -> Option<opentelemetry_sdk::trace::Span> {
        let (tracer, parent) = (TRACER.get()?, self.context.as_ref()?);
        let span = tracer.span_builder(name).with_kind(SpanKind::Client);
        Some(span.start_with_context(tracer, parent))
    }

    pub(super) fn close(&self) {
        if let Some(context) = &self.context {
            context.span().end();
        }
    }

    /// As the header that hands it on.
    pub(super) fn traceparent(&self) -> Option<String> {
        let span = self.context.as_ref()?.span().span_context().clone();
        Some(format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags()))
    }

    /// The trace that it is in.
    pub fn trace(&self) -> Option<TraceId> {
        let context = self.context.as_ref()?;
        Some(context.span().span_context().trace_id())
    }

    /// The answer is made.
    pub fn end(&self, id: &str, route: Option<&str>, status: StatusCode) {
        let Some(context) = &self.context else {
            return;
        };
        let span = context.span();
        if let Some(route) = route {
            span.update_name(format!("{} {route}", self.method));
            span.set_attribute(KeyValue::new(name::HTTP_ROUTE, route.to_owned()));
        }
        let code = i64::from(status.as_u16());
        span.set_attribute(KeyValue::new(name::HTTP_RESPONSE_STATUS_CODE, code));
        span.set_attribute(KeyValue::new("blockyard.request_id", id.to_owned()));
        // What a client does wrong is no error of the server's span.
        if status.is_server_error() {
            span.set_attribute(KeyValue::new(name::ERROR_TYPE, code.to_string()));
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

fn trace_state(request: &ServiceRequest) -> TraceState {
    let header = request.headers().get("tracestate");
    header.and_then(|state| state.to_str().ok()?.parse().ok()).unwrap_or_default()
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_as_the_standard_says() {
        let read = TraceParent::parse(FINE).expect("a trace");
        assert_eq!(read.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(read.parent.to_string(), "00f067aa0ba902b7");
        assert!(read.flags.is_sampled());
        for (flags, sampled) in [("00", false), ("03", true), ("fe", false), ("ff", true)] {
            let text = format!("{}{flags}", &FINE[..FINE.len() - 2]);
            let read = TraceParent::parse(&text).expect("a trace");
            assert_eq!(read.flags.is_sampled(), sampled, "{text}");
        }
        let later = format!("01{}-more", &FINE[2..]);
        assert!(TraceParent::parse(&later).is_some());
    }

    #[test]
    fn what_is_no_traceparent_counts_for_nothing() {
        let zeros = "00000000000000000000000000000000";
        for text in [
            String::new(),
            "-".repeat(55),
            FINE.to_uppercase(),
            format!("ff{}", &FINE[2..]),
            format!("0{FINE}"),
            format!("{FINE}-more"),
            format!("{FINE}-"),
            format!(" {FINE}"),
            FINE[..FINE.len() - 1].to_owned(),
            FINE.replace("4bf92f3577b34da6a3ce929d0e0e4736", zeros),
            FINE.replace("00f067aa0ba902b7", &zeros[..16]),
            FINE.replace("4bf9", "+bf9"),
            FINE.replace("4bf9", "bf9"),
            FINE.replace("4bf9", "4bg9"),
            FINE.replace('-', "_"),
            FINE.replace("4bf9", "4b\u{e9}9"),
        ] {
            assert_eq!(TraceParent::parse(&text), None, "{text}");
        }
    }
}
