//! Two instances behind HAProxy on one database: an upgrade that nobody notices, the end of one that hardly
//! anybody does, and limits that hold for both together.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use blockyard::db::migrate::newest;
use chrono::Utc;
use futures_util::future::join_all;
use futures_util::join;
use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::json;

use crate::outages::{LONGEST_ANSWER, Stage, WARM, until};
use crate::program::{Program, client};
use crate::proxy::Proxy;
use crate::support::connect;
use crate::support::people::PASSWORD;
use crate::upgrade::migrate_to_next;
use crate::writers::{Kind, Round, Tally, WRITERS, Writer, shared};

/// Longer than HAProxy takes to notice: two checks, a second apart.
const SETTINGS: [(&str, &str); 2] =
    [("SHUTDOWN_DELAY_SECONDS", "4"), ("TRUST_FORWARDED_FOR", "true")];

/// Reads and logs in, by way of `url`, until the round is done; only 200 is right.
async fn read(url: String, token: &str, round: &Round<'_>) {
    let http = client();
    let login = json!({ "username": "vera", "password": PASSWORD });
    let paths = [format!("/blocks/{}", shared(0)), "/blocks?limit=50".to_owned()];
    while !round.done.load(Ordering::Relaxed) {
        let reads = paths.iter().map(|path| http.get(format!("{url}{path}")).bearer_auth(token));
        let logins = [http.post(format!("{url}/auth/login")).json(&login)];
        for request in reads.chain(logins) {
            let begun = Instant::now();
            match request.send().await {
                Ok(answer) if answer.status() == StatusCode::OK => round.tally.count(200),
                Ok(answer) => round.tally.blame(format!("a read: {}", answer.status())),
                Err(error) => round.tally.blame(format!("a read: {error:?}")),
            }
            round.tally.took(begun.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Fails unless every request of a round had its answer, and every change is there once.
async fn assert_nothing_failed(
    stage: &Stage,
    round: Round<'_>,
    tally: &Tally,
    since: chrono::DateTime<Utc>,
) {
    let entries = round.entries.into_inner().expect("entries");
    let verdict = stage.ledger.judge(&entries, since).await;
    stage.ledger.assert_versions().await;
    let statuses = tally.statuses.lock().expect("statuses");
    println!("  acknowledged changes        {}", verdict.acknowledged);
    println!("  answered from the key       {}", tally.replayed.load(Ordering::Relaxed));
    println!("  longest answer              {:.2?}", tally.slowest());
    println!("  {statuses:?}");
    let wrong = tally.wrong.lock().expect("wrong");
    assert!(wrong.is_empty(), "{} answers: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
    assert!(statuses.keys().all(|status| status.starts_with('2')), "{statuses:?}");
    assert!(tally.slowest() < LONGEST_ANSWER, "{:?}", tally.slowest());
    assert_eq!(verdict.acknowledged, entries.len());
    assert_eq!((verdict.lost, verdict.half, verdict.duplicates), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_upgrade_under_load_fails_no_request() {
    let stage = Stage::set().await;
    let mut instances = [
        ("one", Program::start(stage.cluster.service(), &SETTINGS)),
        ("two", Program::start(stage.cluster.service(), &SETTINGS)),
    ];
    let Some(proxy) = Proxy::start(&instances[0].1, &instances[1].1).await else { return };
    let (tally, since) = (Tally::default(), Utc::now());
    let round = Round::new(&tally, false);
    let token = stage.token.clone();
    let mut crew: Vec<_> =
        (0..WRITERS).map(|number| Writer::new(number, proxy.url(""), &token)).collect();
    let load = join_all(crew.iter_mut().map(|writer| writer.write(&round)));
    let readers = join_all((0..2).map(|_| read(proxy.url(""), &token, &round)));
    let roll = async {
        until("no change is acknowledged", || round.acknowledged() >= WARM).await;
        let begun = Instant::now();
        migrate_to_next(stage.cluster.owner()).await.expect("the next migration");
        let migrated = begun.elapsed();
        // The next program knows the migration. This one, told that there is none, stands for it.
        sqlx::query("delete from app._sqlx_migrations where version = $1")
            .bind(newest() + 1)
            .execute(&mut connect(stage.cluster.owner()).await)
            .await
            .expect("a record");
        for (name, instance) in &mut instances {
            instance.signal(Signal::SIGTERM);
            assert_eq!(instance.ended().await, 0, "{name}");
            instance.restart();
            proxy.until(name, "UP").await;
            let before = round.acknowledged();
            until("both serve", || round.acknowledged() >= before + WARM).await;
        }
        round.done.store(true, Ordering::Relaxed);
        (migrated, begun.elapsed())
    };
    let (_, _, (migrated, took)) = join!(load, readers, roll);
    println!("\na migration and a rolling restart of two instances behind HAProxy, under load");
    println!("  took                        {took:.2?}, of which the migration {migrated:.2?}");
    assert_nothing_failed(&stage, round, &tally, since).await;
    for (_, instance) in &instances {
        instance.assert_no_errors();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_killed_costs_no_request_that_may_be_repeated() {
    let stage = Stage::set().await;
    let mut one = Program::start(stage.cluster.service(), &SETTINGS);
    let two = Program::start(stage.cluster.service(), &SETTINGS);
    let Some(proxy) = Proxy::start(&one, &two).await else { return };
    let (tally, since) = (Tally::default(), Utc::now());
    let round = Round::new(&tally, false);
    let token = stage.token.clone();
    let mut crew: Vec<_> =
        (0..WRITERS).map(|number| Writer::new(number, proxy.url(""), &token)).collect();
    let keyed = [Kind::Register, Kind::Update, Kind::Compose];
    let load = join_all(crew.iter_mut().map(|writer| async {
        while !round.done.load(Ordering::Relaxed) {
            for kind in keyed {
                writer.change(kind, &round).await;
            }
        }
    }));
    let kill = async {
        for _ in 0..3 {
            let before = round.acknowledged();
            until("it serves", || round.acknowledged() >= before + WARM).await;
            one.kill();
            proxy.until("one", "DOWN").await;
            one.restart();
            proxy.until("one", "UP").await;
        }
        round.done.store(true, Ordering::Relaxed);
    };
    join!(load, kill);
    println!("\none of two instances behind HAProxy is killed three times, under load");
    assert_nothing_failed(&stage, round, &tally, since).await;
}

#[tokio::test]
async fn throttles_hold_for_both_and_rate_limits_for_each() {
    let stage = Stage::set().await;
    let limits =
        [("LOGIN_ACCOUNT_LIMIT", "4"), ("RATE_LIMIT_CALLER", "20"), ("RATE_LIMIT_ADDRESS", "0")];
    let instances = [(); 2].map(|()| Program::start(stage.cluster.service(), &limits));
    let attempt = async |instance: &Program, password: &str| {
        let body = json!({ "username": "dora", "password": password });
        let request = client().post(instance.url("/auth/login")).json(&body);
        request.send().await.expect("an answer").status()
    };
    for number in 0..4 {
        let status = attempt(&instances[number % 2], "a wrong password").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    for instance in &instances {
        // Not even the right one, wherever it is tried.
        assert_eq!(attempt(instance, PASSWORD).await, StatusCode::TOO_MANY_REQUESTS);
    }
    for instance in &instances {
        let mut answered = 0;
        loop {
            let request = client().get(instance.url("/auth/me")).bearer_auth(&stage.token);
            match request.send().await.expect("an answer").status() {
                StatusCode::OK => answered += 1,
                status => {
                    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
                    break;
                }
            }
        }
        // A minute's worth, and what comes back meanwhile: the other has counted for itself.
        assert!((20..25).contains(&answered), "{answered}");
    }
}
