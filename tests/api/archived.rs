//! What is archived is gone for everybody, and what is not there is not found.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::blocks::register;
use crate::pipelines::chain;
use crate::service::Service;

#[tokio::test]
async fn a_history_is_of_something() {
    let service = Service::start().await;
    let (dan, vera) = (service.developer().await, service.viewer().await);
    chain(&service, &dan).await;
    dan.post("/taxonomy-categories", json!({ "name": "vision" })).await.expect(StatusCode::CREATED);
    let unknown = "0198aa00-0000-7000-8000-000000000000";
    for (list, name, what) in [
        ("blocks", "a", "Block"),
        ("edges", "ab", "Edge"),
        ("taxonomy-categories", "vision", "Category"),
        ("pipelines", "p", "Pipeline"),
    ] {
        for nothing in [unknown, "nothing"] {
            let refused = vera.get(&format!("/{list}/{nothing}/history")).await;
            assert_eq!(
                refused.refused(StatusCode::NOT_FOUND, "not_found").body["detail"],
                format!("{what} not found")
            );
        }
        // Nothing that she did, but it is there.
        let page = vera.get(&format!("/{list}/{name}/history")).await;
        assert!(page.expect(StatusCode::OK).items("log_id").is_empty());
    }
    for nothing in [unknown, "nothing"] {
        vera.get(&format!("/pipelines/{nothing}/runs"))
            .await
            .refused(StatusCode::NOT_FOUND, "not_found");
    }
    let page = vera.get("/pipelines/p/runs").await.expect(StatusCode::OK);
    assert!(page.items("run_id").is_empty());

    // What is archived is there for those who may bring it back, and for those who did something.
    let id = dan.get("/pipelines/p").await.id("pipeline_id");
    dan.delete("/pipelines/p").await.expect(StatusCode::NO_CONTENT);
    for below in ["history", "runs"] {
        let path = format!("/pipelines/{id}/{below}");
        dan.get(&path).await.expect(StatusCode::OK);
        service.admin().await.get(&path).await.expect(StatusCode::OK);
        vera.get(&path).await.refused(StatusCode::NOT_FOUND, "not_found");
    }
}

fn names(list: &Value) -> Vec<String> {
    let mut names: Vec<_> = list
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| format!("{} {}", it["entity_type"], it["name"]).replace('"', ""))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_needs_something_archived_is_not_restored() {
    let service = Service::start().await;
    let (dan, ada) = (service.developer().await, service.admin().await);
    let pipeline = format!("/pipelines/{}", chain(&service, &dan).await);
    let [a, b] = ["a", "b"].map(|name| format!("/blocks/{name}"));
    let [a, b] = [
        format!("/blocks/{}", dan.get(&a).await.id("block_id")),
        format!("/blocks/{}", dan.get(&b).await.id("block_id")),
    ];
    let body =
        json!({ "dependency_type": "internal", "depends_on_type": "block", "depends_on_id": "b" });
    dan.post(&format!("{a}/dependencies"), body).await.expect(StatusCode::CREATED);
    for path in [&pipeline, &a, &b] {
        ada.delete(path).await.expect(StatusCode::NO_CONTENT);
    }
    let restore = async |path: &str| ada.post(&format!("{path}/restore"), json!({})).await;
    let refused = restore(&pipeline).await;
    let refused = refused.refused(StatusCode::CONFLICT, "missing");
    assert_eq!(names(&refused.body["missing"]), ["block a", "block b"]);
    let refused = restore(&a).await.refused(StatusCode::CONFLICT, "missing");
    assert_eq!(names(&refused.body["missing"]), ["block b"]);
    for path in [&b, &a, &pipeline] {
        restore(path).await.expect(StatusCode::OK);
    }
    dan.get(&format!("{pipeline}/readiness")).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_category_stays_while_something_uses_it() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "it").await;
    for name in ["vision", "text"] {
        dan.post("/taxonomy-categories", json!({ "name": name })).await.expect(StatusCode::CREATED);
    }
    dan.put("/blocks/it/categories/vision", json!({})).await.expect(StatusCode::CREATED);
    let body = json!({ "vector_db": "pgvector", "vector_key": "k", "taxonomy_filter": { "any": ["text"] } });
    let vector = dan.post("/blocks/it/vectors", body).await;
    let vector = vector.expect(StatusCode::CREATED).header("location").to_owned();
    for (category, user) in [("vision", "block it"), ("text", "vector k")] {
        let refused = dan.delete(&format!("/taxonomy-categories/{category}")).await;
        let refused = refused.refused(StatusCode::CONFLICT, "in_use");
        assert_eq!(names(&refused.body["used_by"]), [user]);
    }
    dan.delete("/blocks/it/categories/vision").await.expect(StatusCode::NO_CONTENT);
    dan.delete(&vector).await.expect(StatusCode::NO_CONTENT);
    for category in ["vision", "text"] {
        dan.delete(&format!("/taxonomy-categories/{category}"))
            .await
            .expect(StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn a_pipeline_is_made_and_told_with_its_graph() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let body = crate::pipelines::chain_body("again");
    let made = dan.post("/pipelines", body).await.expect(StatusCode::CREATED);
    let read = dan.get("/pipelines/again?include=blocks,edges").await.expect(StatusCode::OK);
    assert_eq!(made.body, read.body);
    assert_eq!(made.body["edges"].as_array().map(Vec::len), Some(2));
    let bare = dan.post("/pipelines", json!({ "name": "bare" })).await.expect(StatusCode::CREATED);
    assert_eq!(bare.body["blocks"], json!([]));
    assert_eq!(bare.body["edges"], json!([]));
}
