//! Who did it is shown beside every id of a user, to everybody who sees that id.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::blocks::register;
use crate::service::{Service, Setup};
use crate::world;
use blockyard::config::{AuditReads, Config};

/// Looks below every member for the ids of users, of which each must have its name beside it.
fn look(value: &Value, path: &str, name: &str, seen: &mut usize) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                let beside = match member.as_str() {
                    "user_id" => "username".to_owned(),
                    // What was written once and stays: rows of the trail, locks. A worker is no user.
                    "details" | "lock" | "claimed_by" => continue,
                    by if by.ends_with("_by") => format!("{by}_username"),
                    _ => {
                        look(value, path, name, seen);
                        continue;
                    }
                };
                let shown = members.get(&beside);
                if value.is_null() {
                    assert_eq!(shown, Some(&Value::Null), "{path}: {member}");
                } else {
                    assert_eq!(shown, Some(&json!(name)), "{path}: {member}");
                    *seen += 1;
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| look(item, path, name, seen)),
        _ => {}
    }
}

#[tokio::test]
async fn everybody_sees_the_name_behind_every_id_of_a_user() {
    let usual = Setup::default();
    let config = Config { audit_reads: AuditReads::All, ..usual.config };
    let service = Service::with(Setup { config, ..usual }).await;
    let mut owner = world::create(&service.database).await;
    let dan = service.id_of("dan").await;
    let things = world::furnish(&mut owner, Some(&dan)).await;
    let thing = |name: &str| things[name].as_str().expect("a thing").to_owned();
    let vera = service.viewer().await;
    for (path, times) in [
        ("/blocks".to_owned(), 4),
        ("/blocks?sort=name&include=versions".to_owned(), 8),
        (format!("/blocks/{}", thing("block")), 1),
        (format!("/blocks/{}?include=versions", thing("block")), 2),
        (format!("/blocks/{}/versions", thing("block")), 1),
        (format!("/blocks/{}/versions/1", thing("block")), 1),
        ("/edges".to_owned(), 2),
        ("/edges?sort=name&include=versions,verifications".to_owned(), 6),
        (format!("/edges/{}?include=versions,verifications", thing("edge")), 4),
        (format!("/edges/{}/versions", thing("edge")), 1),
        (format!("/edges/{}/versions/1", thing("edge")), 1),
        (format!("/edges/{}/versions/1/status", thing("edge")), 1),
        (format!("/edges/{}/versions/1/verifications", thing("edge")), 2),
        ("/verifications".to_owned(), 2),
        (format!("/verifications/{}", thing("verification")), 1),
        ("/pipelines?include=blocks,edges".to_owned(), 1),
        (format!("/pipelines/{}", thing("pipeline")), 1),
        (format!("/pipelines/{}?include=runs", thing("pipeline")), 2),
        ("/runs".to_owned(), 1),
        (format!("/runs/{}", thing("run")), 1),
        (format!("/pipelines/{}/runs", thing("pipeline")), 1),
        ("/taxonomy-categories".to_owned(), 2),
        (format!("/taxonomy-categories/{}/subtree", thing("category")), 1),
        (format!("/taxonomy-categories/{}", thing("category")), 1),
    ] {
        let mut seen = 0;
        look(&vera.get(&path).await.expect(StatusCode::OK).body, &path, "dan", &mut seen);
        assert!(seen >= times, "{path}: {seen} names");
    }
    for path in [
        format!("/locks/{}", thing("lock")),
        format!("/pipelines/{}/lock", thing("pipeline")),
        format!("/pipelines/{}/readiness", thing("pipeline")),
    ] {
        let answer = vera.get(&path).await.expect(StatusCode::OK);
        assert_eq!(answer.body["usernames"], json!({ dan.as_str(): "dan" }), "{path}");
    }
    // What only some may see at all.
    let dan = service.developer().await;
    for path in ["/audit-logs", "/users/me/activity", "/api-keys"] {
        let mut seen = 0;
        look(&dan.get(path).await.expect(StatusCode::OK).body, path, "dan", &mut seen);
        assert!(seen > 0, "{path}");
    }
    // Whom nobody sees but admins and themselves: everything else of a user.
    for path in ["/users/dan", "/users/dan/activity"] {
        vera.get(path).await.refused(StatusCode::NOT_FOUND, "not_found");
    }
    assert_eq!(vera.get("/users?username=dan").await.items("user_id"), Vec::<Value>::new());
    assert_eq!(vera.get("/users").await.items("username"), ["vera"]);
}

#[tokio::test]
async fn who_makes_or_changes_a_thing_is_named_at_once() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let make = |path: &'static str, body: Value| dan.post(path, body);
    for (path, body) in [
        ("/blocks", json!({ "name": "b", "block_type": "model" })),
        ("/edges", json!({ "name": "e" })),
        ("/pipelines", json!({ "name": "p", "blocks": [{ "block_id": "b" }] })),
        ("/taxonomy-categories", json!({ "name": "c" })),
        ("/edges/e/versions/1/verifications", json!({ "verification_status": "passed" })),
        ("/pipelines/p/runs", json!({})),
    ] {
        let made = make(path, body).await.expect(StatusCode::CREATED);
        assert_eq!(made.body["created_by_username"], "dan", "{path}");
        let read = dan.get(made.header("location")).await.expect(StatusCode::OK);
        assert_eq!(read.body["created_by_username"], "dan", "{path}");
        assert_eq!(read.etag(), made.etag(), "{path}");
    }
    for (path, body) in [
        ("/blocks/b", json!({ "metadata": { "n": 1 } })),
        ("/edges/e", json!({ "metadata": { "n": 1 } })),
        ("/pipelines/p", json!({ "description": "d" })),
        ("/taxonomy-categories/c", json!({ "name": "C" })),
    ] {
        let changed = dan.patch(path, body).await.expect(StatusCode::OK);
        assert_eq!(changed.body["created_by_username"], "dan", "{path}");
    }
    let key = make("/api-keys", json!({ "name": "ci" })).await.expect(StatusCode::CREATED);
    assert_eq!(key.body["username"], "dan");
    let rotate = format!("/api-keys/{}/rotate", key.id("api_key_id"));
    let rotated = dan.post(&rotate, json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(rotated.body["username"], "dan");
}

#[tokio::test]
async fn another_name_is_seen_although_the_thing_has_not_changed() {
    let service = Service::start().await;
    let (ada, dan) = (service.admin().await, service.developer().await);
    register(&dan, "b").await;
    let before = dan.get("/blocks/b").await.expect(StatusCode::OK);
    let ask = |tag: &str| dan.request(Method::GET, "/blocks/b").header("If-None-Match", tag);
    ask(before.etag()).send().await.expect(StatusCode::NOT_MODIFIED);
    ada.patch("/users/dan", json!({ "username": "daniel" })).await.expect(StatusCode::OK);
    let after = ask(before.etag()).send().await.expect(StatusCode::OK);
    assert_eq!(after.body["created_by_username"], "daniel");
    assert_eq!(after.body["updated_at"], before.body["updated_at"]);
    // For a change it is the same revision.
    let change = dan.request(Method::PATCH, "/blocks/b").header("If-Match", before.etag());
    change.json(json!({ "name": "c" })).send().await.expect(StatusCode::OK);
}

#[tokio::test]
async fn who_did_it_may_be_asked_for_by_name() {
    let service = Service::start().await;
    let (ada, dan, dora) =
        (service.admin().await, service.developer().await, service.colleague().await);
    dora.post("/pipelines", json!({ "name": "p" })).await.expect(StatusCode::CREATED);
    dora.post("/edges", json!({ "name": "e" })).await.expect(StatusCode::CREATED);
    let passed = json!({ "verification_status": "passed" });
    dora.post("/edges/e/versions/1/verifications", passed).await.expect(StatusCode::CREATED);
    dora.post("/api-keys", json!({ "name": "ci" })).await.expect(StatusCode::CREATED);
    let id = service.id_of("dora").await;
    for (asked, path) in [
        (&dan, "/pipelines?created_by="),
        (&dan, "/verifications?verified_by="),
        (&ada, "/api-keys?user_id="),
        (&ada, "/audit-logs?entity_type=pipeline&user_id="),
    ] {
        for (who, found) in [("dora", 1), ("DORA", 1), (&id, 1), ("me", 0), ("nobody", 0)] {
            let answer = asked.get(&format!("{path}{who}")).await.expect(StatusCode::OK);
            assert_eq!(answer.items("created_at").len(), found, "{path}{who}");
        }
        let refused = asked.get(&format!("{path}%00")).await;
        refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    }
    assert_eq!(dora.get("/pipelines?created_by=me").await.items("name"), ["p"]);
}

#[tokio::test]
async fn a_history_that_leaves_out_what_others_did_says_so() {
    let service = Service::start().await;
    let (ada, dan, vera) =
        (service.admin().await, service.developer().await, service.viewer().await);
    register(&dan, "b").await;
    dan.post("/edges", json!({ "name": "e" })).await.expect(StatusCode::CREATED);
    dan.post("/pipelines", json!({ "name": "p" })).await.expect(StatusCode::CREATED);
    dan.post("/taxonomy-categories", json!({ "name": "c" })).await.expect(StatusCode::CREATED);
    for path in [
        "/blocks/b/history",
        "/edges/e/history",
        "/pipelines/p/history",
        "/taxonomy-categories/c/history",
        "/audit-logs",
    ] {
        let whole = ada.get(path).await.expect(StatusCode::OK);
        assert_eq!(whole.body["partial"], false, "{path}");
        assert!(whole.items("username").contains(&json!("dan")), "{path}");
        let partial = vera.get(path).await.expect(StatusCode::OK);
        assert_eq!(partial.body["partial"], true, "{path}");
        assert!(!partial.items("username").contains(&json!("dan")), "{path}");
    }
    assert_eq!(dan.get("/users/me/activity").await.body["partial"], false);
}
