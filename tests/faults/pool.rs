//! The database is there, but busy: locks that others hold, statements that take too long,
//! connections that are all in use, a server that says nothing.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::join;
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;

use blockyard::db::Db;

use crate::cluster::Cluster;
use crate::program::{Program, client};
use crate::support::Database;
use crate::support::people::people;

#[tokio::test]
async fn a_connection_that_nobody_needs_is_closed() {
    let database = Database::new().await;
    let db = Db::new(database.service(), 4, Duration::from_secs(5)).expect("a pool");
    let mut owner = database.connect().await;
    let connections = async |owner: &mut PgConnection| {
        let count = "select count(*) from pg_stat_activity where datname = current_database() and usename = 'blockyard_api'";
        sqlx::query_scalar::<_, i64>(count).fetch_one(owner).await.expect("a count")
    };
    db.ready().await.expect("an answer");
    db.close_idle(Duration::from_mins(1));
    assert_eq!(connections(&mut owner).await, 1);
    db.close_idle(Duration::ZERO);
    let begun = Instant::now();
    while connections(&mut owner).await > 0 {
        assert!(begun.elapsed() < BOUND, "it is still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    db.ready().await.expect("another connection");
}

/// More than any of this takes, and far less than a hang.
const BOUND: Duration = Duration::from_secs(25);

struct Answer {
    status: StatusCode,
    retry_after: Option<String>,
    body: Value,
}

impl Answer {
    #[track_caller]
    fn is_refused_for_now(&self, code: &str) {
        assert_eq!(self.status, StatusCode::SERVICE_UNAVAILABLE, "{}", self.body);
        assert_eq!(self.body["code"], code);
        assert_eq!(self.retry_after.as_deref(), Some("1"));
    }
}

/// Somebody who asks, and is answered in time whatever happens.
struct Person<'a> {
    program: &'a Program,
    token: String,
    http: reqwest::Client,
}

impl<'a> Person<'a> {
    async fn developer(program: &'a Program) -> Self {
        Self::named(program, "dan").await
    }

    async fn named(program: &'a Program, username: &str) -> Self {
        Self { program, token: program.token(username).await, http: client() }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.http.request(method, self.program.url(path));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let begun = Instant::now();
        let response = request.bearer_auth(&self.token).send().await;
        let response = response.expect("an answer");
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
        let retry_after = response.headers().get("retry-after");
        Answer {
            status: response.status(),
            retry_after: retry_after.map(|value| value.to_str().expect("text").to_owned()),
            body: response.json().await.expect("JSON"),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    async fn register(&self, name: &str) {
        let body = json!({ "name": name, "block_type": "model" });
        let answer = self.ask(Method::POST, "/blocks", Some(body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    }

    async fn update(&self, name: &str) -> Answer {
        let body = json!({ "metadata": { "n": 1 } });
        self.ask(Method::PATCH, &format!("/blocks/{name}"), Some(body)).await
    }
}

async fn database() -> Database {
    let database = Database::new().await;
    people(&database.owner()).await;
    database
}

/// Takes what a statement needs, and keeps it.
async fn run(owner: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(owner).await.expect(sql);
}

#[tokio::test]
async fn when_all_connections_are_in_use_others_are_told_to_come_again() {
    let database = database().await;
    let settings = [("DATABASE_CONNECTIONS", "2"), ("DATABASE_WAIT_SECONDS", "1")];
    let program = Program::start(&database.service(), &settings);
    let dan = Person::developer(&program).await;
    // One caller holds half of the connections: both take two.
    let dora = Person::named(&program, "dora").await;
    for name in ["a", "b", "c"] {
        dan.register(name).await;
    }
    let mut owner = database.connect().await;
    run(&mut owner, "begin; select from blocks where name in ('a', 'b') for update").await;
    let others = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let begun = Instant::now();
        let answers = join_all((0..20).map(|_| dan.get("/blocks/c"))).await;
        for answer in answers {
            answer.is_refused_for_now("unavailable");
        }
        // All of them waited at once, not one after the other.
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        assert_eq!(dan.get("/health/live").await.status, StatusCode::OK);
        dan.get("/health/ready").await.is_refused_for_now("unavailable");
        run(&mut owner, "rollback").await;
        assert_eq!(dan.get("/blocks/c").await.status, StatusCode::OK);
    };
    let (a, b, ()) = join!(dan.update("a"), dora.update("b"), others);
    assert_eq!((a.status, b.status), (StatusCode::OK, StatusCode::OK));
    assert_eq!(dan.get("/health/ready").await.status, StatusCode::OK);
    program.assert_no_errors();
}

/// What is slow for one caller alone: each look at a pipeline takes them a fifth of a second.
const SLOW_FOR_DAN: &str = "
    create policy slow on public.pipelines as restrictive for select to blockyard_api using (
        (select app.caller_id()) is distinct from (select user_id from public.usernames where username = 'dan')
        or (select pg_sleep(0.2)) is not null)";

#[tokio::test]
async fn one_callers_slow_requests_leave_connections_and_time_to_others() {
    const REQUESTS: usize = 60;
    let database = database().await;
    let program = Program::start(&database.service(), &[("DATABASE_WAIT_SECONDS", "3")]);
    let dan = Person::developer(&program).await;
    let dora = Person::named(&program, "dora").await;
    dora.register("quick").await;
    let pipeline = json!({ "name": "slow" });
    let made = dora.ask(Method::POST, "/pipelines", Some(pipeline)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let mut owner = database.connect().await;
    run(&mut owner, SLOW_FOR_DAN).await;
    let sleeping = async |owner: &mut PgConnection| {
        let count = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
        sqlx::query_scalar::<_, i64>(count).fetch_one(owner).await.expect("a count")
    };
    let slow = join_all((0..REQUESTS).map(|_| dan.get("/pipelines/slow")));
    let others = async {
        let (begun, mut first, mut later) = (Instant::now(), 0, 0);
        while begun.elapsed() < Duration::from_millis(2500) {
            assert_eq!(dora.get("/blocks/quick").await.status, StatusCode::OK, "is never refused");
            let now = sleeping(&mut owner).await;
            let known = begun.elapsed() > Duration::from_secs(1);
            let most = if known { &mut later } else { &mut first };
            *most = now.max(*most);
        }
        (first, later)
    };
    let (answers, (first, later)) = join!(slow, others);
    assert!((1..=5).contains(&first), "{first} at once: half of the connections");
    assert_eq!(later, 1, "at once, when they are known to be slow");
    let (served, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == StatusCode::OK);
    // Half of them at first, and then one after the other, for three seconds.
    assert!((10..40).contains(&served.len()), "{} are served", served.len());
    for answer in refused {
        answer.is_refused_for_now("unavailable");
    }
    // Who asks quickly again gets half again.
    assert_eq!(dan.get("/blocks/quick").await.status, StatusCode::OK);
    program.assert_no_errors();
}

#[tokio::test]
async fn a_lock_that_is_kept_ends_in_503_while_others_are_served() {
    let database = database().await;
    let program = Program::start(&database.service(), &[]);
    let dan = Person::developer(&program).await;
    for name in ["locked", "free"] {
        dan.register(name).await;
    }
    let mut owner = database.connect().await;
    run(&mut owner, "begin; select from blocks where name = 'locked' for update").await;
    let others = async {
        for _ in 0..10 {
            assert_eq!(dan.get("/blocks/locked").await.status, StatusCode::OK);
            assert_eq!(dan.update("free").await.status, StatusCode::OK);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let (locked, ()) = join!(dan.update("locked"), others);
    locked.is_refused_for_now("unavailable");
    run(&mut owner, "rollback").await;
    let block = dan.get("/blocks/locked").await.body;
    assert_eq!(block["version_number"], 1, "nothing was changed: {block}");
    let updated = dan.update("locked").await;
    assert_eq!(updated.body["version_number"], 2, "{}", updated.body);

    // The same with a statement that takes longer than it may.
    run(
        &mut owner,
        "do $$ begin execute format('alter role blockyard_api in database %I set statement_timeout = 500', current_database()); end $$",
    )
    .await;
    let program = Program::start(&database.service(), &[]);
    let dan = Person::developer(&program).await;
    run(&mut owner, "begin; lock table blocks in access exclusive mode").await;
    dan.get("/blocks").await.is_refused_for_now("unavailable");
    dan.update("free").await.is_refused_for_now("unavailable");
    assert_eq!(dan.get("/auth/me").await.status, StatusCode::OK);
    run(&mut owner, "rollback").await;
    assert_eq!(dan.get("/blocks").await.status, StatusCode::OK);
    program.assert_no_errors();
}

#[tokio::test]
async fn what_takes_too_long_is_cut_off_and_says_what_that_means() {
    let cluster = Cluster::start().await;
    // Sooner than the database gives up waiting for the lock.
    let settings = [("REQUEST_SECONDS", "2"), ("BODY_SECONDS", "1")];
    let program = Program::start(cluster.service(), &settings);
    let dan = Person::developer(&program).await;
    dan.register("held").await;
    let mut owner = crate::support::connect(cluster.owner()).await;
    run(&mut owner, "begin; lock table blocks in access exclusive mode").await;
    let (read, updated) = join!(dan.get("/blocks/held"), dan.update("held"));
    read.is_refused_for_now("unavailable");
    updated.is_refused_for_now("unknown_outcome");
    run(&mut owner, "rollback").await;
    cluster.settle().await;
    assert_eq!(dan.get("/blocks/held").await.status, StatusCode::OK);
    assert_eq!(dan.update("held").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left_alone() {
    let cluster = Cluster::start().await;
    let settings = [("DATABASE_WAIT_SECONDS", "2")];
    let program = Program::start(cluster.service(), &settings);
    let dan = Person::developer(&program).await;
    dan.register("a").await;
    // Several connections, so that one after the other would take too long.
    for answer in join_all((0..10).map(|_| dan.get("/blocks/a"))).await {
        assert_eq!(answer.status, StatusCode::OK);
    }
    // Only the sessions say nothing: new ones do, and take their place.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    cluster.signal_sessions(Signal::SIGSTOP).await;
    assert_eq!(dan.get("/blocks/a").await.status, StatusCode::OK);
    assert_eq!(dan.update("a").await.status, StatusCode::OK);
    cluster.signal_sessions(Signal::SIGCONT).await;

    // Nothing answers any more, not even to a new connection.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    cluster.signal_all(Signal::SIGSTOP);
    let answers = join_all((0..20).map(|_| dan.get("/blocks/a"))).await;
    for answer in answers {
        answer.is_refused_for_now("unavailable");
    }
    assert_eq!(dan.get("/health/live").await.status, StatusCode::OK);
    dan.get("/health/ready").await.is_refused_for_now("unavailable");
    cluster.signal_all(Signal::SIGCONT);
    assert_eq!(dan.get("/blocks/a").await.status, StatusCode::OK);

    // It falls silent under a change: nobody knows, and that is what the client is told.
    let mut owner = crate::support::connect(cluster.owner()).await;
    run(&mut owner, "begin; select from blocks for update").await;
    let freeze = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        cluster.signal_all(Signal::SIGSTOP);
    };
    let (updated, ()) = join!(dan.update("a"), freeze);
    updated.is_refused_for_now("unknown_outcome");
    cluster.signal_all(Signal::SIGCONT);
    run(&mut owner, "rollback").await;
    cluster.settle().await;
    assert_eq!(dan.update("a").await.status, StatusCode::OK);
    program.assert_no_errors();
}
