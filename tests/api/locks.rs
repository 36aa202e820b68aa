//! What a run ran on, word for word, and under a digest that anybody can compute.

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use reqwest::StatusCode;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::pipelines::{chain, verify};
use crate::service::Service;
use crate::support::Database;

fn digest(lock: &Value) -> String {
    let canonical = serde_jcs::to_string(lock).expect("canonical JSON");
    Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn same_inputs_have_the_same_lock_and_anybody_can_check_it() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    dan.patch("/blocks/a", json!({ "metadata": { "€": 1e21, "z": [1.50, "\u{1}"], "\u{1F600}": null, "\u{FB33}": -0.1 } }))
        .await
        .expect(StatusCode::OK);
    dan.patch(
        "/pipelines/p",
        json!({ "dagster_pipeline_config": {
            "job_name": "j",
            "run_config": { "ops": { "o": { "config": { "b": [1e21, {}], "a\"\\": -0.0 } } } }
        } }),
    )
    .await
    .expect(StatusCode::OK);
    // Large metadata has its digest from the beginning.
    dan.patch("/blocks/c", json!({ "metadata": { "notes": "x".repeat(2000) } }))
        .await
        .expect(StatusCode::OK);
    // What is written like this in the canonical form, and what is not.
    let mut owner = service.database.connect().await;
    sqlx::query("update blocks set name = $1 where name = 'c'")
        .bind("c\"\\ \u{e000}\u{1F600}€")
        .execute(&mut owner)
        .await
        .expect("a name");
    let kept = || async {
        let kept = "select count(*) from app.metadata_digests";
        let owner = &mut service.database.connect().await;
        sqlx::query_scalar::<_, i64>(kept).fetch_one(owner).await.expect("a count")
    };
    // That version, and the renamed one.
    assert_eq!(kept().await, 2);
    // Nobody waits for another who keeps them and does not come to an end.
    let mut keeper = service.database.connect().await;
    sqlx::raw_sql("begin; select app.keep_metadata_digests(pipeline_id) from pipelines")
        .execute(&mut keeper)
        .await
        .expect("kept");
    dan.get("/pipelines/p/readiness").await.expect(StatusCode::OK);
    sqlx::raw_sql("rollback").execute(&mut keeper).await.expect("not kept");
    assert_eq!(kept().await, 2);
    let readiness = dan.get("/pipelines/p/readiness").await.expect(StatusCode::OK);
    let parts = ["blocks", "edges"].map(|parts| readiness.body[parts].as_array().map(Vec::len));
    assert_eq!(
        kept().await,
        parts.iter().flatten().sum::<usize>() as i64 + 1,
        "{}",
        readiness.body
    );
    let run = || async {
        let run = dan.post("/pipelines/p/runs", json!({})).await.expect(StatusCode::CREATED);
        run.id("lock_digest")
    };
    let (one, other) = (run().await, run().await);
    assert_eq!(one, other);
    let lock = dan.get(&format!("/locks/{one}")).await.expect(StatusCode::OK);
    assert_eq!(digest(&lock.body["lock"]), one);
    assert_eq!(dan.get(&format!("/locks/{}", one.to_uppercase())).await.body, lock.body);
    let prospect = dan.get("/pipelines/p/lock").await.expect(StatusCode::OK);
    assert_eq!(
        prospect.body,
        json!({ "ready": true, "lock_digest": one, "lock": lock.body["lock"], "usernames": lock.body["usernames"] })
    );
    // The metadata is the one that the digest names.
    let metadata = dan.get("/blocks/a/versions/2").await.body["metadata"].clone();
    let blocks = lock.body["lock"]["blocks"].as_array().expect("blocks");
    let a = blocks.iter().find(|block| block["name"] == "a").expect("a");
    assert_eq!(a["metadata_digest"], digest(&metadata));
    assert_eq!(a["version_number"], 2);
    let count: i64 = sqlx::query_scalar("select count(*) from pipeline_locks")
        .fetch_one(&mut service.database.connect().await)
        .await
        .expect("a count");
    assert_eq!(count, 1);
    service.viewer().await.get(&format!("/locks/{one}")).await.expect(StatusCode::OK);
    service.nobody().get(&format!("/locks/{one}")).await.expect(StatusCode::UNAUTHORIZED);
    for unknown in ["nothing", &"0".repeat(64)] {
        dan.get(&format!("/locks/{unknown}")).await.refused(StatusCode::NOT_FOUND, "not_found");
    }
}

#[tokio::test]
async fn whatever_changes_shows_in_the_difference() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let mut owner = service.database.connect().await;
    let run = || async {
        dan.post("/pipelines/p/runs", json!({})).await.expect(StatusCode::CREATED).id("lock_digest")
    };
    let mut before = run().await;
    let steps = [
        (
            "",
            "update blocks set metadata = '{\"rows\": 2}' where name = 'a'",
            "block a: version 1 → 2",
        ),
        ("ab", "", "edge ab: verified anew"),
        (
            "bc",
            "update edges set metadata = '{\"v\": 2}' where name = 'bc'",
            "edge bc: version 1 → 2",
        ),
        (
            "",
            "insert into code_repos (entity_type, entity_id, repo_url) select 'block', block_id, 'https://example.com/c' from blocks where name = 'c'",
            "block c: repositories none → https://example.com/c@main",
        ),
        (
            "",
            "insert into docker_images (entity_type, entity_id, image_tag, registry_url) select 'edge', edge_id, 'v1', 'example.com/ab' from edges where name = 'ab'",
            "edge ab: images none → example.com/ab:v1",
        ),
        (
            "",
            "update pipelines set dagster_pipeline_config = '{\"mode\": \"job\"}'",
            "dagster_pipeline_config changed",
        ),
        (
            "",
            "delete from pipeline_edges where edge_id = (select edge_id from edges where name = 'bc')",
            "edge bc removed",
        ),
    ];
    for (edge, statement, line) in steps {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(&mut owner)
            .await
            .expect("a step");
        if !edge.is_empty() {
            verify(&service, edge, "passed").await;
        }
        let after = run().await;
        let diff =
            dan.get(&format!("/locks/diff?a={before}&b={after}")).await.expect(StatusCode::OK);
        assert_eq!(
            (&diff.body["summary"], &diff.body["same"]),
            (&json!([line]), &json!(false)),
            "{}",
            diff.text
        );
        let mut lock = dan.get(&format!("/locks/{before}")).await.body["lock"].clone();
        let patch: json_patch::Patch =
            serde_json::from_value(diff.body["patch"].clone()).expect("a patch");
        json_patch::patch(&mut lock, &patch).expect("a patch that fits");
        assert_eq!(digest(&lock), after);
        before = after;
    }
    // What it does not run on makes no difference.
    sqlx::raw_sql(
        "update pipelines set description = 'x', name = 'q'; update blocks set archived_at = null",
    )
    .execute(&mut owner)
    .await
    .expect("a step");
    let lock = dan.get("/pipelines/q/lock").await.expect(StatusCode::OK);
    assert_eq!(lock.body["lock_digest"], before.as_str());
    let same = dan.get(&format!("/locks/diff?a={before}&b={before}")).await.expect(StatusCode::OK);
    assert_eq!(
        (&same.body["same"], &same.body["patch"], &same.body["summary"]),
        (&json!(true), &json!([]), &json!([]))
    );
    // Runs stand for their locks.
    let runs = dan.get("/pipelines/q/runs").await.expect(StatusCode::OK);
    let (first, last) =
        (&runs.body["items"][0], runs.body["items"].as_array().and_then(|all| all.last()));
    let last = last.expect("runs");
    let text = |run: &Value, member: &str| run[member].as_str().expect("a text").to_owned();
    let by_runs = format!("/locks/diff?a={}&b={}", text(first, "run_id"), text(last, "run_id"));
    let by_digests =
        format!("/locks/diff?a={}&b={}", text(first, "lock_digest"), text(last, "lock_digest"));
    let (by_runs, by_digests) = (dan.get(&by_runs).await, dan.get(&by_digests).await);
    assert_eq!(by_runs.expect(StatusCode::OK).body, by_digests.expect(StatusCode::OK).body);
    let no_run = "00000000-0000-4000-8000-000000000000";
    dan.get(&format!("/locks/diff?a={before}&b={no_run}"))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");
    let nothing = "0".repeat(64);
    dan.get(&format!("/locks/diff?a={before}&b={nothing}"))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");
    let refused = dan.get("/locks/diff?a=x").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.pointers(), ["a", "b"]);
    // Unverified, it has a lock but is not ready.
    verify(&service, "ab", "failed").await;
    let lock = dan.get("/pipelines/q/lock").await.expect(StatusCode::OK);
    assert_eq!(lock.body["ready"], false);
    assert_eq!(lock.body["lock"]["edges"][0]["verification"], Value::Null);
}

/// What the database and the Rust implementation say of the same documents.
async fn both(documents: &[String]) -> Vec<(String, String)> {
    let database = Database::new().await;
    let theirs: Vec<String> = sqlx::query_scalar(
        "select app.canonical_json(d::jsonb) from unnest($1::text[]) with ordinality as t (d, n) order by n",
    )
    .bind(documents)
    .fetch_all(&mut database.connect().await)
    .await
    .expect("canonical JSON");
    documents
        .iter()
        .map(|document| {
            let value: Value = serde_json::from_str(document).expect("JSON");
            serde_jcs::to_string(&value).expect("canonical JSON")
        })
        .zip(theirs)
        .collect()
}

#[tokio::test]
async fn canonical_json_is_that_of_rfc_8785() {
    // Its section 3.2.2, its appendix B, and names that sort by UTF-16.
    let vectors = [
        (
            r#"{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#,
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}",
        ),
        (
            r#"{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
                "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"}"#,
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}",
        ),
        (
            "[5e-324, 1.7976931348623157e308, 9007199254740992, 295147905179352830000, 9.999999999999997e22, 1e23]",
            "[5e-324,1.7976931348623157e+308,9007199254740992,295147905179352830000,9.999999999999997e+22,1e+23]",
        ),
        (
            "[1e21, 9.999999999999999e20, 999999999999999700000, 1e-6, 9.999999999999997e-7, -0.0000033333333333333333, 1424953923781206.2]",
            "[1e+21,999999999999999900000,999999999999999700000,0.000001,9.999999999999997e-7,-0.0000033333333333333333,1424953923781206.2]",
        ),
        (
            "[-0.0, 0, 1e-400, {}, [], \"\", \"\u{7f}\u{2028}\"]",
            "[0,0,0,{},[],\"\",\"\u{7f}\u{2028}\"]",
        ),
        (
            "{\"\u{10FFFF}\u{E000}\": 1, \"\u{10FFFF}\": 2, \"\u{E000}\": 3, \"\u{FFFD}\": 4, \"\u{10000}\": 5}",
            "{\"\u{10000}\":5,\"\u{10FFFF}\":2,\"\u{10FFFF}\u{E000}\":1,\"\u{E000}\":3,\"\u{FFFD}\":4}",
        ),
    ];
    let documents: Vec<String> =
        vectors.iter().map(|(document, _)| (*document).to_owned()).collect();
    for ((ours, theirs), (document, expected)) in both(&documents).await.into_iter().zip(vectors) {
        assert_eq!(theirs, expected, "{document}");
        assert_eq!(ours, expected, "{document}");
    }
}

#[tokio::test]
async fn canonical_json_is_the_same_in_the_database_and_here() {
    let mut random = StdRng::seed_from_u64(8785);
    let mut documents: Vec<String> = (0..1500).map(|_| value(&mut random, 4).to_string()).collect();
    // Doubles of every size, and decimals that lie between two of them.
    for _ in 0..4000 {
        let number = f64::from_bits(random.random());
        if number.is_finite() {
            documents.push(format!("{number:e}"));
        }
        let (digits, exponent): (u64, i32) = (random.random(), random.random_range(-330..280));
        documents.push(format!("{digits}e{exponent}"));
    }
    for power in -1074..1024 {
        documents.push(format!("{:e}", f64::powi(2.0, power)));
    }
    for (at, (ours, theirs)) in both(&documents).await.into_iter().enumerate() {
        assert_eq!(theirs, ours, "{}", documents[at]);
    }
}

fn text(random: &mut StdRng) -> String {
    let length = random.random_range(0..6);
    (0..length)
        .map(|_| match random.random_range(0..6) {
            0 => char::from(random.random_range(1..0x20_u8)),
            1 => char::from_u32(random.random_range(0xE000..0x1_0000)).unwrap_or('?'),
            2 => char::from_u32(random.random_range(0x1_0000..0x11_0000)).unwrap_or('?'),
            3 => char::from_u32(random.random_range(0x80..0xD800)).unwrap_or('?'),
            _ => char::from(random.random_range(0x20..0x80_u8)),
        })
        .collect()
}

fn value(random: &mut StdRng, depth: u32) -> Value {
    match random.random_range(0..if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => random.random::<bool>().into(),
        2 => random.random::<i32>().into(),
        3 => random.random::<i64>().into(),
        4 => random.random::<f64>().into(),
        5 => text(random).into(),
        6 => (0..random.random_range(0..5)).map(|_| value(random, depth - 1)).collect(),
        _ => Value::Object(
            (0..random.random_range(0..8))
                .map(|_| (text(random), value(random, depth - 1)))
                .collect::<Map<_, _>>(),
        ),
    }
}
