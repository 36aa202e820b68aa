//! `GET /metrics`: what is counted, under which names, and who may see it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::blocks::register;
use crate::service::{Service, Setup};

/// What `/metrics` says: each series, as it is written there, with its value.
pub struct Series(BTreeMap<String, f64>);

impl Series {
    pub async fn of(service: &Service) -> Self {
        let answer = service.nobody().get("/metrics").await;
        let answer = answer.expect(StatusCode::OK);
        let format = "text/plain; version=0.0.4; charset=utf-8";
        assert_eq!(answer.header("content-type"), format);
        let lines = answer.text.lines().filter(|line| !line.starts_with('#'));
        Self(
            lines
                .map(|line| {
                    let (series, value) = line.rsplit_once(' ').expect("a series and its value");
                    (series.to_owned(), value.parse().expect("a number"))
                })
                .collect(),
        )
    }

    #[track_caller]
    pub fn value(&self, series: &str) -> f64 {
        let value = self.0.get(series);
        *value.unwrap_or_else(|| panic!("no {series} in {:#?}", self.0.keys()))
    }

    /// How often a route gave an answer.
    fn answers(&self, method: &str, route: &str, status: u16) -> f64 {
        let series = format!(
            r#"blockyard_http_requests_total{{method="{method}",route="{route}",status="{status}"}}"#
        );
        self.0.get(&series).copied().unwrap_or(0.0)
    }
}

#[tokio::test]
async fn requests_are_counted_by_route_method_and_status() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let id = register(&dan, "b").await;
    for path in ["/blocks/b", &format!("/blocks/{id}"), "/blocks/b/"] {
        dan.get(path).await.expect(StatusCode::OK);
    }
    dan.get("/blocks/missing").await.expect(StatusCode::NOT_FOUND);
    dan.request(Method::HEAD, "/blocks/b").send().await;
    dan.request(Method::PUT, "/blocks/b").send().await;
    let invented = Method::from_bytes(b"INVENTED").expect("a method");
    dan.request(invented, "/blocks/b").send().await;
    for n in 0..3 {
        let path = format!("/nothing/{n}?x=/blocks/b");
        dan.get(&path).await.expect(StatusCode::NOT_FOUND);
    }
    dan.get("/docs/swagger-ui.css").await.expect(StatusCode::OK);
    dan.get("/openapi.json").await.expect(StatusCode::OK);

    let series = Series::of(&service).await;
    for (method, route, status, count) in [
        ("POST", "/blocks", 201, 1.0),
        ("GET", "/blocks/{block}", 200, 3.0),
        ("GET", "/blocks/{block}", 404, 1.0),
        ("HEAD", "/blocks/{block}", 200, 1.0),
        ("PUT", "/blocks/{block}", 405, 1.0),
        ("_OTHER", "/blocks/{block}", 405, 1.0),
        ("GET", "unmatched", 404, 3.0),
        ("GET", "/docs/{_:.*}", 200, 1.0),
        ("GET", "/openapi.json", 200, 1.0),
    ] {
        let counted = series.answers(method, route, status);
        assert_eq!(counted, count, "{method} {route} {status}");
    }
    let (sum, count) = (
        r#"blockyard_http_request_duration_seconds_sum{method="GET",route="/blocks/{block}"}"#,
        r#"blockyard_http_request_duration_seconds_count{method="GET",route="/blocks/{block}"}"#,
    );
    assert_eq!(series.value(count), 4.0);
    assert!(series.value(sum) > 0.0);
    assert_eq!(series.value("blockyard_http_requests_in_flight"), 1.0, "the one that asks");
    for name in series.0.keys() {
        for told in [&*id, "missing", "nothing", "INVENTED", "swagger-ui.css"] {
            assert!(!name.contains(told), "{told} in {name}");
        }
    }
}

#[tokio::test]
async fn every_route_of_the_document_has_its_own_name() {
    let service = Service::start().await;
    let ada = service.admin().await;
    let document = ada.get("/openapi.json").await.expect(StatusCode::OK).body;
    let paths = document["paths"].as_object().expect("paths");
    let mut asked = Vec::new();
    for (path, item) in paths {
        if item["get"].is_object() && path != "/metrics" {
            let mut concrete = String::new();
            for part in path.split_inclusive('/') {
                let slash = if part.ends_with('/') { "/" } else { "" };
                let part = part.trim_end_matches('/');
                concrete += if part.starts_with('{') { "1" } else { part };
                concrete += slash;
            }
            ada.get(&concrete).await;
            asked.push(path);
        }
    }
    assert!(asked.len() > 40, "{}", asked.len());
    let series = Series::of(&service).await;
    for path in asked {
        let name = format!(
            r#"blockyard_http_request_duration_seconds_count{{method="GET",route="{path}"}}"#
        );
        assert!(series.0.contains_key(&name), "nothing is counted of {path}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_counted_and_no_longer_in_flight() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    let token = dan.post("/api-keys", json!({ "name": "k" })).await.id("key");
    let mut owner = service.database.connect().await;
    sqlx::raw_sql("begin; select from blocks for update")
        .execute(&mut owner)
        .await
        .expect("a lock");
    let mut client = TcpStream::connect(service.address).await.expect("a socket");
    let body = r#"{"description":"x"}"#;
    let request = format!(
        "PATCH /blocks/b HTTP/1.1\r\nHost: x\r\nX-API-Key: {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(request.as_bytes()).await.expect("sent");
    until(&service, |series| {
        series.value("blockyard_http_requests_in_flight") == 2.0
            && series.value(r#"blockyard_database_connections{state="in_use"}"#) == 1.0
    })
    .await;
    // Reset: who only closes their side may still wait for the answer.
    client.set_zero_linger().expect("a socket");
    drop(client);
    until(&service, |series| {
        series.answers("PATCH", "/blocks/{block}", 499) == 1.0
            && series.value("blockyard_http_requests_in_flight") == 1.0
            && series.value(r#"blockyard_database_connections{state="in_use"}"#) == 0.0
    })
    .await;
}

async fn until(service: &Service, holds: impl Fn(&Series) -> bool) {
    for _ in 0..500 {
        let series = Series::of(service).await;
        if holds(&series) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never: {:#?}", Series::of(service).await.0);
}

#[tokio::test]
async fn the_pool_and_its_refusals_are_counted() {
    let mut setup = Setup::default();
    setup.config.database_connections = 1;
    setup.config.database_wait_seconds = 1;
    let service = Service::with(setup).await;
    let (dan, vera) = (service.developer().await, service.viewer().await);
    register(&dan, "b").await;
    let mut owner = service.database.connect().await;
    sqlx::raw_sql("begin; select from blocks for update")
        .execute(&mut owner)
        .await
        .expect("a lock");
    let change = dan.patch("/blocks/b", json!({ "description": "x" }));
    let watch = async {
        until(&service, |series| {
            series.value(r#"blockyard_database_connections{state="in_use"}"#) == 1.0
        })
        .await;
        let (read, ()) = tokio::join!(
            vera.get("/blocks/b"),
            until(&service, |series| series.value("blockyard_database_connection_waiters") == 1.0)
        );
        read.refused(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
        sqlx::raw_sql("rollback").execute(&mut owner).await.ok();
    };
    tokio::join!(change, watch);
    let series = Series::of(&service).await;
    let refusals = r#"blockyard_database_connection_refusals_total{reason="exhausted"}"#;
    assert_eq!(series.value(refusals), 1.0);
    assert_eq!(series.value("blockyard_database_connections_max"), 1.0);
    assert_eq!(series.value("blockyard_database_up"), 1.0);
    assert!(series.value("blockyard_database_connections_opened_total") >= 1.0);
    let waits = "blockyard_database_connection_wait_seconds";
    assert!(series.value(&format!("{waits}_sum")) >= 1.0);
    let quick = series.value(&format!(r#"{waits}_bucket{{le="0.5"}}"#));
    assert!(quick < series.value(&format!("{waits}_count")));
}

#[tokio::test]
async fn a_database_that_is_gone_is_seen() {
    let first = Service::start().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = closed.local_addr().expect("an address").port();
    drop(closed);
    let setup = Setup {
        through: Some(first.database.service().host("127.0.0.1").port(port)),
        ..Setup::default()
    };
    let service = Service::on(first.database.clone(), setup);
    let nobody = service.nobody();
    nobody.get("/health/ready").await.refused(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    let series = Series::of(&service).await;
    assert_eq!(series.value("blockyard_database_up"), 0.0);
    let refusals = r#"blockyard_database_connection_refusals_total{reason="unreachable"}"#;
    assert_eq!(series.value(refusals), 1.0);
    nobody.get("/health/live").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn errors_and_lost_races_are_counted() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    dan.post("/blocks", json!({ "name": "b", "block_type": "model" }))
        .await
        .refused(StatusCode::CONFLICT, "name_taken");
    let series = Series::of(&service).await;
    let of_class = |class: &str| format!(r#"blockyard_database_errors_total{{class="{class}"}}"#);
    assert_eq!(series.value(&of_class("23")), 1.0);
    assert_eq!(series.value(&of_class("40")), 0.0);

    let mut owner = service.database.connect().await;
    sqlx::raw_sql(
        "create function public.lose() returns trigger language plpgsql as
             $$ begin raise exception 'lost' using errcode = '40P01'; end $$;
         create trigger lose before insert on public.blocks for each row execute function public.lose()",
    )
    .execute(&mut owner)
    .await
    .expect("a trigger");
    dan.post("/blocks", json!({ "name": "c", "block_type": "model" }))
        .await
        .refused(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    let series = Series::of(&service).await;
    let lost = r#"blockyard_database_lost_races_total{sqlstate="40P01"}"#;
    assert_eq!(series.value(lost), 4.0);
    assert_eq!(series.value("blockyard_database_retries_total"), 3.0);
    assert_eq!(series.value(&of_class("40")), 4.0);
    assert_eq!(series.value("blockyard_database_up"), 1.0);
}

#[tokio::test]
async fn the_metrics_are_for_this_machine_and_who_has_the_token() {
    let token = "a-token-of-some-length";
    let mut setup = Setup::default();
    setup.config.metrics_token = Some(token.to_owned().into());
    let service = Service::with(setup).await;
    let from_elsewhere = |header: &str| {
        let nobody = service.nobody();
        let request = nobody.request(Method::GET, "/metrics");
        request.header(header, "203.0.113.9")
    };
    for header in ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"] {
        let refused = from_elsewhere(header).send().await;
        let refused = refused.refused(StatusCode::UNAUTHORIZED, "unauthorized");
        assert!(refused.text.contains("METRICS_TOKEN"), "{}", refused.text);
        assert!(refused.header("www-authenticate").starts_with("Bearer"));
    }
    for wrong in ["a-token-of-some-lengt", "", "A-TOKEN-OF-SOME-LENGTH"] {
        from_elsewhere("X-Forwarded-For")
            .header("Authorization", format!("Bearer {wrong}"))
            .send()
            .await
            .refused(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    for scheme in ["Bearer", "bearer"] {
        from_elsewhere("X-Forwarded-For")
            .header("Authorization", format!("{scheme} {token}"))
            .send()
            .await
            .expect(StatusCode::OK);
    }
    // A user's token is not this one.
    service
        .admin()
        .await
        .request(Method::GET, "/metrics")
        .header("X-Forwarded-For", "203.0.113.9")
        .send()
        .await
        .refused(StatusCode::UNAUTHORIZED, "unauthorized");

    let without = Service::start().await;
    let refused = without
        .nobody()
        .request(Method::GET, "/metrics")
        .header("X-Forwarded-For", "127.0.0.1")
        .header("Authorization", "Bearer ")
        .send()
        .await
        .refused(StatusCode::FORBIDDEN, "metrics_are_local");
    assert!(refused.text.contains("METRICS_TOKEN"), "{}", refused.text);
}

/// Names of metrics in a query, without what histograms add.
fn names(query: &str) -> Vec<String> {
    let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.starts_with("blockyard_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if ["expr", "query", "definition"].contains(&&**name) => {
                        found.push(text.clone());
                    }
                    _ => queries(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| queries(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_dashboard_and_the_alerts_name_only_what_there_is() {
    let mut setup = Setup::default();
    let store = json!([{ "name": "docs", "kind": "pinecone", "url": "https://localhost" }]);
    setup.config.vector_stores = Some(store.to_string().into());
    let service = Service::with(setup).await;
    service.nobody().get("/").await.expect(StatusCode::OK);
    let series = Series::of(&service).await;
    let there: Vec<&str> =
        series.0.keys().map(|series| series.split('{').next().unwrap_or(series)).collect();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let dashboard = fs::read_to_string(docs.join("grafana/blockyard.json")).expect("a dashboard");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("JSON");
    let mut asked = Vec::new();
    queries(&dashboard, &mut asked);
    let panels = dashboard["panels"].as_array().expect("panels");
    let with_query = panels.iter().filter(|panel| panel["type"] != "row").count();
    assert!(asked.len() >= with_query && with_query > 10);
    for panel in panels {
        if panel["type"] != "row" {
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
        }
    }
    let alerts = fs::read_to_string(docs.join("prometheus/alerts.yml")).expect("alerts");
    let rules = alerts.lines().map(str::trim);
    let rules: Vec<_> = rules.filter(|line| line.starts_with("expr:")).collect();
    assert!(rules.len() >= 8, "{rules:?}");
    asked.extend(rules.into_iter().map(str::to_owned));
    let mut named = 0;
    for query in &asked {
        for name in names(query) {
            named += 1;
            assert!(there.contains(&&*name), "no {name}, asked by {query}");
        }
    }
    assert!(named >= asked.len() - 2, "queries without a metric: {asked:#?}");

    // And the other way round: what is published is shown or watched.
    let shown = asked.join(" ");
    for name in there {
        let name =
            name.trim_end_matches("_bucket").trim_end_matches("_sum").trim_end_matches("_count");
        let is_ours = name.starts_with("blockyard_");
        assert!(!is_ours || shown.contains(name), "{name} is shown nowhere");
    }
}
