//! Which pages of other origins may use the API from a browser.

use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, test, web};
use blockyard::perimeter;
use blockyard::server;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::service_with;
use crate::service::{Answer, Person, Service, Setup};

const APP: &str = "https://app.example.org";

async fn service_for(origins: &[&str]) -> Service {
    service_with(|config| {
        config.cors_allowed_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    })
    .await
}

async fn preflight(person: &Person<'_>, origin: &str, method: &str, headers: &str) -> Answer {
    person
        .request(Method::OPTIONS, "/blocks/b")
        .header("Origin", origin)
        .header("Access-Control-Request-Method", method)
        .header("Access-Control-Request-Headers", headers)
        .send()
        .await
}

fn allowed(answer: &Answer) -> Option<&str> {
    let value = answer.headers.get("access-control-allow-origin")?;
    value.to_str().ok()
}

#[tokio::test]
async fn without_origins_there_is_no_cors() {
    let service = Service::start().await;
    let nobody = service.nobody();
    let answer = preflight(&nobody, APP, "PATCH", "authorization").await;
    let answer = answer.expect(StatusCode::NO_CONTENT);
    assert_eq!(answer.header("allow"), "DELETE, GET, HEAD, OPTIONS, PATCH");
    let get = nobody.request(Method::GET, "/").header("Origin", APP);
    for answer in [answer, get.send().await.expect(StatusCode::OK)] {
        let cors = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
        assert_eq!(cors, None);
    }
}

#[tokio::test]
async fn a_preflight_needs_no_token_and_is_kept() {
    let service = service_for(&["https://other.example.org", APP]).await;
    let nobody = service.nobody();
    let headers = "authorization,x-api-key,content-type,if-match,if-none-match,idempotency-key,x-request-id,traceparent";
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
        let answer = preflight(&nobody, APP, method, headers).await;
        let answer = answer.expect(StatusCode::OK);
        assert_eq!(allowed(&answer), Some(APP));
        assert!(answer.header("access-control-allow-methods").contains(method));
        let taken = answer.header("access-control-allow-headers").to_ascii_lowercase();
        for header in headers.split(',') {
            assert!(taken.contains(header), "{header}: {taken}");
        }
        assert_eq!(answer.header("access-control-max-age"), "7200");
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));
        assert!(answer.text.is_empty());
    }
    let strangers = preflight(&nobody, "https://evil.example.org", "GET", "authorization").await;
    assert_eq!(allowed(&strangers), None);
    let strange = preflight(&nobody, APP, "GET", "x-other").await;
    assert_eq!(allowed(&strange), None);
    // Not a preflight: a client that asks for the methods.
    let options = nobody
        .request(Method::OPTIONS, "/blocks/b")
        .header("Origin", APP)
        .send()
        .await
        .expect(StatusCode::NO_CONTENT);
    assert_eq!(options.header("allow"), "DELETE, GET, HEAD, OPTIONS, PATCH");
    assert_eq!(allowed(&options), Some(APP));
}

#[tokio::test]
async fn a_page_reads_answers_and_refusals() {
    let service = service_with(|config| {
        config.cors_allowed_origins = vec![APP.to_owned()];
        config.rate_limit_caller = 6;
        config.body_limit = 1024;
    })
    .await;
    let dan = service.developer().await;
    let ask = async |person: &Person<'_>, method: Method, path: &str| {
        let request = person.request(method, path).header("Origin", APP);
        request.send().await
    };
    let created = dan
        .request(Method::POST, "/blocks")
        .header("Origin", APP)
        .json(json!({ "name": "b", "block_type": "model" }))
        .send()
        .await
        .expect(StatusCode::CREATED);
    let large = dan
        .request(Method::POST, "/blocks")
        .header("Origin", APP)
        .raw("application/json", vec![b' '; 2000])
        .send()
        .await
        .expect(StatusCode::PAYLOAD_TOO_LARGE);
    let mut answers = vec![created, large];
    let nobody = service.nobody();
    for (person, method, path, status) in [
        (&dan, Method::GET, "/blocks/b", 200),
        (&dan, Method::GET, "/blocks/c", 404),
        (&dan, Method::POST, "/blocks", 415),
        (&dan, Method::GET, "/blocks?x=1", 422),
        (&dan, Method::GET, "/blocks", 429),
        (&nobody, Method::GET, "/blocks", 401),
        (&nobody, Method::PUT, "/blocks", 405),
        (&nobody, Method::GET, "/nothing", 404),
    ] {
        let answer = ask(person, method, path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text);
        answers.push(answer);
    }
    for answer in &answers {
        assert_eq!(allowed(answer), Some(APP), "{answer:?}");
        let exposed = answer.header("access-control-expose-headers").to_ascii_lowercase();
        for header in [
            "etag",
            "link",
            "location",
            "x-request-id",
            "ratelimit",
            "ratelimit-policy",
            "retry-after",
            "idempotency-replayed",
            "www-authenticate",
        ] {
            assert!(exposed.split(", ").any(|name| name == header), "{exposed}");
        }
        let vary = answer.header("vary").to_ascii_lowercase();
        assert!(vary.contains("origin"), "{vary}");
    }
    let other = nobody.request(Method::GET, "/");
    let other = other.header("Origin", "https://evil.example.org");
    let other = other.send().await.expect(StatusCode::OK);
    assert_eq!(allowed(&other), None);
    let none = nobody.get("/").await.expect(StatusCode::OK);
    assert_eq!(allowed(&none), None);
}

#[tokio::test]
async fn a_page_reads_that_the_address_sent_too_much_or_the_database_is_gone() {
    let mut setup = Setup::default();
    setup.config.cors_allowed_origins = vec!["*".to_owned()];
    setup.config.rate_limit_address = 2;
    let database = std::sync::Arc::new(crate::support::Database::new().await);
    setup.through = Some(database.service().port(1));
    let service = Service::on(database, setup);
    let nobody = service.nobody();
    let ask = async |path: &str| {
        let request = nobody.request(Method::GET, path).header("Origin", APP);
        request.send().await
    };
    let gone = ask("/health/ready").await;
    let gone = gone.expect(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(allowed(&gone), Some("*"));
    ask("/").await.expect(StatusCode::OK);
    ask("/").await.expect(StatusCode::OK);
    let limited = ask("/").await.expect(StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(allowed(&limited), Some("*"));
}

#[actix_web::test]
async fn a_page_reads_that_a_handler_panicked() {
    async fn panics() -> HttpResponse {
        tokio::time::sleep(Duration::ZERO).await;
        panic!("a fault in a handler")
    }
    let app = App::new()
        .route("/panics", web::get().to(panics))
        .wrap(from_fn(server::around))
        .wrap(perimeter::cors(&[APP.to_owned()]));
    let app = test::init_service(app).await;
    let request = test::TestRequest::get().uri("/panics").insert_header(("Origin", APP));
    let answer = match test::try_call_service(&app, request.to_request()).await {
        Ok(answer) => answer.into_parts().1.map_into_boxed_body(),
        Err(error) => error.error_response(),
    };
    assert_eq!(answer.status(), 500);
    let headers = answer.headers();
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(value("access-control-allow-origin"), Some(APP));
    assert_eq!(value("content-type"), Some("application/problem+json"));
    assert_eq!(value("x-content-type-options"), Some("nosniff"));
    assert!(value("x-request-id").is_some());
}
