//! How many requests one caller and one address may send.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::service_with;
use crate::service::{Answer, Person, Service};

async fn from(person: &Person<'_>, address: &str) -> Answer {
    person.request(Method::GET, "/").header("X-Forwarded-For", address).send().await
}

#[track_caller]
fn assert_limited(answer: Answer, counted: &str, within: u32) {
    let answer = answer.refused(StatusCode::TOO_MANY_REQUESTS, "too_many_requests");
    let seconds: u32 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=within).contains(&seconds), "{seconds}");
    let limit = format!("\"{counted}\";r=0;t={seconds}");
    assert_eq!(answer.header("ratelimit"), limit);
    let detail = answer.body["detail"].as_str().expect("a detail");
    assert!(detail.contains(counted), "{detail}");
}

#[tokio::test]
async fn a_caller_has_a_limit_with_all_his_tokens_and_each_key_its_own() {
    let service = service_with(|config| {
        config.rate_limit_caller = 4;
        config.rate_limit_address = 0;
    })
    .await;
    let dan = service.developer().await;
    let made = dan.post("/api-keys", json!({ "name": "ci" })).await.expect(StatusCode::CREATED);
    assert_eq!(made.header("ratelimit-policy"), r#""caller";q=4;w=60"#);
    assert_eq!(made.header("ratelimit"), r#""caller";r=3;t=15"#);
    for left in [2, 1] {
        let answer = dan.get("/blocks").await.expect(StatusCode::OK);
        let limit = answer.header("ratelimit");
        assert!(limit.starts_with(&format!("\"caller\";r={left};t=")), "{limit}");
    }
    // A refusal counts as well, and what a caller may not do.
    let missing = dan.get("/blocks/nothing").await;
    let missing = missing.refused(StatusCode::NOT_FOUND, "not_found");
    assert!(missing.header("ratelimit").starts_with("\"caller\";r=0;t="));
    assert_limited(dan.get("/blocks").await, "caller", 15);

    let nobody = service.nobody();
    let login = json!({ "username": "dan", "password": crate::service::PASSWORD });
    let again = nobody.post("/auth/login", login).await;
    let again = again.expect(StatusCode::OK);
    assert!(!again.headers.contains_key("ratelimit"), "nobody's limit");
    let another = service.with_token(&again.id("access_token"));
    assert_limited(another.get("/blocks").await, "caller", 15);

    let key = service.with_key(&made.id("key"));
    for _ in 0..4 {
        key.get("/blocks").await.expect(StatusCode::OK);
    }
    assert_limited(key.get("/blocks").await, "caller", 15);
    let dora = service.colleague().await;
    dora.get("/blocks").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn an_address_has_a_limit_before_anybody_is_known() {
    let service = service_with(|config| {
        config.rate_limit_caller = 0;
        config.rate_limit_address = 3;
    })
    .await;
    let nobody = service.nobody();
    let first = nobody.get("/").await.expect(StatusCode::OK);
    assert_eq!(first.header("ratelimit-policy"), r#""address";q=3;w=60"#);
    assert_eq!(first.header("ratelimit"), r#""address";r=2;t=20"#);
    nobody.get("/blocks").await.expect(StatusCode::UNAUTHORIZED);
    nobody.get("/nothing").await.expect(StatusCode::NOT_FOUND);
    assert_limited(nobody.get("/").await, "address", 20);
    // Not even a valid identity is looked at, and the header of nobody's proxy means nothing.
    assert_limited(service.with_token("x").get("/blocks").await, "address", 20);
    assert_limited(from(&nobody, "203.0.113.9").await, "address", 20);
    for path in ["/health/live", "/health/ready", "/health/live/"] {
        let health = nobody.get(path).await.expect(StatusCode::OK);
        assert!(!health.headers.contains_key("ratelimit"));
        assert!(!health.headers.contains_key("ratelimit-policy"));
    }
}

#[tokio::test]
async fn behind_a_proxy_the_address_is_the_clients() {
    let service = service_with(|config| {
        config.rate_limit_address = 1;
        config.trust_forwarded_for = true;
    })
    .await;
    let nobody = service.nobody();
    for address in
        ["203.0.113.9", "198.51.100.1, 203.0.113.10", "2001:db8:1:2::1", "2001:db8:1:3::1"]
    {
        from(&nobody, address).await.expect(StatusCode::OK);
    }
    for address in [
        "203.0.113.9",
        "192.0.2.77, 203.0.113.10",
        "::ffff:203.0.113.9",
        "[2001:db8:1:2:ffff::9]:443",
    ] {
        assert_limited(from(&nobody, address).await, "address", 60);
    }
}

#[tokio::test]
async fn the_nearest_limit_is_told_and_zero_is_none() {
    let service = service_with(|config| {
        config.rate_limit_caller = 1000;
        config.rate_limit_address = 100;
    })
    .await;
    let vera = service.viewer().await;
    let answer = vera.get("/blocks").await.expect(StatusCode::OK);
    let policy = r#""caller";q=1000;w=60, "address";q=100;w=60"#;
    assert_eq!(answer.header("ratelimit-policy"), policy);
    let limit = answer.header("ratelimit");
    assert!(limit.starts_with("\"address\";r=9"), "{limit}");

    let service = service_with(|config| {
        config.rate_limit_caller = 0;
        config.rate_limit_address = 0;
    })
    .await;
    let vera = service.viewer().await;
    let answer = vera.get("/blocks").await.expect(StatusCode::OK);
    assert!(!answer.headers.contains_key("ratelimit"));
    assert!(!answer.headers.contains_key("ratelimit-policy"));
}

#[tokio::test]
async fn many_at_once_get_exactly_what_there_is() {
    let service = service_with(|config| {
        config.rate_limit_caller = 30;
        config.rate_limit_address = 0;
    })
    .await;
    let dan = service.developer().await;
    let begun = std::time::Instant::now();
    let answers = (0..100).map(|_| dan.get("/blocks"));
    let answers = futures_util::future::join_all(answers).await;
    let served =
        answers.iter().filter(|answer| answer.status != StatusCode::TOO_MANY_REQUESTS).count();
    // One more comes back every two seconds.
    let most = 31 + usize::try_from(begun.elapsed().as_secs() / 2).expect("a small number");
    assert!((30..=most).contains(&served), "{served}");
    for answer in answers {
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert_limited(answer, "caller", 2);
        }
    }
}

#[tokio::test]
async fn an_honest_client_meets_no_limit() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let answer = dan.get("/blocks").await.expect(StatusCode::OK);
    let policy = r#""caller";q=3000000;w=60, "address";q=3000000;w=60"#;
    assert_eq!(answer.header("ratelimit-policy"), policy);
    assert!(answer.header("ratelimit").ends_with(";t=1"));
}
