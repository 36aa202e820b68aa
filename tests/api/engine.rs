//! Runs that Dagster runs, before a stand-in that breaks on purpose. (Before the real one: `tests/faults/dagster.rs`.)

use std::sync::Arc;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::dagster::{Dagster, Launching, now};
use crate::pipelines::{chain, chain_body, verify};
use crate::service::{Answer, Person, Service, Setup};

pub const SECRET: &str = "a-secret-of-dagster-and-these-tests-0123456789";

pub async fn with(
    dagster: &Dagster,
    change: impl FnOnce(&mut blockyard::config::Config),
) -> Service {
    let mut setup = Setup::default();
    setup.config.dagster_url = Some(dagster.url.clone());
    setup.config.dagster_timeout_seconds = 2;
    setup.config.dagster_events_secret = Some(SECRET.to_owned().into());
    change(&mut setup.config);
    Service::with(setup).await
}

pub async fn start(person: &Person<'_>, body: Value) -> (String, String) {
    let run = person.post("/pipelines/p/runs", body).await.expect(StatusCode::CREATED);
    (run.header("location").to_owned(), run.id("run_id"))
}

/// The run once it is so.
pub async fn until(
    person: &Person<'_>,
    path: &str,
    what: &str,
    is_so: impl Fn(&Value) -> bool,
) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = person.get(path).await.expect(StatusCode::OK);
        if is_so(&answer.body) {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "not {what}: {}", answer.text);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn until_launched(person: &Person<'_>, path: &str) -> Answer {
    until(person, path, "launched", |run| run["dagster_run_id"].is_string()).await
}

pub async fn execute(service: &Service, statement: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(&mut service.database.connect().await)
        .await
        .expect(statement);
}

#[tokio::test]
async fn dagster_runs_exactly_what_the_lock_says_and_its_clock_counts() {
    let dagster = Dagster::start();
    let service = with(&dagster, |_| {}).await;
    let dan = service.developer().await;
    let pipeline = chain(&service, &dan).await;
    let config = json!({
        "tags": { "team": "growth" }, "max_runtime_seconds": 600, "max_retries": 1,
        "run_config": { "execution": { "config": { "in_process": {} } } },
    });
    dan.patch("/pipelines/p", json!({ "dagster_pipeline_config": config }))
        .await
        .expect(StatusCode::OK);
    let run = dan.post("/pipelines/p/runs", json!({ "parameters": { "day": 3.50 } })).await;
    let run = run.expect(StatusCode::CREATED);
    assert_eq!((&run.body["status"], &run.body["launch"]), (&json!("queued"), &json!(true)));
    let (path, id) = (run.header("location"), run.id("run_id"));
    let launched = until_launched(&dan, path).await;
    let digest = run.id("lock_digest");
    let lock = dan.get(&format!("/locks/{digest}")).await.expect(StatusCode::OK);
    {
        let mut state = dagster.state();
        let seen = state.run_of(&id);
        assert_eq!(launched.body["dagster_run_id"], seen.id);
        let plan = seen.params.pointer("/runConfigData/ops/plan/config").expect("the plan");
        assert_eq!(plan["lock"], lock.body["lock"]);
        let named = json!({ "run_id": id, "pipeline_id": pipeline, "lock_digest": digest });
        assert_eq!(plan["run"], named);
        assert_eq!(
            (&plan["parameters"], &plan["block_config"]),
            (&json!({ "day": 3.5 }), &json!({}))
        );
        assert_eq!(seen.params["runConfigData"]["execution"], config["run_config"]["execution"]);
        assert_eq!(
            seen.params["selector"],
            json!({
                "repositoryLocationName": "blockyard", "repositoryName": "__repository__", "jobName": "blockyard_generic",
            })
        );
        for (key, value) in [
            ("blockyard/pipeline_id", pipeline.as_str()),
            ("blockyard/lock_digest", &digest),
            ("dagster/max_runtime", "600"),
            ("dagster/max_retries", "1"),
            ("team", "growth"),
        ] {
            assert_eq!(seen.tag(key), Some(value));
        }
        (seen.status, seen.started) = ("STARTED".to_owned(), Some(now() - 20.0));
    }
    until(&dan, path, "started", |run| run["status"] == "started").await;
    // What people report of it is refused, over SQL as well.
    let by_hand = dan.patch(path, json!({ "status": "success" })).await;
    by_hand.refused(StatusCode::CONFLICT, "engine_run");
    let mut sql = service.by_sql("dan").await;
    let refused = sql
        .run(&format!("update pipeline_runs set status = 'success' where run_id = '{id}'"))
        .await;
    assert_eq!(refused.expect_err("it is Dagster's").constraint, "pipeline_runs_of_dagster");
    {
        let mut state = dagster.state();
        let seen = state.run_of(&id);
        seen.ended = seen.started.map(|started| started + 7.5);
        seen.status = "SUCCESS".to_owned();
    }
    until(&dan, path, "ended", |run| run["status"] == "success").await;
    let figures = dan.get("/pipelines/p").await;
    assert_eq!(
        (&figures.body["times_run"], &figures.body["average_runtime"]),
        (&json!(1), &json!(7.5))
    );
    assert_eq!(dagster.state().launches, 1);
}

#[tokio::test]
async fn a_launch_of_unknown_outcome_is_looked_up_and_never_doubled() {
    let dagster = Dagster::start();
    let service = with(&dagster, |_| {}).await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    // Done, though the answer says nothing or comes too late.
    for launching in [Launching::WorksAndFails, Launching::WorksAfter(Duration::from_secs(4))] {
        dagster.state().launching = launching;
        let (path, id) = start(&dan, json!({})).await;
        let run = until_launched(&dan, &path).await;
        assert_eq!(dagster.state().runs_of(&id).len(), 1, "{launching:?}");
        assert_eq!(run.body["dagster_run_id"], dagster.state().run_of(&id).id);
    }
    // Not done: as long as it may yet come to something, it is not tried again.
    dagster.state().launching = Launching::Fails;
    let (path, id) = start(&dan, json!({})).await;
    let launches = dagster.state().launches;
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(dagster.state().launches <= launches + 1);
    dagster.state().launching = Launching::Works;
    execute(&service, "update app.outbox set unknown_since = unknown_since - interval '2 minutes', due_at = clock_timestamp()").await;
    until_launched(&dan, &path).await;
    assert_eq!(dagster.state().runs_of(&id).len(), 1);
}

#[tokio::test]
async fn two_instances_launch_each_run_once_and_either_follows() {
    let dagster = Dagster::start();
    let first = with(&dagster, |_| {}).await;
    let mut setup = Setup::default();
    setup.config.dagster_url = Some(dagster.url.clone());
    let second = Service::on(Arc::clone(&first.database), setup);
    let dan = second.developer().await;
    chain(&second, &dan).await;
    let also_dan = first.developer().await;
    let mut runs = Vec::new();
    for number in 0..12 {
        let person = if number % 2 == 0 { &dan } else { &also_dan };
        runs.push(start(person, json!({})).await);
    }
    for (path, id) in &runs {
        until_launched(&dan, path).await;
        assert_eq!(dagster.state().runs_of(id).len(), 1);
    }
    assert_eq!(dagster.state().launches, runs.len());
    // Whichever of them leads, and it ends: the other goes on.
    drop(first);
    for (_, id) in &runs {
        let mut state = dagster.state();
        let run = state.run_of(id);
        (run.status, run.started) = ("SUCCESS".to_owned(), Some(now() - 2.0));
        run.ended = run.started.map(|started| started + 1.0);
    }
    for (path, _) in &runs {
        until(&dan, path, "ended", |run| run["status"] == "success").await;
    }
    let figures = dan.get("/pipelines/p").await;
    assert_eq!(
        (&figures.body["times_run"], &figures.body["average_runtime"]),
        (&json!(12), &json!(1.0))
    );
}

#[tokio::test]
async fn of_two_launches_the_later_one_ends() {
    let dagster = Dagster::start();
    let service = with(&dagster, |_| {}).await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let (path, id) = start(&dan, json!({})).await;
    let run = until_launched(&dan, &path).await;
    let double = {
        let mut state = dagster.state();
        let double = state.add("QUEUED", None, &[("blockyard/run_id", &id)]);
        state.run_of(&id).status = "STARTED".to_owned();
        state.run_of(&id).started = Some(now());
        double
    };
    let started = until(&dan, &path, "started", |run| run["status"] == "started").await;
    assert_eq!(started.body["dagster_run_id"], run.body["dagster_run_id"]);
    assert_eq!(dagster.state().terminated, [(double, false)]);
    assert!(
        service
            .nobody()
            .get("/metrics")
            .await
            .text
            .contains("blockyard_engine_doubled_launches_total 1")
    );
}

#[tokio::test]
async fn what_is_revoked_before_its_launch_is_canceled() {
    let dagster = Dagster::start();
    let service = with(&dagster, |_| {}).await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    dagster.state().launching = Launching::LocationDown;
    let (path, id) = start(&dan, json!({})).await;
    while dagster.state().launches == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    verify(&service, "ab", "failed").await;
    dagster.state().launching = Launching::Works;
    let run = until(&dan, &path, "canceled", |run| run["status"] == "canceled").await;
    assert_eq!(run.body["failure"], "Version 1 of the edge ab is no longer verified.");
    assert!(dagster.state().runs_of(&id).is_empty());
    assert_eq!(dan.get("/pipelines/p").await.body["times_run"], 0);
}

#[tokio::test]
async fn what_dagster_will_never_take_fails_with_its_words() {
    let dagster = Dagster::start();
    let service = with(&dagster, |_| {}).await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    for (launching, words) in [
        (Launching::Invalid, "Received unexpected config entry"),
        (Launching::NoSuchJob, "has no job blockyard_generic"),
    ] {
        dagster.state().launching = launching;
        let (path, _) = start(&dan, json!({})).await;
        let run = until(&dan, &path, "failed", |run| run["status"] == "failure").await;
        assert!(run.body["failure"].as_str().expect("words").contains(words), "{}", run.text);
    }
    assert_eq!(dan.get("/pipelines/p").await.body["times_run"], 0, "none of them began");
}

#[tokio::test]
async fn a_run_is_canceled_by_asking_first() {
    let dagster = Dagster::start();
    let service = with(&dagster, |config| config.dagster_cancel_seconds = 3).await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let is_canceled = |run: &Value| run["status"] == "canceled";
    // Queued in Dagster: at once.
    let (path, _) = start(&dan, json!({})).await;
    until_launched(&dan, &path).await;
    dan.post(&format!("{path}/cancel"), json!({})).await.expect(StatusCode::OK);
    let run = until(&dan, &path, "canceled", is_canceled).await;
    assert_eq!(
        (&run.body["started_at"], &run.body["failure"]),
        (&Value::Null, &json!("Canceled as it was asked for."))
    );
    // On its way to start: it does not hear, and is forced.
    let (path, id) = start(&dan, json!({})).await;
    until_launched(&dan, &path).await;
    dagster.state().run_of(&id).status = "STARTING".to_owned();
    dan.post(&format!("{path}/cancel"), json!({})).await.expect(StatusCode::OK);
    until(&dan, &path, "canceled", is_canceled).await;
    let of_it: Vec<bool> = {
        let mut state = dagster.state();
        let id = state.run_of(&id).id.clone();
        state
            .terminated
            .iter()
            .filter(|(run, _)| *run == id)
            .map(|(_, by_force)| *by_force)
            .collect()
    };
    assert!(!of_it[0] && of_it[of_it.len() - 1], "{of_it:?}");
    // Twice is once, and after the end nothing.
    let again = dan.post(&format!("{path}/cancel"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(again.etag(), dan.get(&path).await.etag());
    // Not launched yet, since Dagster does not answer: by the wish alone.
    dagster.state().is_broken = true;
    let (first, _) = start(&dan, json!({})).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (path, id) = start(&dan, json!({})).await;
    let run = dan.post(&format!("{path}/cancel"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(run.body["failure"], "Canceled before it was launched.", "{}", run.text);
    let trouble = dan.get("/pipelines/p/readiness").await.expect(StatusCode::OK);
    assert!(trouble.text.contains("engine_unreachable"), "{}", trouble.text);
    service.nobody().get("/health/ready").await.expect(StatusCode::OK);
    dagster.state().is_broken = false;
    execute(&service, "update app.outbox set unknown_since = unknown_since - interval '2 minutes', due_at = clock_timestamp()").await;
    until_launched(&dan, &first).await;
    assert!(dagster.state().runs_of(&id).is_empty());
    let trouble = dan.get("/pipelines/p/readiness").await.expect(StatusCode::OK);
    assert!(!trouble.text.contains("engine_unreachable"), "{}", trouble.text);
    // By hand: nobody else is to be asked.
    let (path, _) = start(&dan, json!({ "launch": false })).await;
    let run = dan.post(&format!("{path}/cancel"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(run.body["status"], "canceled");
}

#[tokio::test]
async fn retries_are_followed_and_the_try_that_succeeds_counts() {
    let dagster = Dagster::start();
    let service = with(&dagster, |_| {}).await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let (path, id) = start(&dan, json!({})).await;
    let first = until_launched(&dan, &path).await.id("dagster_run_id");
    {
        let mut state = dagster.state();
        let run = state.run_of(&id);
        (run.started, run.ended) = (Some(now() - 9.0), Some(now() - 8.0));
        run.status = "FAILURE".to_owned();
        run.tags.push(("dagster/will_retry".to_owned(), "true".to_owned()));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let waiting = dan.get(&path).await;
    assert_eq!(waiting.body["ended_at"], Value::Null, "{}", waiting.text);
    let second = {
        let mut state = dagster.state();
        let second = state.add(
            "SUCCESS",
            Some(&first),
            &[("blockyard/run_id", &id), ("dagster/will_retry", "false")],
        );
        let run = state.runs.last_mut().expect("it");
        (run.started, run.ended) = (Some(now() - 5.0), Some(now() - 2.0));
        run.ended = run.started.map(|started| started + 3.0);
        second
    };
    let run = until(&dan, &path, "ended", |run| run["status"] == "success").await;
    assert_eq!(run.body["dagster_run_id"], second);
    let figures = dan.get("/pipelines/p").await;
    assert_eq!(
        (&figures.body["times_run"], &figures.body["average_runtime"]),
        (&json!(1), &json!(3.0))
    );
}

#[tokio::test]
async fn a_run_that_dagster_forgets_is_lost_and_settled_by_hand() {
    let dagster = Dagster::start();
    let service = with(&dagster, |config| config.dagster_lost_seconds = 60).await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let (path, id) = start(&dan, json!({})).await;
    until_launched(&dan, &path).await;
    {
        let mut state = dagster.state();
        let run = state.run_of(&id);
        (run.status, run.started) = ("STARTED".to_owned(), Some(now() - 100.0));
    }
    let run = until(&dan, &path, "lost", |run| run["lost_at"].is_string()).await;
    assert_eq!(run.body["status"], "started");
    assert!(
        run.body["failure"].as_str().expect("words").starts_with("Dagster says for 60 seconds"),
        "{}",
        run.text
    );
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(dan.get(&path).await.etag(), run.etag(), "once is enough");
    let settled =
        dan.patch(&path, json!({ "status": "failure", "failure": "The machine is gone." })).await;
    let settled = settled.expect(StatusCode::OK);
    assert_eq!(
        (&settled.body["lost_at"], &settled.body["failure"]),
        (&Value::Null, &json!("The machine is gone."))
    );
}

fn signed(body: &str, at: i64, secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(format!("{at}.{body}").as_bytes());
    let code: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at},v1={code}")
}

/// The signature of a body, as it is made now.
pub fn signed_now(body: &str) -> String {
    signed(body, now() as i64, SECRET)
}

#[tokio::test]
async fn hints_are_signed_and_change_nothing_by_themselves() {
    let dagster = Dagster::start();
    let service = with(&dagster, |_| {}).await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let (path, id) = start(&dan, json!({})).await;
    until_launched(&dan, &path).await;
    let hint = |body: String, signature: String| {
        let request = service.nobody().request(Method::POST, "/dagster/events");
        request.header("Blockyard-Signature", signature).raw("application/json", body).send()
    };
    let at = now() as i64;
    let lie = json!({ "runs": [{ "run_id": id, "dagster_run_id": "x", "status": "SUCCESS" }] })
        .to_string();
    for forged in [
        signed(&lie, at, "another-secret-0123456789-0123456789"),
        signed(&lie, at - 301, SECRET),
        String::new(),
    ] {
        hint(lie.clone(), forged).await.refused(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    for _ in 0..2 {
        hint(lie.clone(), signed(&lie, at, SECRET)).await.expect(StatusCode::ACCEPTED);
    }
    let stranger =
        json!({ "runs": [{ "run_id": "01a20575-84d9-79db-a493-fbb455308177" }] }).to_string();
    hint(stranger.clone(), signed(&stranger, at, SECRET)).await.expect(StatusCode::ACCEPTED);
    let nonsense = r#"{"runs": [{"run_id": 1}]}"#.to_owned();
    hint(nonsense.clone(), signed(&nonsense, at, SECRET))
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(dan.get(&path).await.body["status"], "queued");
}

#[tokio::test]
async fn steps_and_logs_are_dagsters() {
    let dagster = Dagster::start();
    let service = with(&dagster, |_| {}).await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let (path, id) = start(&dan, json!({})).await;
    let run = until_launched(&dan, &path).await;
    let steps = service.viewer().await.get(&format!("{path}/steps")).await.expect(StatusCode::OK);
    let a = dan.get("/blocks/a").await.id("block_id");
    assert_eq!(
        steps.body["dagster_url"],
        format!("{}/runs/{}", dagster.url, run.id("dagster_run_id"))
    );
    assert_eq!(steps.body["steps"][0]["block_id"], Value::Null);
    let failed = &steps.body["steps"][1];
    assert_eq!((&failed["block_id"], &failed["error"]), (&json!(a), &json!("no such table")));
    assert_eq!(failed["ended_at"], "1970-01-01T00:00:03.500000Z");
    let logs = dan.get(&format!("{path}/logs?limit=1")).await.expect(StatusCode::OK);
    assert_eq!(
        (&logs.body["items"][0]["event"], &logs.body["has_more"]),
        (&json!("RUN_START"), &json!(true))
    );
    let next = logs.id("next_cursor");
    let logs = dan.get(&format!("{path}/logs?cursor={next}")).await.expect(StatusCode::OK);
    assert_eq!(
        (&logs.body["items"][0]["block_id"], &logs.body["has_more"]),
        (&json!(a), &json!(false))
    );
    let begun = Instant::now();
    let next = logs.id("next_cursor");
    let logs = dan.get(&format!("{path}/logs?cursor={next}&wait=2")).await.expect(StatusCode::OK);
    assert_eq!(logs.body["items"], json!([]));
    assert!(begun.elapsed() >= Duration::from_secs(2));
    dagster.state().run_of(&id).status = "FAILURE".to_owned();
    let failed = until(&dan, &path, "failed", |run| run["status"] == "failure").await;
    assert!(
        failed.body["failure"].as_str().expect("words").ends_with("no such table"),
        "{}",
        failed.text
    );
    dagster.state().is_broken = true;
    for what in ["steps", "logs"] {
        let down = dan.get(&format!("{path}/{what}")).await;
        down.refused(StatusCode::SERVICE_UNAVAILABLE, "engine_unreachable");
    }
}

#[tokio::test]
async fn nobody_launches_by_accident() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let pipeline = chain(&service, &dan).await;
    let run = dan.post("/pipelines/p/runs", json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(run.body["launch"], false);
    let asked = dan.post("/pipelines/p/runs", json!({ "launch": true })).await;
    asked.refused(StatusCode::CONFLICT, "not_launchable");
    let mut sql = service.by_sql("dan").await;
    let insert = |launch: bool| {
        format!("insert into pipeline_runs (pipeline_id, launch) values ('{pipeline}', {launch})")
    };
    let refused = sql.run(&insert(true)).await.expect_err("there is no Dagster");
    assert_eq!(refused.constraint, "pipeline_runs_launchable");
    execute(&service, "update app.engine set locations = '{elsewhere}'").await;
    sql.run(&format!("insert into pipeline_runs (pipeline_id) values ('{pipeline}')"))
        .await
        .expect("a run by hand");
    sql.run(&insert(false)).await.expect("a run by hand");
    let waiting = async || -> i64 {
        sqlx::query_scalar("select count(*) from app.outbox")
            .fetch_one(&mut service.database.connect().await)
            .await
            .expect("a number")
    };
    assert_eq!(waiting().await, 0);
    sql.run(&insert(true)).await.expect("one to be launched");
    assert_eq!(waiting().await, 1);
    let mut body = chain_body("q");
    body["dagster_pipeline_config"] = json!({ "repository_location_name": "nowhere" });
    let other = dan.post("/pipelines", body).await.expect(StatusCode::CREATED).id("pipeline_id");
    let refused =
        sql.run(&insert(true).replace(&pipeline, &other)).await.expect_err("no such location");
    assert_eq!(refused.constraint, "pipeline_runs_launchable");
}

#[tokio::test]
async fn of_two_workers_one_gets_the_run() {
    let service = Service::start().await;
    let (dan, dora) = (service.developer().await, service.colleague().await);
    chain(&service, &dan).await;
    let (path, id) = start(&dan, json!({})).await;
    let started = |claim: &str| json!({ "status": "started", "claim": claim });
    let first = dan.patch(&path, started("one")).await.expect(StatusCode::OK);
    assert_eq!(first.body["claimed_by"], "claim:one");
    assert_eq!(first.body["claimed_by_name"], "one");
    assert_eq!(first.body["pipeline_name"], "p");
    dan.patch(&path, started("two")).await.refused(StatusCode::CONFLICT, "claimed");
    let again = dan.patch(&path, started("one")).await.expect(StatusCode::OK);
    assert_eq!(again.etag(), first.etag());
    // By SQL as well; and who says nothing else is who they are.
    let mut sql = service.by_sql("dan").await;
    let update = format!("update pipeline_runs set status = 'started' where run_id = '{id}'");
    assert_eq!(
        sql.run(&update).await.expect_err("it is taken").constraint,
        "pipeline_runs_claimed"
    );
    let (path, _) = start(&dan, json!({})).await;
    let mine = json!({ "status": "started" });
    let reports = [dan.patch(&path, mine.clone()), dora.patch(&path, mine.clone())];
    let mut statuses: Vec<u16> = futures_util::future::join_all(reports)
        .await
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    // A key has a name that only its user and admins know.
    let (path, _) = start(&dan, json!({})).await;
    let key = dan.post("/api-keys", json!({ "name": "nightly" })).await.expect(StatusCode::CREATED);
    let worker = service.with_key(key.body["key"].as_str().expect("a key"));
    worker.patch(&path, mine).await.expect(StatusCode::OK);
    for (who, name) in [(&dan, json!("nightly")), (&dora, Value::Null)] {
        let run = who.get(&path).await.expect(StatusCode::OK);
        assert_eq!(run.body["claimed_by"].as_str().map(|worker| &worker[..4]), Some("key:"));
        assert_eq!(run.body["claimed_by_name"], name);
        let pipeline = who.get("/pipelines/p?include=runs").await.expect(StatusCode::OK);
        assert_eq!(pipeline.body["runs"][0]["claimed_by_name"], name);
        let runs = who.get("/runs?limit=1").await.items("claimed_by_name");
        assert_eq!(runs, [name]);
    }
}

#[tokio::test]
async fn lineage_is_told_in_order_once_somebody_listens() {
    let dagster = Dagster::start();
    let mut setup = Setup::default();
    setup.config.openlineage_url = Some(dagster.url.clone());
    let service = Service::with(setup).await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    dagster.state().lineage_status = 503;
    let (path, id) = start(&dan, json!({})).await;
    dan.patch(&path, json!({ "status": "started", "started_at": "2026-11-22T10:00:00Z" }))
        .await
        .expect(StatusCode::OK);
    dan.patch(
        &path,
        json!({ "status": "failure", "failure": "no luck", "ended_at": "2026-11-22T10:00:30Z" }),
    )
    .await
    .expect(StatusCode::OK);
    tokio::time::sleep(Duration::from_secs(1)).await;
    dagster.state().lineage_status = 201;
    let begun = Instant::now();
    while dagster.state().lineage.len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", dagster.state().lineage);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let events = dagster.state().lineage.clone();
    let types: Vec<&Value> = events.iter().map(|event| &event["eventType"]).collect();
    assert_eq!(types, ["START", "FAIL"]);
    let last = &events[1];
    assert_eq!(last["eventTime"], "2026-11-22T10:00:30.000000Z");
    assert_eq!((&last["run"]["runId"], &last["job"]["name"]), (&json!(id), &json!("p")));
    assert_eq!(last["run"]["facets"]["errorMessage"]["message"], "no luck");
    // What the published schema asks for.
    for event in &events {
        for member in ["/producer", "/schemaURL", "/job/namespace"] {
            assert!(event.pointer(member).is_some_and(Value::is_string), "{member}: {event}");
        }
        let of_run = event["run"]["facets"].as_object().expect("facets");
        let of_job = event["job"]["facets"].as_object().expect("facets");
        let of_data = event["inputs"][0]["facets"].as_object().expect("facets");
        for (name, facet) in of_run.iter().chain(of_job).chain(of_data) {
            for member in ["_producer", "_schemaURL"] {
                let uri =
                    facet[member].as_str().unwrap_or_else(|| panic!("{name} has no {member}"));
                assert!(url::Url::parse(uri).is_ok(), "{name}: {uri}");
            }
        }
    }
    let (a, c) =
        (dan.get("/blocks/a").await.id("block_id"), dan.get("/blocks/c").await.id("block_id"));
    assert_eq!(last["inputs"][0]["name"], format!("block/{a}"));
    assert_eq!(last["outputs"][0]["name"], format!("block/{c}"));
}
