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
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, query, query_scalar, raw_sql};

use crate::cluster::Cluster;
use crate::interposer::{Interposer, Moment};
use crate::program::Program;
use crate::rounds;
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
        kill(Pid::from_raw(self.child.id().try_into().expect("a pid")), Signal::SIGTERM).ok();
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
        let program = Self::instance(&cluster, &rig.url);
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

    /// One that has its Dagster there.
    fn instance(cluster: &Cluster, dagster: &str) -> Program {
        let settings = [
            ("DAGSTER_URL", dagster),
            ("DAGSTER_TIMEOUT_SECONDS", "10"),
            ("DAGSTER_CANCEL_SECONDS", "20"),
        ];
        Program::start(cluster.service(), &settings)
    }

    /// What an instance had that was killed is free again: nobody waits for the end of a lease here, nor for the minute
    /// in which a launch might still come to something, since who is dead does nothing more.
    async fn free_tasks(&self) {
        self.hurry("update app.outbox set leased_until = clock_timestamp() - interval '2 minutes' where lease is not null").await;
    }

    /// As is the place of who followed the runs.
    async fn free_all(&self) {
        self.free_tasks().await;
        self.hurry("update app.engine set leads_until = clock_timestamp()").await;
    }

    async fn hurry(&self, statement: &'static str) {
        let mut owner = connect(self.cluster.owner()).await;
        query(statement).execute(&mut owner).await.expect(statement);
    }

    /// Runs of p, 8 at a time, started at these in turn.
    async fn run_at_once(&self, programs: &[&Program], count: usize) -> Vec<String> {
        let run = |number: usize| async move {
            let program = programs[number % programs.len()];
            let request =
                program.http.post(program.url("/pipelines/p/runs")).bearer_auth(&self.token);
            let answer = request.json(&json!({})).send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::CREATED);
            let run = text(&answer.json().await.expect("JSON"), "run_id");
            self.ended(&run, "success").await;
            run
        };
        stream::iter((0..count).map(run)).buffer_unordered(8).collect().await
    }

    async fn leader(&self) -> Option<String> {
        query_scalar("select leader::text from app.engine")
            .fetch_one(&mut connect(self.cluster.owner()).await)
            .await
            .expect("a row")
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

    /// Fails unless Dagster has made this run, which ended as a failure, and nobody has begun it: its webserver died before it
    /// could queue it, and Dagster's run monitoring ended it.
    async fn assert_never_begun(&self, run: &Value) {
        assert!(text(run, "failure").contains("to start"), "{run}");
        assert_eq!(run["started_at"], Value::Null, "{run}");
        for seen in self.rig.runs_of(&self.program.http, &text(run, "run_id")).await {
            assert_eq!(seen["status"], "FAILURE", "{seen}");
            assert_eq!(seen["startTime"], seen["endTime"], "{seen}");
        }
    }

    /// Fails unless Dagster has run each of these once.
    async fn assert_once(&self, runs: &[String]) {
        for run in runs {
            let seen = self.rig.runs_of(&self.program.http, run).await;
            let roots = seen.iter().filter(|seen| seen["parentRunId"].is_null()).count();
            assert_eq!(roots, 1, "{run}: {seen:#?}");
        }
    }

    /// Fails unless Dagster has run each of these runs of p once, which are counted, and nothing waits.
    async fn assert_nothing_left(&self, runs: &[String]) {
        self.assert_once(runs).await;
        self.assert_figures("p", runs).await;
        let left: i64 = query_scalar(AssertSqlSafe("select count(*) from app.outbox"))
            .fetch_one(&mut connect(self.cluster.owner()).await)
            .await
            .expect("a number");
        assert_eq!(left, 0);
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

#[tokio::test]
async fn a_real_dagster_runs_what_is_started() {
    let Some(mut stage) = Stage::set().await else { return };
    // Nearly as deep as JSON may be.
    let deep = (0..90).fold(json!("monday"), |inner, _| json!({ "in": inner }));
    let run = stage.start("p", json!({ "day": deep })).await;
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

    // Its worker is killed, as the kernel does when memory is short.
    let killed = stage.start("long", json!({})).await;
    stage.until(&killed, "started", |seen| seen["status"] == "started").await;
    let workers = stage.rig.order("workers");
    let workers = workers["workers"].as_array().expect("pids");
    assert!(!workers.is_empty(), "nobody runs it");
    for worker in workers {
        let pid = worker.as_i64().and_then(|pid| pid.try_into().ok()).expect("a pid");
        kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
    }
    let killed = stage.ended(&killed, "failure").await;
    assert!(killed["failure"].is_string(), "{killed}");

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
async fn runs_at_once_are_each_run_once_and_counted_whichever_instance_dies() {
    let Some(mut stage) = Stage::set().await else { return };
    let mut other = Stage::instance(&stage.cluster, &stage.rig.url);
    let count = rounds(2) * 4;
    let mut runs = stage.run_at_once(&[&stage.program, &other], count / 2).await;
    // The first of them leads, and is killed with launches on their way.
    let leader = stage.leader().await;
    let mut left = Vec::new();
    for _ in 0..count.div_ceil(2).min(8) {
        left.push(stage.start("p", json!({})).await);
    }
    std::mem::swap(&mut stage.program, &mut other);
    other.kill();
    stage.free_tasks().await;
    for run in &left {
        stage.ended(run, "success").await;
    }
    assert_ne!(stage.leader().await, leader, "another leads");
    runs.append(&mut left);
    runs.extend(stage.run_at_once(&[&stage.program], count - runs.len()).await);
    stage.assert_nothing_left(&runs).await;
}

/// What is killed, and when of a launch.
const KILLS: [(&str, &str); 5] = [
    ("web", "during"),
    ("web", "before"),
    ("web", "after"),
    ("code", "before"),
    ("daemon", "before"),
];

#[tokio::test]
async fn no_run_is_doubled_or_lost_when_something_of_dagster_is_killed() {
    let Some(mut stage) = Stage::set().await else { return };
    let is_launched = |run: &Value| run["dagster_run_id"].is_string();
    let (mut runs, mut never_begun) = (Vec::new(), Vec::new());
    for (round, (what, when)) in KILLS.iter().cycle().take(rounds(2)).enumerate() {
        let begun = Instant::now();
        if *when == "before" {
            stage.rig.order(&format!("kill {what}"));
        }
        let run = stage.start("p", json!({})).await;
        match (*what, *when) {
            // Each time at another moment of it.
            (_, "during") => {
                tokio::time::sleep(Duration::from_millis(23 * (round as u64 % 13))).await;
            }
            (_, "after") => drop(stage.until(&run, "launched", is_launched).await),
            ("daemon", _) => {
                stage.until(&run, "launched", is_launched).await;
                tokio::time::sleep(Duration::from_secs(2)).await;
                let waiting = stage.until(&run, "there", is_launched).await;
                assert_eq!(waiting["status"], "queued", "{waiting}");
            }
            _ => {}
        }
        if *when != "before" {
            stage.rig.order(&format!("kill {what}"));
        }
        stage.rig.order(&format!("start {what}"));
        // What the dead one had not done it will not do.
        let late = "update app.outbox set unknown_since = unknown_since - interval '2 minutes', due_at = clock_timestamp() where lease is null";
        stage.hurry(late).await;
        let seen = stage.until(&run, "ended", |seen| seen["ended_at"].is_string()).await;
        println!(
            "  round {round}: {what} {when}, {} after {:.1?}",
            seen["status"],
            begun.elapsed()
        );
        if (*what, *when) == ("web", "during") && seen["status"] == "failure" {
            stage.assert_never_begun(&seen).await;
            never_begun.push(run);
        } else {
            assert_eq!(seen["status"], "success", "{seen}");
            runs.push(run);
        }
    }
    stage.assert_once(&never_begun).await;
    stage.assert_nothing_left(&runs).await;
}

/// At which step of the outbox the service is killed.
const STEPS: [&str; 4] = [
    "before the launch is sent",
    "before Dagster's answer is there",
    "before the answer is written down",
    "before the launch is looked up",
];

#[tokio::test]
async fn no_run_is_doubled_or_lost_when_the_service_is_killed_at_any_step() {
    let Some(mut stage) = Stage::set().await else { return };
    let between = Interposer::before(&stage.rig.url);
    stage.program = Stage::instance(&stage.cluster, &between.url);
    let mut runs = Vec::new();
    for (round, step) in STEPS.iter().cycle().take(rounds(STEPS.len())).enumerate() {
        let begun = Instant::now();
        let held = between.hold(match *step {
            "before Dagster's answer is there" => Moment::AfterLaunch,
            _ => Moment::BeforeLaunch,
        });
        let run = stage.start("p", json!({})).await;
        let held = held.await;
        match *step {
            "before the answer is written down" => {
                let mut owner = connect(stage.cluster.owner()).await;
                let mut lock = owner.begin().await.expect("a transaction");
                query("select from pipeline_runs where run_id = $1::uuid for update")
                    .bind(&run)
                    .execute(&mut *lock)
                    .await
                    .expect("the run");
                between.launch(held).await;
                // It has the answer, and waits for the row.
                tokio::time::sleep(Duration::from_millis(300)).await;
                stage.program.kill();
                lock.rollback().await.expect("the row is free");
            }
            "before the launch is looked up" => {
                stage.program.kill();
                drop(held);
                stage.free_tasks().await;
                let held = between.hold(Moment::BeforeLookup);
                stage.program.restart();
                let held = held.await;
                stage.program.kill();
                drop(held);
            }
            _ => {
                stage.program.kill();
                drop(held);
            }
        }
        stage.free_all().await;
        stage.program.restart();
        stage.ended(&run, "success").await;
        println!("  round {round}: {step}, ended after {:.1?}", begun.elapsed());
        runs.push(run);
    }
    stage.assert_nothing_left(&runs).await;
}
