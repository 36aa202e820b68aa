//! Users, their passwords, and what is on record of them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ANOTHER, issue, login, refresh, with_limits};
use crate::service::{PASSWORD, Service};
use crate::support::connect;

#[tokio::test]
async fn an_admin_manages_users() {
    let service = Service::start().await;
    let ada = service.admin().await;
    let body = json!({ "username": "eve", "email": "eve@example.org", "password": ANOTHER });
    let eve = ada.post("/users", body.clone()).await;
    let eve = eve.expect(StatusCode::CREATED);
    assert_eq!(eve.body["role"], "viewer");
    assert!(!eve.text.contains("password"), "{}", eve.text);
    assert_eq!(eve.header("location"), format!("/users/{}", eve.id("user_id")));
    ada.post("/users", body).await.refused(StatusCode::CONFLICT, "username_taken");
    let token = login(&service, "eve", ANOTHER).await.expect(StatusCode::OK);
    let as_eve = service.with_token(&token.id("access_token"));

    let promoted = ada
        .request(Method::PATCH, "/users/eve")
        .header("If-Match", eve.etag())
        .json(json!({ "role": "developer" }))
        .send()
        .await
        .expect(StatusCode::OK);
    let me = as_eve.get("/auth/me").await;
    assert_eq!(me.body["effective_role"], "developer");
    ada.request(Method::PATCH, "/users/eve")
        .header("If-Match", eve.etag())
        .json(json!({ "role": "admin" }))
        .send()
        .await
        .refused(StatusCode::PRECONDITION_FAILED, "stale");
    let same = ada.patch("/users/eve", json!({ "role": "developer" })).await;
    assert_eq!(same.etag(), promoted.etag());

    ada.delete("/users/eve").await.expect(StatusCode::NO_CONTENT);
    ada.delete("/users/eve").await.expect(StatusCode::NO_CONTENT);
    as_eve.get("/auth/me").await.expect(StatusCode::UNAUTHORIZED);
    refresh(&service, &token.id("refresh_token")).await.expect(StatusCode::UNAUTHORIZED);
    login(&service, "eve", ANOTHER).await.refused(StatusCode::UNAUTHORIZED, "wrong_credentials");
    let restored = ada.post("/users/eve/restore", json!({})).await;
    assert_eq!(restored.expect(StatusCode::OK).body["is_active"], true);
    login(&service, "eve", ANOTHER).await.expect(StatusCode::OK);
    // She has read herself, so she has history.
    ada.delete("/users/eve?purge=true").await.refused(StatusCode::CONFLICT, "in_use");
    let body = json!({ "username": "tmp", "email": "tmp@example.org" });
    ada.post("/users", body).await.expect(StatusCode::CREATED);
    ada.delete("/users/tmp?purge=true").await.expect(StatusCode::NO_CONTENT);
    ada.get("/users/tmp").await.expect(StatusCode::NOT_FOUND);
    for last in ["/users/me", "/users/ada?purge=true"] {
        ada.delete(last).await.refused(StatusCode::CONFLICT, "last_admin");
    }
    ada.patch("/users/me", json!({ "role": "viewer" }))
        .await
        .refused(StatusCode::CONFLICT, "last_admin");
}

#[tokio::test]
async fn all_faults_of_a_user_are_told_at_once() {
    let service = Service::start().await;
    let ada = service.admin().await;
    let body = json!({
        "username": "a b", "email": "x", "role": "king", "password": "short", "is_active": false
    });
    let answer = ada.post("/users", body).await;
    let answer = answer.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(answer.pointers(), ["/email", "/is_active", "/password", "/role", "/username"]);
    let body =
        json!({ "username": "a", "email": "LONG@example.org", "password": "long@EXAMPLE.org" });
    let answer = ada.post("/users", body).await;
    let answer = answer.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(answer.pointers(), ["/password"]);
}

#[tokio::test]
async fn users_who_are_no_admins_see_and_change_only_themselves() {
    let service = Service::start().await;
    let dan = service.developer().await;
    assert_eq!(dan.get("/users").await.items("username"), ["dan"]);
    for path in ["/users/dan", "/users/me"] {
        let me = dan.get(path).await.expect(StatusCode::OK);
        assert_eq!(me.body["username"], "dan");
    }
    dan.get("/users/ada").await.expect(StatusCode::NOT_FOUND);
    dan.get("/users/ada/activity").await.expect(StatusCode::NOT_FOUND);
    dan.patch("/users/ada", json!({ "email": "x@y" })).await.expect(StatusCode::NOT_FOUND);
    for change in [json!({ "role": "admin" }), json!({ "is_active": false })] {
        dan.patch("/users/me", change).await.refused(StatusCode::FORBIDDEN, "forbidden");
    }
    for path in ["/users/me", "/users/me?purge=true"] {
        dan.delete(path).await.refused(StatusCode::FORBIDDEN, "forbidden");
    }
    dan.post("/users/me/restore", json!({})).await.expect(StatusCode::FORBIDDEN);
    for password in [None, Some(ANOTHER)] {
        let body = json!({ "username": "x", "email": "x@y", "password": password });
        dan.post("/users", body).await.refused(StatusCode::FORBIDDEN, "forbidden");
    }
    let changed = dan.patch("/users/me", json!({ "username": "daniel" })).await;
    assert_eq!(changed.expect(StatusCode::OK).body["username"], "daniel");
    dan.patch("/users/me", json!({ "email": "ADA@example.org" }))
        .await
        .refused(StatusCode::CONFLICT, "email_taken");
}

#[tokio::test]
async fn the_list_of_users_is_filtered_ordered_and_paged() {
    let service = Service::start().await;
    let ada = service.admin().await;
    let names = async |query: &str| {
        let answer = ada.get(&format!("/users?{query}")).await;
        answer.expect(StatusCode::OK).items("username")
    };
    assert_eq!(names("sort=username").await, ["ada", "dan", "dora", "vera"]);
    assert_eq!(names("sort=-username&role=developer").await, ["dora", "dan"]);
    assert_eq!(names("username=DAN").await, ["dan"]);
    assert_eq!(names("email=Vera@example.org").await, ["vera"]);
    assert_eq!(names("q=RA&sort=username").await, ["dora", "vera"]);
    assert_eq!(names("q=%25").await, [] as [&str; 0]);
    assert_eq!(names("is_active=false").await, [] as [&str; 0]);
    for sort in ["username", "-username", "created_at", "-created_at"] {
        let all = names(&format!("sort={sort}")).await;
        let mut seen = Vec::new();
        let mut query = format!("sort={sort}&limit=1");
        loop {
            let page = ada.get(&format!("/users?{query}")).await;
            let page = page.expect(StatusCode::OK);
            seen.extend(page.items("username"));
            let Some(cursor) = page.body["next_cursor"].as_str() else {
                break;
            };
            query = format!("sort={sort}&limit=1&cursor={cursor}");
        }
        assert_eq!(seen, all, "{sort}");
    }
    ada.get("/users?sort=password_hash").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_password_is_changed_with_the_current_one_and_ends_all_sessions() {
    let service = Service::with(with_limits(3, 1000)).await;
    let dan = service.developer().await;
    let session = login(&service, "dan", PASSWORD).await.id("refresh_token");
    let change = |current: Option<&str>, new: &str| json!({ "current_password": current, "new_password": new });
    for (body, pointer) in [
        (change(None, ANOTHER), "/current_password"),
        (change(Some(ANOTHER), ANOTHER), "/current_password"),
        (change(Some(PASSWORD), "short"), "/new_password"),
        (change(Some(PASSWORD), "Dan@Example.org"), "/new_password"),
    ] {
        let answer = dan.post("/users/me/password", body).await;
        let answer = answer.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(answer.pointers(), [pointer]);
    }
    for _ in 0..2 {
        let request =
            dan.request(Method::POST, "/users/me/password").header("Idempotency-Key", "once");
        let body = change(Some(PASSWORD), ANOTHER);
        let answer = request.json(body).send().await;
        answer.expect(StatusCode::NO_CONTENT);
    }
    refresh(&service, &session).await.expect(StatusCode::UNAUTHORIZED);
    login(&service, "dan", PASSWORD).await.expect(StatusCode::UNAUTHORIZED);
    login(&service, "dan", ANOTHER).await.expect(StatusCode::OK);
    // It is no way round the throttle.
    for _ in 0..3 {
        dan.post("/users/me/password", change(Some(PASSWORD), PASSWORD))
            .await
            .expect(StatusCode::UNPROCESSABLE_ENTITY);
    }
    dan.post("/users/me/password", change(Some(ANOTHER), PASSWORD))
        .await
        .expect(StatusCode::TOO_MANY_REQUESTS);
    login(&service, "dan", ANOTHER).await.expect(StatusCode::TOO_MANY_REQUESTS);

    let ada = service.admin().await;
    ada.post("/users/vera/password", change(None, ANOTHER)).await.expect(StatusCode::NO_CONTENT);
    login(&service, "vera", ANOTHER).await.expect(StatusCode::OK);
    ada.post("/users/me/password", change(None, ANOTHER))
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    dan.post("/users/ada/password", change(None, ANOTHER)).await.expect(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nothing_that_is_stored_gives_a_password_or_a_key_away() {
    let service = Service::start().await;
    let ada = service.admin().await;
    let mut secrets = vec![ANOTHER.to_owned()];
    for body in [
        ("/users", json!({ "username": "eve", "email": "e@e", "password": ANOTHER })),
        ("/api-keys", json!({ "name": "k" })),
    ] {
        let request = ada.request(Method::POST, body.0);
        let answer = request.header("Idempotency-Key", body.0).json(body.1).send().await;
        let answer = answer.expect(StatusCode::CREATED);
        secrets.extend(answer.body["key"].as_str().map(|key| key[12..].to_owned()));
    }
    assert_eq!(secrets.len(), 2);
    let mut connection = connect(&service.database.owner()).await;
    let dump: String = sqlx::query_scalar(
        "select string_agg(t, ' ') from (
            select audit_logs::text from audit_logs
            union all select i::text from app.idempotency_keys i
            union all select u::text from users u
            union all select k::text from api_keys k) as all_rows (t)",
    )
    .fetch_one(&mut connection)
    .await
    .expect("rows");
    for secret in secrets {
        assert!(!dump.contains(&secret));
    }
    let hash: String = sqlx::query_scalar("select password_hash from users where username = 'eve'")
        .fetch_one(&mut connection)
        .await
        .expect("a hash");
    assert_eq!(dump.matches(&hash).count(), 1);
    let read = ada.get("/users/eve").await.text + &ada.get("/api-keys").await.text;
    for name in ["password", "hash", "encrypted", "digest"] {
        assert!(!read.contains(name), "{name}");
    }
}

#[tokio::test]
async fn reads_of_users_and_keys_and_all_activity_are_on_record() {
    let service = Service::start().await;
    let (ada, dan) = (service.admin().await, service.developer().await);
    let me = dan.get("/users/me").await.id("user_id");
    let key = issue(&dan, json!({ "name": "ci" })).await.id("api_key_id");
    dan.get(&format!("/api-keys/{key}")).await.expect(StatusCode::OK);
    dan.get("/users").await.expect(StatusCode::OK);
    for person in [&dan, &ada] {
        let activity = person.get("/users/dan/activity").await;
        let activity = activity.expect(StatusCode::OK);
        let seen: Vec<_> = activity.body["items"]
            .as_array()
            .expect("items")
            .iter()
            .filter(|log| log["entity_type"] != "audit_log")
            .map(|log| {
                (log["action_type"].clone(), log["entity_type"].clone(), log["entity_id"].clone())
            })
            .collect();
        let expected = [
            (json!("READ"), json!("user"), Value::Null),
            (json!("READ"), json!("api_key"), json!(key)),
            (json!("CREATE"), json!("api_key"), json!(key)),
            (json!("READ"), json!("user"), json!(me)),
        ];
        assert_eq!(seen, expected);
    }
    let idle = ada.get("/users/dora/activity").await.expect(StatusCode::OK);
    assert_eq!(idle.items("log_id").len(), 0);
    ada.get("/users/none/activity").await.expect(StatusCode::NOT_FOUND);
}
