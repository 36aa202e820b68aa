//! Lineage and impact over HTTP, and who is affected in other answers.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::blocks::register;
use crate::pipelines::{chain, chain_body, edge, verify};
use crate::service::{Answer, Person, Service};

/// Name, direction and distance of each node.
fn nodes(lineage: &Answer) -> Vec<(String, String, i64)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let nodes = lineage.body["nodes"].as_array().expect("nodes");
    let mut nodes: Vec<_> = nodes
        .iter()
        .map(|it| {
            (text(&it["name"]), text(&it["direction"]), it["distance"].as_i64().expect("one"))
        })
        .collect();
    nodes.sort_by_key(|(name, direction, distance)| (*distance, direction.clone(), name.clone()));
    nodes
}

fn expected(nodes: &[(&str, &str, i64)]) -> Vec<(String, String, i64)> {
    nodes.iter().map(|(name, way, at)| ((*name).to_owned(), (*way).to_owned(), *at)).collect()
}

/// Name, distance and code of each thing that is reached.
async fn impact(person: &Person<'_>, query: &str) -> Vec<(String, i64, String)> {
    let answer = person.get(&format!("/impact?node={query}")).await.expect(StatusCode::OK);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let items = answer.body["items"].as_array().expect("items");
    let mut reached: Vec<_> = items
        .iter()
        .map(|it| (text(&it["name"]), it["distance"].as_i64().expect("one"), text(&it["code"])))
        .collect();
    reached.sort_by_key(|(name, distance, _)| (*distance, name.clone()));
    reached
}

fn reached(things: &[(&str, i64, &str)]) -> Vec<(String, i64, String)> {
    things.iter().map(|(name, at, code)| ((*name).to_owned(), *at, (*code).to_owned())).collect()
}

async fn depend(person: &Person<'_>, who: &str, kind: &str, on: &str, versions: Value) -> Answer {
    let body = json!({
        "dependency_type": "internal", "depends_on_type": kind, "depends_on_id": on, "version_constraint": versions,
    });
    person.post(&format!("/{who}/dependencies"), body).await
}

#[tokio::test]
async fn a_lineage_goes_up_and_down_as_far_as_it_is_asked_to() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    register(&dan, "code").await;
    depend(&dan, "edges/ab", "block", "code", json!(">=1")).await.expect(StatusCode::CREATED);
    let lineage =
        async |query: &str| dan.get(&format!("/lineage?node={query}")).await.expect(StatusCode::OK);

    let b = lineage("block:B").await;
    let whole = [
        ("b", "", 0),
        ("c", "down", 1),
        ("p", "down", 1),
        ("a", "up", 1),
        ("ab", "up", 1),
        ("code", "up", 2),
    ];
    assert_eq!(nodes(&b), expected(&whole));
    assert_eq!((&b.body["next_cursor"], &b.body["narrow"]), (&Value::Null, &Value::Null));
    let ab = &b.body["nodes"].as_array().expect("nodes").iter().find(|it| it["name"] == "ab");
    let ab = ab.expect("the edge");
    assert_eq!((&ab["verification_status"], &ab["version_number"]), (&json!("passed"), &json!(1)));
    let of_kind = |answer: &Answer, kind: &str| {
        let edges = answer.body["edges"].as_array().expect("edges").clone();
        edges.into_iter().filter(|it| it["kind"] == kind).collect::<Vec<_>>()
    };
    let flows = of_kind(&b, "pipeline_edge");
    assert_eq!(flows.len(), 2);
    assert!(flows.iter().all(|it| it["pipelines"][0]["name"] == "p" && it["pipeline_count"] == 1));
    assert_eq!(of_kind(&b, "dependency")[0]["version_constraint"], ">=1");
    assert_eq!(of_kind(&b, "member").len(), 4, "a, b, c and ab are in p");
    assert_eq!(of_kind(&b, "input"), Vec::<Value>::new());

    assert_eq!(nodes(&lineage("block:b&depth=0").await), expected(&[("b", "", 0)]));
    let up = lineage("block:b&direction=up&depth=1").await;
    assert_eq!(nodes(&up), expected(&[("b", "", 0), ("a", "up", 1), ("ab", "up", 1)]));
    let e = lineage("edge:ab&direction=up").await;
    assert_eq!(nodes(&e), expected(&[("ab", "", 0), ("a", "up", 1), ("code", "up", 1)]));
    assert_eq!(of_kind(&e, "input").len(), 1);
    let p = lineage("pipeline:p&direction=down").await;
    assert_eq!(nodes(&p), expected(&[("p", "", 0)]));

    // Page by page it is the same.
    let (mut paged, mut edges) = (Vec::new(), 0);
    let mut path = "/lineage?node=block:b&limit=2".to_owned();
    loop {
        let page = dan.get(&path).await.expect(StatusCode::OK);
        paged.extend(nodes(&page).into_iter().filter(|node| node.2 > 0 || paged_is_empty(&path)));
        edges += page.body["edges"].as_array().expect("edges").len();
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        assert!(page.body["narrow"].as_str().expect("how").contains("narrow it"));
        assert!(page.header("link").contains(cursor));
        path = format!("/lineage?node=block:b&limit=2&cursor={cursor}");
    }
    paged.sort_by_key(|(name, way, distance)| (*distance, way.clone(), name.clone()));
    assert_eq!(paged, expected(&whole));
    assert_eq!(edges, b.body["edges"].as_array().expect("edges").len());
}

fn paged_is_empty(path: &str) -> bool {
    !path.contains("cursor")
}

#[tokio::test]
async fn a_lineage_is_drawn_even_when_it_goes_in_a_circle() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let mut back = chain_body("back");
    back["edges"] = json!([{ "edge_id": "ab", "source_block_id": "c", "target_block_id": "a" }]);
    dan.post("/pipelines", back).await.expect(StatusCode::CREATED);
    let lineage = dan.get("/lineage?node=block:a&depth=1000").await.expect(StatusCode::OK);
    let at = |name: &str, way: &str| {
        nodes(&lineage).iter().find(|it| it.0 == name && it.1 == way).map(|it| it.2)
    };
    assert_eq!((at("c", "up"), at("c", "down"), at("a", "down")), (Some(1), Some(2), None));
    for (accept, begins, holds) in [
        ("image/svg+xml", "<svg", "Lineage of a"),
        ("text/vnd.mermaid", "flowchart LR", "[[\"back"),
        ("text/vnd.graphviz", "digraph \"Lineage of a\"", "shape=folder"),
    ] {
        let drawn = dan
            .request(reqwest::Method::GET, "/lineage?node=block:a")
            .header("Accept", accept)
            .send()
            .await
            .expect(StatusCode::OK);
        assert!(drawn.header("content-type").starts_with(accept));
        assert_eq!(drawn.header("vary"), "Accept");
        let text = &drawn.text;
        assert!(text.starts_with(begins) && text.contains(holds), "{text}");
    }
    let drawn = dan
        .request(reqwest::Method::GET, "/lineage?node=block:a&format=svg")
        .header("Accept", "text/html")
        .send()
        .await
        .expect(StatusCode::OK);
    assert!(drawn.text.starts_with("<svg"), "{}", drawn.text);
    let refused = dan
        .request(reqwest::Method::GET, "/lineage?node=block:a")
        .header("Accept", "text/html")
        .send()
        .await;
    refused.refused(StatusCode::NOT_ACCEPTABLE, "not_acceptable");
}

#[tokio::test]
async fn what_cannot_be_asked_is_said_so() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "a").await;
    for route in ["lineage", "impact"] {
        for (query, pointers) in [
            ("", &["node"][..]),
            ("node=a", &["node"]),
            ("node=user:a", &["node"]),
            ("node=block:", &["node"]),
            ("node=block:a&depth=10000", &["depth"]),
            ("node=block:a&depth=-1&limit=0&colour=red", &["colour", "depth", "limit"]),
            ("node=block:a&depth=1001", &["depth"]),
            ("node=block:a&depth=%2B1", &["depth"]),
            ("node=block:a&cursor=abc", &["cursor"]),
        ] {
            let refused = dan.get(&format!("/{route}?{query}")).await;
            let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
            assert_eq!(refused.pointers(), pointers, "{route} {query}");
        }
        for node in
            ["block:b", "edge:a", "pipeline:a", "block:0198aa00-0000-7000-8000-000000000000"]
        {
            let missing = dan.get(&format!("/{route}?node={node}")).await;
            missing.refused(StatusCode::NOT_FOUND, "not_found");
        }
        service
            .nobody()
            .get(&format!("/{route}?node=block:a"))
            .await
            .expect(StatusCode::UNAUTHORIZED);
        service.viewer().await.get(&format!("/{route}?node=block:a")).await.expect(StatusCode::OK);
    }
    let refused = dan.get("/lineage?node=block:a&direction=left").await;
    assert_eq!(
        refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid").pointers(),
        ["direction"]
    );
    let refused = dan.get("/impact?node=pipeline:a&version=1").await;
    assert_eq!(
        refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid").pointers(),
        ["version"]
    );
    dan.get("/impact?node=block:a&version=2").await.refused(StatusCode::NOT_FOUND, "not_found");
    // A cursor of the one is none of the other's.
    register(&dan, "b").await;
    depend(&dan, "blocks/b", "block", "a", json!("*")).await.expect(StatusCode::CREATED);
    register(&dan, "c").await;
    depend(&dan, "blocks/c", "block", "a", json!(null)).await.expect(StatusCode::CREATED);
    let page = dan.get("/impact?node=block:a&limit=1").await.expect(StatusCode::OK);
    let cursor = page.body["next_cursor"].as_str().expect("more");
    dan.get(&format!("/lineage?node=block:a&cursor={cursor}"))
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
}

#[tokio::test]
async fn nobody_sees_or_counts_what_they_may_not_see() {
    let service = Service::start().await;
    let (dan, ada) = (service.developer().await, service.admin().await);
    chain(&service, &dan).await;
    ada.post("/pipelines", chain_body("hidden")).await.expect(StatusCode::CREATED);
    let hidden = ada.get("/pipelines/hidden").await.id("pipeline_id");
    ada.delete("/pipelines/hidden").await.expect(StatusCode::NO_CONTENT);
    let counted = |lineage: &Answer| {
        let edges = lineage.body["edges"].as_array().expect("edges");
        let flow = edges.iter().find(|it| it["kind"] == "pipeline_edge").expect("one");
        (nodes(lineage).iter().any(|it| it.0 == "hidden"), flow["pipeline_count"].as_i64())
    };
    for (person, asks, seen) in [(&dan, true, false), (&ada, false, false), (&ada, true, true)] {
        let lineage = person.get(&format!("/lineage?node=block:a&archived={asks}")).await;
        let lineage = lineage.expect(StatusCode::OK);
        assert_eq!(counted(&lineage), (seen, Some(1 + i64::from(seen))));
        let at = format!("/lineage?node=pipeline:{hidden}&archived={asks}");
        let status = if seen { StatusCode::OK } else { StatusCode::NOT_FOUND };
        person.get(&at).await.expect(status);
    }
    ada.get(&format!("/impact?node=pipeline:{hidden}")).await.expect(StatusCode::NOT_FOUND);
    let names: Vec<String> = impact(&ada, "block:a").await.into_iter().map(|it| it.0).collect();
    assert!(!names.contains(&"hidden".to_owned()));
}

#[tokio::test]
async fn an_impact_says_why_and_is_narrowed_to_a_version() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    dan.patch("/blocks/b", json!({ "metadata": { "rows": 2 } })).await.expect(StatusCode::OK);
    dan.put("/blocks/b/aliases/champion", json!({ "version": "2" }))
        .await
        .expect(StatusCode::CREATED);
    let follower = json!({ "name": "q", "blocks": [{ "block_id": "b", "block_alias": "champion" }], "edges": [] });
    dan.post("/pipelines", follower).await.expect(StatusCode::CREATED);
    let current = json!({ "name": "r", "blocks": [{ "block_id": "b" }], "edges": [] });
    dan.post("/pipelines", current).await.expect(StatusCode::CREATED);
    register(&dan, "d").await;
    depend(&dan, "blocks/d", "block", "b", json!(">=2")).await.expect(StatusCode::CREATED);
    register(&dan, "old").await;
    depend(&dan, "blocks/old", "block", "b", json!("<2")).await.expect(StatusCode::CREATED);
    let whole = [
        ("c", 1, "downstream"),
        ("champion", 1, "alias"),
        ("d", 1, "depends_on"),
        ("old", 1, "constraint_unmet"),
        ("p", 1, "pinned"),
        ("q", 1, "follows_alias"),
        ("r", 1, "follows_active"),
    ];
    assert_eq!(impact(&dan, "block:b").await, reached(&whole));
    let first = [("c", 1, "downstream"), ("old", 1, "constraint_unmet"), ("p", 1, "pinned")];
    assert_eq!(impact(&dan, "block:b&version=1").await, reached(&first));
    let second = [
        ("champion", 1, "alias"),
        ("d", 1, "depends_on"),
        ("q", 1, "follows_alias"),
        ("r", 1, "follows_active"),
    ];
    for version in ["2", "champion", "active", "latest"] {
        assert_eq!(impact(&dan, &format!("block:b&version={version}")).await, reached(&second));
    }
    let a = impact(&dan, "block:a").await;
    assert!(a.contains(&("q".to_owned(), 2, "has_reached_part".to_owned())), "{a:?}");
    let path = dan.get("/impact?node=block:a").await;
    let q = path.body["items"].as_array().expect("items").iter().find(|it| it["name"] == "q");
    let q = q.expect("q is reached");
    let names: Vec<&Value> =
        q["path"].as_array().expect("a path").iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["a", "b", "q"]);
    assert_eq!(q["detail"], "Has the block b, which is reached.");
    let ab = [
        ("b", 1, "output"),
        ("p", 1, "follows_active"),
        ("c", 2, "downstream"),
        ("d", 2, "depends_on"),
        ("old", 2, "constraint_unmet"),
        ("q", 2, "has_reached_part"),
        ("r", 2, "has_reached_part"),
    ];
    assert_eq!(impact(&dan, "edge:ab").await, reached(&ab));
    assert_eq!(impact(&dan, "pipeline:p").await, []);
}

#[tokio::test]
async fn a_constraint_that_is_not_met_is_a_warning() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    for text in ["3", ">=2.4", "@latest", "^2", ">=2,"] {
        let refused = depend(&dan, "blocks/c", "block", "b", json!(text)).await;
        let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(refused.pointers(), ["/version_constraint"], "{text}");
    }
    let warnings = async || {
        let readiness = dan.get("/pipelines/p/readiness").await.expect(StatusCode::OK);
        assert_eq!(
            (&readiness.body["ready"], &readiness.body["blockers"]),
            (&json!(true), &json!([]))
        );
        readiness.body["warnings"].clone()
    };
    let made =
        depend(&dan, "blocks/c", "block", "b", json!(">=2,<5")).await.expect(StatusCode::CREATED);
    // The pipeline is pinned to version 1, whichever is active.
    dan.patch("/blocks/b", json!({ "metadata": { "rows": 2 } })).await.expect(StatusCode::OK);
    let warned = warnings().await;
    let b = dan.get("/blocks/b").await.id("block_id");
    assert_eq!(warned[0]["code"], "version_constraint");
    assert_eq!((&warned[0]["name"], &warned[0]["version_number"]), (&json!("b"), &json!(1)));
    assert_eq!(warned[0]["impact"], format!("/impact?node=block:{b}"));
    assert!(warned[0]["detail"].as_str().expect("words").contains("c depends on >=2,<5"));
    dan.post("/pipelines/p/runs", json!({})).await.expect(StatusCode::CREATED);
    let change = async |text: &str| {
        let body = json!({ "version_constraint": text });
        dan.patch(made.header("location"), body).await.expect(StatusCode::OK)
    };
    change("=1").await;
    assert_eq!(warnings().await, json!([]));
    change("@champion").await;
    assert_eq!(warnings().await.as_array().map(Vec::len), Some(1), "nothing is called champion");
    dan.put("/blocks/b/aliases/champion", json!({ "version": "1" }))
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(warnings().await, json!([]));
    dan.patch("/pipelines/p/blocks/b", json!({ "version_number": 2 })).await.expect(StatusCode::OK);
    assert_eq!(warnings().await.as_array().map(Vec::len), Some(1));
    // Of something outside it is in words of its own.
    let outside = json!({ "dependency_type": "external", "dependency_detail": "PyPI: torch", "version_constraint": "~= 2.4" });
    dan.post("/blocks/c/dependencies", outside).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn who_is_affected_stands_in_other_answers() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let run =
        dan.post("/pipelines/p/runs", json!({})).await.expect(StatusCode::CREATED).id("run_id");
    dan.patch("/blocks/b", json!({ "metadata": { "rows": 2 } })).await.expect(StatusCode::OK);
    dan.put("/blocks/b/aliases/champion", json!({ "version": "2" }))
        .await
        .expect(StatusCode::CREATED);
    let follower = json!({ "name": "q", "blocks": [{ "block_id": "b", "block_alias": "champion" }], "edges": [] });
    dan.post("/pipelines", follower).await.expect(StatusCode::CREATED);
    let later =
        dan.post("/pipelines/q/runs", json!({})).await.expect(StatusCode::CREATED).id("run_id");

    let used =
        dan.get("/blocks/b?include=used_by").await.expect(StatusCode::OK).body["used_by"].clone();
    let told = |at: usize| {
        [&used[at]["name"], &used[at]["version_number"], &used[at]["by"], &used[at]["alias"]]
    };
    assert_eq!(told(0), [&json!("p"), &json!(1), &json!("pin"), &Value::Null]);
    assert_eq!(told(1), [&json!("q"), &json!(2), &json!("alias"), &json!("champion")]);
    let used = dan.get("/edges/ab?include=used_by,versions").await.expect(StatusCode::OK);
    assert_eq!(
        (&used.body["used_by"][0]["by"], &used.body["used_by"][1]),
        (&json!("active"), &Value::Null)
    );
    assert!(dan.get("/blocks/b?include=aliases").await.body.get("used_by").is_none());
    for list in ["/blocks", "/edges"] {
        let refused = dan.get(&format!("{list}?include=used_by")).await;
        assert_eq!(
            refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid").pointers(),
            ["include"]
        );
    }

    let pipelines = async |query: &str| {
        let list = dan.get(&format!("/pipelines?sort=name&{query}")).await.expect(StatusCode::OK);
        list.items("name")
    };
    assert_eq!(pipelines("block=b").await, ["p", "q"]);
    assert_eq!(pipelines("block=b&version=1").await, ["p"]);
    assert_eq!(pipelines("block=b&version=champion").await, ["q"]);
    assert_eq!(pipelines("block=b&version=9").await, Vec::<Value>::new());
    assert_eq!(pipelines("edge=ab&version=active").await, ["p"]);
    assert_eq!(pipelines("ready=true").await, ["p", "q"]);
    edge(&service, "new").await;
    dan.post(
        "/pipelines/p/edges",
        json!({ "edge_id": "new", "source_block_id": "a", "target_block_id": "c" }),
    )
    .await
    .expect(StatusCode::CREATED);
    assert_eq!(
        (pipelines("ready=true").await, pipelines("ready=false").await),
        (vec![json!("q")], vec![json!("p")])
    );
    let blocked =
        dan.post("/pipelines/p/runs", json!({})).await.refused(StatusCode::CONFLICT, "not_ready");
    let new = dan.get("/edges/new").await.id("edge_id");
    let link = format!("/impact?node=edge:{new}");
    assert_eq!(blocked.body["blockers"][0]["impact"], link.as_str());
    let readiness = dan.get("/pipelines/p/readiness").await;
    assert_eq!(readiness.body["blockers"][0]["impact"], link.as_str());
    assert_eq!(impact(&dan, link.trim_start_matches("/impact?node=")).await.len(), 2);
    verify(&service, "new", "passed").await;
    assert_eq!(pipelines("ready=false").await, Vec::<Value>::new());
    let in_use = dan.delete("/blocks/a").await.refused(StatusCode::CONFLICT, "in_use");
    let p = dan.get("/pipelines/p").await.id("pipeline_id");
    assert_eq!(in_use.body["used_by"][0]["impact"], format!("/impact?node=pipeline:{p}"));

    let runs = async |query: &str| {
        dan.get(&format!("/runs?{query}")).await.expect(StatusCode::OK).items("run_id")
    };
    assert_eq!(runs("block=b").await, [json!(later), json!(run)]);
    assert_eq!(runs("block=b&version=1").await, [json!(run)]);
    assert_eq!(runs("block=b&version=champion").await, [json!(later)]);
    assert_eq!(runs("block=b&alias=champion").await, [json!(later)]);
    assert_eq!(runs("edge=ab&version=1").await, [json!(run)]);
    for none in ["block=b&version=7", "edge=new", "block=nothing", "block=b&alias=staging"] {
        assert_eq!(runs(none).await, Vec::<Value>::new(), "{none}");
    }
    for (path, pointer) in [
        ("/runs?version=1", "version"),
        ("/runs?alias=champion", "alias"),
        ("/runs?block=b&alias=latest", "alias"),
        ("/pipelines?version=1", "version"),
        ("/pipelines?ready=perhaps", "ready"),
    ] {
        let refused = dan.get(path).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(refused.pointers(), [pointer], "{path}");
    }
}
