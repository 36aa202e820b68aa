//! The life of a pipeline: made with its graph, read, listed, changed, archived, restored, purged.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::blocks::register;
use crate::service::{Person, Service};

/// An edge, which has no say in these tests but its name and its checks.
pub async fn edge(service: &Service, name: &str) -> String {
    sqlx::query_scalar("insert into edges (name) values ($1) returning edge_id::text")
        .bind(name)
        .fetch_one(&mut service.database.connect().await)
        .await
        .expect("an edge")
}

/// Records that Dan checked the active version of an edge.
pub async fn verify(service: &Service, edge: &str, status: &str) -> String {
    let mut owner = service.database.connect().await;
    sqlx::query(
        "select set_config('request.jwt.claims', json_build_object('sub', user_id)::text, false) from users where username = 'dan'",
    )
    .execute(&mut owner)
    .await
    .expect("claims");
    sqlx::query_scalar(
        "insert into edge_verifications (edge_version_id, verification_status)
         select current_version_id, $2::verification_status from edges where name = $1
         returning verification_id::text",
    )
    .bind(edge)
    .bind(status)
    .fetch_one(&mut owner)
    .await
    .expect("a verification")
}

/// Blocks a, b, c; edges ab, bc, both verified; a pipeline p: a → b → c.
pub async fn chain(service: &Service, person: &Person<'_>) -> String {
    for name in ["a", "b", "c"] {
        register(person, name).await;
    }
    for name in ["ab", "bc"] {
        edge(service, name).await;
        verify(service, name, "passed").await;
    }
    person.post("/pipelines", chain_body("p")).await.expect(StatusCode::CREATED).id("pipeline_id")
}

pub fn chain_body(name: &str) -> Value {
    json!({
        "name": name,
        "blocks": [{ "block_id": "a" }, { "block_id": "B", "version_number": 1 }, { "block_id": "c" }],
        "edges": [
            { "edge_id": "ab", "source_block_id": "a", "target_block_id": "b" },
            { "edge_id": "bc", "source_block_id": "b", "target_block_id": "c" },
        ],
    })
}

#[tokio::test]
async fn a_pipeline_is_made_with_its_graph() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let id = chain(&service, &dan).await;
    let read = dan.get("/pipelines/P").await.expect(StatusCode::OK);
    assert_eq!(read.id("pipeline_id"), id);
    assert_eq!(read.body["times_run"], 0);
    assert_eq!(read.body["average_runtime"], Value::Null);
    assert_eq!(read.body["dagster_pipeline_config"], json!({}));
    assert_eq!(read.body["blocks"], Value::Null);
    let full = dan.get("/pipelines/p?include=blocks,edges,runs").await.expect(StatusCode::OK);
    let names = |list: &str| -> Vec<String> {
        full.body[list]
            .as_array()
            .expect("a list")
            .iter()
            .map(|part| part["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    assert_eq!(names("blocks"), ["a", "b", "c"]);
    assert_eq!(names("edges"), ["ab", "bc"]);
    assert_eq!(full.body["runs"], json!([]));
    assert_eq!(full.body["blocks"][0]["block_version_id"], Value::Null);
    assert!(full.body["blocks"][1]["block_version_id"].is_string());
    assert_eq!(full.body["edges"][0]["verification_status"], "passed");

    // The revision of the answer is the one that counts, plain or not.
    let made = dan.post("/pipelines", chain_body("q")).await.expect(StatusCode::CREATED);
    assert_eq!(made.header("location"), format!("/pipelines/{}", made.id("pipeline_id")));
    assert_eq!(dan.get("/pipelines/q").await.etag(), made.etag());
    for tag in [made.etag(), full.etag()] {
        let request = dan.request(Method::PATCH, "/pipelines/q");
        let request = request.header("If-Match", tag).json(json!({ "description": "d" }));
        let expected =
            if tag == made.etag() { StatusCode::OK } else { StatusCode::PRECONDITION_FAILED };
        request.send().await.expect(expected);
    }
}

#[tokio::test]
async fn a_bad_graph_is_told_all_its_faults_at_once() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    register(&dan, "loose").await;
    let body = json!({
        "name": "q",
        "blocks": [
            { "block_id": "a" }, { "block_id": "nothing" }, { "block_id": "A" },
            { "block_id": "b", "version_number": 9 }, { "block_id": "c" },
        ],
        "edges": [
            { "edge_id": "nothing", "source_block_id": "a", "target_block_id": "b" },
            { "edge_id": "ab", "source_block_id": "loose", "target_block_id": "nowhere" },
            { "edge_id": "ab", "source_block_id": "a", "target_block_id": "a" },
            { "edge_id": "ab", "source_block_id": "a", "target_block_id": "b", "version_number": 3 },
            { "edge_id": "ab", "source_block_id": "a", "target_block_id": "b" },
            { "edge_id": "bc", "source_block_id": "b", "target_block_id": "c" },
            { "edge_id": "bc", "source_block_id": "c", "target_block_id": "a" },
        ],
    });
    let refused =
        dan.post("/pipelines", body).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(
        refused.pointers(),
        [
            "/blocks/1/block_id",
            "/blocks/2/block_id",
            "/blocks/3/version_number",
            "/edges",
            "/edges/0/edge_id",
            "/edges/1/source_block_id",
            "/edges/1/target_block_id",
            "/edges/2/target_block_id",
            "/edges/3/version_number",
            "/edges/4",
        ]
    );
    let cycle = refused.body["errors"]
        .as_array()
        .expect("faults")
        .iter()
        .find(|fault| fault["pointer"] == "/edges")
        .expect("the cycle");
    let cycle = cycle["detail"].as_str().expect("a text");
    for path in ["a → b", "b → c", "c → a"] {
        assert!(cycle.contains(path), "{cycle}");
    }
    dan.get("/pipelines/q").await.expect(StatusCode::NOT_FOUND);

    // What is wrong with the form of it is told before.
    let body = json!({
        "name": "", "colour": 1, "blocks": [{}, 5, { "block_id": "a", "x": 1 }, { "block_id": 5 }],
        "edges": [{ "edge_id": "ab", "source_block_id": "a", "target_block_id": "b",
            "edge_version_id": "0198aa00-0000-7000-8000-000000000000", "version_number": 1 }],
    });
    let refused =
        dan.post("/pipelines", body).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(
        refused.pointers(),
        [
            "/blocks/0/block_id",
            "/blocks/1",
            "/blocks/2/x",
            "/blocks/3/block_id",
            "/colour",
            "/edges/0/version_number",
            "/name",
        ]
    );
}

#[tokio::test]
async fn a_configuration_cannot_reach_past_its_pipeline() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let good = json!({
        "schema_version": 1, "mode": "generic", "job_name": "registry_generic",
        "run_config": {
            "ops": { "x": { "config": { "env": "NAME" } } },
            "execution": { "config": { "multiprocess": { "max_concurrent": 4 } } },
        },
        "block_config": { "a": { "epochs": 3 } }, "tags": { "team": "vision" },
        "max_runtime_seconds": 3600, "max_retries": 2, "op_selection": null,
    });
    dan.post("/pipelines", json!({ "name": "good", "dagster_pipeline_config": good }))
        .await
        .expect(StatusCode::CREATED);
    let bad = json!({
        "schema_version": 2, "mode": "x", "job_name": "a-b", "repository_name": "", "colour": 1,
        "run_config": {
            "resources": {}, "loggers": {}, "ops": { "plan": {} },
            "execution": { "config": { "k8s": { "image": "evil" }, "in_process": { "image": "evil" } }, "k8s-pod": {} },
        },
        "block_config": { "a": 5 },
        "tags": { "dagster/max_retries": "5", "dagster-k8s/config": "{}", "": "x", "n": 5 },
        "op_selection": ["x"], "max_runtime_seconds": 0, "max_retries": 1.5,
    });
    let expected = [
        "/block_config/a",
        "/colour",
        "/job_name",
        "/max_retries",
        "/max_runtime_seconds",
        "/mode",
        "/op_selection",
        "/repository_name",
        "/run_config/execution/config/in_process/image",
        "/run_config/execution/config/k8s",
        "/run_config/execution/k8s-pod",
        "/run_config/loggers",
        "/run_config/ops/plan",
        "/run_config/resources",
        "/schema_version",
        "/tags/",
        "/tags/dagster-k8s~1config",
        "/tags/dagster~1max_retries",
        "/tags/n",
    ]
    .map(|pointer| format!("/dagster_pipeline_config{pointer}"));
    for answer in [
        dan.post("/pipelines", json!({ "name": "bad", "dagster_pipeline_config": bad })).await,
        dan.patch("/pipelines/good", json!({ "dagster_pipeline_config": bad })).await,
    ] {
        let refused = answer.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(refused.pointers(), expected);
    }
    let mut deep = json!({});
    for _ in 0..200 {
        deep = json!({ "a": deep });
    }
    let refused = dan
        .patch(
            "/pipelines/good",
            json!({ "dagster_pipeline_config": { "run_config": { "ops": deep } } }),
        )
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(refused.pointers(), ["/dagster_pipeline_config"]);
}

#[tokio::test]
async fn only_developers_and_admins_write_and_everybody_logged_in_reads() {
    let service = Service::start().await;
    let id = chain(&service, &service.developer().await).await;
    let vera = service.viewer().await;
    let path = format!("/pipelines/{id}");
    for suffix in ["", "/graph", "/readiness", "/lock", "/runs", "/blocks/a", "/history"] {
        vera.get(&format!("{path}{suffix}")).await.expect(StatusCode::OK);
        service
            .nobody()
            .get(&format!("{path}{suffix}"))
            .await
            .refused(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    let edge_id =
        vera.get(&format!("{path}?include=edges")).await.body["edges"][0]["pipeline_edge_id"]
            .as_str()
            .expect("an id")
            .to_owned();
    let edge = json!({ "edge_id": "ab", "source_block_id": "a", "target_block_id": "c" });
    for (method, suffix, body) in [
        (Method::PATCH, String::new(), json!({ "name": "x" })),
        (Method::DELETE, String::new(), json!({})),
        (Method::PUT, "/graph".to_owned(), json!({ "blocks": [], "edges": [] })),
        (Method::POST, "/blocks".to_owned(), json!({ "block_id": "a" })),
        (Method::PATCH, "/blocks/a".to_owned(), json!({ "version_number": 1 })),
        (Method::DELETE, "/blocks/a".to_owned(), json!({})),
        (Method::POST, "/edges".to_owned(), edge),
        (Method::PATCH, format!("/edges/{edge_id}"), json!({ "version_number": 1 })),
        (Method::DELETE, format!("/edges/{edge_id}"), json!({})),
        (Method::POST, "/runs".to_owned(), json!({})),
    ] {
        let path = format!("{path}{suffix}");
        let refused = vera.request(method.clone(), &path).json(body).send().await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method} {path}: {}", refused.text);
    }
    vera.post("/pipelines", json!({ "name": "x" }))
        .await
        .refused(StatusCode::FORBIDDEN, "forbidden");
    // Another developer changes it, but does not archive it; its maker and an admin do.
    let dora = service.colleague().await;
    dora.patch(&path, json!({ "description": "hers" })).await.expect(StatusCode::OK);
    dora.delete(&path).await.refused(StatusCode::FORBIDDEN, "forbidden");
    service.admin().await.delete(&path).await.expect(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn pipelines_are_listed_by_what_is_in_them() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let dora = service.colleague().await;
    let body =
        json!({ "name": "Q", "description": "nightly training", "blocks": [{ "block_id": "a" }] });
    let made = dora.post("/pipelines", body).await.expect(StatusCode::CREATED);
    let creator = made.body["created_by"].as_str().expect("an id");
    for (query, names) in [
        ("", vec!["Q", "p"]),
        ("?sort=name", vec!["p", "Q"]),
        ("?name=q", vec!["Q"]),
        ("?q=trainings", vec!["Q"]),
        ("?block=a&sort=created_at", vec!["p", "Q"]),
        ("?block=c", vec!["p"]),
        ("?edge=AB", vec!["p"]),
        ("?edge=nothing", vec![]),
        (&format!("?created_by={creator}"), vec!["Q"]),
        ("?archived=true", vec![]),
    ] {
        let page = dan.get(&format!("/pipelines{query}")).await.expect(StatusCode::OK);
        assert_eq!(page.items("name"), names, "{query}");
    }
    let full = dan.get("/pipelines?include=blocks,edges").await.expect(StatusCode::OK);
    assert_eq!(full.body["items"][1]["edges"].as_array().map(Vec::len), Some(2));
    let first = dan.get("/pipelines?limit=1&sort=name").await.expect(StatusCode::OK);
    let cursor = first.body["next_cursor"].as_str().expect("a cursor");
    let second = dan.get(&format!("/pipelines?limit=1&sort=name&cursor={cursor}")).await;
    assert_eq!(second.items("name"), ["Q"]);
    dan.get("/pipelines?include=runs").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_pipeline_is_archived_restored_and_purged() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let path = format!("/pipelines/{}", chain(&service, &dan).await);
    let run = dan.post(&format!("{path}/runs"), json!({})).await.expect(StatusCode::CREATED);
    for removal in [path.clone(), format!("{path}?purge=true")] {
        let refused = service.admin().await.delete(&removal).await;
        let refused = refused.refused(StatusCode::CONFLICT, "in_use");
        assert_eq!(
            refused.body["used_by"],
            json!([{ "entity_type": "pipeline_run", "entity_id": run.id("run_id") }])
        );
    }
    let run = run.header("location").to_owned();
    dan.patch(&run, json!({ "status": "canceled" })).await.expect(StatusCode::OK);
    dan.delete(&path).await.expect(StatusCode::NO_CONTENT);
    for gone in ["", "/graph", "/readiness", "/lock"] {
        dan.get(&format!("{path}{gone}")).await.refused(StatusCode::NOT_FOUND, "not_found");
    }
    dan.post(&format!("{path}/runs"), json!({})).await.expect(StatusCode::NOT_FOUND);
    assert_eq!(dan.get("/pipelines?archived=true").await.items("name"), ["p"]);
    // Runs are history.
    dan.get(&run).await.expect(StatusCode::OK);
    dan.post(&format!("{path}/restore"), json!({})).await.expect(StatusCode::OK);
    dan.get("/pipelines/p").await.expect(StatusCode::OK);
    dan.delete(&format!("{path}?purge=true")).await.expect(StatusCode::FORBIDDEN);
    let ada = service.admin().await;
    ada.delete(&format!("{path}?purge=true")).await.expect(StatusCode::NO_CONTENT);
    dan.get(&run).await.expect(StatusCode::NOT_FOUND);
    let history = ada.get(&format!("{path}/history?limit=200")).await.expect(StatusCode::OK);
    assert!(history.items("action_type").contains(&json!("DELETE")));
}
