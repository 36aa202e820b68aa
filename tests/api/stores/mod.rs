//! Vector stores that searches ask: Chroma itself, the others before a stand-in that answers as their documents say.

mod chroma;

use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::blocks::register;
use crate::listening::Listening;
use crate::service::{Person, Service, Setup};
use crate::taxonomy::category;

const KEY: &str = "a-key-of-a-store-that-nobody-may-see";

/// What a store is asked.
#[derive(Debug, Clone)]
struct Seen {
    path: String,
    headers: BTreeMap<String, String>,
    body: Value,
}

/// Stores behind one address: the first segment of the path says which, and how it answers.
struct StandIn {
    seen: Arc<Mutex<Vec<Seen>>>,
    listening: Listening,
}

impl StandIn {
    fn start(answer: impl Fn(&str) -> HttpResponse + Clone + Send + Sync + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        let listening = Listening::start(move |config| {
            let (all, answer) = (Arc::clone(&all), answer.clone());
            let handler = move |request: HttpRequest, body: web::Bytes| {
                let (all, answer) = (Arc::clone(&all), answer.clone());
                async move {
                    let headers = request.headers().iter().map(|(name, value)| {
                        (name.to_string(), value.to_str().expect("a text").to_owned())
                    });
                    let (store, path) = request.path()[1..].split_once('/').expect("a store");
                    all.lock().expect("no panic").push(Seen {
                        path: format!("{} /{path}", request.method()),
                        headers: headers.collect(),
                        body: serde_json::from_slice(&body).unwrap_or_default(),
                    });
                    if store == "slow" {
                        tokio::time::sleep(Duration::from_secs(3)).await;
                    }
                    answer(store)
                }
            };
            config.default_service(web::to(handler));
        });
        Self { seen, listening }
    }

    fn url(&self, store: &str) -> String {
        format!("{}/{store}", self.listening.url)
    }

    fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().expect("no panic"))
    }
}

async fn with(stores: Value, change: impl FnOnce(&mut Setup)) -> Service {
    let mut setup = Setup::default();
    setup.config.vector_stores = Some(stores.to_string().into());
    setup.config.vector_stores_timeout_seconds = 1;
    change(&mut setup);
    Service::with(setup).await
}

async fn place(person: &Person<'_>, block: &str, vector_db: &str, key: &str, filter: Value) {
    let body = json!({ "vector_db": vector_db, "vector_key": key, "taxonomy_filter": filter });
    let path = format!("/blocks/{block}/vectors");
    person.post(&path, body).await.expect(StatusCode::CREATED);
}

fn names(part: &Value) -> Vec<(&str, f64)> {
    let hits = part.as_array().expect("hits").iter();
    hits.map(|hit| (hit["name"].as_str().expect("a name"), hit["score"].as_f64().expect("a score")))
        .collect()
}

async fn metric(service: &Service, series: &str) -> f64 {
    let text = service.nobody().get("/metrics").await.text;
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series}")).parse().expect("a number")
}

/// Where the shapes come from, all read in November 2026:
///
/// - Qdrant: `POST /collections/{collection_name}/points/query`, `QueryRequest` and its answer in the API reference of
///   1.17 to 1.20 (api.qdrant.tech, "Query points").
/// - Pinecone: `POST /query`, API version 2025-10 (docs.pinecone.io, "Search with a vector").
/// - Weaviate: `POST /v1/search/{collection}/near-vector`, as Weaviate's own tests of its REST Search API send and read it
///   (`test/acceptance/rest_search`), with the filter's lists as `valueTextArray`, as the filters of its REST API have them.
fn recorded(store: &str) -> HttpResponse {
    HttpResponse::Ok().json(match store {
        "qdrant" => json!({
            "usage": null, "status": "ok", "time": 0.000_2,
            "result": { "points": [
                { "id": "ee44bbee-ca5f-4db7-a412-5fc6a2300001", "version": 3, "score": 0.95, "payload": { "key": "c#1" } },
                { "id": 42, "version": 3, "score": 0.9, "payload": { "key": "archived#1" } },
                { "id": 43, "version": 3, "score": 0.8, "payload": {} },
                { "id": 44, "version": 3, "score": 0.7, "payload": { "key": "picky#1" } },
                { "id": 45, "version": 3, "score": 0.6, "payload": { "key": "of another\u{7}" } },
            ]},
        }),
        "pinecone" => json!({
            "matches": [{ "id": "c#1", "score": 0.08 }, { "id": "nobody's", "score": 0.07 }],
            "namespace": "example-namespace", "usage": { "readUnits": 6 },
        }),
        "weaviate" => json!({
            "results": [
                { "id": "ee44bbee-ca5f-4db7-a412-5fc6a2300001", "properties": {}, "metadata": { "distance": 0 } },
            ],
            "tookMs": 3,
        }),
        other => panic!("nobody asks {other}"),
    })
}

#[tokio::test]
async fn what_a_store_finds_is_told_as_blocks() {
    let stand_in = StandIn::start(recorded);
    let service = with(
        json!([
            { "name": "q", "kind": "qdrant", "url": stand_in.url("qdrant/"), "collection": "a b", "vector_db": "Qdrant",
              "vector_name": "image", "key_field": "key", "key": KEY },
            { "name": "p", "kind": "pinecone", "url": stand_in.url("pinecone"), "namespace": "example-namespace", "key": KEY },
            { "name": "w", "kind": "weaviate", "url": stand_in.url("weaviate"), "collection": "Verse", "tenant": "tenantA", "key": KEY },
        ]),
        |_| {},
    )
    .await;
    let dan = service.developer().await;
    for name in ["customers", "gone", "picky"] {
        register(&dan, name).await;
    }
    let vision = category(&dan, "vision", None).await;
    let faces = category(&dan, "faces", Some("vision")).await;
    dan.put("/blocks/customers/categories/faces", json!({})).await;
    place(&dan, "customers", "Qdrant", "c#1", Value::Null).await;
    place(&dan, "gone", "Qdrant", "archived#1", Value::Null).await;
    place(&dan, "picky", "Qdrant", "picky#1", json!({ "any": ["vision"] })).await;
    place(&dan, "customers", "p", "c#1", Value::Null).await;
    place(&dan, "picky", "w", "ee44bbee-ca5f-4db7-a412-5fc6a2300001", Value::Null).await;
    dan.delete("/blocks/gone").await.expect(StatusCode::NO_CONTENT);
    let vera = service.viewer().await;

    let question = json!({ "vector": [0.5, 0.25], "limit": 7 });
    let answer = vera.post("/search/stores/q", question).await.expect(StatusCode::OK);
    assert_eq!(
        (&answer.body["store"], &answer.body["scores"]),
        (&json!("q"), &json!("similarity"))
    );
    assert_eq!(names(&answer.body["hits"]), [("customers", 0.95)]);
    assert_eq!(names(&answer.body["refused"]), [("picky", 0.7)]);
    // As `POST /search/resolve` tells it.
    let resolved =
        json!({ "hits": [{ "vector_db": "Qdrant", "vector_key": "c#1", "score": 0.95 }] });
    let resolved = vera.post("/search/resolve", resolved).await.expect(StatusCode::OK);
    assert_eq!(answer.body["hits"], resolved.body["hits"]);
    assert!(!answer.text.contains("archived"), "{}", answer.text);
    let seen = stand_in.seen().remove(0);
    assert_eq!(seen.path, "POST /collections/a%20b/points/query");
    assert_eq!(seen.headers["api-key"], KEY);
    assert_eq!(
        seen.body,
        json!({ "query": [0.5, 0.25], "limit": 7, "using": "image", "with_payload": ["key"], "with_vector": false })
    );
    for (outcome, count) in [("shown", 1.0), ("refused", 1.0), ("unknown", 2.0)] {
        let series =
            format!(r#"blockyard_vector_store_hits_total{{outcome="{outcome}",store="q"}}"#);
        assert_eq!(metric(&service, &series).await, count, "{outcome}");
    }

    let taxonomy = json!({ "any": ["Vision"], "recursive": true });
    let question = json!({ "vector": [0.5, 0.25], "taxonomy": taxonomy });
    let mut ids = [vision, faces];
    ids.sort();
    let answer = vera.post("/search/stores/p", question.clone()).await.expect(StatusCode::OK);
    assert_eq!(names(&answer.body["hits"]), [("customers", 0.08)]);
    let seen = stand_in.seen().remove(0);
    assert_eq!(seen.path, "POST /query");
    assert_eq!(
        (&*seen.headers["api-key"], &*seen.headers["x-pinecone-api-version"]),
        (KEY, "2025-10")
    );
    assert_eq!(
        seen.body,
        json!({
            "vector": [0.5, 0.25], "topK": 10, "includeValues": false, "includeMetadata": false,
            "namespace": "example-namespace", "filter": { "$and": [{ "categories": { "$in": ids } }] },
        })
    );

    // The store does not heed the filter: it is judged here.
    let answer = vera.post("/search/stores/w", question).await.expect(StatusCode::OK);
    assert_eq!(answer.body["scores"], "distance");
    assert_eq!(answer.body["hits"], json!([]));
    assert_eq!(names(&answer.body["refused"]), [("picky", 0.0)]);
    let seen = stand_in.seen().remove(0);
    assert_eq!(seen.path, "POST /v1/search/Verse/near-vector");
    assert_eq!(seen.headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(
        seen.body,
        json!({
            "vector": [0.5, 0.25], "limit": 10, "returnProperties": [], "returnMetadata": ["distance"], "tenant": "tenantA",
            "where": { "operator": "And", "operands": [
                { "path": ["categories"], "operator": "ContainsAny", "valueTextArray": ids },
            ]},
        })
    );
}

/// As the name of the store says. Each of them repeats the key that it was sent.
fn broken(store: &str) -> HttpResponse {
    let said = json!({ "error": format!("your key is {KEY}") });
    let with = |status| {
        HttpResponse::build(actix_web::http::StatusCode::from_u16(status).expect("one")).json(&said)
    };
    let ok = |body: String| HttpResponse::Ok().content_type("application/json").body(body);
    match store {
        "s302" => HttpResponse::Found().insert_header(("Location", "http://127.0.0.1:9/")).finish(),
        "cut-off" => {
            let pieces = [
                Ok(web::Bytes::from_static(b"{\"matches\": [")),
                Err(io::Error::other("the line is cut")),
            ];
            HttpResponse::Ok().streaming(stream::iter(pieces))
        }
        "no-json" => ok(format!("<html>{KEY}</html>")),
        "no-list" => ok(said.to_string()),
        "no-score" => ok(r#"{"matches": [{"id": "a"}]}"#.to_owned()),
        "huge" => ok(format!(r#"{{"matches": [], "more": "{}"}}"#, "x".repeat(5_000_000))),
        "many" => {
            let hits: Vec<Value> =
                (0..500).map(|id| json!({ "id": format!("id {id}"), "score": 0.5 })).collect();
            ok(json!({ "matches": hits }).to_string())
        }
        status => with(status.trim_start_matches(['s', 'l', 'o', 'w']).parse().unwrap_or(200)),
    }
}

#[tokio::test]
async fn a_store_that_fails_is_a_problem_of_its_own_and_is_left_alone() {
    let stand_in = StandIn::start(broken);
    let nobody =
        TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let wanted = [
        ("s400", 422, "store_rejected", "rejected"),
        ("s422", 422, "store_rejected", "rejected"),
        ("s401", 502, "store_failed", "refused"),
        ("s404", 502, "store_failed", "failed"),
        ("s500", 502, "store_failed", "failed"),
        ("s302", 502, "store_failed", "failed"),
        ("cut-off", 502, "store_failed", "failed"),
        ("no-json", 502, "store_failed", "failed"),
        ("no-list", 502, "store_failed", "failed"),
        ("no-score", 502, "store_failed", "failed"),
        ("huge", 502, "store_failed", "failed"),
        ("s429", 503, "store_unavailable", "busy"),
        ("nobody", 503, "store_unavailable", "not_reached"),
        ("slow", 504, "store_timeout", "timed_out"),
    ];
    let store = |name: &str| {
        let url = if name == "nobody" { format!("http://{nobody}") } else { stand_in.url(name) };
        json!({ "name": name, "kind": "pinecone", "url": url, "key": KEY })
    };
    let stores: Vec<Value> = wanted.iter().map(|(name, ..)| store(name)).collect();
    let service = with(json!(stores), |_| {}).await;
    let vera = service.viewer().await;
    for (name, status, code, outcome) in wanted {
        let path = format!("/search/stores/{name}");
        let begun = Instant::now();
        let answer = vera.post(&path, json!({ "vector": [1] })).await;
        assert!(begun.elapsed() < Duration::from_millis(2500), "{name}");
        let answer = answer.refused(StatusCode::from_u16(status).expect("one"), code);
        assert!(
            !answer.text.contains(KEY) && !answer.text.contains("127.0.0.1"),
            "{}",
            answer.text
        );
        let series = format!(
            r#"blockyard_vector_store_requests_total{{outcome="{outcome}",store="{name}"}}"#
        );
        assert_eq!(metric(&service, &series).await, 1.0, "{name}");
        // One that answers is asked again at once.
        let is_left_alone = outcome != "rejected";
        let series = format!(r#"blockyard_vector_store_left_alone{{store="{name}"}}"#);
        assert_eq!(metric(&service, &series).await, f64::from(u8::from(is_left_alone)), "{name}");
        stand_in.seen();
        let again = vera.post(&path, json!({ "vector": [1] })).await;
        if is_left_alone && name != "slow" {
            let again = again.refused(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable");
            assert_eq!(again.header("retry-after"), "1");
            assert_eq!(stand_in.seen().len(), 0, "{name}");
        } else {
            assert_eq!(
                again.body["code"].as_str().expect("a code").split('_').next(),
                Some("store")
            );
        }
    }
}

#[tokio::test]
async fn no_connection_waits_for_a_store() {
    let stand_in = StandIn::start(broken);
    let stores = json!([
        { "name": "slow", "kind": "pinecone", "url": stand_in.url("slow"), "timeout_seconds": 2 },
        { "name": "many", "kind": "pinecone", "url": stand_in.url("many") },
    ]);
    let service = with(stores, |setup| setup.config.database_connections = 1).await;
    let vera = service.viewer().await;
    let asking = vera.post("/search/stores/slow", json!({ "vector": [1] }));
    let reading = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let begun = Instant::now();
        vera.get("/blocks").await.expect(StatusCode::OK);
        assert!(begun.elapsed() < Duration::from_secs(1), "it waits for the store");
    };
    let (asked, ()) = futures_util::join!(asking, reading);
    asked.refused(StatusCode::GATEWAY_TIMEOUT, "store_timeout");
    // More than was asked for is not looked up.
    vera.post("/search/stores/many", json!({ "vector": [1], "limit": 3 }))
        .await
        .expect(StatusCode::OK);
    let series = r#"blockyard_vector_store_hits_total{outcome="unknown",store="many"}"#;
    assert_eq!(metric(&service, series).await, 3.0);
}

#[tokio::test]
async fn who_may_ask_and_what() {
    let stand_in = StandIn::start(recorded);
    let stores = json!([
        { "name": "p", "kind": "pinecone", "url": stand_in.url("pinecone"), "key": KEY, "scores": "distance" },
    ]);
    let service = with(stores, |_| {}).await;
    let question = json!({ "vector": [1] });
    let nobody = service.nobody();
    nobody
        .post("/search/stores/p", question.clone())
        .await
        .refused(StatusCode::UNAUTHORIZED, "unauthorized");
    nobody.get("/search/stores").await.refused(StatusCode::UNAUTHORIZED, "unauthorized");
    let stranger = service.with_key("blk_0123456789abcdef0123456789abcdef");
    stranger.post("/search/stores/p", question.clone()).await.expect(StatusCode::UNAUTHORIZED);
    assert_eq!(stand_in.seen().len(), 0, "nobody has anything asked");
    let dan = service.developer().await;
    register(&dan, "customers").await;
    place(&dan, "customers", "p", "c#1", Value::Null).await;
    let key = dan.post("/api-keys", json!({ "name": "reads", "role": "viewer" })).await;
    let key = key.expect(StatusCode::CREATED);
    let secret = key.body["key"].as_str().expect("a key");
    let vera = service.viewer().await;
    for person in [&vera, &dan, &service.with_key(secret)] {
        let answer = person.post("/search/stores/p", question.clone()).await.expect(StatusCode::OK);
        assert_eq!(names(&answer.body["hits"]), [("customers", 0.08)]);
        let listed = person.get("/search/stores").await.expect(StatusCode::OK);
        let shown =
            json!({ "name": "p", "kind": "pinecone", "vector_db": "p", "scores": "distance" });
        assert_eq!(listed.body, json!({ "items": [shown] }));
    }
    stand_in.seen();
    for (body, pointers) in [
        (json!({}), vec!["/vector"]),
        (json!({ "vector": [] }), vec!["/vector"]),
        (json!({ "vector": [1e39] }), vec!["/vector/0"]),
        (json!({ "vector": ["1"] }), vec!["/vector/0"]),
        (json!({ "vector": vec![0.1; 20_001] }), vec!["/vector"]),
        (json!({ "vector": [1], "limit": 0 }), vec!["/limit"]),
        (json!({ "vector": [1], "limit": 101 }), vec!["/limit"]),
        (json!({ "vector": [1], "filter": {} }), vec!["/filter"]),
        (json!({ "vector": [1], "taxonomy": { "any": ["nothing"] } }), vec!["/taxonomy/any/0"]),
        (json!({ "vector": [1], "taxonomy": {} }), vec!["/taxonomy"]),
    ] {
        let answer = vera.post("/search/stores/p", body).await;
        let answer = answer.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(answer.pointers(), pointers, "{}", answer.text);
    }
    assert_eq!(stand_in.seen().len(), 0);
    let unknown = vera.post("/search/stores/other", question).await;
    assert_eq!(
        unknown.refused(StatusCode::NOT_FOUND, "not_found").body["detail"],
        "Vector store not found"
    );
}
