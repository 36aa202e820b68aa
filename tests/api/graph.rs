//! The graph of a pipeline: replaced, changed part by part, drawn.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::blocks::register;
use crate::pipelines::{chain, chain_body, edge};
use crate::service::{Answer, Person, Service};

async fn graph(person: &Person<'_>) -> Answer {
    person.get("/pipelines/p/graph").await.expect(StatusCode::OK)
}

fn column(graph: &Answer, list: &str, column: &str) -> Vec<Value> {
    let parts = graph.body[list].as_array().expect("a list");
    parts.iter().map(|part| part[column].clone()).collect()
}

#[tokio::test]
async fn a_graph_is_replaced_as_a_whole() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    register(&dan, "d").await;
    let before = graph(&dan).await;
    let etag = dan.get("/pipelines/p").await.etag().to_owned();
    let mut same = chain_body("p");
    same.as_object_mut().expect("an object").remove("name");
    dan.put("/pipelines/p/graph", same).await.expect(StatusCode::OK);
    assert_eq!(dan.get("/pipelines/p").await.etag(), etag, "nothing changed");

    let body = json!({
        "blocks": [{ "block_id": "a" }, { "block_id": "d" }, { "block_id": "b" }],
        "edges": [
            { "edge_id": "ab", "source_block_id": "a", "target_block_id": "b" },
            { "edge_id": "ab", "source_block_id": "b", "target_block_id": "d", "version_number": 1 },
        ],
    });
    let request = dan.request(Method::PUT, "/pipelines/p/graph").header("If-Match", &etag);
    let replaced = request.json(body.clone()).send().await.expect(StatusCode::OK);
    assert_eq!(column(&replaced, "blocks", "name"), ["a", "b", "d"]);
    let after = graph(&dan).await;
    assert_eq!(after.body["blocks"][0], before.body["blocks"][0], "a stays what it was");
    assert_eq!(after.body["blocks"][1]["block_version_id"], Value::Null, "the pin of b is gone");
    assert!(
        column(&after, "edges", "pipeline_edge_id")
            .contains(&before.body["edges"][0]["pipeline_edge_id"])
    );
    let stale = dan.request(Method::PUT, "/pipelines/p/graph").header("If-Match", &etag);
    stale.json(body).send().await.refused(StatusCode::PRECONDITION_FAILED, "stale");
    // The new revision is the one in the answer.
    let fresh = dan.request(Method::PATCH, "/pipelines/p").header("If-Match", replaced.etag());
    fresh.json(json!({ "description": "x" })).send().await.expect(StatusCode::OK);

    for (body, pointers) in [
        (json!({}), vec!["/blocks", "/edges"]),
        (json!({ "blocks": [{ "block_id": "a" }] }), vec!["/edges"]),
        (
            json!({ "blocks": [], "edges": [{ "edge_id": "ab", "source_block_id": "a", "target_block_id": "b" }] }),
            vec!["/edges/0/source_block_id", "/edges/0/target_block_id"],
        ),
    ] {
        let refused = dan.put("/pipelines/p/graph", body).await;
        assert_eq!(refused.expect(StatusCode::UNPROCESSABLE_ENTITY).pointers(), pointers);
    }
    assert_eq!(graph(&dan).await.body["edges"].as_array().map(Vec::len), Some(2));
    dan.put("/pipelines/p/graph", json!({ "blocks": [], "edges": [] }))
        .await
        .expect(StatusCode::OK);
    dan.put("/pipelines/nothing/graph", json!({ "blocks": [], "edges": [] }))
        .await
        .expect(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_graph_is_changed_part_by_part() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    register(&dan, "d").await;
    let revision = dan.get("/pipelines/p").await.etag().to_owned();
    let added = dan
        .post("/pipelines/p/blocks", json!({ "block_id": "d" }))
        .await
        .expect(StatusCode::CREATED);
    assert_ne!(dan.get("/pipelines/p").await.etag(), revision, "the pipeline is revised");
    let read = dan.get(added.header("location")).await.expect(StatusCode::OK);
    assert_eq!((read.body.clone(), read.etag()), (added.body.clone(), added.etag()));
    dan.post("/pipelines/p/blocks", json!({ "block_id": "d" }))
        .await
        .refused(StatusCode::CONFLICT, "already_exists");
    for (body, pointer) in [
        (json!({ "block_id": "nothing" }), "/block_id"),
        (json!({ "block_id": "d", "version_number": 7 }), "/version_number"),
    ] {
        let refused = dan.post("/pipelines/p/blocks", body).await;
        assert_eq!(refused.expect(StatusCode::UNPROCESSABLE_ENTITY).pointers(), [pointer]);
    }

    // Pins.
    dan.patch("/blocks/d", json!({ "metadata": { "rows": 2 } })).await.expect(StatusCode::OK);
    let at = |answer: &Answer| answer.body["version_number"].clone();
    assert_eq!(at(&dan.get("/pipelines/p/blocks/d").await), 2);
    let pinned = dan
        .patch("/pipelines/p/blocks/d", json!({ "version_number": 1 }))
        .await
        .expect(StatusCode::OK);
    assert_eq!(at(&pinned), 1);
    let free =
        dan.request(Method::PATCH, "/pipelines/p/blocks/d").header("If-Match", pinned.etag());
    let free = free.json(json!({ "block_version_id": null })).send().await.expect(StatusCode::OK);
    assert_eq!((at(&free), &free.body["block_version_id"]), (json!(2), &Value::Null));
    let stale =
        dan.request(Method::PATCH, "/pipelines/p/blocks/d").header("If-Match", pinned.etag());
    stale
        .json(json!({ "version_number": 1 }))
        .send()
        .await
        .refused(StatusCode::PRECONDITION_FAILED, "stale");
    let refused = dan.patch("/pipelines/p/blocks/d", json!({ "version_number": 3 })).await;
    assert_eq!(refused.expect(StatusCode::UNPROCESSABLE_ENTITY).pointers(), ["/version_number"]);
    let refused = dan.patch("/pipelines/p/blocks/d", json!({})).await;
    assert_eq!(refused.expect(StatusCode::UNPROCESSABLE_ENTITY).pointers(), [""]);
    dan.patch("/pipelines/p/blocks/nothing", json!({ "version_number": 1 }))
        .await
        .expect(StatusCode::NOT_FOUND);

    // Edges.
    let body = json!({ "edge_id": "ab", "source_block_id": "c", "target_block_id": "d" });
    let tied = dan.post("/pipelines/p/edges", body).await.expect(StatusCode::CREATED);
    let path = tied.header("location").to_owned();
    assert_eq!(tied.body["verification_status"], "passed");
    assert_eq!(dan.get(&path).await.body, tied.body);
    let pinned = dan.patch(&path, json!({ "version_number": 1 })).await.expect(StatusCode::OK);
    assert_eq!(pinned.body["edge_version_id"], pinned.body["version_id"]);
    dan.patch(&path, json!({ "edge_version_id": null })).await.expect(StatusCode::OK);
    let cycle = json!({ "edge_id": "bc", "source_block_id": "d", "target_block_id": "a" });
    let refused =
        dan.post("/pipelines/p/edges", cycle).await.refused(StatusCode::CONFLICT, "cycle");
    let detail = refused.body["detail"].as_str().expect("a text");
    assert!(detail.contains("c → d"), "{detail}");
    register(&dan, "loose").await;
    let refused = dan
        .post(
            "/pipelines/p/edges",
            json!({ "edge_id": "x", "source_block_id": "loose", "target_block_id": "d" }),
        )
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.pointers(), ["/edge_id", "/source_block_id"]);
    dan.delete("/pipelines/p/blocks/d").await.refused(StatusCode::CONFLICT, "in_use");
    dan.delete(&path).await.expect(StatusCode::NO_CONTENT);
    dan.delete(&path).await.expect(StatusCode::NOT_FOUND);
    dan.delete("/pipelines/p/blocks/d").await.expect(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn halves_of_a_cycle_written_at_once_are_not_both_let_in() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    dan.put(
        "/pipelines/p/graph",
        json!({ "blocks": [{ "block_id": "a" }, { "block_id": "b" }], "edges": [] }),
    )
    .await
    .expect(StatusCode::OK);
    for _ in 0..10 {
        let half = |from: &str, to: &str| {
            dan.request(Method::POST, "/pipelines/p/edges")
                .json(json!({ "edge_id": "ab", "source_block_id": from, "target_block_id": to }))
                .send()
        };
        let (one, other) = futures_util::join!(half("a", "b"), half("b", "a"));
        let (won, lost) =
            if one.status == StatusCode::CREATED { (one, other) } else { (other, one) };
        lost.refused(StatusCode::CONFLICT, "cycle");
        let won = won.expect(StatusCode::CREATED);
        dan.delete(won.header("location")).await.expect(StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn of_many_graphs_written_at_once_one_is_there_whole() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let puts = (0..20).map(|n| {
        let blocks = if n % 2 == 0 { ["a", "b"] } else { ["b", "c"] };
        let body = json!({
            "blocks": blocks.map(|block| json!({ "block_id": block })),
            "edges": [{ "edge_id": "ab", "source_block_id": blocks[0], "target_block_id": blocks[1] }],
        });
        dan.request(Method::PUT, "/pipelines/p/graph").json(body).send()
    });
    for answer in join_all(puts).await {
        answer.expect(StatusCode::OK);
    }
    let graph = graph(&dan).await;
    assert_eq!(graph.body["edges"].as_array().map(Vec::len), Some(1), "{}", graph.text);
    assert_eq!(graph.body["blocks"].as_array().map(Vec::len), Some(2), "{}", graph.text);
}

#[tokio::test]
async fn a_graph_is_drawn_as_the_client_likes_it() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let evil = r#"a"]<script>alert(1)</script>&amp;`\n #quot; end | {x}"#;
    register(&dan, evil).await;
    register(&dan, "b").await;
    edge(&service, r#"--> "x" <b>"#).await;
    let body = json!({
        "name": "</svg><script>", "blocks": [{ "block_id": evil }, { "block_id": "b" }],
        "edges": [{ "edge_id": r#"--> "x" <b>"#, "source_block_id": evil, "target_block_id": "b" }],
    });
    let path = format!(
        "{}/graph",
        dan.post("/pipelines", body).await.expect(StatusCode::CREATED).header("location")
    );
    for (accept, content_type) in [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("image/svg+xml", "image/svg+xml"),
        ("image/*", "image/svg+xml"),
        ("text/vnd.mermaid", "text/vnd.mermaid"),
        ("text/vnd.graphviz;q=0.9, application/json;q=0.1", "text/vnd.graphviz"),
        ("text/html, application/json;q=0, */*;q=0.1", "image/svg+xml"),
    ] {
        let read = || dan.request(Method::GET, &path).header("Accept", accept);
        let drawn = read().send().await.expect(StatusCode::OK);
        assert_eq!(drawn.header("content-type"), content_type, "{accept}");
        assert_eq!(drawn.header("vary"), "Accept");
        let known = read().header("If-None-Match", drawn.etag()).send().await;
        assert_eq!(known.status, StatusCode::NOT_MODIFIED, "{accept}");
        match content_type {
            "image/svg+xml" => {
                assert!(
                    drawn.text.starts_with("<svg ") && !drawn.text.contains("<script"),
                    "{}",
                    drawn.text
                );
            }
            "text/vnd.mermaid" => {
                assert!(
                    !drawn.text.contains("<script") && drawn.text.contains("#34;"),
                    "{}",
                    drawn.text
                );
                assert_eq!(drawn.text.lines().count(), 4);
            }
            "text/vnd.graphviz" => {
                assert!(drawn.text.contains(r#"a\"]<script>"#), "{}", drawn.text)
            }
            _ => assert_eq!(drawn.body["edges"].as_array().map(Vec::len), Some(1)),
        }
    }
    // Where no header can be sent, the address says it.
    for (format, content_type) in [
        ("json", "application/json"),
        ("svg", "image/svg+xml"),
        ("mermaid", "text/vnd.mermaid"),
        ("dot", "text/vnd.graphviz"),
    ] {
        let asked = format!("{path}?format={format}");
        let drawn = dan.request(Method::GET, &asked).header("Accept", "text/html").send().await;
        assert_eq!(drawn.expect(StatusCode::OK).header("content-type"), content_type);
    }
    let refused = dan.get(&format!("{path}?format=png")).await;
    assert_eq!(refused.expect(StatusCode::UNPROCESSABLE_ENTITY).pointers(), ["format"]);
    let refused = dan.request(Method::GET, &path).header("Accept", "image/png").send().await;
    refused.refused(StatusCode::NOT_ACCEPTABLE, "not_acceptable");
}

#[tokio::test]
async fn a_drawing_can_be_opened_in_a_browser() {
    let service = Service::start().await;
    let dan = service.developer().await;
    dan.post("/pipelines", json!({ "name": "p" })).await.expect(StatusCode::CREATED);
    let key = dan.post("/api-keys", json!({ "name": "browser", "role": "viewer" })).await;
    let key = key.expect(StatusCode::CREATED).body["key"].as_str().expect("a key").to_owned();
    let nobody = service.nobody();
    let open = |method, path: &str| {
        nobody
            .request(method, path)
            .header("Sec-Fetch-Mode", "navigate")
            .header("Accept", "text/html")
    };
    let path = "/pipelines/p/graph?format=svg";
    let asked = open(Method::GET, path).send().await.expect(StatusCode::UNAUTHORIZED);
    let challenges = asked.headers.get_all("www-authenticate");
    let challenges: Vec<_> = challenges.iter().filter_map(|it| it.to_str().ok()).collect();
    assert!(challenges.len() == 2 && challenges[1].starts_with("Basic "), "{challenges:?}");
    // A program is not asked like this.
    let refused = nobody.get(path).await.expect(StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers.get_all("www-authenticate").iter().count(), 1);

    let basic =
        |password: &str| format!("Basic {}", STANDARD.encode(format!("whoever:{password}")));
    let drawn = open(Method::GET, path).header("Authorization", basic(&key)).send().await;
    let drawn = drawn.expect(StatusCode::OK);
    assert_eq!(drawn.header("content-type"), "image/svg+xml");
    let policy = drawn.header("content-security-policy");
    assert_eq!(policy, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    for wrong in [
        basic("wrong"),
        basic(""),
        "Basic".to_owned(),
        "Basic =".to_owned(),
        format!("Basic {key}"),
    ] {
        let answer = open(Method::GET, path).header("Authorization", &wrong).send().await;
        answer.expect(StatusCode::UNAUTHORIZED);
    }
    // What a browser sends by itself changes nothing.
    for (method, path) in [
        (Method::POST, "/pipelines/p/runs"),
        (Method::PATCH, "/pipelines/p"),
        (Method::PUT, "/pipelines/p/graph"),
        (Method::DELETE, "/pipelines/p"),
    ] {
        let answer =
            open(method, path).header("Authorization", basic(&key)).json(json!({})).send().await;
        answer.refused(StatusCode::UNAUTHORIZED, "unauthorized");
    }
}

#[tokio::test]
async fn a_pipeline_has_a_bounded_number_of_parts_for_every_client() {
    let service = Service::start().await;
    let dan = service.developer().await;
    dan.post("/pipelines", json!({ "name": "p" })).await.expect(StatusCode::CREATED);
    let mut owner = service.database.connect().await;
    let fill = "insert into blocks (name, block_type) select 'b' || n, 'model' from generate_series(1, 501) n;
        insert into pipeline_blocks (pipeline_id, block_id)
        select p.pipeline_id, b.block_id from pipelines p, blocks b where b.name <> 'b501'";
    sqlx::raw_sql(fill).execute(&mut owner).await.unwrap();
    let one_more = dan.post("/pipelines/p/blocks", json!({ "block_id": "b501" })).await;
    let refused = one_more.refused(StatusCode::CONFLICT, "too_many");
    assert_eq!(refused.body["detail"], "A pipeline has at most 500 blocks.");
    let by_sql = "insert into pipeline_blocks (pipeline_id, block_id)
        select p.pipeline_id, b.block_id from pipelines p, blocks b where b.name = 'b501'";
    let error = sqlx::raw_sql(by_sql).execute(&mut owner).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().constraint(), Some("pipeline_blocks_too_many"));
    // One makes room for another.
    dan.delete("/pipelines/p/blocks/b1").await.expect(StatusCode::NO_CONTENT);
    dan.post("/pipelines/p/blocks", json!({ "block_id": "b501" }))
        .await
        .expect(StatusCode::CREATED);
}
