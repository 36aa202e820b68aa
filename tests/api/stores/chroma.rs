//! A search in Chroma itself.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{names, place, with};
use crate::blocks::register;
use crate::taxonomy::category;

/// A Chroma of the test's own.
struct Chroma {
    child: Child,
    _folder: tempfile::TempDir,
    collections: String,
}

impl Chroma {
    async fn start() -> Option<Self> {
        let tools = std::env::var_os("BLOCKYARD_TEST_CHROMA").map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools/chroma"),
            PathBuf::from,
        );
        if !tools.join("chromadb_rust_bindings").exists() {
            println!(
                "left out: there is no Chroma in {}; just chroma-tools installs it",
                tools.display()
            );
            return None;
        }
        // Err: a service of another test has done so.
        rustls::crypto::ring::default_provider().install_default().ok();
        let folder = tempfile::tempdir().expect("a folder");
        let port =
            TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it").port();
        let child = Command::new("python3")
            .args([
                "-c",
                "import sys, chromadb_rust_bindings; chromadb_rust_bindings.cli(sys.argv)",
                "run",
            ])
            .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--path"])
            .arg(folder.path())
            .current_dir(folder.path())
            .env("PYTHONPATH", tools)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Python");
        let url = format!("http://127.0.0.1:{port}");
        let collections =
            format!("{url}/api/v2/tenants/default_tenant/databases/default_database/collections");
        let chroma = Self { child, _folder: folder, collections };
        let begun = Instant::now();
        while reqwest::get(format!("{url}/api/v2/heartbeat")).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "Chroma does not start");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Some(chroma)
    }

    fn url(&self) -> &str {
        self.collections.split("/api/").next().expect("it")
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let http = reqwest::Client::new();
        let answer = http.post(format!("{}{path}", self.collections)).json(&body).send().await;
        let answer = answer.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.text().await.expect("a text"));
        answer.json().await.expect("JSON")
    }
}

impl Drop for Chroma {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test]
async fn chroma_itself_is_searched() {
    let Some(chroma) = Chroma::start().await else { return };
    let stores = json!([
        { "name": "docs", "kind": "chroma", "url": chroma.url(), "collection": "docs", "vector_db": "Chroma", "timeout_seconds": 10 },
        { "name": "none", "kind": "chroma", "url": chroma.url(), "collection": "none", "timeout_seconds": 10 },
    ]);
    let service = with(stores, |_| {}).await;
    let dan = service.developer().await;
    let vision = category(&dan, "vision", None).await;
    for (name, key) in [("east", "e#1"), ("north", "n#1")] {
        register(&dan, name).await;
        place(&dan, name, "Chroma", key, Value::Null).await;
    }
    dan.put("/blocks/north/categories/vision", json!({})).await;
    let space = json!({ "name": "docs", "configuration": { "hnsw": { "space": "cosine" } } });
    let made = chroma.post("", space).await;
    let id = made["id"].as_str().expect("an id");
    chroma
        .post(
            &format!("/{id}/add"),
            json!({
                "ids": ["e#1", "n#1", "w#1"], "embeddings": [[1, 0], [0, 1], [-1, 0]],
                "metadatas": [null, { format!("categories:{vision}"): true }, null],
            }),
        )
        .await;
    let vera = service.viewer().await;
    let ask = async |body: Value| vera.post("/search/stores/docs", body).await;
    let answer = ask(json!({ "vector": [1, 0] })).await.expect(StatusCode::OK);
    assert_eq!(answer.body["scores"], "distance");
    assert_eq!(names(&answer.body["hits"]), [("east", 0.0), ("north", 1.0)]);
    let answer = ask(json!({ "vector": [1, 0], "limit": 1 })).await.expect(StatusCode::OK);
    assert_eq!(names(&answer.body["hits"]), [("east", 0.0)]);
    for (taxonomy, wanted) in [
        (json!({ "any": ["vision"] }), ["north"]),
        (json!({ "none": ["vision"] }), ["east"]),
        (json!({ "all": ["vision"], "recursive": true }), ["north"]),
    ] {
        let answer = ask(json!({ "vector": [1, 0], "taxonomy": taxonomy })).await;
        let answer = answer.expect(StatusCode::OK);
        let found: Vec<&str> =
            names(&answer.body["hits"]).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            (found.as_slice(), &answer.body["refused"]),
            (wanted.as_slice(), &json!([])),
            "{taxonomy}"
        );
    }
    let wrong = ask(json!({ "vector": [1, 0, 0] })).await;
    wrong.refused(StatusCode::UNPROCESSABLE_ENTITY, "store_rejected");
    ask(json!({ "vector": [1, 0] })).await.expect(StatusCode::OK);
    let none = vera.post("/search/stores/none", json!({ "vector": [1, 0] })).await;
    none.refused(StatusCode::BAD_GATEWAY, "store_failed");
}
