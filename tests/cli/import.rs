//! `blockyard import`: from an MLflow, one that is played and the real one, from a hub that is played, and from git.

mod checkout;
mod dvc;
mod huggingface;
mod mlflow;
mod real;
mod stand_in;

use serde_json::{Value, json};

use super::Program;
use super::running::{self, Running};
use super::support::Database;

/// A registry that serves, and a program that may write it.
struct Registry {
    running: Running,
    token: String,
    program: Program,
    _database: Database,
}

impl Registry {
    async fn start() -> Self {
        let database = Database::new().await;
        let running = Running::start(running::on(&database)).await;
        let token = running.login().await["access_token"].as_str().unwrap().to_owned();
        let answer = running.http.post(running.url("/api-keys")).bearer_auth(&token);
        let answer = answer.json(&json!({ "name": "import" })).send().await.unwrap();
        let key: Value = answer.json().await.unwrap();
        let program = Program::new()
            .with("BLOCKYARD_URL", running.url(""))
            .with("BLOCKYARD_API_KEY", key["key"].as_str().unwrap());
        Self { running, token, program, _database: database }
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.running.http.get(self.running.url(path)).bearer_auth(&self.token);
        answer.send().await.unwrap().json().await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.running.http.post(self.running.url(path)).bearer_auth(&self.token);
        answer.json(&body).send().await.unwrap().json().await.unwrap()
    }

    /// Number here and number there of each version, oldest first.
    async fn versions(&self, block: &str) -> Vec<(i64, Value)> {
        let page = self.get(&format!("/blocks/{block}/versions?limit=200")).await;
        let mut versions: Vec<(i64, Value)> = page["items"]
            .as_array()
            .unwrap_or_else(|| panic!("{page}"))
            .iter()
            .map(|it| {
                let number = it["version_number"].as_i64().unwrap();
                let metadata = &it["metadata"];
                let of = ["mlflow", "dvc"].into_iter().find(|it| metadata[it].is_object());
                (number, metadata[of.unwrap()]["version"].clone())
            })
            .collect();
        versions.reverse();
        versions
    }

    /// Imports, and what is reported.
    fn import(&self, arguments: &[&str]) -> Value {
        let arguments = [&["import"], arguments, &["--format", "json"]].concat();
        let told = self.program.run(&arguments).succeeds();
        serde_json::from_str(&told.output).unwrap_or_else(|_| panic!("{}", told.output))
    }
}

/// Whether something was left out for a reason with these words.
#[track_caller]
fn left_out(report: &Value, name: &str, words: &str) {
    let found =
        report["left_out"].as_array().unwrap().iter().any(|it| {
            it["name"] == name && it["why"].as_str().is_some_and(|why| why.contains(words))
        });
    assert!(found, "no {name}: {words} in {report:#}");
}
