//! Logging in, staying logged in, logging out.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ANOTHER, issue, login, refresh, with_limits};
use crate::service::{PASSWORD, Service};

#[tokio::test]
async fn a_login_by_name_or_email_address_opens_a_session() {
    let service = Service::start().await;
    for name in ["dan", "DAN", "dan@example.org"] {
        let answer = login(&service, name, PASSWORD).await.expect(StatusCode::OK);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.body["token_type"], "bearer");
        assert_eq!(answer.body["expires_in"], 900);
        assert_eq!(answer.body["user"]["username"], "dan");
        assert!(!answer.text.contains("password"), "{}", answer.text);
        let token = answer.id("access_token");
        let me = service.with_token(&token).get("/auth/me").await;
        let me = me.expect(StatusCode::OK);
        assert_eq!(me.body["user_id"], answer.body["user"]["user_id"]);
        assert_eq!(me.body["effective_role"], "developer");
        assert_eq!(me.body["api_key_id"], Value::Null);
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_look_the_same() {
    let service = Service::start().await;
    let wrong = login(&service, "dan", ANOTHER).await;
    let unknown = login(&service, "nobody", PASSWORD).await;
    let mut bodies = Vec::new();
    for answer in [wrong, unknown] {
        let answer = answer.refused(StatusCode::UNAUTHORIZED, "wrong_credentials");
        let mut body = answer.body;
        body["request_id"].take();
        bodies.push(body);
    }
    assert_eq!(bodies[0], bodies[1]);
    login(&service, "dan\u{0}", PASSWORD).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn too_many_attempts_at_an_account_have_to_wait() {
    let service = Service::with(with_limits(3, 1000)).await;
    for name in ["dan", "dan@example.org", "nobody"] {
        login(&service, name, ANOTHER).await;
    }
    login(&service, "dan", PASSWORD).await.expect(StatusCode::OK);
    for _ in 0..3 {
        login(&service, "dan", ANOTHER).await.expect(StatusCode::UNAUTHORIZED);
    }
    for name in ["dan", "dan@example.org"] {
        let answer = login(&service, name, PASSWORD)
            .await
            .refused(StatusCode::TOO_MANY_REQUESTS, "too_many_requests");
        let seconds: u32 = answer.header("retry-after").parse().expect("seconds");
        assert!((1..=900).contains(&seconds));
    }
    login(&service, "dora", PASSWORD).await.expect(StatusCode::OK);
    for _ in 0..3 {
        login(&service, "nobody", ANOTHER).await;
    }
    login(&service, "nobody", ANOTHER).await.expect(StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn too_many_attempts_from_an_address_have_to_wait() {
    let service = Service::with(with_limits(1000, 3)).await;
    for name in ["a", "b", "c"] {
        login(&service, name, ANOTHER).await;
    }
    login(&service, "dan", PASSWORD).await.expect(StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_a_copy_ends_the_session() {
    let service = Service::start().await;
    let first = login(&service, "dan", PASSWORD).await.id("refresh_token");
    let second = refresh(&service, &first).await.expect(StatusCode::OK);
    assert_eq!(second.header("cache-control"), "no-store");
    let me = service.with_token(&second.id("access_token"));
    me.get("/auth/me").await.expect(StatusCode::OK);
    let third = refresh(&service, &second.id("refresh_token")).await;
    let third = third.expect(StatusCode::OK).id("refresh_token");
    refresh(&service, &first).await.refused(StatusCode::UNAUTHORIZED, "unauthorized");
    refresh(&service, &third).await.expect(StatusCode::UNAUTHORIZED);
    for nonsense in ["", "x", &"A".repeat(43)] {
        refresh(&service, nonsense).await.expect(StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_logout_ends_the_session_and_never_fails() {
    let service = Service::start().await;
    let token = login(&service, "dan", PASSWORD).await.id("refresh_token");
    for token in [token.as_str(), &token, "nonsense"] {
        let body = json!({ "refresh_token": token });
        let answer = service.nobody().post("/auth/logout", body).await;
        answer.expect(StatusCode::NO_CONTENT);
    }
    refresh(&service, &token).await.expect(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn two_identities_or_none_are_refused() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let key = issue(&dan, json!({ "name": "k" })).await.id("key");
    dan.request(Method::GET, "/auth/me")
        .header("X-API-Key", &key)
        .send()
        .await
        .refused(StatusCode::BAD_REQUEST, "two_identities");
    let nobody = service.nobody();
    // As clients send it that know both schemes.
    let token =
        nobody.post("/auth/login", json!({ "username": "dan", "password": PASSWORD })).await;
    for credential in [token.id("access_token"), key] {
        nobody
            .request(Method::GET, "/auth/me")
            .header("Authorization", format!("Bearer {credential}"))
            .header("X-API-Key", credential)
            .send()
            .await
            .expect(StatusCode::OK);
    }
    let answer = nobody.get("/auth/me").await;
    let answer = answer.refused(StatusCode::UNAUTHORIZED, "unauthorized");
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
    for value in ["Basic YTpi", "Bearer", "Bearer x.y.z", "Bearer by_00000000_x"] {
        nobody
            .request(Method::GET, "/auth/me")
            .header("Authorization", value)
            .send()
            .await
            .refused(StatusCode::UNAUTHORIZED, "unauthorized");
    }
}
