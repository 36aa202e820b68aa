//! SIGTERM under load: readiness turns first, then nobody new is let in, and nobody is cut off.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::join;
use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::query_scalar;

use crate::program::Program;
use crate::support::Database;
use crate::support::people::people;
use crate::wire::{Outcome, Wire, head, request};

const CLIENTS: usize = 8;

#[derive(Debug, Default)]
struct Seen {
    served: usize,
    /// Served after SIGTERM.
    served_late: usize,
    /// Told with an answer that the connection ends.
    told: usize,
    /// The connection ended before a byte of an answer.
    closed: usize,
    refused: usize,
    cut: Vec<String>,
    statuses: Vec<u16>,
}

async fn block(program: &Program, token: &str, name: &str) {
    let mut wire = Wire::open(program.address).await.expect("a connection");
    let body = json!({ "name": name, "block_type": "model" });
    let sent = wire.send(request("POST", "/blocks", token, &body)).await;
    sent.expect("sent");
    assert_eq!(wire.answer().await.status, 201);
}

async fn get(program: &Program, path: &str) -> Outcome {
    let mut wire = Wire::open(program.address).await.expect("a connection");
    let sent = wire.send(head("GET", path, "", "")).await;
    sent.expect("sent");
    wire.outcome().await
}

fn status(outcome: &Outcome) -> Option<u16> {
    match outcome {
        Outcome::Answer(answer) => Some(answer.status),
        _ => None,
    }
}

/// Reads and writes on one connection after the other, until nobody lets it in.
async fn work(
    number: usize,
    program: &Program,
    token: &str,
    asked: &AtomicBool,
    seen: &Mutex<Seen>,
) {
    let requests = [
        head("GET", "/blocks?limit=50", token, ""),
        request("PATCH", &format!("/blocks/b{number}"), token, &json!({ "metadata": { "n": 1 } })),
    ];
    'connecting: loop {
        let Ok(mut wire) = Wire::open(program.address).await else {
            seen.lock().expect("seen").refused += 1;
            return;
        };
        for request in requests.iter().cycle() {
            let late = asked.load(Ordering::Relaxed);
            let outcome = match wire.send(request).await {
                Ok(()) => wire.outcome().await,
                Err(_) => Outcome::Closed,
            };
            let mut seen = seen.lock().expect("seen");
            match outcome {
                Outcome::Answer(answer) => {
                    seen.served += 1;
                    seen.served_late += usize::from(late);
                    if answer.status != 200 {
                        seen.statuses.push(answer.status);
                    }
                    if answer.is_last() {
                        seen.told += 1;
                        continue 'connecting;
                    }
                }
                Outcome::Closed => {
                    seen.closed += 1;
                    continue 'connecting;
                }
                Outcome::Cut(what) => {
                    seen.cut.push(what);
                    continue 'connecting;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_cuts_nobody_off() {
    let database = Database::new().await;
    people(&database.owner()).await;
    let settings = [("SHUTDOWN_DELAY_SECONDS", "2")];
    let mut program = Program::start(&database.service(), &settings);
    let token = program.token("dan").await;
    for number in 0..CLIENTS {
        block(&program, &token, &format!("b{number}")).await;
    }
    let (asked, seen) = (AtomicBool::new(false), Mutex::new(Seen::default()));
    let begun = Instant::now();
    let load = join_all((0..CLIENTS).map(|number| work(number, &program, &token, &asked, &seen)));
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(status(&get(&program, "/health/ready").await), Some(200));
        program.signal(Signal::SIGTERM);
        asked.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let ready = get(&program, "/health/ready").await;
        let Outcome::Answer(ready) = ready else { panic!("{ready:?}") };
        assert_eq!(ready.status, 503);
        assert_eq!(ready.json()["code"], "stopping");
        assert_eq!(status(&get(&program, "/health/live").await), Some(200));
        assert_eq!(status(&get(&program, "/").await), Some(200));
    };
    join!(load, stopping);
    let load_ended = begun.elapsed();
    assert_eq!(program.ended().await, 0);
    println!("\nSIGTERM with {CLIENTS} keep-alive clients under load");
    println!(
        "  over after                  {:.2?} (after the load {:.2?})",
        begun.elapsed(),
        begun.elapsed() - load_ended
    );
    let seen = seen.into_inner().expect("seen");
    println!("  {seen:?}");
    assert!(seen.cut.is_empty() && seen.statuses.is_empty(), "{seen:?}");
    assert!(seen.served_late > 0, "it served on while readiness was denied");
    assert_eq!(seen.closed, 0, "busy clients are told by an answer");
    assert_eq!((seen.told, seen.refused), (CLIENTS, CLIENTS));
}

#[tokio::test]
async fn what_is_being_served_is_finished_and_a_second_signal_ends_it() {
    let database = Database::new().await;
    people(&database.owner()).await;
    let settings = [("SHUTDOWN_DELAY_SECONDS", "0")];
    let mut owner = database.connect().await;
    for (second, code) in [(None, 200), (Some(Signal::SIGTERM), 0), (Some(Signal::SIGINT), 0)] {
        let mut program = Program::start(&database.service(), &settings);
        let token = program.token("dan").await;
        let name = format!("b{second:?}").replace(['(', ')'], "-");
        block(&program, &token, &name).await;
        sqlx::raw_sql("begin; select from blocks for update")
            .execute(&mut owner)
            .await
            .expect("a lock");
        let mut wire = Wire::open(program.address).await.expect("a connection");
        let body = json!({ "metadata": { "n": 1 } });
        let path = format!("/blocks/{name}");
        wire.send(request("PATCH", &path, &token, &body)).await.expect("sent");
        // Idle, and so of no consequence.
        let mut idle = Wire::open(program.address).await.expect("a connection");
        tokio::time::sleep(Duration::from_millis(500)).await;
        let begun = Instant::now();
        program.signal(Signal::SIGTERM);
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(Wire::open(program.address).await.is_err(), "nobody new is let in");
        if let Some(second) = second {
            program.signal(second);
        } else {
            sqlx::raw_sql("rollback").execute(&mut owner).await.expect("no lock");
        }
        let outcome = wire.outcome().await;
        assert_eq!(status(&outcome).unwrap_or(0), code, "{outcome:?}");
        assert!(matches!(idle.outcome().await, Outcome::Closed));
        assert_eq!(program.ended().await, 0);
        // Without the second signal it would have waited for the lock to time out.
        assert!(second.is_none() || begun.elapsed() < Duration::from_secs(4));
        sqlx::raw_sql("rollback").execute(&mut owner).await.expect("no lock");
    }
    // Somebody at a terminal does not wait for a platform to notice.
    let mut program = Program::start(&database.service(), &[("SHUTDOWN_DELAY_SECONDS", "60")]);
    program.signal(Signal::SIGINT);
    assert_eq!(program.ended().await, 0);
}

#[tokio::test]
async fn who_followed_the_runs_leaves_them_to_another_at_once() {
    let database = Database::new().await;
    // Nobody has to answer there.
    let settings = [("DAGSTER_URL", "http://127.0.0.1:9"), ("SHUTDOWN_DELAY_SECONDS", "0")];
    let mut program = Program::start(&database.service(), &settings);
    let mut owner = database.connect().await;
    let leads = "select leads_until > clock_timestamp() from app.engine";
    let mut is_led = false;
    for _ in 0..100 {
        is_led = query_scalar::<_, Option<bool>>(leads).fetch_one(&mut owner).await.expect("a row")
            == Some(true);
        if is_led {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(is_led, "it leads");
    program.signal(Signal::SIGTERM);
    assert_eq!(program.ended().await, 0);
    let is_led: Option<bool> = query_scalar(leads).fetch_one(&mut owner).await.expect("a row");
    assert_eq!(is_led, Some(false));
}
