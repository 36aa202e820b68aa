//! The gate before a run, and the figures of runs.

use serde_json::Value;

use super::{World, a_moment};

#[tokio::test]
async fn a_run_needs_every_edge_version_verified() {
    let mut world = World::new().await;
    let [pipeline, edge, ..] = world.pipeline("it").await;
    let mut developer = world.developer().await;
    let run = format!("insert into pipeline_runs (pipeline_id) values ('{pipeline}')");
    developer.ok(&run).await;

    // Each tries on what the one before has left.
    let verify = |status: &str| {
        format!(
            "insert into edge_verifications (edge_version_id, verification_status)
             select current_version_id, '{status}' from edges where edge_id = '{edge}'"
        )
    };
    let version = |number: u32| {
        format!(
            "(select version_id from edge_versions where edge_id = '{edge}' and version_number = {number})"
        )
    };
    let pin = |number: u32| {
        format!(
            "update pipeline_edges set edge_version_id = {} where edge_id = '{edge}'",
            version(number)
        )
    };
    let steps: [(&str, String, Option<&str>); 11] = [
        ("a pending one beside one that passed", verify("pending"), None),
        ("failed after passed", verify("failed"), Some("edge_verification_failed")),
        ("passed again", verify("passed"), None),
        (
            "a new version",
            format!("update edges set metadata = '{{\"v\": 2}}' where edge_id = '{edge}'"),
            Some("edge_unverified"),
        ),
        ("its check under way", verify("pending"), Some("edge_verification_pending")),
        ("the pinned one has passed", pin(1), None),
        ("the pinned one has not", pin(2), Some("edge_verification_pending")),
        (
            "following, with the verified one activated",
            format!(
                "update pipeline_edges set edge_version_id = null where edge_id = '{edge}';
             update edges set current_version_id = {} where edge_id = '{edge}'",
                version(1)
            ),
            None,
        ),
        (
            "an unverified one activated",
            format!(
                "update edges set current_version_id = {} where edge_id = '{edge}'",
                version(2)
            ),
            Some("edge_verification_pending"),
        ),
        (
            "reported as failed",
            "update edge_verifications set verification_status = 'failed'
            where verification_status = 'pending'"
                .to_owned(),
            Some("edge_verification_failed"),
        ),
        ("passed at last", verify("passed"), None),
    ];
    // The two ways to ask what has not passed, all at once and one by one, say the same.
    let differing = "select count(*)::text from app.unpassed_edge_versions() u
        full join (select version_id from app.edge_version_statuses where status <> 'passed') s using (version_id)
        where u.edge_id is null or s.version_id is null";
    for (what, step, blocker) in steps {
        developer.ok(&step).await;
        assert_eq!(world.owner.text(&format!("({differing})")).await, "0", "{what}");
        for client in [&mut developer, &mut world.owner] {
            match (client.run(&run).await, blocker) {
                (Ok(1), None) => {}
                (Err(refusal), Some(code)) => {
                    assert_eq!(refusal.constraint, "pipeline_runs_not_ready", "{what}");
                    let blockers: Value = serde_json::from_str(&refusal.detail).unwrap();
                    assert_eq!(blockers[0]["code"], code, "{what}");
                    assert_eq!(blockers[0]["entity_id"], edge.as_str(), "{what}");
                }
                (outcome, _) => panic!("{what}: {outcome:?}"),
            }
        }
    }
    // An empty one, an archived one.
    developer.ok("insert into pipelines (name) values ('empty')").await;
    let empty = "insert into pipeline_runs (pipeline_id) select pipeline_id from pipelines where name = 'empty'";
    assert!(developer.refused(empty, "23514").await.detail.contains("pipeline_empty"));
    developer.ok("update pipelines set archived_at = now() where name = 'empty'").await;
    assert!(developer.refused(empty, "23514").await.detail.contains("pipeline_archived"));
    let used = format!("update pipelines set archived_at = now() where pipeline_id = '{pipeline}'");
    assert_eq!(developer.refused(&used, "23503").await.constraint, "pipelines_in_use");
}

#[tokio::test]
async fn a_run_waits_for_whatever_may_take_its_clearance() {
    let mut world = World::new().await;
    let changes = [
        "insert into edge_verifications (edge_version_id, verification_status)
         select current_version_id, 'failed' from edges where edge_id = '{edge}'",
        "update edges set metadata = '{\"v\": 2}' where edge_id = '{edge}'",
        "update edges set name = '{edge} renamed' where edge_id = '{edge}'",
        "insert into pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id)
         select '{pipeline}', '{other}', source_block_id, target_block_id
         from pipeline_edges where pipeline_id = '{pipeline}'",
        "delete from pipeline_edges where pipeline_id = '{pipeline}';
         delete from pipeline_blocks where pipeline_id = '{pipeline}'",
        "update pipelines set archived_at = now() where pipeline_id = '{pipeline}'",
    ];
    let other = world.owner.text("test.edge('unverified')").await;
    for (number, change) in changes.into_iter().enumerate() {
        let [pipeline, edge, ..] = world.pipeline(&number.to_string()).await;
        let run = format!("insert into pipeline_runs (pipeline_id) values ('{pipeline}')");
        let change = change
            .replace("{pipeline}", &pipeline)
            .replace("{edge}", &edge)
            .replace("{other}", &other);
        let mut one = world.developer().await;
        let mut two = world.developer().await;
        let mut late = world.developer().await;
        late.ok("begin isolation level repeatable read; select count(*) from pipelines").await;
        one.ok("begin").await;
        one.ok(&change).await;
        let statement = run.clone();
        let waiting = tokio::spawn(async move { (two.run(&statement).await, two) });
        a_moment().await;
        assert!(!waiting.is_finished(), "{change}: the run does not wait");
        one.ok("commit").await;
        let (outcome, mut two) = waiting.await.unwrap();
        let refusal = outcome.unwrap_err();
        assert_eq!(refusal.constraint, "pipeline_runs_not_ready", "{change}: {refusal:?}");
        two.refused(&run, "23514").await;
        // Who began before the change sees the old clearance, and may not use it.
        late.refused(&run, "25000").await;
    }
}

#[tokio::test]
async fn a_run_that_came_first_is_seen_by_the_revocation() {
    let mut world = World::new().await;
    let [pipeline, edge, ..] = world.pipeline("it").await;
    let mut runner = world.developer().await;
    let mut verifier = world.developer().await;
    runner
        .ok(&format!("begin; insert into pipeline_runs (pipeline_id) values ('{pipeline}')"))
        .await;
    let revoke = format!(
        "insert into edge_verifications (edge_version_id, verification_status)
         select current_version_id, 'failed' from edges where edge_id = '{edge}'"
    );
    let waiting = tokio::spawn(async move { verifier.run(&revoke).await });
    a_moment().await;
    assert!(!waiting.is_finished(), "the revocation does not wait");
    runner.ok("commit").await;
    waiting.await.unwrap().unwrap();
    let later = world
        .owner
        .text("select max(v.verified_at) > max(r.created_at) from edge_verifications v, pipeline_runs r")
        .await;
    assert_eq!(later, "true");
}

#[tokio::test]
async fn a_reported_verification_does_not_change() {
    let mut world = World::new().await;
    let [pipeline, edge, ..] = world.pipeline("it").await;
    let mut developer = world.developer().await;
    for client in [&mut developer, &mut world.owner] {
        for change in [
            "verification_status = 'failed'",
            "verification_status = 'pending'",
            "verification_logs = 'all is well'",
        ] {
            let refusal =
                client.refused(&format!("update edge_verifications set {change}"), "23514").await;
            assert_eq!(refusal.constraint, "edge_verifications_reported");
        }
        client.refused("delete from edge_verifications", "42501").await;
        client.refused("truncate edge_verifications", "42501").await;
    }
    // It goes with its edge only.
    let mut admin = world.admin().await;
    admin.ok(&format!("delete from pipelines where pipeline_id = '{pipeline}'")).await;
    admin.ok(&format!("delete from edges where edge_id = '{edge}'")).await;
    assert_eq!(world.owner.text("select count(*) from edge_verifications").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_of_runs_count_each_run_once() {
    const RUNS: usize = 40;
    let mut world = World::new().await;
    let [pipeline, ..] = world.pipeline("it").await;
    let mut developer = world.developer().await;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        developer
            .ok(&format!("insert into pipeline_runs (pipeline_id) values ('{pipeline}')"))
            .await;
        runs.push(
            developer.text("select run_id from pipeline_runs order by run_id desc limit 1").await,
        );
    }
    // Of four runs one fails; the others succeed after as many seconds as their number.
    let mut messages = Vec::new();
    for (number, run) in runs.iter().enumerate() {
        let status = if number % 4 == 3 { "failure" } else { "success" };
        let started = "started_at = '2026-01-01'";
        let ended = format!("ended_at = '2026-01-01'::timestamptz + interval '{number} s'");
        for _ in 0..3 {
            messages.push(format!(
                "update pipeline_runs set status = 'started', {started} where run_id = '{run}'"
            ));
            messages.push(format!(
                "update pipeline_runs set status = '{status}', {started}, {ended} where run_id = '{run}'"
            ));
        }
    }
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..8 {
        let mut client = world.developer().await;
        let mut messages = messages.clone();
        // Every sender tells everything, each in another order.
        let stride = [1, 7, 11, 13, 17, 19, 23, 29][sender];
        messages =
            (0..messages.len()).map(|n| messages[n * stride % messages.len()].clone()).collect();
        senders.spawn(async move {
            for message in messages {
                if let Err(refusal) = client.run(&message).await {
                    assert_eq!(refusal.constraint, "pipeline_runs_status_step", "{refusal:?}");
                }
            }
        });
    }
    while let Some(outcome) = senders.join_next().await {
        outcome.unwrap();
    }
    let seconds: Vec<usize> = (0..RUNS).filter(|number| number % 4 != 3).collect();
    let expected = seconds.iter().sum::<usize>() as f64 / seconds.len() as f64;
    assert_eq!(
        developer.text(&format!("select times_run || ' ' || runs_succeeded from pipelines where pipeline_id = '{pipeline}'")).await,
        format!("{RUNS} {}", seconds.len())
    );
    let average = developer
        .text(&format!("select average_runtime from pipelines where pipeline_id = '{pipeline}'"))
        .await;
    let average: f64 = average.parse().unwrap();
    assert!((average - expected).abs() < 1e-9, "{average} is not {expected}");
    // One that never began counts nowhere, and no run ends twice.
    developer
        .ok(&format!(
            "insert into pipeline_runs (pipeline_id) values ('{pipeline}');
             update pipeline_runs set status = 'canceled' where status = 'queued'"
        ))
        .await;
    let again =
        |status| format!("update pipeline_runs set status = '{status}' where status = 'canceled'");
    for status in ["success", "failure"] {
        developer.refused(&again(status), "23514").await;
    }
    // What comes late changes nothing.
    for status in ["queued", "started", "canceled"] {
        developer.ok(&again(status)).await;
    }
    let canceled =
        "select count(*) from pipeline_runs where status = 'canceled' and started_at is null";
    assert_eq!(developer.text(canceled).await, "1");
    let times = developer.text("select max(times_run) from pipelines").await;
    assert_eq!(times, RUNS.to_string());
}
