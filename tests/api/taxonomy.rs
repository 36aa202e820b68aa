//! Categories: their life, and the blocks in them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::blocks::register;
use crate::service::{Person, Service};

pub async fn category(person: &Person<'_>, name: &str, parent: Option<&str>) -> String {
    person
        .post("/taxonomy-categories", json!({ "name": name, "parent_id": parent }))
        .await
        .expect(StatusCode::CREATED)
        .id("category_id")
}

pub fn path(category: &str) -> String {
    format!("/taxonomy-categories/{category}")
}

/// vision (detection, segmentation (medical)), text
pub async fn forest(person: &Person<'_>) {
    category(person, "Vision", None).await;
    category(person, "Segmentation", Some("vision")).await;
    category(person, "Detection", Some("VISION")).await;
    category(person, "Medical", Some("segmentation")).await;
    category(person, "Text", None).await;
}

#[tokio::test]
async fn a_category_is_made_read_renamed_and_moved() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let made = dan
        .post("/taxonomy-categories", json!({ "name": " Vision " }))
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(made.body["name"], "Vision");
    assert_eq!(made.body["parent_id"], Value::Null);
    assert_eq!(made.header("location"), path(&made.id("category_id")));
    for reference in [made.id("category_id"), "vISION".to_owned()] {
        let read = dan.get(&path(&reference)).await.expect(StatusCode::OK);
        assert_eq!((&read.body, read.etag()), (&made.body, made.etag()));
    }
    let child = category(&dan, "detection", Some("Vision")).await;
    let renamed = dan
        .request(Method::PATCH, &path("vision"))
        .header("If-Match", made.etag())
        .json(json!({ "name": "Computer Vision" }))
        .send()
        .await
        .expect(StatusCode::OK);
    assert_eq!(renamed.body["name"], "Computer Vision");
    dan.request(Method::PATCH, &path("computer vision"))
        .header("If-Match", made.etag())
        .json(json!({ "name": "x" }))
        .send()
        .await
        .refused(StatusCode::PRECONDITION_FAILED, "stale");
    let root = dan.patch(&path(&child), json!({ "parent_id": null })).await.expect(StatusCode::OK);
    assert_eq!(root.body["parent_id"], Value::Null);
    let back = dan
        .patch(&path(&child), json!({ "parent_id": "computer vision", "name": "finding" }))
        .await
        .expect(StatusCode::OK);
    assert_eq!(back.body["parent_id"], made.body["category_id"]);
    let same = dan.patch(&path(&child), json!({})).await.expect(StatusCode::OK);
    assert_eq!(same.etag(), back.etag());
    let history = service
        .admin()
        .await
        .get(&format!("{}/history", path("finding")))
        .await
        .expect(StatusCode::OK);
    assert_eq!(history.items("action_type"), ["UPDATE", "UPDATE", "CREATE"]);
    assert_eq!(history.items("entity_type"), ["taxonomy"; 3]);
}

#[tokio::test]
async fn each_role_does_what_it_may() {
    let service = Service::start().await;
    let (vera, dan, dora, ada) = (
        service.viewer().await,
        service.developer().await,
        service.colleague().await,
        service.admin().await,
    );
    forest(&dan).await;
    let block = register(&dan, "b").await;
    for suffix in ["", "/subtree", "/ancestors", "/blocks", "/history"] {
        let path = format!("{}{suffix}", path("vision"));
        vera.get(&path).await.expect(StatusCode::OK);
        service.nobody().get(&path).await.refused(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    let link = format!("/blocks/{block}/categories/text");
    for refused in [
        vera.post("/taxonomy-categories", json!({ "name": "x" })).await,
        vera.patch(&path("text"), json!({ "name": "x" })).await,
        vera.delete(&path("text")).await,
        vera.put(&link, json!({})).await,
        vera.delete(&link).await,
        // Hers it is not.
        dora.delete(&path("text")).await,
        dan.delete(&format!("{}?purge=true", path("text"))).await,
    ] {
        refused.refused(StatusCode::FORBIDDEN, "forbidden");
    }
    dora.patch(&path("text"), json!({ "name": "Texts" })).await.expect(StatusCode::OK);
    let id = dan.get(&path("texts")).await.id("category_id");
    dan.delete(&path(&id)).await.expect(StatusCode::NO_CONTENT);
    dora.post(&format!("{}/restore", path(&id)), json!({}))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");
    ada.post(&format!("{}/restore", path(&id)), json!({})).await.expect(StatusCode::OK);
    ada.delete(&format!("{}?purge=true", path(&id))).await.expect(StatusCode::NO_CONTENT);
    dan.get(&path(&id)).await.refused(StatusCode::NOT_FOUND, "not_found");
}

#[tokio::test]
async fn a_bad_category_is_told_all_its_faults_at_once() {
    let service = Service::start().await;
    let dan = service.developer().await;
    forest(&dan).await;
    let refused = dan
        .post("/taxonomy-categories", json!({ "name": "", "parent_id": 5, "colour": 1 }))
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(refused.pointers(), ["/colour", "/name", "/parent_id"]);
    for parent in ["nothing", "0198aa00-0000-7000-8000-000000000000"] {
        for refused in [
            dan.post("/taxonomy-categories", json!({ "name": "x", "parent_id": parent })).await,
            dan.patch(&path("text"), json!({ "parent_id": parent })).await,
        ] {
            let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
            assert_eq!(refused.pointers(), ["/parent_id"]);
        }
        for suffix in ["", "/subtree", "/ancestors", "/blocks"] {
            let refused = dan.get(&format!("{}{suffix}", path(parent))).await;
            let refused = refused.refused(StatusCode::NOT_FOUND, "not_found");
            assert_eq!(refused.body["detail"], "Category not found", "{suffix}");
        }
        dan.patch(&path(parent), json!({ "name": "x" }))
            .await
            .refused(StatusCode::NOT_FOUND, "not_found");
        dan.delete(&path(parent)).await.refused(StatusCode::NOT_FOUND, "not_found");
    }
    for query in ["tree=true&q=x", "tree=true&limit=3", "roots=1", "sort=depth", "colour=red"] {
        dan.get(&format!("/taxonomy-categories?{query}"))
            .await
            .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    }
}

#[tokio::test]
async fn a_name_is_unique_among_siblings_and_an_ambiguous_one_names_nothing() {
    let service = Service::start().await;
    let dan = service.developer().await;
    forest(&dan).await;
    dan.post("/taxonomy-categories", json!({ "name": "TEXT" }))
        .await
        .refused(StatusCode::CONFLICT, "name_taken");
    register(&dan, "b").await;
    let other = category(&dan, "Medical", Some("text")).await;
    for refused in [
        dan.get(&path("medical")).await,
        dan.get(&format!("{}/subtree", path("medical"))).await,
        dan.patch(&path("medical"), json!({ "name": "x" })).await,
        dan.post("/taxonomy-categories", json!({ "name": "x", "parent_id": "medical" })).await,
        dan.get("/blocks?category=medical").await,
    ] {
        let refused = refused.refused(StatusCode::CONFLICT, "ambiguous");
        let candidates = refused.body["candidates"].as_array().expect("candidates");
        assert_eq!(candidates.len(), 2);
        assert!(candidates.iter().any(|candidate| candidate["category_id"] == other.as_str()));
    }
    dan.get(&path(&other)).await.expect(StatusCode::OK);
    dan.patch(&path(&other), json!({ "parent_id": "segmentation" }))
        .await
        .refused(StatusCode::CONFLICT, "name_taken");
}

#[tokio::test]
async fn a_block_is_put_into_categories_and_taken_out() {
    let service = Service::start().await;
    let dan = service.developer().await;
    forest(&dan).await;
    for name in ["a", "b", "c"] {
        register(&dan, name).await;
    }
    let made = dan.put("/blocks/a/categories/medical", json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(made.body["category_id"], dan.get(&path("medical")).await.body["category_id"]);
    for block in ["a", "b", "b"] {
        let answer = dan.request(Method::PUT, &format!("/blocks/{block}/categories/vision"));
        assert!(answer.send().await.status.is_success());
    }
    let there = dan.put("/blocks/b/categories/vision", json!({})).await.expect(StatusCode::OK);
    assert_eq!(there.body["category_id"], dan.get(&path("vision")).await.body["category_id"]);
    assert!(!there.etag().is_empty());
    let of_a = dan.get("/blocks/a/categories?sort=name").await.expect(StatusCode::OK);
    assert_eq!(of_a.items("name"), ["Medical", "Vision"]);
    assert!(dan.get("/blocks/c/categories").await.expect(StatusCode::OK).items("name").is_empty());
    for (list, expected) in [
        ("/taxonomy-categories/segmentation/blocks", &[][..]),
        ("/taxonomy-categories/segmentation/blocks?recursive=true", &["a"]),
        ("/taxonomy-categories/vision/blocks?sort=name", &["a", "b"]),
        ("/taxonomy-categories/vision/blocks?recursive=true&sort=-name", &["b", "a"]),
        ("/taxonomy-categories/vision/blocks?sort=name&limit=1", &["a"]),
        ("/blocks?category=segmentation", &[]),
        ("/blocks?category=segmentation&recursive=true", &["a"]),
        ("/blocks?category=vision&recursive=true&sort=name&block_type=dataset", &["a", "b"]),
    ] {
        let page = dan.get(list).await.expect(StatusCode::OK);
        assert_eq!(page.items("name"), expected, "{list}");
    }
    for (query, found) in [
        ("", 3),
        ("?block_id=a", 2),
        ("?category_id=vision", 2),
        ("?block_id=b&category_id=vision", 1),
        ("?block_id=nothing", 0),
        ("?limit=1&sort=created_at", 1),
    ] {
        let page = dan.get(&format!("/block-taxonomies{query}")).await.expect(StatusCode::OK);
        assert_eq!(page.items("block_taxonomy_id").len(), found, "{query}");
    }
    for path in ["/blocks/nothing/categories/vision", "/blocks/a/categories/nothing"] {
        let what =
            if path.contains("/nothing/") { "Block not found" } else { "Category not found" };
        for method in [Method::PUT, Method::DELETE] {
            let refused = dan.request(method, path).send().await;
            assert_eq!(refused.refused(StatusCode::NOT_FOUND, "not_found").body["detail"], what);
        }
    }
    dan.get("/blocks/nothing/categories").await.refused(StatusCode::NOT_FOUND, "not_found");

    for _ in 0..2 {
        dan.delete("/blocks/a/categories/medical").await.expect(StatusCode::NO_CONTENT);
    }
    assert_eq!(dan.get("/blocks/a/categories").await.items("name"), ["Vision"]);
    // What is archived takes its links along, and brings them back.
    let archived = dan.get("/blocks/b").await.id("block_id");
    dan.delete("/blocks/b").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(dan.get("/block-taxonomies").await.items("block_id").len(), 1);
    dan.post(&format!("/blocks/{archived}/restore"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(dan.get("/block-taxonomies").await.items("block_id").len(), 2);
    // What something is in stays.
    let vision = dan.get(&path("vision")).await.id("category_id");
    let refused = dan.delete(&format!("{}?reparent=true", path("vision"))).await;
    let used_by = refused.refused(StatusCode::CONFLICT, "in_use").body["used_by"].clone();
    assert_eq!(used_by[0]["entity_type"], "block");
    assert_eq!(used_by.as_array().map(Vec::len), Some(2));
    for block in ["a", "b"] {
        dan.delete(&format!("/blocks/{block}/categories/vision"))
            .await
            .expect(StatusCode::NO_CONTENT);
    }
    dan.delete(&format!("{}?reparent=true", path("vision"))).await.expect(StatusCode::NO_CONTENT);
    dan.put(&format!("/blocks/a/categories/{vision}"), json!({}))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");
    dan.post(&format!("{}/restore", path(&vision)), json!({})).await.expect(StatusCode::OK);
    assert!(dan.get("/blocks/a/categories").await.items("name").is_empty());
}
