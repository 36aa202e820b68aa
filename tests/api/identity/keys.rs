//! API keys.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ANOTHER, issue, owner};
use crate::service::{PASSWORD, Person, Service};

#[tokio::test]
async fn a_key_acts_for_its_user_until_it_is_revoked() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let made = issue(&dan, json!({ "name": "ci" })).await;
    assert_eq!(made.header("cache-control"), "no-store");
    let (key, id) = (made.id("key"), made.id("api_key_id"));
    assert!(key.starts_with(&made.id("key_prefix")));
    for person in [service.with_key(&key), service.with_token(&key)] {
        let me = person.get("/auth/me").await.expect(StatusCode::OK);
        assert_eq!(me.body["username"], "dan");
        assert_eq!(me.body["api_key_id"], id);
    }
    let path = format!("/api-keys/{id}");
    let read = dan.get(&path).await.expect(StatusCode::OK);
    assert!(read.body["last_used_at"].is_string());
    assert!(!read.text.contains(&key));
    service.colleague().await.get(&path).await.expect(StatusCode::NOT_FOUND);
    service.admin().await.get(&path).await.expect(StatusCode::OK);
    for _ in 0..2 {
        dan.delete(&path).await.expect(StatusCode::NO_CONTENT);
    }
    let refused = service.with_key(&key).get("/auth/me").await;
    refused.refused(StatusCode::UNAUTHORIZED, "unauthorized");
    let path = format!("{path}/rotate");
    dan.post(&path, json!({})).await.refused(StatusCode::CONFLICT, "key_ended");
}

#[tokio::test]
async fn a_repetition_shows_the_same_key_which_nothing_has_kept() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let make = async |person: &Person<'_>, name: &str| {
        let request = person.request(Method::POST, "/api-keys");
        let request = request.header("Idempotency-Key", "k");
        request.json(json!({ "name": name })).send().await
    };
    let first = make(&dan, "ci").await.expect(StatusCode::CREATED);
    let again = make(&dan, "ci").await.expect(StatusCode::CREATED);
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("cache-control"), "no-store");
    // The same user by another credential: a narrow key must not come by a broader one.
    let reader = issue(&dan, json!({ "name": "reader", "role": "viewer" })).await;
    make(&service.with_key(&reader.id("key")), "ci").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let other = make(&service.colleague().await, "ci").await;
    assert_ne!(other.expect(StatusCode::CREATED).id("key"), first.id("key"));
    make(&dan, "else").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let names = dan.get("/api-keys").await.items("name");
    assert_eq!(names, ["reader", "ci"]);
}

#[tokio::test]
async fn a_narrowed_key_neither_writes_nor_manages_the_account() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let made = issue(&dan, json!({ "name": "reader", "role": "viewer" })).await;
    let reader = service.with_key(&made.id("key"));
    let me = reader.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(me.body["role"], "developer");
    assert_eq!(me.body["effective_role"], "viewer");
    let path = format!("/api-keys/{}", made.id("api_key_id"));
    let rotation = format!("{path}/rotate");
    let body = json!({ "current_password": PASSWORD, "new_password": ANOTHER });
    for answer in [
        reader.post("/blocks", json!({ "name": "b", "block_type": "model" })).await,
        reader.post("/api-keys", json!({ "name": "wider" })).await,
        reader.patch(&path, json!({ "name": "x" })).await,
        reader.post(&rotation, json!({})).await,
        reader.delete(&path).await,
        reader.patch("/users/me", json!({ "email": "x@y" })).await,
        reader.post("/users/me/password", body).await,
    ] {
        answer.refused(StatusCode::FORBIDDEN, "forbidden");
    }
    let answer = dan.post("/api-keys", json!({ "name": "x", "role": "admin" })).await;
    let answer = answer.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(answer.pointers(), ["/role"]);
}

#[tokio::test]
async fn a_key_can_replace_and_revoke_itself() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let body = json!({ "name": "ci", "expires_at": "2099-01-01T00:00:00Z" });
    let old = issue(&dan, body).await;
    let rotate = async |key: &str, id: &str, body: Value, once: bool| {
        let path = format!("/api-keys/{id}/rotate");
        let person = service.with_key(key);
        let mut request = person.request(Method::POST, &path).json(body);
        if once {
            request = request.header("Idempotency-Key", "rotate");
        }
        request.send().await
    };
    let body = json!({ "grace_seconds": 600 });
    let second = rotate(&old.id("key"), &old.id("api_key_id"), body.clone(), true).await;
    let second = second.expect(StatusCode::CREATED);
    assert_eq!(second.body["name"], "ci");
    assert_eq!(second.body["expires_at"], "2099-01-01T00:00:00.000000Z");
    assert_ne!(second.body["api_key_id"], old.body["api_key_id"]);
    let again = rotate(&old.id("key"), &old.id("api_key_id"), body, true).await;
    assert_eq!(again.expect(StatusCode::CREATED).body, second.body);

    let third = rotate(&second.id("key"), &second.id("api_key_id"), json!({}), true).await;
    // The same Idempotency-Key with another request.
    third.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let third = rotate(&second.id("key"), &second.id("api_key_id"), json!({}), false).await;
    let third = third.expect(StatusCode::CREATED);
    let second = service.with_key(&second.id("key")).get("/auth/me").await;
    second.expect(StatusCode::UNAUTHORIZED);
    let key = service.with_key(&third.id("key"));
    let request = key.request(Method::DELETE, &format!("/api-keys/{}", third.id("api_key_id")));
    let answer = request.header("Idempotency-Key", "end").send().await;
    answer.expect(StatusCode::NO_CONTENT);
    key.get("/auth/me").await.expect(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_life_of_a_key_only_shrinks() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let body = json!({ "name": "ci", "expires_at": "2099-01-01T00:00:00Z" });
    let made = issue(&dan, body).await;
    let path = format!("/api-keys/{}", made.id("api_key_id"));
    let earlier = json!({ "expires_at": "2098-01-01T00:00:00Z", "name": "nightly" });
    let changed = dan.patch(&path, earlier).await.expect(StatusCode::OK);
    assert_eq!(changed.body["name"], "nightly");
    dan.patch(&path, json!({ "expires_at": "2099-01-01T00:00:00Z" }))
        .await
        .refused(StatusCode::CONFLICT, "key_only_shrinks");
    dan.patch(&path, json!({ "expires_at": null })).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    dan.post("/api-keys", json!({ "name": "x", "expires_at": "2020-01-01T00:00:00Z" }))
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    // Nor does a key make one that outlives it.
    let key = service.with_key(&made.id("key"));
    for immortal in
        [json!({ "name": "x" }), json!({ "name": "x", "expires_at": "2098-06-01T00:00:00Z" })]
    {
        key.post("/api-keys", immortal).await.refused(StatusCode::CONFLICT, "key_only_shrinks");
    }
    issue(&key, json!({ "name": "x", "expires_at": "2097-01-01T00:00:00Z" })).await;
    owner(
        &service,
        "alter table api_keys disable trigger user;
         update api_keys set created_at = now() - interval '2 days', expires_at = now() - interval '1 day'",
    )
    .await;
    key.get("/auth/me").await.expect(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn admins_make_keys_for_others_and_nobody_else_does() {
    let service = Service::start().await;
    let (ada, dan) = (service.admin().await, service.developer().await);
    let vera = ada.get("/users/vera").await.id("user_id");
    for role in [None, Some("admin")] {
        let body = json!({ "name": "x", "user_id": vera, "role": role });
        dan.post("/api-keys", body).await.refused(StatusCode::FORBIDDEN, "forbidden");
    }
    let made = issue(&ada, json!({ "name": "service", "user_id": vera })).await;
    let me = service.with_key(&made.id("key")).get("/auth/me").await;
    assert_eq!(me.body["username"], "vera");
    let nobody = "01a20575-84d9-79db-a493-fbb455308177";
    let answer = ada.post("/api-keys", json!({ "name": "x", "user_id": nobody })).await;
    assert_eq!(answer.expect(StatusCode::UNPROCESSABLE_ENTITY).pointers(), ["/user_id"]);
    issue(&dan, json!({ "name": "theirs" })).await;
    assert_eq!(ada.get("/api-keys").await.items("name"), ["theirs", "service"]);
    let path = format!("/api-keys?user_id={vera}&is_active=true");
    assert_eq!(ada.get(&path).await.items("name"), ["service"]);
    assert_eq!(dan.get(&path).await.items("name"), [] as [&str; 0]);
}
