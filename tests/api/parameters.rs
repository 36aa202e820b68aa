//! What a run may be started with: the schema of its pipeline.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::as_of::{at, instant};
use crate::pipelines::{chain, verify};
use crate::service::Service;

fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "date": { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" },
            "rows": { "type": "integer", "minimum": 1 },
            "tags": { "items": { "enum": ["a/b", "c"] } },
        },
        "required": ["date"],
        "additionalProperties": false,
    })
}

#[tokio::test]
async fn parameters_fit_the_schema_of_their_pipeline_whoever_starts_the_run() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let runs = "/pipelines/p/runs";
    let made = dan.get("/pipelines/p").await.expect(StatusCode::OK);
    assert_eq!(made.body["parameters_schema"], Value::Null);
    dan.post(runs, json!({ "parameters": { "anything": [1] } })).await.expect(StatusCode::CREATED);

    let changed = dan.patch("/pipelines/p", json!({ "parameters_schema": schema() })).await;
    let changed = changed.expect(StatusCode::OK);
    assert_eq!(changed.body["parameters_schema"], schema());
    assert_ne!(changed.etag(), made.etag());
    let faulty = json!({ "rows": 0.5, "tags": ["c", "d"], "date/": "today" });
    let refused = dan.post(runs, json!({ "parameters": faulty })).await;
    let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    let mut faults: Vec<(String, String)> = refused.body["errors"]
        .as_array()
        .expect("faults")
        .iter()
        .map(|fault| (fault["pointer"].to_string(), fault["detail"].to_string()))
        .collect();
    faults.sort();
    let text = |text: &str| format!("\"{text}\"");
    assert_eq!(
        faults,
        [
            (text("/parameters/date"), text("Is required.")),
            (text("/parameters/date~1"), text("Is not known here.")),
            (text("/parameters/rows"), text("Must be a whole number.")),
            (text("/parameters/tags/1"), text(r#"Must be one of [\"a/b\", \"c\"]."#)),
        ]
    );
    // A run without parameters has none of those that are required.
    let none = dan.post(runs, json!({})).await;
    assert_eq!(
        none.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid").pointers(),
        ["/parameters/date"]
    );
    let mut sql = service.by_sql("dan").await;
    let insert = |parameters: &str| {
        format!(
            "insert into pipeline_runs (pipeline_id, parameters) select pipeline_id, '{parameters}' from pipelines"
        )
    };
    let by_sql = sql.refused(&insert(r#"{"date": "2026-11-22", "rows": 0}"#), "23514").await;
    assert_eq!(by_sql.constraint, "pipeline_runs_parameters_faults");
    assert!(by_sql.detail.contains("Must be 1 or more."), "{by_sql:?}");
    sql.ok(&insert(r#"{"date": "2026-11-22", "rows": 1.0}"#)).await;
    let fits = json!({ "date": "2026-11-22", "tags": ["a/b"] });
    dan.post(runs, json!({ "parameters": fits })).await.expect(StatusCode::CREATED);
    // What fits is let in by the gate, and not instead of it.
    verify(&service, "ab", "failed").await;
    dan.post(runs, json!({ "parameters": fits })).await.refused(StatusCode::CONFLICT, "not_ready");
    verify(&service, "ab", "passed").await;

    // It has a past, and an end.
    let before = instant(&service).await;
    let cleared = dan.patch("/pipelines/p", json!({ "parameters_schema": null })).await;
    assert_eq!(cleared.expect(StatusCode::OK).body["parameters_schema"], Value::Null);
    let then = dan.get(&at("/pipelines/p", &before)).await.expect(StatusCode::OK);
    assert_eq!(then.body["parameters_schema"], schema());
    dan.post(runs, json!({ "parameters": { "anything": 1 } })).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_schema_is_refused_with_all_that_is_wrong_with_it() {
    let service = Service::start().await;
    let dan = service.developer().await;
    for (schema, pointers) in [
        (json!({ "type": "array" }), vec!["/type"]),
        (json!({ "$ref": "https://example.com/schema.json" }), vec!["/$ref"]),
        (json!({ "$schema": "http://json-schema.org/draft-07/schema#" }), vec!["/$schema"]),
        (
            json!({ "properties": { "a": { "maxmium": 1, "pattern": "\\d" }, "b/": 5 }, "required": [1] }),
            vec!["/required", "/properties/a/maxmium", "/properties/a/pattern", "/properties/b~1"],
        ),
        (json!({ "description": "x".repeat(65_536) }), vec![""]),
        (
            json!({ "const": { "a": 1e300 }, "minimum": 9_007_199_254_740_993_i64 }),
            vec!["/minimum"],
        ),
    ] {
        let body = json!({ "name": "p", "parameters_schema": schema });
        let refused = dan.post("/pipelines", body).await;
        let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        let mut expected: Vec<String> =
            pointers.iter().map(|pointer| format!("/parameters_schema{pointer}")).collect();
        expected.sort();
        assert_eq!(refused.pointers(), expected);
    }
    dan.post("/pipelines", json!({ "name": "p", "parameters_schema": [] }))
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
}
