//! What holds for every route: ids, methods, slashes, the greeting, the document.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::blocks::register;
use crate::service::Service;

#[tokio::test]
async fn the_service_greets_and_says_how_it_is() {
    let service = Service::start().await;
    let nobody = service.nobody();
    let greeting = nobody.get("/").await.expect(StatusCode::OK);
    assert_eq!(greeting.body["message"], "Welcome to the Hybrid Model Application API!");
    nobody.get("/health/live").await.expect(StatusCode::OK);
    nobody.get("/health/ready").await.expect(StatusCode::OK);
    let docs = nobody.get("/docs").await.expect(StatusCode::OK);
    assert!(docs.text.contains("swagger-ui"));
    assert!(
        nobody
            .get("/docs/swagger-initializer.js")
            .await
            .expect(StatusCode::OK)
            .text
            .contains("/openapi.json")
    );
}

#[tokio::test]
async fn a_trailing_slash_changes_nothing() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    dan.get("/blocks/").await.expect(StatusCode::OK);
    dan.get("/blocks/b/?include=versions").await.expect(StatusCode::OK);
    dan.post("/blocks/", json!({ "name": "c", "block_type": "model" }))
        .await
        .expect(StatusCode::CREATED);
}

#[tokio::test]
async fn head_is_get_without_the_body_and_options_lists_the_methods() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    let get = dan.get("/blocks/b").await.expect(StatusCode::OK);
    let head = dan.request(Method::HEAD, "/blocks/b").send().await.expect(StatusCode::OK);
    assert_eq!(head.etag(), get.etag());
    assert_eq!(head.header("content-length"), get.text.len().to_string());
    assert!(head.text.is_empty());
    let options = service
        .nobody()
        .request(Method::OPTIONS, "/blocks/b")
        .send()
        .await
        .expect(StatusCode::NO_CONTENT);
    assert_eq!(options.header("allow"), "DELETE, GET, HEAD, OPTIONS, PATCH");
}

#[tokio::test]
async fn what_has_no_route_is_a_problem_as_well() {
    let service = Service::start().await;
    let nobody = service.nobody();
    nobody.get("/nothing").await.refused(StatusCode::NOT_FOUND, "not_found");
    let refused = nobody
        .request(Method::PUT, "/blocks")
        .send()
        .await
        .refused(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
    assert_eq!(refused.header("allow"), "GET, HEAD, OPTIONS, POST");
    for method in ["TRACE", "PURGE", "PROPFIND"] {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        nobody
            .request(method, "/blocks/x")
            .send()
            .await
            .refused(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
    }
}

#[tokio::test]
async fn a_request_keeps_its_id_or_its_trace() {
    let service = Service::start().await;
    let nobody = service.nobody();
    let given =
        nobody.request(Method::GET, "/nothing").header("X-Request-Id", "abc-1").send().await;
    assert_eq!(given.header("x-request-id"), "abc-1");
    assert_eq!(given.body["request_id"], "abc-1");
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let traced = nobody.request(Method::GET, "/").header("traceparent", trace).send().await;
    assert_eq!(traced.header("x-request-id"), "4bf92f3577b34da6a3ce929d0e0e4736");
    let unfit = nobody.request(Method::GET, "/").header("X-Request-Id", "a b").send().await;
    assert_eq!(unfit.header("x-request-id").len(), 36);
}

#[tokio::test]
async fn ids_that_clients_invent_do_no_harm() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let long = "x".repeat(129);
    let mut names = 0;
    let mut ids = Vec::new();
    for (header, value) in [
        ("X-Request-Id", long.as_bytes()),
        ("X-Request-Id", b""),
        ("X-Request-Id", b"a b"),
        ("X-Request-Id", b"a\tb"),
        ("X-Request-Id", b"a\xffb"),
        ("X-Request-Id", "\u{202e}id".as_bytes()),
        ("traceparent", trace.to_uppercase().as_bytes()),
        ("traceparent", format!("ff{}", &trace[2..]).as_bytes()),
        ("traceparent", format!("{trace}-00").as_bytes()),
        ("traceparent", trace.replace("4bf9", "4bf").as_bytes()),
        ("traceparent", b"00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
        ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),
        ("traceparent", b"00-\xff-\xff-01"),
    ] {
        names += 1;
        let created = dan
            .request(Method::POST, "/blocks")
            .header(header, value)
            .json(json!({ "name": format!("b{names}"), "block_type": "model" }))
            .send()
            .await
            .expect(StatusCode::CREATED);
        let id = created.header("x-request-id").to_owned();
        let is_ours = id.parse::<uuid::Uuid>().is_ok() && id.len() == 36;
        assert!(is_ours, "{header}: {}: {id}", value.escape_ascii());
        ids.push(id);
    }
    // Twice the same header: which of the two it is, nobody can say.
    let twice = dan
        .request(Method::GET, "/blocks")
        .header("traceparent", trace)
        .header("traceparent", trace.replace("4bf9", "4bf8"))
        .send()
        .await;
    assert_eq!(twice.header("x-request-id").len(), 36);
    let longest = "y".repeat(128);
    let kept = dan
        .request(Method::GET, "/blocks")
        .header("X-Request-Id", &longest)
        .header("traceparent", trace)
        .send()
        .await;
    assert_eq!(kept.header("x-request-id"), longest);
    let mut owner = service.database.connect().await;
    let recorded: Vec<String> = sqlx::query_scalar(
        "select details -> 'request' ->> 'id' from audit_logs
         where entity_type = 'block' order by \"timestamp\"",
    )
    .fetch_all(&mut owner)
    .await
    .expect("the audit trail");
    assert_eq!(recorded, ids);
}

#[tokio::test]
async fn the_document_is_complete() {
    let service = Service::start().await;
    let document = service.nobody().get("/openapi.json").await.expect(StatusCode::OK).body;
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    let schemes = document["components"]["securitySchemes"].as_object().expect("schemes");
    assert_eq!(schemes.keys().collect::<Vec<_>>(), ["api_key", "bearer"]);
    let mut ids = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let at = format!("{method} {path}");
            ids.push(
                operation["operationId"]
                    .as_str()
                    .unwrap_or_else(|| panic!("no operationId: {at}"))
                    .to_owned(),
            );
            for text in ["summary", "description"] {
                let text = operation[text].as_str().unwrap_or_else(|| panic!("no {text}: {at}"));
                assert!(text.len() > 3, "{at}");
            }
            assert!(operation["security"].is_array(), "who may call {at}?");
            assert!(operation["tags"].is_array(), "no tag: {at}");
            let responses = operation["responses"].as_object().expect("responses");
            for (status, response) in
                responses.iter().filter(|(status, _)| status.as_str() >= "400")
            {
                assert!(
                    response["$ref"].is_string()
                        || response["content"]["application/problem+json"].is_object(),
                    "{at} {status}"
                );
            }
            assert!(responses.contains_key("500") && responses.contains_key("503"), "{at}");
        }
    }
    let operations = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), operations, "operation ids are unique");
    assert_no_dangling_reference(&document, &document);
    let text = document.to_string();
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        assert!(text.contains(&format!("\"#/components/schemas/{name}\"")), "{name} is of no use");
        if let Some(of) = name.strip_suffix("Page") {
            let items = &schema["properties"]["items"]["items"]["$ref"];
            assert_eq!(items, &format!("#/components/schemas/{of}"), "{name}");
        }
    }
    assert_every_object_says_what_it_may_have(&document["components"]["schemas"], "");
}

#[tokio::test]
async fn the_document_for_3_0_has_the_same_routes() {
    let service = Service::start().await;
    let document = service.nobody().get("/openapi.json").await.expect(StatusCode::OK).body;
    let older = service.nobody().get("/openapi-3.0.json").await.expect(StatusCode::OK).body;
    assert_eq!(older["openapi"], "3.0.3");
    assert_no_dangling_reference(&older, &older);
    let operations = |document: &Value| -> Vec<(String, String, Value)> {
        let paths = document["paths"].as_object().expect("paths");
        let of = |(path, item): (&String, &Value)| {
            let operations = item.as_object().expect("operations").clone();
            let path = path.clone();
            operations.into_iter().map(move |(method, operation)| {
                (method, path.clone(), operation["operationId"].clone())
            })
        };
        paths.iter().flat_map(of).collect()
    };
    assert_eq!(operations(&older), operations(&document));
    let names = |document: &Value| -> Vec<String> {
        document["components"]["schemas"].as_object().expect("schemas").keys().cloned().collect()
    };
    assert_eq!(names(&older), names(&document));
    let text = older.to_string();
    assert!(text.contains("\"nullable\":true"));
    for only_in_3_1 in ["\"type\":[", "\"null\"", "\"identifier\"", "\"propertyNames\""] {
        assert!(!text.contains(only_in_3_1), "{only_in_3_1}");
    }
}

/// Without a word on it generators take an object for one that has no members.
fn assert_every_object_says_what_it_may_have(schema: &Value, at: &str) {
    match schema {
        Value::Object(members) => {
            let is_object = members.get("type").is_some_and(|kind| {
                kind == "object"
                    || kind.as_array().is_some_and(|kinds| kinds.contains(&"object".into()))
            });
            if is_object {
                let says =
                    ["properties", "additionalProperties"].map(|word| members.contains_key(word));
                assert!(says.contains(&true), "{at}");
            }
            for (name, value) in members.iter().filter(|(name, _)| *name != "example") {
                assert_every_object_says_what_it_may_have(value, &format!("{at}/{name}"));
            }
        }
        Value::Array(items) => {
            items.iter().for_each(|value| assert_every_object_says_what_it_may_have(value, at))
        }
        _ => {}
    }
}

fn assert_no_dangling_reference(document: &Value, value: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let pointer = reference.strip_prefix('#').expect("a local reference");
                assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            members.values().for_each(|value| assert_no_dangling_reference(document, value));
        }
        Value::Array(items) => {
            items.iter().for_each(|value| assert_no_dangling_reference(document, value))
        }
        _ => {}
    }
}
