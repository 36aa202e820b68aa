//! How runs end that do not end by themselves, and where people see them, before the stand-in for Dagster.

use std::time::Instant;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::dagster::{Dagster, now};
use crate::engine::{execute, start, until, until_launched, with};
use crate::pipelines::chain;

/// Another instance leads, and does nothing.
const ANOTHER_LEADS: &str = "update app.engine set leader = gen_random_uuid(), leads_until = clock_timestamp() + interval '1 hour'";

#[tokio::test]
async fn whoever_cancels_a_run_soon_sees_it_canceled_whoever_leads() {
    let dagster = Dagster::start();
    let service = with(&dagster, |config| config.dagster_cancel_seconds = 60).await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let (path, id) = start(&dan, json!({})).await;
    until_launched(&dan, &path).await;
    execute(&service, ANOTHER_LEADS).await;
    let begun = Instant::now();
    dan.post(&format!("{path}/cancel"), json!({})).await.expect(StatusCode::OK);
    until(&dan, &path, "canceled", |run| run["status"] == "canceled").await;
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());

    // One that takes a while to end is looked at until it has.
    let (path, id_of_slow) = start(&dan, json!({})).await;
    until_launched(&dan, &path).await;
    {
        let mut state = dagster.state();
        let run = state.run_of(&id_of_slow);
        (run.status, run.started) = ("STARTED".to_owned(), Some(now()));
    }
    dan.post(&format!("{path}/cancel"), json!({})).await.expect(StatusCode::OK);
    until(&dan, &path, "seen", |run| run["status"] == "started").await;
    {
        let mut state = dagster.state();
        assert_eq!(state.run_of(&id).status, "CANCELED");
        let run = state.run_of(&id_of_slow);
        assert_eq!(run.status, "CANCELING");
        (run.status, run.ended) = ("CANCELED".to_owned(), Some(now()));
    }
    let begun = Instant::now();
    until(&dan, &path, "canceled", |run| run["status"] == "canceled").await;
    assert!(begun.elapsed().as_secs() < 4, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_run_that_is_overdue_is_ended_with_the_reason() {
    let dagster = Dagster::start();
    let service = with(&dagster, |config| config.dagster_cancel_seconds = 1).await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let config = json!({ "dagster_pipeline_config": { "max_runtime_seconds": 30 } });
    dan.patch("/pipelines/p", config).await.expect(StatusCode::OK);
    let (path, id) = start(&dan, json!({})).await;
    until_launched(&dan, &path).await;
    let begin = |seconds_ago: f64| {
        let mut state = dagster.state();
        let run = state.run_of(&id);
        (run.status, run.started) = ("STARTED".to_owned(), Some(now() - seconds_ago));
    };
    // For a minute it is Dagster's own watch that ends it.
    begin(80.0);
    until(&dan, &path, "started", |run| run["status"] == "started").await;
    assert!(dagster.state().terminated.is_empty());
    let run = until(&dan, &path, "ended", |run| run["status"] == "canceled").await;
    assert_eq!(
        run.body["failure"],
        "Ended since it ran for longer than the 30 seconds that its pipeline allows."
    );
    assert!(run.body["cancel_requested_at"].is_string(), "{}", run.text);
    let by_force: Vec<bool> =
        dagster.state().terminated.iter().map(|(_, by_force)| *by_force).collect();
    assert!(!by_force[0] && by_force[by_force.len() - 1], "{by_force:?}");
    // It had begun, and counts; it succeeded not, and is no part of the mean.
    let figures = dan.get("/pipelines/p").await;
    assert_eq!(
        (&figures.body["times_run"], &figures.body["average_runtime"]),
        (&json!(1), &Value::Null)
    );
}

#[tokio::test]
async fn a_run_that_is_deleted_in_dagster_is_lost_and_settled_by_hand() {
    let dagster = Dagster::start();
    let service = with(&dagster, |config| config.dagster_lost_seconds = 2).await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let (path, _) = start(&dan, json!({})).await;
    let launched = until_launched(&dan, &path).await.id("dagster_run_id");
    let kept = std::mem::take(&mut dagster.state().runs);
    let lost = until(&dan, &path, "lost", |run| run["lost_at"].is_string()).await;
    assert_eq!(
        (&lost.body["status"], &lost.body["failure"]),
        (&json!("queued"), &json!(format!("Dagster does not know the run {launched} any more.")))
    );
    assert!(
        service.nobody().get("/metrics").await.text.contains("blockyard_engine_lost_runs_total 1")
    );
    // Should it be found again, it is not lost.
    dagster.state().runs = kept;
    let found = until(&dan, &path, "found", |run| run["lost_at"].is_null()).await;
    assert_eq!(found.body["status"], "queued");
    dagster.state().runs.clear();
    until(&dan, &path, "lost again", |run| run["lost_at"].is_string()).await;
    let settled = json!({ "status": "failure", "failure": "Somebody deleted it." });
    let settled = dan.patch(&path, settled).await.expect(StatusCode::OK);
    assert_eq!(
        (&settled.body["lost_at"], &settled.body["failure"]),
        (&Value::Null, &json!("Somebody deleted it."))
    );
    assert_eq!(dagster.state().launches, 1, "what is lost is not launched again");
}

#[tokio::test]
async fn people_are_sent_to_where_they_reach_dagster() {
    let dagster = Dagster::start();
    let public = "https://dagster.example.org/nightly";
    let service =
        with(&dagster, |config| config.dagster_public_url = Some(format!("{public}/"))).await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    let (path, _) = start(&dan, json!({})).await;
    let id = until_launched(&dan, &path).await.id("dagster_run_id");
    let steps = dan.get(&format!("{path}/steps")).await.expect(StatusCode::OK);
    assert_eq!(steps.body["dagster_url"], format!("{public}/runs/{id}"));
}
