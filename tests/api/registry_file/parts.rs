//! What a thing of a file has: its lists, the categories that it is in and that move, and the other forms of a file.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{applied, apply, everything, export, faults, outcome};
use crate::service::{PASSWORD, Service};

const DIGEST: &str = "sha256:9b2a9a1c3c5bbd0c9e5b5a2d35fbd4ea1b1d6a4c4ff1e0f2b2ab3e7c9d7d1f00";

fn file(members: Value) -> Value {
    let mut file = json!({ "apiVersion": "blockyard/v1", "owner": "o" });
    let Value::Object(members) = members else { panic!("members are an object") };
    file.as_object_mut().expect("a file").extend(members);
    file
}

#[tokio::test]
async fn repositories_images_and_vectors_are_in_a_file() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let has = json!({
        "code_repos": [
            { "repo_url": "https://example.org/a.git" },
            { "repo_url": "https://example.org/a.git", "branch": "next" },
        ],
        "docker_images": [
            { "registry_url": "ghcr.io/acme/train", "image_tag": "v1", "image_digest": DIGEST },
            { "registry_url": "ghcr.io/acme/train", "image_tag": "v2" },
        ],
        "vectors": [
            { "vector_db": "Pinecone", "vector_key": "k", "taxonomy_filter": { "any": ["t/v", "t/u"], "all": [], "recursive": true } },
            { "vector_db": "Pinecone", "vector_key": "l" },
        ],
        "dependencies": [
            { "external": "PyPI: numpy", "version_constraint": ">=2" },
            { "external": "PyPI: numpy", "version_constraint": "<3" },
        ],
    });
    let mut block = has.clone();
    block["name"] = "b".into();
    block["type"] = "model".into();
    let mut edge = has;
    edge["name"] = "e".into();
    let whole = file(
        json!({ "taxonomy": ["t", "t/u", "t/v"], "blocks": [block.clone()], "edges": [edge] }),
    );
    applied(&dan, "", &whole).await;
    let exported = export(&dan).await;
    let told = |list: &str| exported["blocks"][0][list].clone();
    assert_eq!(told("code_repos"), block["code_repos"]);
    assert_eq!(told("docker_images"), block["docker_images"]);
    let filter = json!({ "any": ["t/u", "t/v"], "recursive": true });
    assert_eq!(told("vectors")[0]["taxonomy_filter"], filter);
    assert_eq!(told("dependencies"), block["dependencies"]);
    for list in ["code_repos", "docker_images", "vectors", "dependencies"] {
        assert_eq!(exported["edges"][0][list], told(list), "{list}");
    }
    let before = everything(&service).await;
    for again in [&whole, &exported] {
        assert_eq!(applied(&dan, "", again).await["has_changes"], false);
    }
    assert_eq!(everything(&service).await, before);

    // What the build says stays; what a file does not say of a part stays as well, and null clears it.
    dan.get("/docker-images?image_tag=v1").await.expect(StatusCode::OK);
    let less = |digest: Value, filter: Value| {
        let mut image = json!({ "registry_url": "ghcr.io/acme/train", "image_tag": "v1" });
        let mut vector = json!({ "vector_db": "Pinecone", "vector_key": "k" });
        for (part, member, value) in
            [(&mut image, "image_digest", digest), (&mut vector, "taxonomy_filter", filter)]
        {
            if value != json!("-") {
                part[member] = value;
            }
        }
        let dependency = json!({ "external": "PyPI: numpy", "version_constraint": ">=2" });
        file(json!({ "blocks": [{ "name": "b", "docker_images": [image], "vectors": [vector],
            "code_repos": [{ "repo_url": "https://example.org/a.git" }], "dependencies": [dependency] }] }))
    };
    let silent = less(json!("-"), json!("-"));
    assert_eq!(applied(&dan, "", &silent).await["has_changes"], false);
    applied(&dan, "", &less(Value::Null, json!({ "none": ["t"] }))).await;
    let now = export(&dan).await["blocks"][0].clone();
    assert_eq!(now["docker_images"][0].get("image_digest"), None);
    assert_eq!(now["vectors"][0]["taxonomy_filter"], json!({ "none": ["t"] }));
    assert_eq!(now["vectors"].as_array().map(Vec::len), Some(2), "absence means nothing");
    applied(&dan, "", &less(json!(DIGEST), Value::Null)).await;
    assert_eq!(export(&dan).await["blocks"][0]["vectors"][0].get("taxonomy_filter"), None);

    // Pruning removes the entries that are listed no more, and archives the edge.
    let pruned = applied(&dan, "prune=true", &silent).await;
    assert_eq!(outcome(&pruned, "e"), "archived");
    let now = export(&dan).await["blocks"][0].clone();
    for list in ["code_repos", "docker_images", "vectors", "dependencies"] {
        assert_eq!(now[list].as_array().map(Vec::len), Some(1), "{list} of {now}");
    }
    assert_eq!(now["dependencies"][0]["version_constraint"], ">=2");
    // Another constraint of the same words is a change of the one that is there.
    let mut newer = silent.clone();
    newer["blocks"][0]["dependencies"][0]["version_constraint"] = ">=3".into();
    applied(&dan, "", &newer).await;
    assert_eq!(
        export(&dan).await["blocks"][0]["dependencies"],
        json!([{ "external": "PyPI: numpy", "version_constraint": ">=3" }])
    );
}

#[tokio::test]
async fn parts_that_cannot_be_are_told_by_their_place() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let wrong = file(json!({ "blocks": [{
        "name": "b", "type": "model",
        "code_repos": [{ "repo_url": "no url" }, { "branch": "main" }],
        "docker_images": [{ "registry_url": "ghcr.io/acme/train", "image_tag": "v1", "build_status": "success" }],
        "vectors": [{ "vector_db": "p", "vector_key": "k", "taxonomy_filter": { "any": [] } }],
    }] }));
    let refused = apply(&dan, "", &wrong).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let told: Vec<_> = faults(&refused).into_iter().map(|(pointer, _)| pointer).collect();
    for pointer in [
        "/blocks/0/code_repos/0/repo_url",
        "/blocks/0/code_repos/1/repo_url",
        "/blocks/0/docker_images/0/build_status",
        "/blocks/0/vectors/0/taxonomy_filter",
    ] {
        assert!(told.iter().any(|known| known == pointer), "{pointer} of {told:?}");
    }
    let unknown = file(json!({ "edges": [{
        "name": "e",
        "vectors": [{ "vector_db": "p", "vector_key": "k", "taxonomy_filter": { "none": ["nowhere"] } }],
        "code_repos": [{ "repo_url": "https://example.org/a" }, { "repo_url": "https://example.org/a", "branch": "main" }],
    }] }));
    let refused = apply(&dan, "", &unknown).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let told: Vec<_> = faults(&refused).into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(told, ["/edges/0/code_repos/1", "/edges/0/vectors/0/taxonomy_filter/none/0"]);
    // A cycle is told with its way.
    let cycle = file(json!({ "blocks": [
        { "name": "x", "type": "model", "dependencies": [{ "block": "y" }] },
        { "name": "y", "type": "model", "dependencies": [{ "block": "z" }] },
        { "name": "z", "type": "model", "dependencies": [{ "block": "x" }] },
    ] }));
    let refused = apply(&dan, "", &cycle).await.expect(StatusCode::CONFLICT);
    assert_eq!(
        faults(&refused),
        [(
            "/blocks/2/dependencies/0".to_owned(),
            "What it depends on depends on it: x → y → z.".to_owned()
        )]
    );
}

#[tokio::test]
async fn categories_move_with_what_is_below_and_in_them() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let first = file(json!({
        "taxonomy": ["a", "a/b", "a/b/c", "d"],
        "blocks": [{
            "name": "x", "type": "dataset", "categories": ["a/b/c"],
            "vectors": [{ "vector_db": "p", "vector_key": "k", "taxonomy_filter": { "any": ["a/b"] } }],
        }],
    }));
    let made = applied(&dan, "", &first).await;
    let ids: Vec<Value> = (0..4).map(|at| made["items"][at]["id"].clone()).collect();

    // Below what is new, the place of one that leaves, and one above that moves as well.
    let moved = file(json!({
        "taxonomy": [
            { "path": "N/B", "renamed_from": "a/b" }, "N", { "path": "d", "renamed_from": "a" },
            { "path": "N/B/d", "renamed_from": "d" }, "N/B/c",
        ],
        "blocks": [{ "name": "x", "categories": ["n/b/c"], "vectors": [
            { "vector_db": "p", "vector_key": "k", "taxonomy_filter": { "any": ["N/B"] } },
        ] }],
    }));
    let planned = applied(&dan, "dry_run=true", &moved).await;
    let done = applied(&dan, "", &moved).await;
    assert_eq!(super::outcomes(&planned), super::outcomes(&done));
    assert_eq!(outcome(&done, "N/B"), "updated");
    assert_eq!(outcome(&done, "N/B/c"), "unchanged", "{done}");
    assert_eq!(outcome(&done, "x"), "unchanged", "only its categories have moved: {done}");
    assert_eq!(
        done["items"][0]["patch"],
        json!([{ "op": "replace", "path": "/path", "value": "N/B" }])
    );
    assert_eq!(
        [&done["items"][0]["id"], &done["items"][2]["id"], &done["items"][3]["id"]],
        [&ids[1], &ids[0], &ids[3]]
    );
    let exported = export(&dan).await;
    assert_eq!(exported["taxonomy"], json!(["d", "N", "N/B", "N/B/c", "N/B/d"]));
    assert_eq!(exported["blocks"][0]["categories"], json!(["N/B/c"]));
    assert_eq!(exported["blocks"][0]["vectors"][0]["taxonomy_filter"]["any"], json!(["N/B"]));
    let before = everything(&service).await;
    assert_eq!(applied(&dan, "", &moved).await["has_changes"], false, "it can stay in the file");
    assert_eq!(everything(&service).await, before);

    // Entries stay whose they were.
    let elsewhere =
        file(json!({ "taxonomy": ["N", "N/B"], "blocks": [{ "name": "x", "categories": ["N"] }] }));
    let pruned = applied(&dan, "prune=true", &elsewhere).await;
    assert_eq!(outcome(&pruned, "N/B/c"), "archived");
    assert_eq!(export(&dan).await["blocks"][0]["categories"], json!(["N"]));

    // To a root, and what cannot be.
    applied(&dan, "", &file(json!({ "taxonomy": [{ "path": "B", "renamed_from": "N/B" }] }))).await;
    assert_eq!(export(&dan).await["taxonomy"], json!(["B", "N"]));
    let circle = json!({ "taxonomy": [{ "path": "B", "renamed_from": "N" }, { "path": "N", "renamed_from": "B" }] });
    let below = json!({ "taxonomy": [{ "path": "N/B/N", "renamed_from": "N" }] });
    let twice = json!({ "taxonomy": [{ "path": "V", "renamed_from": "N" }, { "path": "W", "renamed_from": "n" }] });
    for (wrong, pointers) in [
        (circle, vec!["/taxonomy/0", "/taxonomy/1"]),
        (below, vec!["/taxonomy/0"]),
        (twice, vec!["/taxonomy/1/renamed_from"]),
        (json!({ "taxonomy": [{ "path": "V", "from": "N" }] }), vec!["/taxonomy/0"]),
    ] {
        let refused = apply(&dan, "", &file(wrong)).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        let told: Vec<_> = faults(&refused).into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(told, pointers, "{}", refused.body);
    }
    // Another file that would move it is told whose it is.
    let theirs = json!({ "apiVersion": "blockyard/v1", "owner": "p", "taxonomy": [{ "path": "M", "renamed_from": "N" }] });
    let refused = apply(&dan, "", &theirs).await.expect(StatusCode::CONFLICT);
    assert_eq!(faults(&refused)[0].0, "/taxonomy/0/path");
}

#[tokio::test]
async fn a_table_of_blocks_is_applied() {
    let service = Service::start().await;
    let dan = service.developer().await;
    dan.post("/taxonomy-categories", json!({ "name": "t" })).await.expect(StatusCode::CREATED);
    let send = async |table: &str| {
        let request = dan.request(Method::POST, "/apply").raw("text/csv; charset=utf-8", table);
        request.send().await
    };
    let table = "\u{feff}name, type ,description,metadata/rows,metadata/ok,metadata,categories\r\n\
        passengers,dataset,\"People, on a ship\",891,true,\"{\"\"rows\"\": 1, \"\"from\"\": \"\"csv\"\"}\", t ;\r\n\
        007,model,,007,no,,\r\n";
    let made = send(table).await.expect(StatusCode::OK).body;
    assert_eq!(made["has_changes"], true);
    assert_eq!(send(table).await.body["has_changes"], false);
    let exported = export(&dan).await;
    assert_eq!(
        exported["blocks"],
        json!([
            { "name": "007", "type": "model", "metadata": { "rows": "007", "ok": "no" } },
            { "name": "passengers", "type": "dataset", "description": "People, on a ship",
              "metadata": { "rows": 891, "ok": true, "from": "csv" }, "categories": ["t"] },
        ])
    );
    // An empty cell says nothing.
    send("name,description\npassengers,\n007,spy\n").await.expect(StatusCode::OK);
    assert_eq!(export(&dan).await["blocks"][1]["description"], "People, on a ship");
    for (table, status, pointer) in [
        ("", StatusCode::UNPROCESSABLE_ENTITY, ""),
        ("name,colour\nx,red\n", StatusCode::UNPROCESSABLE_ENTITY, "/1"),
        ("name,name\nx,y\n", StatusCode::UNPROCESSABLE_ENTITY, "/1"),
        ("name,metadata\nx,1\n", StatusCode::UNPROCESSABLE_ENTITY, "/blocks/0/metadata"),
        ("name,type\npassengers,\nx,table\n", StatusCode::UNPROCESSABLE_ENTITY, "/blocks/1/type"),
        (
            "name,categories\npassengers,nowhere\n",
            StatusCode::UNPROCESSABLE_ENTITY,
            "/blocks/0/categories/0",
        ),
        ("name,type\nx\n", StatusCode::BAD_REQUEST, "-"),
    ] {
        let refused = send(table).await.expect(status);
        if pointer != "-" {
            assert_eq!(faults(&refused)[0].0, pointer, "{table}: {}", refused.body);
        }
    }
    let latin =
        dan.request(Method::POST, "/apply").raw("text/csv", b"name\n\xe9\n".to_vec()).send().await;
    latin.expect(StatusCode::BAD_REQUEST);
    let yaml = dan.request(Method::POST, "/apply").raw("application/yaml", "a: b").send().await;
    yaml.expect(StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_file_may_be_larger_than_other_bodies_and_not_endless() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let text = "x".repeat(9_000);
    let blocks: Vec<Value> = (0..300)
        .map(|n| json!({ "name": format!("b{n}"), "type": "dataset", "description": text }))
        .collect();
    let large = json!({ "apiVersion": "blockyard/v1", "blocks": blocks });
    assert!(large.to_string().len() > 2 * 1024 * 1024);
    applied(&dan, "dry_run=true", &large).await;
    dan.post("/blocks", large).await.expect(StatusCode::PAYLOAD_TOO_LARGE);
    // What says that it is too large is not read.
    let credentials = json!({ "username": "dan", "password": PASSWORD });
    let token =
        service.nobody().post("/auth/login", credentials).await.body["access_token"].clone();
    let token = token.as_str().expect("a token");
    let address = service.address;
    let mut wire = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "POST /apply HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n"
    );
    wire.write_all(head.as_bytes()).await.expect("a request");
    let mut answer = String::new();
    wire.read_to_string(&mut answer).await.expect("an answer and the end");
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("at most 16777216"), "{answer}");
}

#[tokio::test]
async fn editors_get_the_schema_of_a_file() {
    let service = Service::start().await;
    let served = service.nobody().get("/schemas/registry.v1.json").await.expect(StatusCode::OK);
    assert_eq!(served.header("content-type"), "application/schema+json");
    let schema = served.body;
    let known = schema["$defs"].as_object().expect("definitions");
    assert_eq!(schema["$ref"], "#/$defs/RegistryFile");
    // Each reference leads to a definition, and what is not known is refused where a file would be.
    let mut waiting = vec![&schema];
    while let Some(part) = waiting.pop() {
        if let Some(target) = part.get("$ref").and_then(Value::as_str) {
            let name = target.strip_prefix("#/$defs/").expect("a definition");
            assert!(known.contains_key(name), "{name}");
        }
        match part {
            Value::Object(members) => waiting.extend(members.values()),
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    for name in
        ["RegistryFile", "FileBlock", "FileEdge", "FilePipeline", "FileDependency", "FileVector"]
    {
        assert_eq!(known[name]["additionalProperties"], false, "{name}");
    }
    let answer = service.nobody().post("/schemas/registry.v1.json", json!({})).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}
