//! `DATABASE_REPLICA_URL`: a replica answers reads, and nobody can tell, whatever becomes of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use blockyard::server;
use futures_util::future::join_all;
use futures_util::join;
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::ConnectOptions;

use crate::cluster::Cluster;
use crate::program::{Program, client};
use crate::standby::Standby;
use crate::support::connect;

/// No answer is older, and some time for a busy machine.
const A_SECOND: Duration = Duration::from_millis(1200);

struct Stage {
    cluster: Cluster,
    standby: Standby,
}

impl Stage {
    async fn set() -> Self {
        let cluster = Cluster::start().await;
        let standby = Standby::of(&cluster).await;
        Self { cluster, standby }
    }

    fn program(&self) -> Program {
        let settings = [("DATABASE_REPLICA_URL", self.standby.url())];
        Program::start(
            self.cluster.service(),
            &settings.each_ref().map(|(name, url)| (*name, url.as_str())),
        )
    }
}

struct Answer {
    status: StatusCode,
    position: Option<String>,
    body: Value,
}

async fn ask(
    program: &Program,
    method: Method,
    path: &str,
    credential: &str,
    body: Option<Value>,
    position: Option<&str>,
) -> Answer {
    let mut request = program.http.request(method, program.url(path));
    if !credential.is_empty() {
        request = request.bearer_auth(credential);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    if let Some(position) = position {
        request = request.header("Blockyard-Position", position);
    }
    let answer = request.send().await.expect("an answer");
    let position = answer.headers().get("blockyard-position");
    Answer {
        status: answer.status(),
        position: position.map(|value| value.to_str().expect("text").to_owned()),
        body: serde_json::from_slice(&answer.bytes().await.expect("a body")).unwrap_or_default(),
    }
}

async fn get(program: &Program, path: &str, credential: &str, position: Option<&str>) -> Answer {
    ask(program, Method::GET, path, credential, None, position).await
}

async fn register(program: &Program, token: &str, name: &str) {
    let body = json!({ "name": name, "block_type": "model" });
    let made = ask(program, Method::POST, "/blocks", token, Some(body), None).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
}

/// How many reads had this outcome so far; or another metric, whole.
async fn metric(program: &Program, line: &str) -> u64 {
    let text = program.http.get(program.url("/metrics")).send().await.expect("an answer");
    let text = text.text().await.expect("text");
    let found = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {line}")).parse().expect("a number")
}

async fn reads(program: &Program, outcome: &str) -> u64 {
    metric(program, &format!("blockyard_replica_reads_total{{outcome=\"{outcome}\"}}")).await
}

/// Reads until the replica answers again.
async fn until_answered(program: &Program, token: &str) {
    let before = reads(program, "answered").await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while reads(program, "answered").await == before {
        assert!(Instant::now() < deadline, "the replica is not asked");
        assert_eq!(get(program, "/blocks", token, None).await.status, StatusCode::OK);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The rules for a replica name what there is.
async fn assert_alerts_are_published(program: &Program) {
    let rules = include_str!("../../docs/prometheus/replica.yml");
    let names = regex::Regex::new("blockyard_replica_[a-z_]+").expect("an expression");
    let mut named = 0;
    for name in names.find_iter(rules) {
        let published = program.http.get(program.url("/metrics")).send().await.expect("an answer");
        let published = published.text().await.expect("text");
        assert!(published.contains(&format!("\n{}", name.as_str())), "{}", name.as_str());
        named += 1;
    }
    assert!(named >= 5, "{named}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_written_reads_what_they_wrote() {
    let stage = Stage::set().await;
    let (writes, shows) = (stage.program(), stage.program());
    let token = writes.token("dan").await;
    register(&writes, &token, "b").await;
    until_answered(&shows, &token).await;
    let write = async |n: usize| {
        let body = Some(json!({ "metadata": { "n": n } }));
        let made = ask(&writes, Method::PATCH, "/blocks/b", &token, body, None).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.body);
        made.position.expect("how far the log is")
    };
    let shown = async |position: Option<&str>| {
        let begun = Instant::now();
        let answer = get(&shows, "/blocks/b", &token, position).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(answer.position, None, "nothing was written");
        (answer.body["metadata"]["n"].as_u64().map(|n| n as usize), begun.elapsed())
    };
    assert_alerts_are_published(&shows).await;
    let before = reads(&shows, "answered").await;
    for n in 0..200 {
        let position = write(n).await;
        assert_eq!(shown(Some(&position)).await.0, Some(n), "by another instance");
    }
    let answered = reads(&shows, "answered").await - before;
    println!(
        "\n200 changes by one instance, each read by another: {answered} reads by the replica"
    );
    assert!(answered > 100, "{answered} by the replica");

    // Behind: it is waited for, not for long, and then the primary asked. Who has not written sees what is a
    // second old at most.
    stage.standby.hold_up().await;
    let position = write(1000).await;
    let (n, took) = shown(Some(&position)).await;
    assert_eq!(n, Some(1000));
    assert!(took < Duration::from_secs(2), "{took:?}");
    tokio::time::sleep(A_SECOND).await;
    assert_eq!(shown(None).await.0, Some(1000), "no answer is older than a second");
    let mut slowest = Duration::ZERO;
    for n in 1001..1020 {
        let position = write(n).await;
        let (found, took) = shown(Some(&position)).await;
        assert_eq!(found, Some(n));
        slowest = slowest.max(took);
    }
    println!("  while it is held up, longest {slowest:.2?}");
    assert!(reads(&shows, "behind").await + reads(&shows, "down").await > 0);
    assert!(metric(&shows, "blockyard_replica_lag_bytes").await > 0);
    stage.standby.go_on().await;
    until_answered(&shows, &token).await;

    // Whoever wants the primary asks for it; what is no position is refused.
    let before = reads(&shows, "answered").await;
    for _ in 0..5 {
        assert_eq!(shown(Some("FFFFFFFF/FFFFFFFF")).await.0, Some(1019));
    }
    assert_eq!(reads(&shows, "answered").await, before);
    let refused = get(&shows, "/blocks/b", &token, Some("yesterday")).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (StatusCode::BAD_REQUEST, &json!("malformed"))
    );
    writes.assert_no_errors();
    shows.assert_no_errors();
}

/// Every path that can be read, of things that are there, of none, and of what only some may see.
fn paths() -> Vec<String> {
    let document = server::document();
    let mut paths: Vec<String> = Vec::new();
    for (path, item) in &document.paths.paths {
        if item.get.is_none() || path.starts_with("/health") || path == "/metrics" {
            continue;
        }
        if !path.contains('{') {
            paths.push(path.clone());
            continue;
        }
        for (thing, which) in [("b", "1"), ("nothing", "latest")] {
            let mut filled = String::new();
            for segment in path.split('/').skip(1) {
                filled.push('/');
                filled.push_str(match segment {
                    "{version}" => which,
                    segment if segment.starts_with('{') => thing,
                    segment => segment,
                });
            }
            paths.push(filled);
        }
    }
    assert!(paths.len() > 60, "{}", paths.len());
    paths
}

/// What the answer is, without what is different each time.
fn told(answer: Answer) -> (StatusCode, Value) {
    let mut body = answer.body;
    strip(&mut body, "request_id");
    // It moves with what is compared.
    strip(&mut body, "last_used_at");
    (answer.status, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_and_every_refusal_is_the_same_through_it() {
    let stage = Stage::set().await;
    let through = stage.program();
    let plain = Program::start(stage.cluster.service(), &[]);
    let (ada, dan, vera) =
        (plain.token("ada").await, plain.token("dan").await, plain.token("vera").await);
    register(&plain, &dan, "b").await;
    for path in ["/edges", "/pipelines", "/taxonomy-categories"] {
        let made = ask(&plain, Method::POST, path, &ada, Some(json!({ "name": "b" })), None).await;
        assert_eq!(made.status, StatusCode::CREATED, "{path}: {}", made.body);
    }
    let key = async |name: &str| {
        let body = Some(json!({ "name": name }));
        let made = ask(&plain, Method::POST, "/api-keys", &dan, body, None).await;
        let id = made.body["api_key_id"].as_str().expect("an id").to_owned();
        (made.body["key"].as_str().expect("a key").to_owned(), id)
    };
    let ((kept, kept_id), (revoked, revoked_id)) = (key("kept").await, key("revoked").await);
    let compare = async |when: &str, credentials: &[&str]| {
        let mut compared = 0;
        for path in paths() {
            // The trail has what the comparison itself reads.
            if path.contains("audit") || path.contains("activity") || path.contains("history") {
                continue;
            }
            let pairs = credentials.iter().map(|credential| async {
                join!(get(&plain, &path, credential, None), get(&through, &path, credential, None))
            });
            for (one, other) in join_all(pairs).await {
                assert_eq!(told(one), told(other), "{when}: {path}");
                compared += 1;
            }
        }
        compared
    };
    stage.standby.until_level().await;
    until_answered(&through, &dan).await;
    let before = reads(&through, "answered").await;
    let everybody = [&ada, &dan, &vera, &kept, &revoked, "", "no.token.this"].map(|one| one);
    let compared = compare("level", &everybody).await;
    let answered = reads(&through, "answered").await - before;
    println!("\n{compared} reads compared, {answered} of them answered by the replica");
    // How many depends on how long it all takes: now and then a read goes to the primary, to ask how far it is.
    assert!(answered > 20, "{answered}");

    // Behind, with what it does not know yet: a revoked key, a user who is no more active, who may see less, who is
    // new; a block that is archived and one that is new.
    stage.standby.hold_up().await;
    let change = async |method, path: &str, body| {
        let changed = ask(&plain, method, path, &ada, Some(body), None).await;
        assert!(changed.status.is_success(), "{path}: {}", changed.body);
    };
    change(Method::PATCH, "/users/vera", json!({ "is_active": false })).await;
    change(Method::PATCH, "/users/dan", json!({ "role": "viewer" })).await;
    register(&plain, &ada, "nothing").await;
    for path in ["/blocks/b".to_owned(), format!("/api-keys/{revoked_id}")] {
        let gone = ask(&plain, Method::DELETE, &path, &ada, None, None).await;
        assert!(gone.status.is_success(), "{}", gone.body);
    }
    // What is missing is missed by the primary alone, from the first moment on.
    let found = get(&through, "/blocks/nothing", &ada, None).await;
    assert_eq!(found.status, StatusCode::OK, "{}", found.body);
    tokio::time::sleep(A_SECOND).await;
    compare("held up", &[&ada, &dan, &vera, &revoked]).await;
    stage.standby.go_on().await;
    until_answered(&through, &ada).await;
    compare("level again", &[&dan, &vera, &revoked]).await;

    // What a read writes is written: when the key was used, and who read whom.
    let mut owner = connect(stage.cluster.owner()).await;
    let before = reads(&through, "asked_again").await;
    let mut asked_again = 0;
    // The first read may be one of those that go to the primary anyway, to ask how far it is.
    for _ in 0..20 {
        sqlx::query("update api_keys set last_used_at = null where api_key_id = $1::uuid")
            .bind(&kept_id)
            .execute(&mut owner)
            .await
            .expect("a key");
        stage.standby.until_level().await;
        until_answered(&through, &ada).await;
        for _ in 0..20 {
            assert_eq!(get(&through, "/blocks", &kept, None).await.status, StatusCode::OK);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        asked_again = reads(&through, "asked_again").await - before;
        if asked_again > 0 {
            break;
        }
    }
    let used: bool = sqlx::query_scalar(
        "select last_used_at is not null from api_keys where api_key_id = $1::uuid",
    )
    .bind(&kept_id)
    .fetch_one(&mut owner)
    .await
    .expect("a key");
    assert!(used);
    assert!((1..10).contains(&asked_again), "once, and until the replica has it: {asked_again}");
    let recorded =
        "select count(*) from audit_logs where action_type = 'READ' and entity_type = 'user'";
    let before: i64 = sqlx::query_scalar(recorded).fetch_one(&mut owner).await.expect("a count");
    assert_eq!(get(&through, "/users/dan", &ada, None).await.status, StatusCode::OK);
    let after: i64 = sqlx::query_scalar(recorded).fetch_one(&mut owner).await.expect("a count");
    assert_eq!(after, before + 1);
    through.assert_no_errors();
}

fn strip(value: &mut Value, name: &str) {
    match value {
        Value::Object(members) => {
            members.remove(name);
            members.values_mut().for_each(|member| strip(member, name));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| strip(item, name)),
        _ => {}
    }
}

/// Reads without a pause until it is over; only 200 with what was written is right.
async fn read_on(program: &Program, token: &str, done: &AtomicBool) -> (usize, Duration) {
    let (http, mut count, mut slowest) = (client(), 0, Duration::ZERO);
    while !done.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let request = http.get(program.url("/blocks/b")).bearer_auth(token);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        count += 1;
        slowest = slowest.max(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (count, slowest)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stops_freezes_or_is_promoted_costs_no_request() {
    let stage = Stage::set().await;
    let program = stage.program();
    let token = program.token("dan").await;
    register(&program, &token, "b").await;
    until_answered(&program, &token).await;
    println!("\nunder 4 readers, a replica that");
    for what in ["stops", "freezes", "is promoted"] {
        let done = AtomicBool::new(false);
        let load = join_all((0..4).map(|_| read_on(&program, &token, &done)));
        let breaking = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            match what {
                "stops" => stage.standby.stop(),
                "freezes" => stage.standby.signal(Signal::SIGSTOP),
                _ => stage.standby.promote().await,
            }
            tokio::time::sleep(Duration::from_secs(3)).await;
            match what {
                "stops" => stage.standby.start(),
                "freezes" => stage.standby.signal(Signal::SIGCONT),
                _ => {}
            }
            if what != "is promoted" {
                until_answered(&program, &token).await;
            }
            done.store(true, Ordering::Relaxed);
        };
        let (read, ()) = join!(load, breaking);
        let count: usize = read.iter().map(|(count, _)| count).sum();
        let slowest = read.iter().map(|(_, slowest)| *slowest).max().unwrap_or_default();
        println!("  {what:<12} {count} reads, longest {slowest:.2?}");
        // A statement that it was at while it froze is waited for until the server counts as gone (15 s); nothing
        // else is waited for, but on a busy machine everything takes longer.
        let bound = if what == "freezes" { 25 } else { 10 };
        assert!(slowest < Duration::from_secs(bound), "{what}: {slowest:?}");
    }
    // It takes writes now. It is never asked again, and everybody is told.
    let answered = reads(&program, "answered").await;
    for _ in 0..20 {
        assert_eq!(get(&program, "/blocks/b", &token, None).await.status, StatusCode::OK);
    }
    assert_eq!(reads(&program, "answered").await, answered);
    assert_eq!(metric(&program, "blockyard_replica_retired").await, 1);
    let log = program.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("takes writes"), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_no_replica_of_this_one_answers_nothing() {
    let stage = Stage::set().await;
    let other = Cluster::start().await;
    let service = |login: &sqlx::postgres::PgConnectOptions| login.to_url_lossy().to_string();
    let as_owner = stage.cluster.owner().clone().port(stage.standby.service().get_port());
    for (url, why) in [
        (service(stage.cluster.service()), "takes writes"),
        (service(other.service()), "is no copy of the server"),
        // Row-level security would not bind it.
        (service(&as_owner), "as postgres, and DATABASE_URL"),
        (
            service(&stage.standby.service().clone().database("postgres")),
            "shows the database postgres",
        ),
    ] {
        let settings = [("DATABASE_REPLICA_URL", url.as_str())];
        let program = Program::start(stage.cluster.service(), &settings);
        let token = program.token("dan").await;
        for _ in 0..20 {
            assert_eq!(get(&program, "/blocks", &token, None).await.status, StatusCode::OK);
        }
        assert_eq!(reads(&program, "answered").await, 0, "{why}");
        assert_eq!(metric(&program, "blockyard_replica_retired").await, 1, "{why}");
        assert!(program.log().contains(why), "{why}: {}", program.log());
    }
    // One that is not there yet is no reason not to start, and is asked once it is.
    stage.standby.stop();
    let program = stage.program();
    let token = program.token("dan").await;
    assert_eq!(get(&program, "/blocks", &token, None).await.status, StatusCode::OK);
    assert_eq!(get(&program, "/blocks", &token, None).await.status, StatusCode::OK);
    stage.standby.start();
    until_answered(&program, &token).await;
    program.assert_no_errors();
}
