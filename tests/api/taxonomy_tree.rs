//! The tree of categories: read, kept free of cycles, pruned.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::service::Service;
use crate::taxonomy::{category, forest, path};

/// Names only, nested.
fn names(tree: &Value) -> Value {
    let children: Vec<_> =
        tree["children"].as_array().expect("children").iter().map(names).collect();
    json!([tree["name"], children])
}

#[tokio::test]
async fn the_tree_is_read_whole_in_part_and_upwards() {
    let service = Service::start().await;
    let dan = service.developer().await;
    assert_eq!(dan.get("/taxonomy-categories?tree=true").await.body["items"], json!([]));
    forest(&dan).await;
    let whole = dan.get("/taxonomy-categories?tree=true").await.expect(StatusCode::OK);
    let trees: Vec<_> = whole.body["items"].as_array().expect("trees").iter().map(names).collect();
    let vision = json!(["Vision", [["Detection", []], ["Segmentation", [["Medical", []]]]]]);
    assert_eq!(trees, [json!(["Text", []]), vision.clone()]);
    assert_eq!(whole.body["next_cursor"], Value::Null);
    let subtree = dan.get(&format!("{}/subtree", path("vision"))).await.expect(StatusCode::OK);
    assert_eq!(names(&subtree.body), vision);
    dan.request(Method::GET, &format!("{}/subtree", path("vision")))
        .header("If-None-Match", subtree.etag())
        .send()
        .await
        .expect(StatusCode::NOT_MODIFIED);
    let above = dan.get(&format!("{}/ancestors", path("medical"))).await.expect(StatusCode::OK);
    assert_eq!(above.items("name"), ["Vision", "Segmentation"]);
    assert!(dan.get(&format!("{}/ancestors", path("text"))).await.items("name").is_empty());

    for (query, expected) in [
        ("sort=name", &["Detection", "Medical", "Segmentation", "Text", "Vision"][..]),
        ("sort=-name&roots=true", &["Vision", "Text"]),
        ("sort=name&parent_id=vision", &["Detection", "Segmentation"]),
        ("name=TEXT", &["Text"]),
        ("q=TIO&sort=name", &["Detection", "Segmentation"]),
        ("q=%25", &[]),
        ("sort=created_at&limit=2", &["Vision", "Segmentation"]),
        ("parent_id=nothing", &[]),
        ("archived=true", &[]),
    ] {
        let page = dan.get(&format!("/taxonomy-categories?{query}")).await.expect(StatusCode::OK);
        assert_eq!(page.items("name"), expected, "{query}");
    }
    for sort in ["name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"] {
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
        .post("/taxonomy-categories", json!({ "name": "level 65", "parent_id": parent }))
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(refused.pointers(), ["/parent_id"]);
    // A tree counts with all that is below it.
    dan.patch(&path("vision"), json!({ "parent_id": "level 62" }))
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    dan.patch(&path("vision"), json!({ "parent_id": "level 61" })).await.expect(StatusCode::OK);
    dan.get("/taxonomy-categories?tree=true").await.expect(StatusCode::OK);
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
    let refused = answers.iter().filter(|answer| answer.status == StatusCode::CONFLICT).count();
    let moved = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!((moved, refused), (49, 1));
    // And in pairs: each the other's parent.
    for id in &ids {
        dan.patch(&path(id), json!({ "parent_id": null })).await.expect(StatusCode::OK);
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
    let whole = dan.get("/taxonomy-categories?tree=true").await.expect(StatusCode::OK);
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
    let refused = dan.delete(&path("segmentation")).await.refused(StatusCode::CONFLICT, "in_use");
    assert_eq!(refused.body["used_by"][0]["name"], "Medical");
    let stale = dan
        .request(Method::DELETE, &format!("{}?reparent=true", path("segmentation")))
        .header("If-Match", "\"1\"");
    stale.send().await.refused(StatusCode::PRECONDITION_FAILED, "stale");
    assert_eq!(dan.get(&path("medical")).await.body["parent_id"], segmentation.as_str());
    dan.delete(&format!("{}?reparent=true", path("segmentation")))
        .await
        .expect(StatusCode::NO_CONTENT);
    assert_eq!(dan.get(&path("medical")).await.body["parent_id"], vision.as_str());
    dan.get(&path(&segmentation)).await.refused(StatusCode::NOT_FOUND, "not_found");
    let archived = dan.get("/taxonomy-categories?archived=true").await;
    assert_eq!(archived.items("name"), ["Segmentation"]);

    // Its name is free, and so the way back may be closed.
    let usurper = category(&dan, "segmentation", Some("vision")).await;
    let restore = format!("{}/restore", path(&segmentation));
    dan.post(&restore, json!({})).await.refused(StatusCode::CONFLICT, "name_taken");
    dan.delete(&path(&usurper)).await.expect(StatusCode::NO_CONTENT);
    for _ in 0..2 {
        let back = dan.post(&restore, json!({})).await.expect(StatusCode::OK);
        assert_eq!(back.body["archived_at"], Value::Null);
    }
    // Nor back below what is archived itself.
    for name in ["segmentation", "medical", "detection", "vision"] {
        dan.delete(&path(name)).await.expect(StatusCode::NO_CONTENT);
    }
    dan.post(&restore, json!({})).await.refused(StatusCode::CONFLICT, "archived");
    dan.post(&format!("{}/restore", path(&vision)), json!({})).await.expect(StatusCode::OK);
    dan.post(&restore, json!({})).await.expect(StatusCode::OK);
    let ada = service.admin().await;
    ada.delete(&format!("{}?purge=true", path(&vision)))
        .await
        .refused(StatusCode::CONFLICT, "in_use");
    ada.delete(&format!("{}?purge=true&reparent=true", path(&vision)))
        .await
        .expect(StatusCode::NO_CONTENT);
    assert_eq!(dan.get(&path("segmentation")).await.body["parent_id"], Value::Null);
}
