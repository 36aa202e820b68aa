//! Runs before a real Dagster, and what happens to them when its processes or ours are killed.
//!
//! `just dagster-tools` installs Dagster into `target/tools/dagster`; `BLOCKYARD_TEST_DAGSTER` names the folder of another.
//! Without one these tests say so and are left out.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, query, query_scalar, raw_sql};

use crate::cluster::Cluster;
use crate::program::Program;
use crate::support::connect;

const PATIENCE: Duration = Duration::from_mins(3);

/// Dagster: webserver, daemon and code location, which end with this.
struct Rig {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    url: String,
}

impl Rig {
    fn start() -> Option<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let folder = std::env::var_os("BLOCKYARD_TEST_DAGSTER")
            .map_or_else(|| root.join("target/tools/dagster"), PathBuf::from);
        let python = folder.join("bin/python");
        if !folder.join("bin/dagster-webserver").exists() {
            println!(
                "left out: there is no Dagster in {}; just dagster-tools installs it",
                folder.display()
            );
            return None;
        }
        let mut child = Command::new(python)
            .arg(root.join("integrations/dagster/rig.py"))
            .env("PYTHONPATH", root.join("integrations/dagster/src"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python");
        let orders = child.stdin.take().expect("its input");
        let answers = BufReader::new(child.stdout.take().expect("its output"));
        let mut rig = Self { child, orders, answers, url: String::new() };
        rig.url = rig.answer()["url"].as_str().expect("where it is").to_owned();
        Some(rig)
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("a line");
        let answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("it says {line:?}"));
        assert_eq!(answer["error"], Value::Null, "{answer}");
        answer
    }

    fn order(&mut self, order: &str) -> Value {
        writeln!(self.orders, "{order}").expect("it listens");
        self.answer()
    }

    /// All that Dagster has run for a run of ours.
    async fn runs_of(&self, http: &reqwest::Client, run: &str) -> Vec<Value> {
        let document =
            "query($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs { results {
            runId status startTime endTime parentRunId runConfig tags { key value } } } } }";
        let filter = json!({ "tags": [{ "key": "blockyard/run_id", "value": run }] });
        let answer = http
            .post(format!("{}/graphql", self.url))
            .json(&json!({ "query": document, "variables": { "filter": filter } }))
            .send()
            .await
            .expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        answer["data"]["runsOrError"]["results"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer}"))
            .clone()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(self.child.id().try_into().expect("a pid")),
            nix::sys::signal::Signal::SIGTERM,
        )
        .ok();
        self.child.wait().ok();
    }
}

/// The registry, somebody who uses it, and Dagster.
struct Stage {
    cluster: Cluster,
    program: Program,
    rig: Rig,
    token: String,
    block: String,
}

impl Stage {
    /// A pipeline p: a → b.
    async fn set() -> Option<Self> {
        let rig = Rig::start()?;
        let cluster = Cluster::start().await;
        let settings = [
            ("DAGSTER_URL", rig.url.as_str()),
            ("DAGSTER_TIMEOUT_SECONDS", "10"),
            ("DAGSTER_CANCEL_SECONDS", "20"),
        ];
        let program = Program::start(cluster.service(), &settings);
        let token = program.token("dan").await;
        let mut stage = Self { cluster, program, rig, token, block: String::new() };
        for name in ["a", "b"] {
            let block = stage
                .ask(Method::POST, "/blocks", json!({ "name": name, "block_type": "model" }))
                .await;
            stage.block = text(&block, "block_id");
        }
        let mut owner = connect(stage.cluster.owner()).await;
        raw_sql(
            "select set_config('request.jwt.claims', json_build_object('sub', user_id)::text, false) from users where username = 'dan';
             insert into edges (name) values ('ab');
             insert into edge_verifications (edge_version_id, verification_status)
             select current_version_id, 'passed' from edges;",
        )
        .execute(&mut owner)
        .await
        .expect("a verified edge");
        stage.make("p", json!({ "max_runtime_seconds": 600 }), 0.1).await;
        Some(stage)
    }

    /// A pipeline of both blocks, the second of which sleeps, or fails when that is less than nothing.
    async fn make(&self, name: &str, mut config: Value, seconds: f64) {
        let does = if seconds < 0.0 {
            json!({ "fail": true })
        } else {
            json!({ "sleep_seconds": seconds })
        };
        if config["mode"] != "job" {
            config["block_config"] = json!({ &self.block: does });
            config["run_config"] = json!({ "execution": { "config": { "in_process": {} } } });
        }
        let body = json!({
            "name": name, "dagster_pipeline_config": config,
            "blocks": [{ "block_id": "a" }, { "block_id": "b" }],
            "edges": [{ "edge_id": "ab", "source_block_id": "a", "target_block_id": "b" }],
        });
        self.ask(Method::POST, "/pipelines", body).await;
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> reqwest::Result<(StatusCode, Value)> {
        let request =
            self.program.http.request(method, self.program.url(path)).bearer_auth(&self.token);
        let request = if body.is_null() { request } else { request.json(body) };
        let answer = request.send().await?;
        Ok((answer.status(), answer.json().await?))
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.send(method, path, &body).await.expect("an answer");
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    async fn start(&self, pipeline: &str, parameters: Value) -> String {
        let path = format!("/pipelines/{pipeline}/runs");
        text(&self.ask(Method::POST, &path, json!({ "parameters": parameters })).await, "run_id")
    }

    async fn until(&self, run: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let seen = self.ask(Method::GET, &format!("/runs/{run}"), Value::Null).await;
            if is_so(&seen) {
                return seen;
            }
            assert!(begun.elapsed() < PATIENCE, "not {what}: {seen}\n{}", self.program.log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn ended(&self, run: &str, status: &str) -> Value {
        let seen = self.until(run, "ended", |seen| seen["ended_at"].is_string()).await;
        assert_eq!(seen["status"], status, "{seen}");
        seen
    }

    /// Fails unless Dagster has run each of these once.
    async fn assert_once(&self, runs: &[String]) {
        for run in runs {
            let seen = self.rig.runs_of(&self.program.http, run).await;
            let roots = seen.iter().filter(|seen| seen["parentRunId"].is_null()).count();
            assert_eq!(roots, 1, "{run}: {seen:#?}");
        }
    }

    /// What a pipeline counts is what Dagster's clock says of these runs of it.
    async fn assert_figures(&self, pipeline: &str, runs: &[String]) {
        let mut micros = 0;
        for run in runs {
            let seen = self.rig.runs_of(&self.program.http, run).await;
            let succeeded =
                seen.iter().find(|seen| seen["status"] == "SUCCESS").expect("one that succeeded");
            let time =
                |name: &str| (succeeded[name].as_f64().expect("a time") * 1e6).round() as i64;
            micros += time("endTime") - time("startTime");
        }
        let figures = self.ask(Method::GET, &format!("/pipelines/{pipeline}"), Value::Null).await;
        assert_eq!(figures["times_run"], runs.len(), "{figures}");
        let mean = micros as f64 / 1e6 / runs.len() as f64;
        let told = figures["average_runtime"].as_f64().expect("a mean");
        assert!((told - mean).abs() < 1e-6, "{told} of {mean}");
        println!(
            "  {} runs: times_run {}, mean {told} s, Dagster's own {mean} s",
            runs.len(),
            figures["times_run"]
        );
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}")).to_owned()
}

fn rounds(usually: usize) -> usize {
    std::env::var("BLOCKYARD_FAULT_ROUNDS")
        .ok()
        .map_or(usually, |text| text.parse().expect("a number"))
}

#[tokio::test]
async fn a_real_dagster_runs_what_is_started() {
    let Some(stage) = Stage::set().await else { return };
    let run = stage.start("p", json!({ "day": "monday" })).await;
    let seen = stage.ended(&run, "success").await;
    let of_dagster = stage.rig.runs_of(&stage.program.http, &run).await;
    let tags: BTreeMap<&str, &str> = of_dagster[0]["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .map(|tag| (tag["key"].as_str().expect("a key"), tag["value"].as_str().expect("a value")))
        .collect();
    let digest = text(&seen, "lock_digest");
    assert_eq!(tags["blockyard/lock_digest"], digest);
    let lock = stage.ask(Method::GET, &format!("/locks/{digest}"), Value::Null).await;
    assert_eq!(of_dagster[0]["runConfig"]["ops"]["plan"]["config"]["lock"], lock["lock"]);
    let steps = stage.ask(Method::GET, &format!("/runs/{run}/steps"), Value::Null).await;
    let step = steps["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .find(|step| step["block_id"] == stage.block);
    assert_eq!(step.expect("the step of b")["status"], "SUCCESS", "{steps}");
    let logs = stage.ask(Method::GET, &format!("/runs/{run}/logs?limit=200"), Value::Null).await;
    let events: Vec<&str> = logs["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|line| line["event"].as_str())
        .collect();
    assert!(events.contains(&"STEP_SUCCESS") && events.contains(&"RUN_SUCCESS"), "{events:?}");
    stage.assert_figures("p", &[run]).await;

    stage.make("fails", json!({}), -1.0).await;
    let failed = stage.start("fails", json!({})).await;
    let failed = stage.ended(&failed, "failure").await;
    assert!(text(&failed, "failure").contains("b was told to fail"), "{failed}");

    stage.make("long", json!({}), 120.0).await;
    let long = stage.start("long", json!({})).await;
    stage.until(&long, "started", |seen| seen["status"] == "started").await;
    stage.ask(Method::POST, &format!("/runs/{long}/cancel"), Value::Null).await;
    stage.ended(&long, "canceled").await;

    let marker = tempfile::tempdir().expect("a folder");
    let config = json!({
        "mode": "job", "job_name": "flaky", "max_retries": 1,
        "run_config": { "ops": { "fails_once": { "config": { "path": marker.path().join("once") } } } },
    });
    stage.make("retried", config, 0.0).await;
    let retried = stage.start("retried", json!({})).await;
    stage.ended(&retried, "success").await;
    assert_eq!(stage.rig.runs_of(&stage.program.http, &retried).await.len(), 2);
    stage.assert_figures("retried", &[retried]).await;
    stage.program.assert_no_errors();
}

#[tokio::test]
async fn runs_at_once_are_each_run_once_and_counted() {
    let Some(stage) = Stage::set().await else { return };
    let runs: Vec<String> = stream::iter(0..rounds(2) * 4)
        .map(|_| async {
            let run = stage.start("p", json!({})).await;
            stage.ended(&run, "success").await;
            run
        })
        .buffer_unordered(8)
        .collect()
        .await;
    stage.assert_once(&runs).await;
    stage.assert_figures("p", &runs).await;
}

/// What is killed, and when of a launch.
const KILLS: [&str; 4] = [
    "the webserver before",
    "the webserver during",
    "the service during",
    "the code location before",
];

#[tokio::test]
async fn no_run_is_doubled_or_lost_when_something_is_killed() {
    let Some(mut stage) = Stage::set().await else { return };
    let mut runs = Vec::new();
    for (round, what) in KILLS.iter().cycle().take(rounds(KILLS.len())).enumerate() {
        let begun = Instant::now();
        match *what {
            "the webserver before" => drop(stage.rig.order("kill web")),
            "the code location before" => drop(stage.rig.order("kill code")),
            _ => {}
        }
        runs.push(stage.start("p", json!({})).await);
        // Each time at another moment of it.
        tokio::time::sleep(Duration::from_millis(23 * (round as u64 % 13))).await;
        match *what {
            "the webserver during" => drop(stage.rig.order("kill web")),
            "the service during" => {
                stage.program.kill();
                // Nobody gives back what it had; here nobody waits for that either.
                let leases = "update app.outbox set leased_until = clock_timestamp() where lease is not null";
                let mut owner = connect(stage.cluster.owner()).await;
                query(leases).execute(&mut owner).await.expect("leases that end");
                stage.program.restart();
            }
            _ => {}
        }
        if what.contains("webserver") {
            stage.rig.order("start web");
        } else if what.contains("code") {
            stage.rig.order("start code");
        }
        let last = runs.last().expect("it").clone();
        stage.ended(&last, "success").await;
        println!("  round {round}: {what}, ended after {:.1?}", begun.elapsed());
    }
    stage.assert_once(&runs).await;
    stage.assert_figures("p", &runs).await;
    let left: i64 = query_scalar(AssertSqlSafe("select count(*) from app.outbox"))
        .fetch_one(&mut connect(stage.cluster.owner()).await)
        .await
        .expect("a number");
    assert_eq!(left, 0);
}
