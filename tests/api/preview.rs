//! What would break if it were changed: previews, beside what really happens then.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::StdRng;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::blocks::register;
use crate::changes;
use crate::pipelines::chain;
use crate::service::{Answer, Person, Service};

async fn preview(person: &Person<'_>, changes: Value) -> Answer {
    person.post("/impact/preview", json!({ "changes": changes })).await
}

/// Every row of the tables that people change, and how many there are of the others.
async fn everything(service: &Service) -> String {
    let mut owner = service.by_sql("ada").await;
    let mut all = String::new();
    for table in [
        "blocks",
        "block_versions",
        "edges",
        "edge_versions",
        "edge_verifications",
        "pipelines",
        "pipeline_blocks",
        "pipeline_edges",
        "pipeline_runs",
        "pipeline_locks",
        "aliases",
        "alias_moves",
        "dependencies",
        "audit_logs",
    ] {
        let digest = format!(
            "select md5(coalesce(string_agg(t::text, '' order by t::text), '')) from {table} t"
        );
        all += &format!("{table} {} ", owner.text(&digest).await);
    }
    all
}

#[tokio::test]
async fn a_preview_says_what_would_be_and_leaves_nothing() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;

    let safe =
        json!([{ "operation": "update_block", "block": "b", "body": { "metadata": { "n": 2 } } }]);
    let answer = preview(&dan, safe).await.expect(StatusCode::OK);
    assert_eq!(answer.body["verdict"], "safe", "b is pinned: {}", answer.body);
    assert_eq!(answer.body["pipelines_checked"], 1);
    assert_eq!(answer.body["pipelines"], json!([]));

    let warn =
        json!([{ "operation": "update_block", "block": "a", "body": { "metadata": { "n": 2 } } }]);
    let answer = preview(&dan, warn).await.expect(StatusCode::OK);
    assert_eq!(answer.body["verdict"], "warn");
    assert_eq!(answer.body["reasons"][0]["code"], "lock_differs");
    assert_eq!(answer.body["pipelines"][0]["lock_summary"], json!(["block a: version 1 → 2"]));

    let breaking = json!([
        { "operation": "update_edge", "edge": "ab", "body": { "metadata": { "n": 2 } } },
        { "operation": "archive_block", "block": "c" },
        { "operation": "update_edge", "edge": "nothing", "body": { "metadata": {} } },
        { "operation": "activate_edge_version", "edge": "bc", "version": "7" },
        { "operation": "put_edge_alias", "edge": "bc", "alias": "champion", "body": { "version": "9" } },
    ]);
    let answer = preview(&dan, breaking).await.expect(StatusCode::OK);
    assert_eq!(answer.body["verdict"], "breaking");
    let outlook = &answer.body["pipelines"][0];
    assert_eq!((&outlook["ready_before"], &outlook["ready_after"]), (&json!(true), &json!(false)));
    assert_eq!(outlook["blockers_gained"][0]["code"], "edge_unverified");
    let refused: Vec<_> = answer.body["refused"]
        .as_array()
        .expect("refusals")
        .iter()
        .map(|refusal| (refusal["change"].clone(), refusal["problem"]["code"].clone()))
        .collect();
    assert_eq!(
        refused,
        [
            (json!(1), json!("in_use")),
            (json!(2), json!("not_found")),
            (json!(3), json!("not_found")),
            (json!(4), json!("invalid")),
        ]
    );
    // A constraint that would not hold any more is a warning.
    let dependency = json!({
        "dependency_type": "internal", "depends_on_type": "block", "depends_on_id": "c", "version_constraint": "=1",
    });
    dan.post("/blocks/b/dependencies", dependency).await.expect(StatusCode::CREATED);
    let before = everything(&service).await;
    let change =
        json!([{ "operation": "update_block", "block": "c", "body": { "metadata": { "n": 2 } } }]);
    let answer = preview(&dan, change).await.expect(StatusCode::OK);
    assert_eq!(answer.body["verdict"], "warn", "{}", answer.body);
    assert_eq!(answer.body["reasons"][0]["code"], "warnings_gained");

    // A verification along with the change mends it: several changes, one verdict.
    let together = json!([
        { "operation": "update_edge", "edge": "ab", "body": { "metadata": { "n": 2 } } },
        { "operation": "create_verification", "edge": "ab", "version": "latest", "body": { "verification_status": "passed" } },
    ]);
    let answer = preview(&dan, together).await.expect(StatusCode::OK);
    assert_eq!(answer.body["verdict"], "warn");
    assert_eq!(answer.body["pipelines"][0]["ready_after"], true);
    assert_eq!(everything(&service).await, before, "it leaves nothing");

    // Of a viewer everything would be refused, and nothing is told that they may not see.
    let vera = service.viewer().await;
    let change =
        json!([{ "operation": "update_edge", "edge": "ab", "body": { "metadata": { "n": 2 } } }]);
    let answer = preview(&vera, change).await.expect(StatusCode::OK);
    assert_eq!(answer.body["refused"][0]["problem"]["code"], "forbidden");
}

#[tokio::test]
async fn a_preview_asks_what_depends_on_it_and_says_when_it_has_not_asked_all() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "producer").await;
    register(&dan, "consumer").await;
    let needs = json!({ "dependency_type": "internal", "depends_on_type": "block", "depends_on_id": "producer", "version_constraint": "=1" });
    dan.post("/blocks/consumer/dependencies", needs).await.expect(StatusCode::CREATED);
    dan.post("/pipelines", json!({ "name": "only", "blocks": [{ "block_id": "consumer" }] }))
        .await
        .expect(StatusCode::CREATED);
    let changes = json!([{ "operation": "update_block", "block": "producer", "body": { "metadata": { "n": 2 } } }]);
    let answer = preview(&dan, changes).await.expect(StatusCode::OK);
    assert_eq!(answer.body["verdict"], "warn", "{}", answer.body);
    assert_eq!(answer.body["reasons"][0]["code"], "warnings_gained");

    let mut owner = service.by_sql("ada").await;
    owner
        .ok("insert into pipelines (name) select 'p' || i from generate_series(1, 101) as i")
        .await;
    owner.ok("insert into pipeline_blocks (pipeline_id, block_id) select p.pipeline_id, b.block_id from pipelines p, blocks b
              where p.name ~ '^p[0-9]+$' and b.name = 'consumer'").await;
    let changes = json!([{ "operation": "update_block", "block": "consumer", "body": { "description": "more" } }]);
    let answer = preview(&dan, changes).await.expect(StatusCode::OK);
    assert_eq!(answer.body["pipelines_checked"], 100);
    let codes: Vec<_> = answer.body["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| reason["code"].clone())
        .collect();
    assert!(codes.contains(&json!("pipelines_unchecked")), "{codes:?}");

    // A fault inside a change is told; a lock that somebody else holds is no fault of it.
    let cycle = json!([{ "operation": "replace_pipeline_graph", "pipeline": "only", "body": { "blocks": [{ "block_id": "nothing" }], "edges": [] } }]);
    let answer = preview(&dan, cycle).await.expect(StatusCode::OK);
    let detail = answer.body["reasons"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("/blocks/0"), "{detail}");
    owner.ok("begin; update blocks set description = 'held' where name = 'producer'").await;
    let held = json!([{ "operation": "update_block", "block": "producer", "body": { "metadata": { "n": 3 } } }]);
    preview(&dan, held).await.expect(StatusCode::SERVICE_UNAVAILABLE);
    owner.ok("rollback").await;
}

#[tokio::test]
async fn a_preview_that_cannot_be_read_says_all_that_is_wrong() {
    let service = Service::start().await;
    let dan = service.developer().await;
    for changes in [json!(null), json!([]), json!({})] {
        preview(&dan, changes).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    }
    let many: Vec<Value> =
        (0..1001).map(|_| json!({ "operation": "archive_block", "block": "b" })).collect();
    preview(&dan, json!(many)).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    let answer = preview(
        &dan,
        json!([
            { "operation": "fly" },
            { "operation": "update_block", "body": { "metadata": 7, "color": "red" } },
            { "operation": "archive_edge", "edge": "e", "body": {} },
            { "operation": "pin_pipeline_edge", "pipeline": "p", "pipeline_edge": "no id", "body": {} },
            7,
        ]),
    )
    .await
    .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(
        answer.pointers(),
        [
            "/changes/0/operation",
            "/changes/1/block",
            "/changes/1/body/color",
            "/changes/1/body/metadata",
            "/changes/2/body",
            "/changes/3/body",
            "/changes/3/pipeline_edge",
            "/changes/4",
        ]
    );
}

/// Whether each pipeline may run, why not, and on which versions it would.
async fn states(
    person: &Person<'_>,
    pipelines: &[String],
) -> BTreeMap<String, (Vec<Value>, Vec<Value>)> {
    let mut states = BTreeMap::new();
    for pipeline in pipelines {
        let ready = person.get(&format!("/pipelines/{pipeline}/readiness")).await;
        if ready.status == StatusCode::NOT_FOUND {
            // Archived.
            continue;
        }
        let ready = ready.expect(StatusCode::OK);
        let blockers = ready.body["blockers"].as_array().expect("blockers").clone();
        // By their numbers: the ids of versions that are made twice differ.
        let versions = ["blocks", "edges"]
            .iter()
            .flat_map(|list| ready.body[*list].as_array().expect("parts").clone())
            .map(|part| json!([part["name"], part["version_number"], part["alias"]]))
            .collect();
        states.insert(pipeline.clone(), (blockers, versions));
    }
    states
}

#[tokio::test]
async fn a_preview_equals_what_happens_then() {
    let seed = 20_261_128;
    let mut rng = StdRng::seed_from_u64(seed);
    let service = Service::start().await;
    let dan = service.developer().await;
    let (mut refused, mut breaking, mut moved) = (0, 0, 0);
    for registry in 0..50 {
        let mut things = changes::random(&mut rng, &service, &dan, &format!("r{registry}")).await;
        for turn in 0..4 {
            let change = changes::any(&mut rng, &things);
            let told = preview(&dan, json!([change])).await.expect(StatusCode::OK);
            let before = states(&dan, &things.pipelines).await;
            let made = changes::make(&dan, &change).await;
            let after = states(&dan, &things.pipelines).await;
            let context = format!("seed {seed}, {registry}.{turn}: {change}: {}", told.body);
            match told.body["refused"].as_array().expect("refusals").as_slice() {
                [] => assert!(made.status.is_success(), "{context}: {}", made.body),
                [refusal] => {
                    assert_eq!(refusal["problem"]["code"], made.body["code"], "{context}");
                    assert_eq!(refusal["problem"]["status"], made.body["status"], "{context}");
                    refused += 1;
                }
                more => panic!("{more:?}"),
            }
            let mut blocked = false;
            for (name, was) in &before {
                // What is archived then may not run, whatever is in its way.
                let Some(is) = after.get(name) else { continue };
                let outlooks = told.body["pipelines"].as_array().expect("outlooks");
                let outlook = outlooks.iter().find(|outlook| outlook["name"] == name.as_str());
                same(was, is, outlook, &context);
                moved += usize::from(was.1 != is.1);
                blocked |= was.0.is_empty() && !is.0.is_empty();
            }
            breaking += usize::from(blocked);
            let is_refused = !told.body["refused"].as_array().expect("refusals").is_empty();
            if before.len() == after.len() {
                assert_eq!(told.body["verdict"] == "breaking", blocked || is_refused, "{context}");
            }
            things.look(&dan).await;
        }
    }
    assert!(refused > 10 && breaking > 2 && moved > 10, "{refused} {breaking} {moved}");
}

/// What was told of a pipeline is what became of it: its blockers and versions before and after.
fn same(
    (was, on): &(Vec<Value>, Vec<Value>),
    (is, then_on): &(Vec<Value>, Vec<Value>),
    outlook: Option<&Value>,
    context: &str,
) {
    let named = |one: &Value| (one["code"].clone(), one["name"].clone());
    let gained: Vec<_> = is
        .iter()
        .filter(|blocker| {
            !was.iter().any(|known| {
                named(known) == named(blocker)
                    && known["version_number"] == blocker["version_number"]
            })
        })
        .map(named)
        .collect();
    let told_gained: Vec<_> = outlook
        .map(|outlook| outlook["blockers_gained"].as_array().expect("blockers"))
        .into_iter()
        .flatten()
        .map(named)
        .collect();
    assert_eq!(told_gained, gained, "{context}");
    assert!(outlook.is_some() || on == then_on, "{context}: {on:?} {then_on:?}");
    if let Some(outlook) = outlook {
        assert_eq!(outlook["ready_before"], was.is_empty(), "{context}");
        assert_eq!(outlook["ready_after"], is.is_empty(), "{context}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_keeps_nobody_waiting_for_long() {
    let service = Service::start().await;
    let (dan, dora) = (service.developer().await, service.colleague().await);
    chain(&service, &dan).await;
    let changes: Vec<Value> = (0..100)
        .map(|n| json!({ "operation": "update_block", "block": "a", "body": { "metadata": { "n": n } } }))
        .collect();
    let (answer, change) = tokio::join!(
        preview(&dan, json!(changes)),
        dora.patch("/blocks/a", json!({ "metadata": { "by": "dora" } }))
    );
    let answer = answer.expect(StatusCode::OK);
    assert_eq!(answer.body["refused"], json!([]));
    change.expect(StatusCode::OK);
    let block = dan.get("/blocks/a").await;
    assert_eq!(
        (&block.body["version_number"], &block.body["metadata"]["by"]),
        (&json!(2), &json!("dora"))
    );
}
