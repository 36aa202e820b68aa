//! Traces: what a collector gets, and that nothing depends on one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;

use super::running::{Running, on};
use super::support::Database;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// What was sent to a collector: the headers, and the spans.
struct Export {
    head: String,
    body: ExportTraceServiceRequest,
}

/// A collector that takes what comes.
struct Collector {
    endpoint: String,
    exports: mpsc::Receiver<Export>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (sender, exports) = mpsc::channel();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let sender = sender.clone();
                std::thread::spawn(move || take(&client, &sender));
            }
        });
        Self { endpoint, exports }
    }

    /// Everything that came until now.
    fn exports(&self) -> Vec<Export> {
        self.exports.try_iter().collect()
    }
}

fn take(mut client: &TcpStream, exports: &mpsc::Sender<Export>) -> Option<()> {
    let mut reader = BufReader::new(client);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let head = head.to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        let mut body = vec![0; length.trim().parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        let body = ExportTraceServiceRequest::decode(&*body).ok()?;
        exports.send(Export { head, body }).ok()?;
        client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()?;
    }
}

fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    Some(match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn spans(exports: &[Export]) -> Vec<&Span> {
    exports
        .iter()
        .flat_map(|export| &export.body.resource_spans)
        .flat_map(|resource| &resource.scope_spans)
        .flat_map(|scope| &scope.spans)
        .collect()
}

#[tokio::test]
async fn a_request_is_a_span_with_its_work_in_the_database_below() {
    let database = Database::new().await;
    let collector = Collector::start();
    let program = on(&database)
        .with(ENDPOINT, &*collector.endpoint)
        .with("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=k-1")
        .with("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test");
    let running = Running::start(program).await;
    let token = running.login().await;
    let token = token["access_token"].as_str().unwrap();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let post = |header: &'static str, value: String| {
        running
            .http
            .post(running.url("/blocks"))
            .bearer_auth(token)
            .header(header, value)
            .json(&json!({ "name": "b", "block_type": "model" }))
            .send()
    };
    let created = post("traceparent", format!("00-{trace}-00f067aa0ba902b7-01")).await.unwrap();
    assert_eq!(created.headers()["x-request-id"], trace);
    let refused = post("X-Request-Id", "mine".to_owned()).await.unwrap();
    assert_eq!(refused.status(), 409);
    // Not sampled by whoever began the trace, so not by us.
    let not_sampled = "11112222333344445555666677778888";
    post("traceparent", format!("00-{not_sampled}-00f067aa0ba902b7-00")).await.unwrap();
    let fresh = running.http.get(running.url("/nothing?secret=1")).send();
    let fresh = fresh.await.unwrap();
    let fresh_id = fresh.headers()["x-request-id"].to_str().unwrap().to_owned();
    let (_, _program) = running.stop();

    let exports = collector.exports();
    let head = &exports[0].head;
    assert!(head.starts_with("post /v1/traces "), "{head}");
    assert!(head.contains("content-type: application/x-protobuf"), "{head}");
    assert!(head.contains("x-collector-key: k-1"), "{head}");
    let resource = exports[0].body.resource_spans[0].resource.as_ref().unwrap();
    for (name, value) in [
        ("service.name", "blockyard"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("deployment.environment.name", "test"),
    ] {
        assert_eq!(attribute(&resource.attributes, name).as_deref(), Some(value));
    }

    let spans = spans(&exports);
    let find = |what: &str, fits: &dyn Fn(&Span) -> bool| {
        let mut found = spans.iter().filter(|span| fits(span));
        let one = found.next().unwrap_or_else(|| panic!("no span of {what}: {spans:#?}"));
        assert!(found.next().is_none(), "two spans of {what}");
        *one
    };
    let server =
        find("the request", &|span| hex(&span.trace_id) == trace && span.name == "POST /blocks");
    assert_eq!(hex(&server.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(server.kind, 2, "server");
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/blocks"),
        ("url.path", "/blocks"),
        ("url.scheme", "http"),
        ("http.response.status_code", "201"),
        ("network.peer.address", "127.0.0.1"),
        ("blockyard.request_id", trace),
    ] {
        assert_eq!(attribute(&server.attributes, name).as_deref(), Some(value), "{name}");
    }
    let statement = find("its statement", &|span| span.parent_span_id == server.span_id);
    assert_eq!(statement.trace_id, server.trace_id);
    assert_eq!(statement.kind, 3, "client");
    assert_eq!(attribute(&statement.attributes, "db.system.name").as_deref(), Some("postgresql"));
    assert_eq!(attribute(&statement.attributes, "db.namespace").as_deref(), Some(database.name()));
    assert!(statement.start_time_unix_nano >= server.start_time_unix_nano);
    assert!(statement.end_time_unix_nano <= server.end_time_unix_nano);

    let refused = find("the refused request", &|span| {
        attribute(&span.attributes, "blockyard.request_id").as_deref() == Some("mine")
    });
    assert_eq!(refused.status.as_ref().map_or(0, |status| status.code), 0);
    let failed = find("its statement", &|span| span.parent_span_id == refused.span_id);
    assert_eq!(attribute(&failed.attributes, "db.response.status_code").as_deref(), Some("23505"));
    assert_eq!(failed.status.as_ref().map(|status| status.code), Some(2));

    let fresh = find("what has no route", &|span| hex(&span.trace_id) == fresh_id);
    assert_eq!(fresh.name, "GET");
    assert!(fresh.parent_span_id.is_empty());
    assert!(spans.iter().all(|span| hex(&span.trace_id) != not_sampled));
    let everything = format!("{exports:?}", exports = spans);
    for secret in ["secret=1", token, super::running::PASSWORD] {
        assert!(!everything.contains(secret), "{secret}");
    }
}

/// A Dagster that has launched whatever it is asked, and how often it was asked to end a run.
fn launching_dagster() -> (String, Arc<AtomicUsize>) {
    let asked_to_end = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked_to_end);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut reader = BufReader::new(client.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
            let length = head.to_lowercase();
            let length = length.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.and_then(|text| text.trim().parse().ok()).unwrap_or(0)];
            let done = reader.read_exact(&mut body).and_then(|()| {
                if String::from_utf8_lossy(&body).contains("terminateRun") {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                let answer = json!({ "data": { "launchRun": { "__typename": "LaunchRunSuccess", "run": { "runId": "r-1" } } } });
                let answer = answer.to_string();
                let length = answer.len();
                write!(client, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{answer}")
            });
            drop(done);
        }
    });
    (url, asked_to_end)
}

#[tokio::test]
async fn what_dagster_is_asked_is_in_the_trace_of_the_request_that_wanted_it() {
    let database = Database::new().await;
    let collector = Collector::start();
    let (dagster, asked_to_end) = launching_dagster();
    let program = on(&database).with(ENDPOINT, &*collector.endpoint).with("DAGSTER_URL", dagster);
    let running = Running::start(program).await;
    let token = running.login().await;
    let token = token["access_token"].as_str().unwrap();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let post = async |path: &str, body: serde_json::Value| -> serde_json::Value {
        let request = running.http.post(running.url(path)).bearer_auth(token);
        let request = request.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
        request.json(&body).send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    };
    post("/blocks", json!({ "name": "b", "block_type": "model" })).await;
    post("/pipelines", json!({ "name": "p", "blocks": [{ "block_id": "b" }] })).await;
    let run = post("/pipelines/p/runs", json!({})).await;
    let path = format!("/runs/{}", run["run_id"].as_str().unwrap());
    let begun = Instant::now();
    loop {
        let request = running.http.get(running.url(&path)).bearer_auth(token);
        let seen: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
        if seen["dagster_run_id"] == "r-1" {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{seen}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    post(&format!("{path}/cancel"), json!({})).await;
    // When it is asked once more, the first time is over.
    while asked_to_end.load(Ordering::Relaxed) < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody asked it to end the run twice");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (_, _program) = running.stop();

    let exports = collector.exports();
    let spans = spans(&exports);
    for (work, route) in
        [("launch", "POST /pipelines/{pipeline}/runs"), ("cancel", "POST /runs/{run_id}/cancel")]
    {
        let request = spans.iter().find(|span| span.name == route).unwrap();
        assert_eq!(hex(&request.trace_id), trace);
        let done = spans.iter().find(|span| span.name == work).unwrap();
        assert_eq!(hex(&done.trace_id), trace);
        assert_eq!(done.parent_span_id, request.span_id);
        let id = attribute(&done.attributes, "blockyard.run_id");
        assert_eq!(id.as_deref(), run["run_id"].as_str());
        let below: Vec<_> =
            spans.iter().filter(|span| span.parent_span_id == done.span_id).collect();
        let names: Vec<&str> = below.iter().map(|span| span.name.as_str()).collect();
        assert!(names.contains(&"postgresql") && names.contains(&"dagster"), "{work}: {names:?}");
    }
    assert_eq!(spans.iter().filter(|span| span.name == "launch").count(), 1);
}

#[tokio::test]
async fn a_collector_that_is_not_there_is_one_warning_and_no_wait() {
    let database = Database::new().await;
    // One that refuses connections, and one that takes them and never answers.
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = refusing.local_addr().unwrap();
    drop(refusing);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for address in [refused, silent.local_addr().unwrap()] {
        let program = on(&database)
            .with(ENDPOINT, format!("http://{address}"))
            .with("OTEL_BSP_SCHEDULE_DELAY", "50")
            .with("OTEL_EXPORTER_OTLP_TIMEOUT", "500");
        let running = Running::start(program).await;
        for _ in 0..20 {
            assert_eq!(running.get("/health/ready").await, 200);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Longer than one attempt takes.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let begun = Instant::now();
        let (said, _) = running.stop();
        assert!(begun.elapsed() < Duration::from_secs(30));
        let warnings = said.output.matches("traces cannot be sent").count();
        assert_eq!(warnings, 1, "{}", said.output);
        assert!(said.output.contains(" stopped"), "{}", said.output);
    }
}

#[tokio::test]
async fn without_an_endpoint_or_when_switched_off_nothing_is_sent() {
    let database = Database::new().await;
    let collector = Collector::start();
    for (variable, value) in [
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
    ] {
        let program = on(&database).with(ENDPOINT, &*collector.endpoint).with(variable, value);
        let running = Running::start(program).await;
        assert_eq!(running.get("/health/ready").await, 200);
        running.stop();
        assert!(collector.exports().is_empty(), "{variable}={value}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let program = super::Program::new().with(ENDPOINT, "http://127.0.0.1:4318");
    for (variable, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ("OTEL_TRACES_EXPORTER", "jaeger"),
    ] {
        let mut command = program.command(&["health"]);
        let output = command.env(variable, value).output().unwrap();
        super::Outcome::of(output).refuses(&[variable]);
    }
    super::Program::new()
        .with("METRICS_TOKEN", "short")
        .run(&["health"])
        .refuses(&["METRICS_TOKEN", "16"]);
}
