//! Runs recorded by hand: reports come twice, late and in any order.

use futures_util::future::join_all;
use rand::seq::SliceRandom;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::pipelines::{chain, chain_body};
use crate::service::{Person, Service};

async fn start(person: &Person<'_>) -> String {
    let run = person.post("/pipelines/p/runs", json!({})).await.expect(StatusCode::CREATED);
    run.header("location").to_owned()
}

#[tokio::test]
async fn a_run_goes_forward_only() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let path = start(&dan).await;
    let queued = dan.get(&path).await.expect(StatusCode::OK);
    let again = dan.patch(&path, json!({ "status": "queued" })).await.expect(StatusCode::OK);
    assert_eq!((again.etag(), &again.body), (queued.etag(), &queued.body));
    let started = json!({ "status": "started", "started_at": "2026-11-22T10:00:00Z" });
    let begun = dan.patch(&path, started.clone()).await.expect(StatusCode::OK);
    assert_ne!(begun.etag(), queued.etag());
    let again = dan
        .patch(&path, json!({ "status": "started", "started_at": "2026-11-22T11:00:00Z" }))
        .await;
    assert_eq!(
        (again.etag(), &again.body["started_at"]),
        (begun.etag(), &json!("2026-11-22T10:00:00.000000Z"))
    );
    let success = json!({ "status": "success", "ended_at": "2026-11-22T10:00:30Z" });
    let stale = dan.request(Method::PATCH, &path).header("If-Match", queued.etag());
    stale.json(success.clone()).send().await.refused(StatusCode::PRECONDITION_FAILED, "stale");
    let ended = dan.patch(&path, success.clone()).await.expect(StatusCode::OK);
    for late in [success, started, json!({ "status": "queued" })] {
        let late = dan.patch(&path, late).await.expect(StatusCode::OK);
        assert_eq!((late.etag(), &late.body), (ended.etag(), &ended.body));
    }
    for outcome in ["failure", "canceled"] {
        dan.patch(&path, json!({ "status": outcome }))
            .await
            .refused(StatusCode::CONFLICT, "wrong_step");
    }
    let pipeline = dan.get("/pipelines/p").await;
    assert_eq!(
        (&pipeline.body["times_run"], &pipeline.body["average_runtime"]),
        (&json!(1), &json!(30.0))
    );
    let actions = service.admin().await.get("/audit-logs?entity_type=pipeline_run").await;
    assert_eq!(actions.items("action_type"), ["UPDATE", "UPDATE", "CREATE"]);
}

#[tokio::test]
async fn a_beginning_that_comes_after_the_end_is_filled_in_once() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let path = start(&dan).await;
    let ended = json!({ "status": "success", "ended_at": "2026-11-22T10:00:30Z" });
    dan.patch(&path, ended).await.expect(StatusCode::OK);
    let figures = || async {
        let pipeline = dan.get("/pipelines/p").await;
        (pipeline.body["times_run"].clone(), pipeline.body["average_runtime"].clone())
    };
    assert_eq!(figures().await, (json!(1), Value::Null), "how long it took is not known");
    for (started_at, seconds) in [
        ("2026-11-22T10:00:31Z", Value::Null),
        ("2026-11-22T10:00:20Z", json!(10.0)),
        ("2026-11-22T10:00:00Z", json!(10.0)),
    ] {
        let late = dan
            .patch(&path, json!({ "status": "started", "started_at": started_at }))
            .await
            .expect(StatusCode::OK);
        assert_eq!(late.body["status"], "success");
        assert_eq!(figures().await, (json!(1), seconds));
    }
    // One that was canceled before it began was no run.
    let path = start(&dan).await;
    dan.patch(&path, json!({ "status": "canceled" })).await.expect(StatusCode::OK);
    assert_eq!(figures().await, (json!(1), json!(10.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_outcomes_said_twice_in_any_order_count_once_each() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let mut reports = Vec::new();
    let mut total = 0.0;
    for n in 0..60_u32 {
        let path = start(&dan).await;
        let seconds = f64::from(n * n % 97) + f64::from(n) / 8.0;
        total += seconds;
        let started = "2026-11-22T10:00:00Z";
        let ended = chrono::DateTime::parse_from_rfc3339(started).expect("a time")
            + chrono::Duration::microseconds((seconds * 1e6) as i64);
        let started = json!({ "status": "started", "started_at": started });
        let ended = json!({ "status": "success", "ended_at": ended.to_rfc3339() });
        for _ in 0..2 {
            reports.push((path.clone(), started.clone()));
            reports.push((path.clone(), ended.clone()));
        }
    }
    reports.shuffle(&mut rand::rng());
    let senders = reports.chunks(reports.len().div_ceil(8)).map(|reports| {
        let dan = dan.clone();
        async move {
            for (path, report) in reports {
                dan.patch(path, report.clone()).await.expect(StatusCode::OK);
            }
        }
    });
    join_all(senders).await;
    let pipeline = dan.get("/pipelines/p").await;
    assert_eq!(pipeline.body["times_run"], 60);
    let average = pipeline.body["average_runtime"].as_f64().expect("a number");
    assert!((average - total / 60.0).abs() < 1e-9, "{average} is not {}", total / 60.0);
}

#[tokio::test]
async fn a_report_is_checked_and_a_run_is_for_those_who_write() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let path = start(&dan).await;
    for (body, pointer) in [
        (json!({}), "/status"),
        (json!({ "status": "done" }), "/status"),
        (json!({ "status": "started", "ended_at": "2026-11-22T10:00:00Z" }), "/ended_at"),
        (json!({ "status": "queued", "started_at": "2026-11-22T10:00:00Z" }), "/started_at"),
        (
            json!({ "status": "success", "started_at": "2026-11-22T10:00:01Z", "ended_at": "2026-11-22T10:00:00Z" }),
            "/ended_at",
        ),
        (json!({ "status": "success", "started_at": "yesterday" }), "/started_at"),
        (json!({ "status": "success", "lock_digest": "x" }), "/lock_digest"),
        // Only the database knows what time it is.
        (json!({ "status": "success", "started_at": "9999-01-01T00:00:00Z" }), "/started_at"),
    ] {
        let refused = dan
            .patch(&path, body.clone())
            .await
            .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(refused.pointers(), [pointer], "{body}");
    }
    let vera = service.viewer().await;
    vera.get(&path).await.expect(StatusCode::OK);
    vera.patch(&path, json!({ "status": "started" }))
        .await
        .refused(StatusCode::FORBIDDEN, "forbidden");
    vera.post("/pipelines/p/runs", json!({})).await.refused(StatusCode::FORBIDDEN, "forbidden");
    for path in ["/runs/nothing", "/runs/0198aa00-0000-7000-8000-000000000000"] {
        dan.get(path).await.refused(StatusCode::NOT_FOUND, "not_found");
        dan.patch(path, json!({ "status": "started" }))
            .await
            .refused(StatusCode::NOT_FOUND, "not_found");
    }
    dan.request(Method::DELETE, &path)
        .send()
        .await
        .refused(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
}

#[tokio::test]
async fn runs_are_listed_newest_first() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    dan.post("/pipelines", chain_body("q")).await.expect(StatusCode::CREATED);
    let first = start(&dan).await;
    dan.patch(&first, json!({ "status": "failure" })).await.expect(StatusCode::OK);
    let other = dan.post("/pipelines/q/runs", json!({})).await.expect(StatusCode::CREATED);
    start(&dan).await;
    let digest = other.body["lock_digest"].as_str().expect("a digest");
    let time = other.body["created_at"].as_str().expect("a time").replace('+', "%2B");
    for (query, statuses) in [
        ("/runs", vec!["queued", "queued", "failure"]),
        ("/runs?status=failure", vec!["failure"]),
        ("/runs?pipeline=Q", vec!["queued"]),
        ("/runs?pipeline=nothing", vec![]),
        ("/pipelines/p/runs", vec!["queued", "failure"]),
        ("/pipelines/p/runs?status=queued", vec!["queued"]),
        (&format!("/runs?lock_digest={digest}"), vec!["queued"]),
        (&format!("/runs?created_before={time}"), vec!["failure"]),
        (&format!("/runs?created_after={time}"), vec!["queued", "queued"]),
    ] {
        let page = dan.get(query).await.expect(StatusCode::OK);
        assert_eq!(page.items("status"), statuses, "{query}");
    }
    let page = dan.get("/runs?limit=2").await;
    let cursor = page.body["next_cursor"].as_str().expect("a cursor");
    let rest = dan.get(&format!("/runs?limit=2&cursor={cursor}")).await;
    assert_eq!(rest.items("status"), ["failure"]);
    for query in ["status=done", "cursor=x", "limit=0", "colour=red"] {
        dan.get(&format!("/runs?{query}")).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    }
}
