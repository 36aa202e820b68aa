//! May this pipeline run now, on exactly which versions, verified by whom?

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::blocks::register;
use crate::pipelines::{chain, edge, verify};
use crate::service::{Answer, Service};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn codes(answer: &Answer) -> Vec<(&str, &str)> {
    let blockers = answer.body["blockers"].as_array().expect("blockers");
    blockers.iter().map(|blocker| (text(&blocker["code"]), text(&blocker["name"]))).collect()
}

#[tokio::test]
async fn readiness_names_the_versions_and_who_verified_them() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let ready = dan.get("/pipelines/p/readiness").await.expect(StatusCode::OK);
    assert_eq!((&ready.body["ready"], &ready.body["blockers"]), (&json!(true), &json!([])));
    let me = dan.get("/auth/me").await.id("user_id");
    let edges = ready.body["edges"].as_array().expect("edges");
    assert_eq!(edges.len(), 2);
    for edge in edges {
        assert_eq!(edge["version_number"], 1);
        assert_eq!(edge["verification"]["verified_by"], me.as_str());
        assert!(edge["verification"]["verification_id"].is_string());
        assert!(
            edge["verification"]["verified_at"].as_str().is_some_and(|time| time.ends_with('Z'))
        );
    }
    let run = dan.post("/pipelines/p/runs", json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(run.body["status"], "queued");
    assert_eq!(run.body["lock_digest"], ready.body["lock_digest"]);
}

#[tokio::test]
async fn what_is_not_verified_does_not_run_and_says_what_to_do() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let mut owner = service.database.connect().await;
    type Step<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);
    let steps: [Step<'_>; 6] = [
        ("failed", "", &[("edge_verification_failed", "ab")]),
        ("passed", "", &[]),
        ("", "update edges set metadata = '{\"v\": 2}' where name = 'ab'", &[("edge_unverified", "ab")]),
        ("pending", "", &[("edge_verification_pending", "ab")]),
        (
            "",
            "update pipeline_edges pe set edge_version_id = v.version_id from edge_versions v join edges e using (edge_id)
             where v.edge_id = pe.edge_id and v.version_number = 1 and e.name = 'ab'",
            &[],
        ),
        ("", "delete from pipeline_edges; delete from pipeline_blocks", &[("pipeline_empty", "p")]),
    ];
    for (status, statement, expected) in steps {
        if !status.is_empty() {
            verify(&service, "ab", status).await;
        }
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(&mut owner)
            .await
            .expect("a step");
        let readiness = dan.get("/pipelines/p/readiness").await.expect(StatusCode::OK);
        assert_eq!(codes(&readiness), expected, "{status} {statement}");
        assert_eq!(readiness.body["ready"], expected.is_empty());
        let run = dan.post("/pipelines/p/runs", json!({})).await;
        if expected.is_empty() {
            run.expect(StatusCode::CREATED);
        } else {
            let refused = run.refused(StatusCode::CONFLICT, "not_ready");
            assert_eq!(refused.body["blockers"], readiness.body["blockers"]);
            assert!(
                refused.body["blockers"][0]["detail"]
                    .as_str()
                    .is_some_and(|detail| detail.ends_with('.'))
            );
        }
    }
    // An active version that was rolled back to is judged by its own checks.
    dan.post("/pipelines/nothing/runs", json!({})).await.expect(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn no_client_gets_past_the_gate() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let pipeline = chain(&service, &dan).await;
    verify(&service, "ab", "failed").await;
    let me = dan.get("/auth/me").await.id("user_id");
    let mut client = service.database.connect().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "set role authenticated; set request.jwt.claims = '{{\"sub\": \"{me}\"}}'; set timezone = 'Asia/Tokyo'"
    )))
    .execute(&mut client)
    .await
    .expect("a client of the REST API");
    let lock = "repeat('0', 64)";
    for (statement, code) in [
        (format!("insert into pipeline_runs (pipeline_id) values ('{pipeline}')"), "23514"),
        (
            format!(
                "insert into pipeline_runs (pipeline_id, status) values ('{pipeline}', 'started')"
            ),
            "42501",
        ),
        (
            format!(
                "insert into pipeline_runs (pipeline_id, lock_digest) values ('{pipeline}', {lock})"
            ),
            "42501",
        ),
        (
            format!("insert into pipeline_locks (lock_digest, lock) values ({lock}, '{{}}')"),
            "42501",
        ),
        ("update pipeline_locks set lock = '{}'".to_owned(), "42501"),
        ("delete from pipeline_locks".to_owned(), "42501"),
        ("update pipelines set times_run = 100".to_owned(), "42501"),
        ("select app.pipeline_lock(null)".to_owned(), "42501"),
    ] {
        assert_eq!(refusal(&mut client, &statement).await, code, "{statement}");
    }
    verify(&service, "ab", "passed").await;
    let run = format!("insert into pipeline_runs (pipeline_id) values ('{pipeline}')");
    sqlx::raw_sql(sqlx::AssertSqlSafe(run)).execute(&mut client).await.expect("a run");
    for statement in [
        format!("update pipeline_runs set lock_digest = {lock}"),
        "update pipeline_runs set pipeline_id = gen_random_uuid()".to_owned(),
    ] {
        assert_eq!(refusal(&mut client, &statement).await, "42501", "{statement}");
    }
    // Not even the owner of the tables forges a lock; and a time zone makes no difference.
    let mut owner = service.database.connect().await;
    for statement in [
        format!(
            "insert into pipeline_locks (lock_digest, lock) values ({lock}, jsonb_build_object('pipeline_id', '{pipeline}'))"
        ),
        "update pipeline_locks set lock = '{}'".to_owned(),
        "delete from pipeline_locks".to_owned(),
        "truncate pipeline_locks cascade".to_owned(),
    ] {
        assert_eq!(refusal(&mut owner, &statement).await, "42501", "{statement}");
    }
    let here = dan.post("/pipelines/p/runs", json!({})).await.expect(StatusCode::CREATED);
    let page = dan.get("/pipelines/p/runs").await.expect(StatusCode::OK);
    assert_eq!(
        page.items("lock_digest"),
        [here.body["lock_digest"].clone(), here.body["lock_digest"].clone()]
    );
    client.close().await.expect("an end");
}

async fn refusal(client: &mut PgConnection, statement: &str) -> String {
    let error = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(client)
        .await
        .expect_err(statement);
    let error = error.into_database_error().expect("an answer");
    error.code().expect("a code").into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn revocations_and_runs_at_once_leave_no_run_after_its_revocation() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    for _ in 0..8 {
        verify(&service, "ab", "passed").await;
        let run = || async { dan.post("/pipelines/p/runs", json!({})).await };
        let (revoked, ..) =
            futures_util::join!(verify(&service, "ab", "failed"), run(), run(), run(), run());
        assert!(!revoked.is_empty());
        dan.post("/pipelines/p/runs", json!({})).await.refused(StatusCode::CONFLICT, "not_ready");
    }
    // Of each run the verification that cleared it is the newest one of before.
    let wrong: i64 = sqlx::query_scalar(
        "select count(*)
         from pipeline_runs r
         join pipeline_locks l using (lock_digest)
         cross join lateral jsonb_array_elements(l.lock -> 'edges') as e
         join edge_verifications v on v.verification_id = (e -> 'verification' ->> 'verification_id')::uuid
         where v.verification_status <> 'passed' or exists (
             select from edge_verifications o
             where o.edge_version_id = v.edge_version_id and o.verified_at > v.verified_at and o.verified_at < r.created_at)",
    )
    .fetch_one(&mut service.database.connect().await)
    .await
    .expect("a count");
    assert_eq!(wrong, 0);
}

#[tokio::test]
async fn a_large_pipeline_is_one_question_as_well() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let mut blocks = Vec::new();
    let mut edges = Vec::new();
    for n in 0..25 {
        let name = format!("block {n}");
        register(&dan, &name).await;
        if n > 0 {
            let tie = format!("edge {n}");
            edge(&service, &tie).await;
            if n % 2 == 0 {
                verify(&service, &tie, "passed").await;
            }
            edges.push(json!({ "edge_id": tie, "source_block_id": format!("block {}", n - 1), "target_block_id": name }));
        }
        blocks.push(json!({ "block_id": name }));
    }
    dan.post("/pipelines", json!({ "name": "p", "blocks": blocks, "edges": edges }))
        .await
        .expect(StatusCode::CREATED);
    let readiness = dan.get("/pipelines/p/readiness").await.expect(StatusCode::OK);
    assert_eq!(codes(&readiness).len(), 12);
    assert_eq!(readiness.body["blocks"].as_array().map(Vec::len), Some(25));
}
