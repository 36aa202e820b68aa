//! Behind a proxy that shows the service below a path, nothing leads out of it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::service_with;
use crate::service::{Answer, Person, Service};

const HEADER: &str = "X-Forwarded-Prefix";

async fn get(person: &Person<'_>, path: &str, prefix: &str) -> Answer {
    person.request(Method::GET, path).header(HEADER, prefix).send().await
}

/// Every address in the answers of a service to somebody whose proxy says that prefix.
async fn addresses(service: &Service, prefix: &str) -> Vec<String> {
    let dan = service.developer().await;
    let body = |name: &str| json!({ "name": name, "block_type": "model" });
    let mut made = Vec::new();
    for name in ["a", "b"] {
        let request = dan.request(Method::POST, "/blocks").header(HEADER, prefix).json(body(name));
        made.push(request.send().await.expect(StatusCode::CREATED));
    }
    let page = get(&dan, "/blocks?limit=1", prefix).await.expect(StatusCode::OK);
    let greeting = get(&dan, "/", prefix).await.expect(StatusCode::OK).body;
    let unredirected = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let docs = unredirected.build().expect("a client").get(service.url("/docs"));
    let docs = docs.header(HEADER, prefix.as_bytes()).send().await.expect("an answer");
    let mut found = vec![
        made[0].header("location").replace(&made[0].id("block_id"), "id"),
        page.header("link").split_once('?').expect("a query").0.to_owned(),
        docs.headers()["location"].to_str().expect("a text").to_owned(),
    ];
    for document in ["/openapi.json", "/openapi-3.0.json"] {
        let document = get(&dan, document, prefix).await.expect(StatusCode::OK).body;
        found.push(document["servers"][0]["url"].as_str().expect("a server").to_owned());
    }
    let links =
        ["docs", "openapi", "health"].map(|link| greeting[link].as_str().map(str::to_owned));
    found.extend(links.into_iter().flatten());
    for made in made {
        dan.delete(&format!("/blocks/{}", made.id("block_id")))
            .await
            .expect(StatusCode::NO_CONTENT);
    }
    found
}

fn below(prefix: &str) -> Vec<String> {
    let root = if prefix.is_empty() { "/" } else { prefix };
    let [location, docs, openapi, health] =
        ["/blocks/id", "/docs", "/openapi.json", "/health/ready"]
            .map(|path| format!("{prefix}{path}"));
    let link = format!("<{prefix}/blocks");
    vec![
        location,
        link,
        format!("{docs}/"),
        root.to_owned(),
        root.to_owned(),
        docs,
        openapi,
        health,
    ]
}

#[tokio::test]
async fn behind_a_prefix_nothing_leads_out_of_it() {
    let service = service_with(|config| config.trust_forwarded_for = true).await;
    for prefix in ["/registry", "/a/b.c", "/registry/"] {
        assert_eq!(
            addresses(&service, prefix).await,
            below(prefix.trim_end_matches('/')),
            "{prefix}"
        );
    }
    // The page of the documentation asks for the document next to it.
    let page = get(&service.nobody(), "/docs/swagger-initializer.js", "/registry").await;
    let page = page.expect(StatusCode::OK).text;
    assert!(page.contains(r#""../openapi.json""#), "{page}");
}

#[tokio::test]
async fn a_hostile_prefix_is_none() {
    let trusting = service_with(|config| config.trust_forwarded_for = true).await;
    for hostile in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/..",
        "/a/../..",
        "/%0d%0aX-Evil:1",
        "/a\"}],\"x\":[{\"b\":\"",
        "/a>; rel=\"x\"",
        "/registry, //evil.example",
        "/a b",
        "évil",
    ] {
        assert_eq!(addresses(&trusting, hostile).await, below(""), "{hostile}");
    }
    let other = Service::start().await;
    assert_eq!(addresses(&other, "/registry").await, below(""), "nobody is trusted");
}

#[tokio::test]
async fn an_answer_that_was_kept_leads_where_its_repetition_comes_from() {
    let service = service_with(|config| config.trust_forwarded_for = true).await;
    let dan = service.developer().await;
    let ask = async |prefix: &str| -> (String, Value) {
        let request = dan.request(Method::POST, "/edges").header("Idempotency-Key", "once");
        let answer = request.header(HEADER, prefix).json(json!({ "name": "e" })).send().await;
        let answer = answer.expect(StatusCode::CREATED);
        (answer.header("location").replace(&answer.id("edge_id"), "id"), answer.body.clone())
    };
    let (first, body) = ask("/registry").await;
    let (again, same) = ask("").await;
    assert_eq!((first.as_str(), again.as_str()), ("/registry/edges/id", "/edges/id"));
    assert_eq!(body, same);
}
