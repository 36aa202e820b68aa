//! Categories: their life, their tree, the blocks in them.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::blocks::register;
use crate::service::{Person, Service};

pub async fn category(person: &Person<'_>, name: &str, parent: Option<&str>) -> String {
    person
        .post(
            "/taxonomy-categories",
            json!({ "name": name, "parent_id": parent }),
        )
        .await
        .expect(StatusCode::CREATED)
        .id("category_id")
}

fn path(category: &str) -> String {
    format!("/taxonomy-categories/{category}")
}

/// vision (detection, segmentation (medical)), text
async fn forest(person: &Person<'_>) {
    category(person, "Vision", None).await;
    category(person, "Segmentation", Some("vision")).await;
    category(person, "Detection", Some("VISION")).await;
    category(person, "Medical", Some("segmentation")).await;
    category(person, "Text", None).await;
}

/// Names only, nested.
fn names(tree: &Value) -> Value {
    let children: Vec<_> = tree["children"]
        .as_array()
        .expect("children")
        .iter()
        .map(names)
        .collect();
    json!([tree["name"], children])
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
    let root = dan
        .patch(&path(&child), json!({ "parent_id": null }))
        .await
        .expect(StatusCode::OK);
    assert_eq!(root.body["parent_id"], Value::Null);
    let back = dan
        .patch(
            &path(&child),
            json!({ "parent_id": "computer vision", "name": "finding" }),
        )
        .await
        .expect(StatusCode::OK);
    assert_eq!(back.body["parent_id"], made.body["category_id"]);
    let same = dan
        .patch(&path(&child), json!({}))
        .await
        .expect(StatusCode::OK);
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
        service
            .nobody()
            .get(&path)
            .await
            .refused(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    let link = format!("/blocks/{block}/categories/text");
    for refused in [
        vera.post("/taxonomy-categories", json!({ "name": "x" }))
            .await,
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
    dora.patch(&path("text"), json!({ "name": "Texts" }))
        .await
        .expect(StatusCode::OK);
    let id = dan.get(&path("texts")).await.id("category_id");
    dan.delete(&path(&id)).await.expect(StatusCode::NO_CONTENT);
    dora.post(&format!("{}/restore", path(&id)), json!({}))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");
    ada.post(&format!("{}/restore", path(&id)), json!({}))
        .await
        .expect(StatusCode::OK);
    ada.delete(&format!("{}?purge=true", path(&id)))
        .await
        .expect(StatusCode::NO_CONTENT);
    dan.get(&path(&id))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");
}

#[tokio::test]
async fn a_bad_category_is_told_all_its_faults_at_once() {
    let service = Service::start().await;
    let dan = service.developer().await;
    forest(&dan).await;
    let refused = dan
        .post(
            "/taxonomy-categories",
            json!({ "name": "", "parent_id": 5, "colour": 1 }),
        )
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(refused.pointers(), ["/colour", "/name", "/parent_id"]);
    for parent in ["nothing", "0198aa00-0000-7000-8000-000000000000"] {
        for refused in [
            dan.post(
                "/taxonomy-categories",
                json!({ "name": "x", "parent_id": parent }),
            )
            .await,
            dan.patch(&path("text"), json!({ "parent_id": parent }))
                .await,
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
        dan.delete(&path(parent))
            .await
            .refused(StatusCode::NOT_FOUND, "not_found");
    }
    for query in [
        "tree=true&q=x",
        "tree=true&limit=3",
        "roots=1",
        "sort=depth",
        "colour=red",
    ] {
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
        dan.post(
            "/taxonomy-categories",
            json!({ "name": "x", "parent_id": "medical" }),
        )
        .await,
        dan.get("/blocks?category=medical").await,
    ] {
        let refused = refused.refused(StatusCode::CONFLICT, "ambiguous");
        let candidates = refused.body["candidates"].as_array().expect("candidates");
        assert_eq!(candidates.len(), 2);
        assert!(
            candidates
                .iter()
                .any(|candidate| candidate["category_id"] == other.as_str())
        );
    }
    dan.get(&path(&other)).await.expect(StatusCode::OK);
    dan.patch(&path(&other), json!({ "parent_id": "segmentation" }))
        .await
        .refused(StatusCode::CONFLICT, "name_taken");
}

#[tokio::test]
async fn the_tree_is_read_whole_in_part_and_upwards() {
    let service = Service::start().await;
    let dan = service.developer().await;
    assert_eq!(
        dan.get("/taxonomy-categories?tree=true").await.body["items"],
        json!([])
    );
    forest(&dan).await;
    let whole = dan
        .get("/taxonomy-categories?tree=true")
        .await
        .expect(StatusCode::OK);
    let trees: Vec<_> = whole.body["items"]
        .as_array()
        .expect("trees")
        .iter()
        .map(names)
        .collect();
    let vision = json!([
        "Vision",
        [["Detection", []], ["Segmentation", [["Medical", []]]]]
    ]);
    assert_eq!(trees, [json!(["Text", []]), vision.clone()]);
    assert_eq!(whole.body["next_cursor"], Value::Null);
    let subtree = dan
        .get(&format!("{}/subtree", path("vision")))
        .await
        .expect(StatusCode::OK);
    assert_eq!(names(&subtree.body), vision);
    dan.request(Method::GET, &format!("{}/subtree", path("vision")))
        .header("If-None-Match", subtree.etag())
        .send()
        .await
        .expect(StatusCode::NOT_MODIFIED);
    let above = dan
        .get(&format!("{}/ancestors", path("medical")))
        .await
        .expect(StatusCode::OK);
    assert_eq!(above.items("name"), ["Vision", "Segmentation"]);
    assert!(
        dan.get(&format!("{}/ancestors", path("text")))
            .await
            .items("name")
            .is_empty()
    );

    for (query, expected) in [
        (
            "sort=name",
            &["Detection", "Medical", "Segmentation", "Text", "Vision"][..],
        ),
        ("sort=-name&roots=true", &["Vision", "Text"]),
        ("sort=name&parent_id=vision", &["Detection", "Segmentation"]),
        ("name=TEXT", &["Text"]),
        ("q=TIO&sort=name", &["Detection", "Segmentation"]),
        ("q=%25", &[]),
        ("sort=created_at&limit=2", &["Vision", "Segmentation"]),
        ("parent_id=nothing", &[]),
        ("archived=true", &[]),
    ] {
        let page = dan
            .get(&format!("/taxonomy-categories?{query}"))
            .await
            .expect(StatusCode::OK);
        assert_eq!(page.items("name"), expected, "{query}");
    }
    for sort in [
        "name",
        "-name",
        "created_at",
        "-created_at",
        "updated_at",
        "-updated_at",
    ] {
        let mut seen = Vec::new();
        let mut query = format!("/taxonomy-categories?limit=2&sort={sort}");
        loop {
            let page = dan.get(&query).await.expect(StatusCode::OK);
            seen.extend(page.items("name"));
            let Some(cursor) = page.body["next_cursor"].as_str() else {
                break;
            };
            query = format!("/taxonomy-categories?limit=2&sort={sort}&cursor={cursor}");
        }
        let all = dan.get(&format!("/taxonomy-categories?sort={sort}")).await;
        assert_eq!(seen, all.items("name"), "{sort}");
    }
}

#[tokio::test]
async fn a_category_never_comes_below_itself_nor_too_deep() {
    let service = Service::start().await;
    let dan = service.developer().await;
    forest(&dan).await;
    for parent in ["vision", "segmentation", "medical"] {
        dan.patch(&path("vision"), json!({ "parent_id": parent }))
            .await
            .refused(StatusCode::CONFLICT, "cycle");
    }
    let mut parent = category(&dan, "level 1", None).await;
    for level in 2..=64 {
        parent = category(&dan, &format!("level {level}"), Some(&parent)).await;
    }
    let refused = dan
        .post(
            "/taxonomy-categories",
            json!({ "name": "level 65", "parent_id": parent }),
        )
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(refused.pointers(), ["/parent_id"]);
    // A tree counts with all that is below it.
    dan.patch(&path("vision"), json!({ "parent_id": "level 62" }))
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    dan.patch(&path("vision"), json!({ "parent_id": "level 61" }))
        .await
        .expect(StatusCode::OK);
    dan.get("/taxonomy-categories?tree=true")
        .await
        .expect(StatusCode::OK);
}

#[tokio::test]
async fn of_fifty_halves_of_cycles_at_once_none_closes() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let mut ids = Vec::new();
    for n in 0..50 {
        ids.push(category(&dan, &format!("c{n}"), None).await);
    }
    // Each below the next, the last below the first: together one ring.
    let moves = (0..50).map(|n| {
        let (dan, below) = (dan.clone(), ids[(n + 1) % 50].clone());
        let path = path(&ids[n]);
        async move { dan.patch(&path, json!({ "parent_id": below })).await }
    });
    let answers = join_all(moves).await;
    let refused = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::CONFLICT)
        .count();
    let moved = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::OK)
        .count();
    assert_eq!((moved, refused), (49, 1));
    // And in pairs: each the other's parent.
    for id in &ids {
        dan.patch(&path(id), json!({ "parent_id": null }))
            .await
            .expect(StatusCode::OK);
    }
    let moves = (0..50).map(|n| {
        let (dan, below) = (dan.clone(), ids[n ^ 1].clone());
        let path = path(&ids[n]);
        async move { dan.patch(&path, json!({ "parent_id": below })).await }
    });
    let answers = join_all(moves).await;
    for pair in answers.chunks(2) {
        let mut statuses = [pair[0].status.as_u16(), pair[1].status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
    }
    let whole = dan
        .get("/taxonomy-categories?tree=true")
        .await
        .expect(StatusCode::OK);
    assert_eq!(whole.items("name").len(), 25);
}

#[tokio::test]
async fn what_has_children_is_archived_only_when_they_move_up() {
    let service = Service::start().await;
    let dan = service.developer().await;
    forest(&dan).await;
    let (vision, segmentation) = (
        dan.get(&path("vision")).await.id("category_id"),
        dan.get(&path("segmentation")).await.id("category_id"),
    );
    let refused = dan
        .delete(&path("segmentation"))
        .await
        .refused(StatusCode::CONFLICT, "in_use");
    assert_eq!(refused.body["used_by"][0]["name"], "Medical");
    let stale = dan
        .request(
            Method::DELETE,
            &format!("{}?reparent=true", path("segmentation")),
        )
        .header("If-Match", "\"1\"");
    stale
        .send()
        .await
        .refused(StatusCode::PRECONDITION_FAILED, "stale");
    assert_eq!(
        dan.get(&path("medical")).await.body["parent_id"],
        segmentation.as_str()
    );
    dan.delete(&format!("{}?reparent=true", path("segmentation")))
        .await
        .expect(StatusCode::NO_CONTENT);
    assert_eq!(
        dan.get(&path("medical")).await.body["parent_id"],
        vision.as_str()
    );
    dan.get(&path(&segmentation))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");
    let archived = dan.get("/taxonomy-categories?archived=true").await;
    assert_eq!(archived.items("name"), ["Segmentation"]);

    // Its name is free, and so the way back may be closed.
    let usurper = category(&dan, "segmentation", Some("vision")).await;
    let restore = format!("{}/restore", path(&segmentation));
    dan.post(&restore, json!({}))
        .await
        .refused(StatusCode::CONFLICT, "name_taken");
    dan.delete(&path(&usurper))
        .await
        .expect(StatusCode::NO_CONTENT);
    for _ in 0..2 {
        let back = dan.post(&restore, json!({})).await.expect(StatusCode::OK);
        assert_eq!(back.body["archived_at"], Value::Null);
    }
    // Nor back below what is archived itself.
    for name in ["segmentation", "medical", "detection", "vision"] {
        dan.delete(&path(name)).await.expect(StatusCode::NO_CONTENT);
    }
    dan.post(&restore, json!({}))
        .await
        .refused(StatusCode::CONFLICT, "archived");
    dan.post(&format!("{}/restore", path(&vision)), json!({}))
        .await
        .expect(StatusCode::OK);
    dan.post(&restore, json!({})).await.expect(StatusCode::OK);
    let ada = service.admin().await;
    ada.delete(&format!("{}?purge=true", path(&vision)))
        .await
        .refused(StatusCode::CONFLICT, "in_use");
    ada.delete(&format!("{}?purge=true&reparent=true", path(&vision)))
        .await
        .expect(StatusCode::NO_CONTENT);
    assert_eq!(
        dan.get(&path("segmentation")).await.body["parent_id"],
        Value::Null
    );
}

#[tokio::test]
async fn a_block_is_put_into_categories_and_taken_out() {
    let service = Service::start().await;
    let dan = service.developer().await;
    forest(&dan).await;
    for name in ["a", "b", "c"] {
        register(&dan, name).await;
    }
    let made = dan
        .put("/blocks/a/categories/medical", json!({}))
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(
        made.body["category_id"],
        dan.get(&path("medical")).await.body["category_id"]
    );
    for block in ["a", "b", "b"] {
        let answer = dan.request(Method::PUT, &format!("/blocks/{block}/categories/vision"));
        assert!(answer.send().await.status.is_success());
    }
    dan.put("/blocks/b/categories/vision", json!({}))
        .await
        .expect(StatusCode::NO_CONTENT);
    let of_a = dan
        .get("/blocks/a/categories?sort=name")
        .await
        .expect(StatusCode::OK);
    assert_eq!(of_a.items("name"), ["Medical", "Vision"]);
    assert!(
        dan.get("/blocks/c/categories")
            .await
            .expect(StatusCode::OK)
            .items("name")
            .is_empty()
    );
    for (list, expected) in [
        ("/taxonomy-categories/segmentation/blocks", &[][..]),
        (
            "/taxonomy-categories/segmentation/blocks?recursive=true",
            &["a"],
        ),
        ("/taxonomy-categories/vision/blocks?sort=name", &["a", "b"]),
        (
            "/taxonomy-categories/vision/blocks?recursive=true&sort=-name",
            &["b", "a"],
        ),
        (
            "/taxonomy-categories/vision/blocks?sort=name&limit=1",
            &["a"],
        ),
        ("/blocks?category=segmentation", &[]),
        ("/blocks?category=segmentation&recursive=true", &["a"]),
        (
            "/blocks?category=vision&recursive=true&sort=name&block_type=dataset",
            &["a", "b"],
        ),
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
        let page = dan
            .get(&format!("/block-taxonomies{query}"))
            .await
            .expect(StatusCode::OK);
        assert_eq!(page.items("block_taxonomy_id").len(), found, "{query}");
    }
    for path in [
        "/blocks/nothing/categories/vision",
        "/blocks/a/categories/nothing",
    ] {
        let what = if path.contains("/nothing/") {
            "Block not found"
        } else {
            "Category not found"
        };
        for method in [Method::PUT, Method::DELETE] {
            let refused = dan.request(method, path).send().await;
            assert_eq!(
                refused.refused(StatusCode::NOT_FOUND, "not_found").body["detail"],
                what
            );
        }
    }
    dan.get("/blocks/nothing/categories")
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");

    for _ in 0..2 {
        dan.delete("/blocks/a/categories/medical")
            .await
            .expect(StatusCode::NO_CONTENT);
    }
    assert_eq!(
        dan.get("/blocks/a/categories").await.items("name"),
        ["Vision"]
    );
    // What is archived takes its links along, and brings them back.
    dan.delete("/blocks/b").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(
        dan.get("/block-taxonomies").await.items("block_id").len(),
        1
    );
    let vision = dan.get(&path("vision")).await.id("category_id");
    dan.delete(&format!("{}?reparent=true", path("vision")))
        .await
        .expect(StatusCode::NO_CONTENT);
    assert!(
        dan.get("/block-taxonomies")
            .await
            .items("block_id")
            .is_empty()
    );
    assert!(
        dan.get("/blocks/a/categories")
            .await
            .items("name")
            .is_empty()
    );
    dan.put(&format!("/blocks/a/categories/{vision}"), json!({}))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");
    dan.post(&format!("{}/restore", path(&vision)), json!({}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(
        dan.get("/blocks/a/categories").await.items("name"),
        ["Vision"]
    );
}
