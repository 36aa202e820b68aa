//! The log of the whole program: that it is there, that nothing waits for it, and what is not in it.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};

use super::running::{PASSWORD, Running, on};
use super::support::Database;

const FILE: &str = "LOG_FILE";

fn served(log: &str) -> usize {
    log.lines().filter(|line| line.contains("served")).count()
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_one_warning_and_stops_nothing() {
    let database = Database::new().await;
    // Root may write everywhere, so: below a file, in a folder that nobody can write to, and on a
    // device that answers like a full disk.
    for path in ["stdout/app.log", "/proc/nowhere/app.log", "/dev/full"] {
        let running = Running::start(on(&database).with(FILE, path)).await;
        for _ in 0..20 {
            assert_eq!(running.get("/health/ready").await, 200, "{path}");
        }
        let dropped = r#"blockyard_log_lines_dropped_total{output="file"}"#;
        for _ in 0..500 {
            if running.metric(dropped).await >= 20.0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert!(running.metric(dropped).await >= 20.0, "{path}");
        let (said, _) = running.stop();
        let warnings = said.errors.matches("LOG_FILE").count();
        assert_eq!(warnings, 1, "{path}: {}", said.errors);
        assert!(said.errors.contains(path.trim_start_matches("./")), "{}", said.errors);
        assert!(served(&said.output) >= 20, "{}", said.output);
    }
}

#[tokio::test]
async fn an_output_that_nobody_reads_stalls_no_request_and_not_the_end() {
    let database = Database::new().await;
    let program = on(&database).with(FILE, "app.log");
    // More than a pipe holds, which are 64 KiB on Linux, and nobody at its other end.
    let (_reader, pipe) = std::io::pipe().unwrap();
    let running = Running::start_into(program, Stdio::from(pipe)).await;
    let long = "x".repeat(2000);
    for n in 0..200 {
        assert_eq!(running.get(&format!("/nothing/{n}/{long}")).await, 404);
    }
    let (_, program) = running.stop();
    let log = fs::read_to_string(program.folder().join("app.log")).unwrap();
    let there = log.matches("/nothing/").count();
    assert_eq!(there, 200, "the file does not wait for the output");
}

#[tokio::test]
async fn at_warn_requests_leave_no_line() {
    let database = Database::new().await;
    let program = on(&database).with(FILE, "app.log").with("LOG_LEVEL", "warn");
    let running = Running::start(program).await;
    for path in ["/health/ready", "/nothing", "/blocks"] {
        running.get(path).await;
    }
    let (said, program) = running.stop();
    assert_eq!(said.output, "");
    let log = fs::read_to_string(program.folder().join("app.log")).unwrap_or_default();
    assert_eq!(log, "");
}

#[tokio::test]
async fn answer_log_and_audit_trail_have_the_same_id() {
    let database = Database::new().await;
    let program = on(&database)
        .with(FILE, "app.log")
        .with("LOG_FORMAT", "json")
        .with("LOG_LEVEL", "info,sqlx=debug");
    let running = Running::start(program).await;
    let token = running.login().await["access_token"].as_str().unwrap().to_owned();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut ids = Vec::new();
    for (n, (header, value)) in [
        ("X-Request-Id", "order-66".to_owned()),
        ("traceparent", format!("00-{trace}-00f067aa0ba902b7-01")),
        ("User-Agent", "neither".to_owned()),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = running
            .http
            .post(running.url("/blocks"))
            .bearer_auth(&token)
            .header(header, value)
            .json(&json!({ "name": format!("b{n}"), "block_type": "model" }))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
        ids.push(answer.headers()["x-request-id"].to_str().unwrap().to_owned());
    }
    assert_eq!(ids[..2], ["order-66", trace]);
    let (said, program) = running.stop();

    let mut owner = database.connect().await;
    let recorded: Vec<String> = sqlx::query_scalar(
        "select details -> 'request' ->> 'id' from audit_logs
         where entity_type = 'block' order by \"timestamp\"",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert_eq!(recorded, ids);

    let log = fs::read_to_string(program.folder().join("app.log")).unwrap();
    assert_eq!(said.output, log, "both have the same lines");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    for line in &lines {
        for member in ["timestamp", "level", "target"] {
            assert!(line[member].is_string(), "{line}");
        }
    }
    for id in ids {
        let of_request: Vec<_> = lines.iter().filter(|line| line["request_id"] == *id).collect();
        let served = of_request.iter().filter(|line| line["message"] == "served");
        let served: Vec<_> = served.collect();
        assert_eq!(served.len(), 1, "{id}: {log}");
        assert_eq!(served[0]["status"], 201);
        assert_eq!(served[0]["path"], "/blocks");
        // What sqlx says of the statement, deep inside.
        let inside = of_request.iter().any(|line| line["target"] == "sqlx::query");
        assert!(inside, "{id}: {log}");
    }
}

#[tokio::test]
async fn the_file_is_followed_by_another_and_old_ones_go() {
    let database = Database::new().await;
    let program = on(&database).with(FILE, "logs/app.log");
    let logs = program.folder().join("logs");
    fs::create_dir(&logs).unwrap();
    fs::write(logs.join("app.log"), "x\n".repeat(5_000_000 - 50)).unwrap();
    let ago = |days| {
        let day = chrono::Local::now() - chrono::TimeDelta::days(days);
        format!("app.log.{}", day.format("%Y%m%dT%H%M%S"))
    };
    let (old, recent) = (ago(11), ago(9));
    for name in [&old, &recent] {
        fs::write(logs.join(name), "old\n").unwrap();
    }
    let running = Running::start(program).await;
    for n in 0..20 {
        running.get(&format!("/nothing/{n}")).await;
        // So that they do not all come in one write.
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let (_, program) = running.stop();
    let logs = program.folder().join("logs");
    let mut all = String::new();
    let mut names = Vec::new();
    for entry in fs::read_dir(&logs).unwrap() {
        let entry = entry.unwrap();
        names.push(entry.file_name().into_string().unwrap());
        assert!(entry.metadata().unwrap().len() < 10_100_000);
        all += &fs::read_to_string(entry.path()).unwrap();
    }
    assert!(!names.contains(&old), "{names:?}");
    assert!(names.contains(&recent), "{names:?}");
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(fs::metadata(logs.join("app.log")).unwrap().len() < 100_000);
    for n in 0..20 {
        let line = format!("path=\"/nothing/{n}\"");
        assert_eq!(all.matches(&line).count(), 1, "{line}");
    }
}

#[tokio::test]
async fn secrets_are_in_no_line_however_much_is_logged() {
    let database = Database::new().await;
    let url = url::Url::parse(&Database::url(&database.service())).unwrap();
    let database_password = url.password().expect("a password").to_owned();
    let metrics_token = "the-metrics-token-2204";
    let program = on(&database)
        .with("METRICS_TOKEN", metrics_token)
        .with(FILE, "app.log")
        .with("LOG_LEVEL", "trace");
    let running = Running::start(program).await;
    let tokens = running.login().await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (access, refresh) = (text(&tokens["access_token"]), text(&tokens["refresh_token"]));
    let send = async |request: reqwest::RequestBuilder| {
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (status, answer.json::<Value>().await.unwrap_or_default())
    };
    let post = |path: &str, body: Value| running.http.post(running.url(path)).json(&body);
    let (status, rotated) = send(post("/auth/refresh", json!({ "refresh_token": refresh }))).await;
    assert_eq!(status, 200, "{rotated}");
    let (status, key) = send(post("/api-keys", json!({ "name": "k" })).bearer_auth(&access)).await;
    assert_eq!(status, 201, "{key}");
    let key = text(&key["key"]);
    let (status, _) =
        send(running.http.get(running.url("/blocks")).header("X-API-Key", &key)).await;
    assert_eq!(status, 200);
    let changed = "the-next-password-of-ada-5512";
    let change = json!({ "current_password": PASSWORD, "new_password": changed });
    let (status, said) = send(post("/users/me/password", change).bearer_auth(&access)).await;
    assert!(status.is_success(), "{said}");
    let wrong = "a-password-that-is-wrong-6620";
    let (status, _) =
        send(post("/auth/login", json!({ "username": "ada", "password": wrong }))).await;
    assert_eq!(status, 401);
    let forged = format!("{access}forged");
    let (status, _) = send(running.http.get(running.url("/blocks")).bearer_auth(&forged)).await;
    assert_eq!(status, 401);
    let (status, _) = send(
        running
            .http
            .get(running.url("/metrics"))
            .header("X-Forwarded-For", "203.0.113.9")
            .bearer_auth(metrics_token),
    )
    .await;
    assert_eq!(status, 200);
    let (said, program) = running.stop();
    let log = fs::read_to_string(program.folder().join("app.log")).unwrap();
    assert!(log.contains("TRACE"), "it says little: {log}");
    let rotated = text(&rotated["refresh_token"]);
    for secret in [
        PASSWORD,
        changed,
        wrong,
        &access,
        &forged,
        &refresh,
        &rotated,
        &key,
        metrics_token,
        super::SECRET,
        &database_password,
    ] {
        for (place, text) in [("file", &log), ("output", &said.output), ("errors", &said.errors)] {
            let line = text.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} is in the {place}");
        }
    }
    // Not even the part of a token that makes it valid.
    let signature = access.rsplit('.').next().unwrap();
    assert!(!log.contains(signature));
}

#[tokio::test]
async fn what_housekeeping_finds_is_published() {
    let database = Database::new().await;
    let mut owner = database.connect().await;
    sqlx::raw_sql(
        "insert into audit_logs (action_type, entity_type, \"timestamp\")
         values ('READ', 'user', '2199-01-01')",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    let running = Running::start(on(&database)).await;
    let kept = "blockyard_housekeeping_last_success_timestamp_seconds";
    for _ in 0..500 {
        if running.metric(kept).await > 0.0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let now = chrono::Utc::now().timestamp();
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    let age = now as f64 - running.metric(kept).await;
    assert!((-2.0..600.0).contains(&age), "{age}");
    assert_eq!(running.metric("blockyard_audit_unpartitioned_rows").await, 1.0);
    running.stop();
}
