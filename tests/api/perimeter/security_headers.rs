//! What a browser must not do with an answer.

use reqwest::{Method, StatusCode};

use super::service_with;
use crate::blocks::register;
use crate::service::{Answer, Service};

#[track_caller]
fn assert_guarded(answer: &Answer, policy: &str) {
    for (name, value) in [
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert!(answer.header(name).starts_with(value), "{answer:?}");
    }
    assert!(answer.headers.contains_key("cache-control"));
    for name in ["server", "x-powered-by", "strict-transport-security"] {
        assert!(!answer.headers.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    let nobody = service.nobody();
    let mut answers = vec![
        nobody.get("/").await,
        nobody.get("/openapi.json").await,
        nobody.get("/health/ready").await,
        nobody.get("/blocks").await.expect(StatusCode::UNAUTHORIZED),
        nobody.get("/nothing").await.expect(StatusCode::NOT_FOUND),
        dan.get("/blocks").await.expect(StatusCode::OK),
    ];
    let etag = dan.get("/blocks/b").await.etag().to_owned();
    let unchanged = dan.request(Method::GET, "/blocks/b").header("If-None-Match", etag);
    answers.push(unchanged.send().await.expect(StatusCode::NOT_MODIFIED));
    let deleted = dan.delete("/blocks/b").await;
    answers.push(deleted.expect(StatusCode::NO_CONTENT));
    for answer in &answers {
        assert_guarded(answer, "default-src 'none'; frame-ancestors 'none'");
    }
}

#[tokio::test]
async fn the_docs_load_only_what_they_bring() {
    let service = Service::start().await;
    let docs = service.nobody().get("/docs/").await.expect(StatusCode::OK);
    assert_guarded(&docs, "default-src 'none'; script-src 'self'; ");
    let policy = docs.header("content-security-policy");
    for part in ["connect-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe-eval"), "{policy}");
    // Under this policy no script of the page itself would run.
    for script in docs.text.split("<script").skip(1) {
        let (attributes, rest) = script.split_once('>').expect("a whole tag");
        assert!(attributes.contains("src="), "{attributes}");
        assert!(rest.trim_start().starts_with("</script>"), "{rest}");
    }
    assert!(!docs.text.contains("https://"), "nothing from elsewhere");
}

#[tokio::test]
async fn tls_is_only_demanded_where_a_trusted_proxy_ends_it() {
    let hsts = async |service: &Service, scheme: &str| {
        let request = service.nobody().request(Method::GET, "/");
        let answer = request.header("X-Forwarded-Proto", scheme).send().await;
        let value = answer.headers.get("strict-transport-security").cloned();
        value.map(|value| value.to_str().expect("a text").to_owned())
    };
    let service = service_with(|config| config.trust_forwarded_for = true).await;
    assert_eq!(hsts(&service, "https").await.as_deref(), Some("max-age=31536000"));
    assert_eq!(hsts(&service, "http").await, None);
    let service = Service::start().await;
    assert_eq!(hsts(&service, "https").await, None);
}
