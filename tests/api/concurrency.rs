//! Many at once: no version lost, none twice, no answer given to two.

use std::time::Duration;

use futures_util::future::{join, join_all};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::blocks::register;
use crate::service::{Answer, Service};

#[tokio::test]
async fn two_hundred_changes_at_once_make_two_hundred_versions() {
    let service = Service::start().await;
    let (dan, ada) = (service.developer().await, service.admin().await);
    let path = format!("/blocks/{}", register(&dan, "b").await);
    let changes = (0..200).map(|n| {
        let (dan, path) = (dan.clone(), path.clone());
        async move { dan.patch(&path, json!({ "metadata": { "n": n } })).await }
    });
    for answer in join_all(changes).await {
        answer.expect(StatusCode::OK);
    }
    let mut owner = service.database.connect().await;
    let (numbers, active, distinct): (Vec<i32>, i64, i64) = sqlx::query_as(
        "select array_agg(version_number order by version_number), count(*) filter (where is_active), count(distinct metadata)
         from block_versions",
    )
    .fetch_one(&mut owner)
    .await
    .expect("versions");
    assert_eq!(numbers, (1..=201).collect::<Vec<_>>());
    assert_eq!((active, distinct), (1, 201));
    let block = dan.get(&path).await.expect(StatusCode::OK);
    assert_eq!(block.body["version_number"], 201);
    let rows: i64 =
        sqlx::query_scalar("select count(*) from audit_logs where entity_type = 'metadata'")
            .fetch_one(&mut owner)
            .await
            .expect("a count");
    assert_eq!(rows, 201);
    let page = ada.get("/audit-logs?entity_type=metadata&limit=200").await.expect(StatusCode::OK);
    assert!(page.body["next_cursor"].is_string());
}

#[tokio::test]
async fn of_fifty_with_one_revision_one_succeeds() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let path = format!("/blocks/{}", register(&dan, "b").await);
    let etag = dan.get(&path).await.etag().to_owned();
    let changes = (0..50).map(|n| {
        let request = dan.request(Method::PATCH, &path).header("If-Match", &etag);
        request.json(json!({ "metadata": { "n": n } })).send()
    });
    let answers = join_all(changes).await;
    let (won, lost): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == StatusCode::OK);
    assert_eq!((won.len(), lost.len()), (1, 49));
    for answer in lost {
        answer.refused(StatusCode::PRECONDITION_FAILED, "stale");
    }
    assert_eq!(dan.get(&path).await.body["version_number"], 2);
}

#[tokio::test]
async fn one_idempotency_key_makes_one_change() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let path = format!("/blocks/{}", register(&dan, "b").await);
    let repeats = (0..50).map(|_| {
        let request = dan.request(Method::PATCH, &path).header("Idempotency-Key", "once");
        request.json(json!({ "metadata": { "n": 1 } })).send()
    });
    let answers = join_all(repeats).await;
    for answer in &answers {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.text, answers[0].text);
        assert_eq!(answer.etag(), answers[0].etag());
    }
    let replayed =
        answers.iter().filter(|answer| answer.headers.contains_key("idempotency-replayed"));
    assert_eq!(replayed.count(), 49);
    assert_eq!(dan.get(&path).await.body["version_number"], 2);

    // Another body, another target: not the same request.
    let other = dan
        .request(Method::PATCH, &path)
        .header("Idempotency-Key", "once")
        .json(json!({ "metadata": { "n": 2 } }));
    other.send().await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    // Another caller's key is another key.
    let dora = service.colleague().await;
    let hers = dora
        .request(Method::PATCH, &path)
        .header("Idempotency-Key", "once")
        .json(json!({ "metadata": { "n": 2 } }));
    assert_eq!(hers.send().await.expect(StatusCode::OK).body["version_number"], 3);
}

#[tokio::test]
async fn a_refusal_leaves_its_key_free() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "taken").await;
    let create = |name: &str| {
        let request = dan.request(Method::POST, "/blocks").header("Idempotency-Key", "k1");
        request.json(json!({ "name": name, "block_type": "model" })).send()
    };
    create("taken").await.refused(StatusCode::CONFLICT, "name_taken");
    let created = create("free").await.expect(StatusCode::CREATED);
    let again = create("free").await.expect(StatusCode::CREATED);
    assert_eq!(again.text, created.text);
    assert_eq!(again.header("location"), created.header("location"));
    let too_long = "k".repeat(256);
    for key in ["", "two words", too_long.as_str()] {
        let request = dan.request(Method::POST, "/blocks").header("Idempotency-Key", key);
        request
            .json(json!({ "name": "x", "block_type": "model" }))
            .send()
            .await
            .refused(StatusCode::BAD_REQUEST, "malformed");
    }
}

#[tokio::test]
async fn one_caller_leaves_connections_for_the_others() {
    let service = Service::start().await;
    let (dan, vera) = (service.developer().await, service.viewer().await);
    let id = register(&dan, "b").await;
    let path = format!("/blocks/{id}");
    // Whoever changes the block waits for this, and holds a connection meanwhile.
    let mut other = service.database.connect().await;
    sqlx::raw_sql("begin; update blocks set description = 'held' where name = 'b'")
        .execute(&mut other)
        .await
        .unwrap();
    let changes =
        join_all((0..30).map(|n| dan.patch(&path, json!({ "description": n.to_string() }))));
    let reads = async {
        // All that one caller may hold is held by now.
        tokio::time::sleep(Duration::from_millis(500)).await;
        for _ in 0..10 {
            vera.get(&path).await.expect(StatusCode::OK);
        }
        service.login("dora").await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        sqlx::raw_sql("commit").execute(&mut other).await.unwrap();
    };
    let (changes, ()) = join(changes, reads).await;
    let is_refused = |answer: &&Answer| answer.text.contains("Your other requests");
    // Five of ten connections; whoever had one may have waited too long for the block.
    assert_eq!(changes.iter().filter(is_refused).count(), 25);
    for refused in changes.iter().filter(is_refused) {
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.header("retry-after"), "1");
    }
}
