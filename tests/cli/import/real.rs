//! On a real MLflow, which `just mlflow-tools` installs into `target/tools/mlflow`; `BLOCKYARD_TEST_MLFLOW` names the
//! folder of another.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Registry, left_out};

/// It imports half of what Python has, on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(2);

struct Mlflow {
    child: Child,
    uri: String,
    http: reqwest::Client,
    folder: TempDir,
}

impl Drop for Mlflow {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Mlflow {
    async fn start() -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tools = std::env::var_os("BLOCKYARD_TEST_MLFLOW")
            .map_or_else(|| root.join("target/tools/mlflow"), PathBuf::from);
        let python = tools.join("bin/python");
        if !python.exists() {
            eprintln!(
                "left out: there is no MLflow in {}; just mlflow-tools installs it",
                tools.display()
            );
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port().to_string();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let child = Command::new(python)
            .arg(root.join(".ci/mlflow-server.py"))
            .args([&port, folder.path().to_str().unwrap()])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        let mut it = Self { child, uri: format!("http://127.0.0.1:{port}"), http, folder };
        let begun = Instant::now();
        while it.http.get(format!("{}/version", it.uri)).send().await.is_err() {
            let ended = it.child.try_wait().unwrap();
            let log = std::fs::read_to_string(it.folder.path().join("log")).unwrap();
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "{log}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Some(it)
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.send(self.http.post(format!("{}/api/2.0/mlflow/{path}", self.uri)).json(&body)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Value {
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{body}");
        body
    }

    async fn version(&self, model: &str, run: &Value) {
        let body = json!({ "name": model, "source": "s3://models/x", "run_id": run,
                           "tags": [{ "key": "stage", "value": "beta" }] });
        self.post("model-versions/create", body).await;
    }
}

#[tokio::test]
async fn a_real_mlflow_comes_over() {
    let Some(mlflow) = Mlflow::start().await else { return };
    let registry = Registry::start().await;
    let experiment = mlflow.post("experiments/create", json!({ "name": "e" })).await;
    let tags = json!([
        { "key": "mlflow.source.git.commit", "value": "a".repeat(40) },
        { "key": "mlflow.source.git.repoURL", "value": "https://github.com/acme/churn" },
    ]);
    let run = json!({ "experiment_id": experiment["experiment_id"], "start_time": 1_795_912_192_949_u64, "tags": tags });
    let run = mlflow.post("runs/create", run).await["run"]["info"]["run_id"].clone();
    let metric = json!({ "run_id": run, "key": "auc", "value": 0.9, "timestamp": 1, "step": 0 });
    mlflow.post("runs/log-metric", metric).await;
    mlflow.post("runs/log-parameter", json!({ "run_id": run, "key": "depth", "value": "3" })).await;
    let dataset = json!({ "name": "titanic", "digest": "d1", "source_type": "s3", "source": "{\"uri\":\"s3://x\"}" });
    let input = json!({ "dataset": dataset, "tags": [{ "key": "mlflow.data.context", "value": "training" }] });
    mlflow.post("runs/log-inputs", json!({ "run_id": run, "datasets": [input] })).await;
    let model = json!({ "name": "churn's", "description": "who leaves" });
    mlflow.post("registered-models/create", model).await;
    for _ in 0..4 {
        mlflow.version("churn's", &run).await;
    }
    let gone = json!({ "name": "churn's", "version": "2" });
    let delete = mlflow.http.delete(format!("{}/api/2.0/mlflow/model-versions/delete", mlflow.uri));
    mlflow.send(delete.json(&gone)).await;
    for (alias, version) in [("champion", "3"), ("Big", "1")] {
        let body = json!({ "name": "churn's", "alias": alias, "version": version });
        mlflow.post("registered-models/alias", body).await;
    }

    let import = ["mlflow", "--uri", &mlflow.uri];
    let told = registry.import(&import);
    assert_eq!(told["imported"], json!({ "things": 2, "versions": 4 }), "{told:#}");
    assert_eq!(told["gaps"], json!([{ "name": "churn's", "missing": [2] }]));
    assert_eq!(told["unknown_members"], json!({}), "all of it is known");
    left_out(&told, "churn's", "Must be 1 to 63");
    assert_eq!(registry.versions("churn's").await, [(1, json!(1)), (2, json!(3)), (3, json!(4))]);
    let block = registry.get("/blocks/churn's").await;
    let metadata = &block["metadata"];
    assert_eq!(metadata["metrics"], json!({ "auc": 0.9 }), "{block:#}");
    assert_eq!(metadata["params"], json!({ "depth": "3" }));
    assert_eq!(metadata["tags"], json!({ "stage": "beta" }));
    assert_eq!(registry.get("/blocks/churn's/aliases/champion").await["version_number"], 2);
    let titanic = registry.get("/blocks/titanic").await;
    assert_eq!(titanic["metadata"]["mlflow"]["location"], json!({ "uri": "s3://x" }), "{titanic}");

    let again = registry.import(&import);
    assert_eq!(again["imported"], json!({ "things": 0, "versions": 0 }), "{again:#}");
    mlflow.version("churn's", &run).await;
    let again = registry.import(&[&import[..], &["--name", "churn's"]].concat());
    assert_eq!(again["imported"]["versions"], 1, "{again:#}");
    assert_eq!(registry.versions("churn's").await.last().unwrap(), &(4, json!(5)));
}
