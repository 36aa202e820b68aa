//! What holds for repositories, images, dependencies and vectors alike, of blocks and of edges.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::blocks::register;
use crate::service::{Person, Service};

const NOWHERE: &str = "0198aa00-0000-7000-8000-000000000000";

/// An edge, made in the database.
pub async fn connect_blocks(service: &Service, name: &str) -> String {
    sqlx::query_scalar::<_, String>("insert into edges (name) values ($1) returning edge_id::text")
        .bind(name)
        .fetch_one(&mut service.database.connect().await)
        .await
        .expect("an edge")
}

/// A kind of part, by its words.
struct Kind {
    /// Below its owner.
    below: &'static str,
    /// The flat list, of blocks' and of edges'.
    flat: [&'static str; 2],
    id: &'static str,
    body: Value,
    patch: Value,
    /// A body with faults only, and where they are.
    bad: Value,
    faults: &'static [&'static str],
}

fn kinds() -> [Kind; 4] {
    [
        Kind {
            below: "code-repos",
            flat: ["/code-repos"; 2],
            id: "repo_id",
            body: json!({ "repo_url": "https://github.com/acme/x", "branch": "dev" }),
            patch: json!({ "branch": "release/2.0" }),
            bad: json!({ "repo_url": "http://a", "branch": "a..b", "colour": 1 }),
            faults: &["/branch", "/colour", "/repo_url"],
        },
        Kind {
            below: "docker-images",
            flat: ["/docker-images"; 2],
            id: "image_id",
            body: json!({ "image_tag": "v1", "registry_url": "ghcr.io/acme/x" }),
            patch: json!({ "build_status": "success" }),
            bad: json!({ "image_tag": "-v", "registry_url": "A B", "build_status": "done", "build_logs": 7 }),
            faults: &["/build_logs", "/build_status", "/image_tag", "/registry_url"],
        },
        Kind {
            below: "dependencies",
            flat: ["/dependencies"; 2],
            id: "dependency_id",
            body: json!({ "dependency_type": "external", "dependency_detail": "PyPI: torch" }),
            patch: json!({ "version_constraint": ">=2" }),
            bad: json!({ "dependency_type": "internal", "version_constraint": "" }),
            faults: &["/depends_on_id", "/depends_on_type", "/version_constraint"],
        },
        Kind {
            below: "vectors",
            flat: ["/block-vector-representations", "/edge-vector-representations"],
            id: "vector_id",
            body: json!({ "vector_db": "Pinecone", "vector_key": "k1" }),
            patch: json!({ "vector_key": "k2" }),
            bad: json!({ "vector_db": "", "vector_key": 1, "taxonomy_filter": { "some": [], "any": [1] } }),
            faults: &[
                "/taxonomy_filter/any/0",
                "/taxonomy_filter/some",
                "/vector_db",
                "/vector_key",
            ],
        },
    ]
}

/// The two kinds of owners: where they are, what they are called, their ids.
async fn owners(service: &Service, dan: &Person<'_>) -> [(&'static str, &'static str, String); 2] {
    [
        ("blocks", "block", register(dan, "it").await),
        ("edges", "edge", connect_blocks(service, "it").await),
    ]
}

/// A body for the flat list.
fn owned(kind: &Kind, word: &str, owner: &str) -> Value {
    let mut body = kind.body.clone();
    if kind.below == "vectors" {
        body[format!("{word}_id")] = json!(owner);
    } else {
        body["entity_type"] = json!(word);
        body["entity_id"] = json!(owner);
    }
    body
}

fn filter(kind: &Kind, word: &str, owner: &str) -> String {
    match kind.below {
        "vectors" => format!("{word}_id={owner}"),
        _ => format!("entity_type={word}&entity_id={owner}"),
    }
}

#[tokio::test]
async fn a_part_is_added_read_changed_and_removed() {
    let service = Service::start().await;
    let dan = service.developer().await;
    for (at, (folder, word, owner)) in owners(&service, &dan).await.iter().enumerate() {
        for kind in kinds() {
            let nested = format!("/{folder}/it/{}", kind.below);
            let flat = kind.flat[at];
            assert!(dan.get(&nested).await.expect(StatusCode::OK).items(kind.id).is_empty());
            let created = dan.post(&nested, kind.body.clone()).await.expect(StatusCode::CREATED);
            let id = created.id(kind.id);
            let location = created.header("location").to_owned();
            assert_eq!(location, format!("{flat}/{id}"));
            let owner_column = match kind.below {
                "vectors" => format!("{word}_id"),
                _ => "entity_id".to_owned(),
            };
            assert_eq!(created.body[&owner_column], owner.as_str());
            for (member, value) in kind.body.as_object().expect("an object") {
                assert_eq!(&created.body[member], value, "{member}");
            }
            let read = dan.get(&location).await.expect(StatusCode::OK);
            assert_eq!((&read.body, read.etag()), (&created.body, created.etag()));
            dan.request(Method::GET, &location)
                .header("If-None-Match", created.etag())
                .send()
                .await
                .expect(StatusCode::NOT_MODIFIED);

            let twice = dan.post(&nested, kind.body.clone()).await;
            if kind.below == "dependencies" {
                // Two that are external may well be said in the same words.
                let id = twice.expect(StatusCode::CREATED).id(kind.id);
                dan.delete(&format!("{flat}/{id}")).await.expect(StatusCode::NO_CONTENT);
            } else {
                twice.refused(StatusCode::CONFLICT, "already_exists");
            }
            for list in [
                nested.clone(),
                format!("{flat}?{}", filter(&kind, word, owner)),
                format!("{flat}?{}", filter(&kind, word, "it")),
            ] {
                let listed = dan.get(&list).await.expect(StatusCode::OK);
                assert_eq!(listed.items(kind.id), [json!(id)], "{list}");
            }

            let changed = dan
                .request(Method::PATCH, &location)
                .header("If-Match", created.etag())
                .json(kind.patch.clone())
                .send()
                .await
                .expect(StatusCode::OK);
            for (member, value) in kind.patch.as_object().expect("an object") {
                assert_eq!(&changed.body[member], value, "{member}");
            }
            assert_ne!(changed.etag(), created.etag());
            // Nothing in it: nothing changes.
            let same = dan.patch(&location, json!({})).await.expect(StatusCode::OK);
            assert_eq!(same.etag(), changed.etag());
            for method in [Method::PATCH, Method::DELETE] {
                dan.request(method, &location)
                    .header("If-Match", created.etag())
                    .json(json!({}))
                    .send()
                    .await
                    .refused(StatusCode::PRECONDITION_FAILED, "stale");
            }
            dan.delete(&location).await.expect(StatusCode::NO_CONTENT);
            dan.get(&location).await.refused(StatusCode::NOT_FOUND, "not_found");
            dan.delete(&location).await.refused(StatusCode::NOT_FOUND, "not_found");
            let again = dan.post(flat, owned(&kind, word, "IT")).await.expect(StatusCode::CREATED);
            assert_eq!(again.body[&owner_column], owner.as_str());
        }
    }
}

#[tokio::test]
async fn viewers_read_parts_and_write_none() {
    let service = Service::start().await;
    let (dan, vera) = (service.developer().await, service.viewer().await);
    for (at, (folder, word, _)) in owners(&service, &dan).await.iter().enumerate() {
        for kind in kinds() {
            let nested = format!("/{folder}/it/{}", kind.below);
            let made = dan.post(&nested, kind.body.clone()).await.expect(StatusCode::CREATED);
            let location = made.header("location");
            for path in [nested.as_str(), location, kind.flat[at]] {
                vera.get(path).await.expect(StatusCode::OK);
                service.nobody().get(path).await.refused(StatusCode::UNAUTHORIZED, "unauthorized");
            }
            for refused in [
                vera.post(&nested, kind.body.clone()).await,
                vera.post(kind.flat[at], owned(&kind, word, "it")).await,
                vera.patch(location, kind.patch.clone()).await,
                vera.delete(location).await,
            ] {
                refused.refused(StatusCode::FORBIDDEN, "forbidden");
            }
            let dora = service.colleague().await;
            dora.patch(location, kind.patch.clone()).await.expect(StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn a_bad_part_is_told_all_its_faults_at_once() {
    let service = Service::start().await;
    let dan = service.developer().await;
    for (at, (folder, word, _)) in owners(&service, &dan).await.iter().enumerate() {
        for kind in kinds() {
            let nested = format!("/{folder}/it/{}", kind.below);
            let refused = dan
                .post(&nested, kind.bad.clone())
                .await
                .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
            assert_eq!(refused.pointers(), kind.faults, "{nested}");
            // Its owner is one of the faults.
            let refused = dan.post(kind.flat[at], json!({})).await;
            let owner = if kind.below == "vectors" {
                format!("/{word}_id")
            } else {
                "/entity_id".to_owned()
            };
            assert!(refused.pointers().contains(&owner.as_str()), "{}", refused.text);
            for missing in [NOWHERE, "nothing"] {
                let refused = dan
                    .post(kind.flat[at], owned(&kind, word, missing))
                    .await
                    .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
                assert_eq!(refused.pointers(), [owner.as_str()]);
                let below = format!("/{folder}/{missing}/{}", kind.below);
                let what = if *word == "block" { "Block not found" } else { "Edge not found" };
                for refused in [dan.get(&below).await, dan.post(&below, kind.body.clone()).await] {
                    let refused = refused.refused(StatusCode::NOT_FOUND, "not_found");
                    assert_eq!(refused.body["detail"], what);
                }
                let listed = dan
                    .get(&format!("{}?{}", kind.flat[at], filter(&kind, word, missing)))
                    .await
                    .expect(StatusCode::OK);
                assert!(listed.items(kind.id).is_empty());
            }
            for id in [NOWHERE, "no-id", "%00"] {
                let path = format!("{}/{id}", kind.flat[at]);
                dan.get(&path).await.refused(StatusCode::NOT_FOUND, "not_found");
                dan.patch(&path, kind.patch.clone())
                    .await
                    .refused(StatusCode::NOT_FOUND, "not_found");
            }
            for query in ["sort=name", "limit=0", "cursor=x", "colour=red"] {
                dan.get(&format!("{nested}?{query}"))
                    .await
                    .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
            }
            if kind.below != "vectors" {
                let refused = dan
                    .get(&format!("{}?entity_id=it", kind.flat[at]))
                    .await
                    .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
                assert_eq!(refused.pointers(), ["entity_type"]);
            }
        }
    }
}

#[tokio::test]
async fn the_parts_of_an_archived_thing_are_out_of_sight() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let block = register(&dan, "it").await;
    let mut locations = Vec::new();
    for kind in kinds() {
        let made = dan
            .post(&format!("/blocks/it/{}", kind.below), kind.body)
            .await
            .expect(StatusCode::CREATED);
        locations.push((kind.flat[0], made.header("location").to_owned()));
    }
    dan.delete("/blocks/it").await.expect(StatusCode::NO_CONTENT);
    for (flat, location) in &locations {
        dan.get(location).await.refused(StatusCode::NOT_FOUND, "not_found");
        dan.patch(location, json!({})).await.refused(StatusCode::NOT_FOUND, "not_found");
        dan.delete(location).await.refused(StatusCode::NOT_FOUND, "not_found");
        let listed = dan.get(flat).await.expect(StatusCode::OK);
        assert_eq!(listed.body["items"], json!([]));
    }
    let refused = dan
        .post(
            "/code-repos",
            json!({ "entity_type": "block", "entity_id": block, "repo_url": "https://a/b" }),
        )
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(refused.pointers(), ["/entity_id"]);
    dan.post(&format!("/blocks/{block}/restore"), json!({})).await.expect(StatusCode::OK);
    for (_, location) in &locations {
        dan.get(location).await.expect(StatusCode::OK);
    }
    service.admin().await.delete("/blocks/it?purge=true").await.expect(StatusCode::NO_CONTENT);
    for (_, location) in &locations {
        dan.get(location).await.refused(StatusCode::NOT_FOUND, "not_found");
    }
}

#[tokio::test]
async fn lists_have_pages_in_both_orders() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "it").await;
    for kind in kinds() {
        let nested = format!("/blocks/it/{}", kind.below);
        let mut made = Vec::new();
        for n in 0..5 {
            let mut body = kind.body.clone();
            let column = match kind.below {
                "code-repos" => "branch",
                "docker-images" => "image_tag",
                "dependencies" => "dependency_detail",
                _ => "vector_key",
            };
            body[column] = json!(format!("x{n}"));
            made.push(dan.post(&nested, body).await.expect(StatusCode::CREATED).id(kind.id));
        }
        for (sort, turned) in [("created_at", false), ("-created_at", true)] {
            for list in [nested.as_str(), kind.flat[0]] {
                let mut seen = Vec::new();
                let mut path = format!("{list}?limit=2&sort={sort}");
                loop {
                    let page = dan.get(&path).await.expect(StatusCode::OK);
                    seen.extend(page.items(kind.id));
                    let Some(cursor) = page.body["next_cursor"].as_str() else {
                        break;
                    };
                    assert!(page.header("link").contains("rel=\"next\""));
                    path = format!("{list}?limit=2&sort={sort}&cursor={cursor}");
                }
                if turned {
                    seen.reverse();
                }
                assert_eq!(seen, made, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn who_did_what_to_a_part_is_in_the_history_of_its_owner() {
    let service = Service::start().await;
    let (dan, ada) = (service.developer().await, service.admin().await);
    register(&dan, "it").await;
    for kind in kinds() {
        let made = dan
            .request(Method::POST, &format!("/blocks/it/{}", kind.below))
            .header("Idempotency-Key", kind.below)
            .json(kind.body.clone())
            .send()
            .await
            .expect(StatusCode::CREATED);
        let again = dan
            .request(Method::POST, &format!("/blocks/it/{}", kind.below))
            .header("Idempotency-Key", kind.below)
            .json(kind.body)
            .send()
            .await
            .expect(StatusCode::CREATED);
        assert_eq!(again.text, made.text);
        let location = made.header("location");
        dan.patch(location, kind.patch).await.expect(StatusCode::OK);
        dan.delete(location).await.expect(StatusCode::NO_CONTENT);
        let history = ada.get("/blocks/it/history?limit=3").await.expect(StatusCode::OK);
        assert_eq!(history.items("action_type"), ["DELETE", "UPDATE", "CREATE"], "{}", kind.below);
        assert_eq!(history.items("entity_id")[0], made.id(kind.id));
    }
}
