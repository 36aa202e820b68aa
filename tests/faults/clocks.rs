//! Instances whose clocks are a minute apart, and the database's between them: whatever has a time has it from
//! the database, but for access tokens, which allow for it.

use std::process::Command;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::program::{Program, client};
use crate::support::people::{PASSWORD, people};
use crate::support::{Database, connect};

/// Two instances: one is a minute behind, one a minute ahead. `None`, with a word, where clocks cannot be set.
fn apart(database: &Database) -> Option<[Program; 2]> {
    let told =
        Command::new("faketime").args(["-f", "+1s", "sh", "-c", "echo $LD_PRELOAD"]).output();
    let Ok(told) = told else {
        assert!(std::env::var_os("CI").is_none(), "CI has faketime");
        println!("skipped: faketime is not installed (apt-get install faketime)");
        return None;
    };
    let library = String::from_utf8(told.stdout).expect("a path");
    Some(["-60s", "+60s"].map(|offset| {
        let settings = [
            ("LD_PRELOAD", library.trim()),
            ("FAKETIME", offset),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            // Shorter than the clocks are apart.
            ("ACCESS_TOKEN_SECONDS", "60"),
        ];
        Program::start(&database.service(), &settings)
    }))
}

async fn ask(request: RequestBuilder) -> (StatusCode, reqwest::header::HeaderMap, Value) {
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status(), answer.headers().clone());
    (status, headers, answer.json().await.unwrap_or_default())
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("no {name}: {body}"))
}

fn time(body: &Value, name: &str) -> DateTime<Utc> {
    text(body, name).parse().expect("a time")
}

/// The clock of an instance, as its answers have it.
async fn clock(program: &Program) -> DateTime<Utc> {
    let (_, headers, _) = ask(client().get(program.url("/health/live"))).await;
    let date = headers["date"].to_str().expect("a date");
    DateTime::parse_from_rfc2822(date).expect("a date").into()
}

#[tokio::test]
async fn instances_whose_clocks_are_two_minutes_apart_agree() {
    let database = Database::new().await;
    people(&database.owner()).await;
    let Some([behind, ahead]) = apart(&database) else { return };
    let apart = clock(&ahead).await - clock(&behind).await;
    assert!(apart > TimeDelta::seconds(115), "the clocks are apart: {apart}");
    // The one that is right: that of the database.
    let database_clock = async || -> DateTime<Utc> {
        let mut owner = connect(&database.owner()).await;
        sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut owner).await.expect("a time")
    };
    let begun = database_clock().await;
    let right = Program::start(&database.service(), &[("ACCESS_TOKEN_SECONDS", "60")]);

    // Tokens: those of an instance a minute off count at one that is right, and the other way round.
    let login = json!({ "username": "dan", "password": PASSWORD });
    let mut refresh = Vec::new();
    for (signs, verifies) in
        [(&behind, &right), (&ahead, &right), (&right, &behind), (&right, &ahead)]
    {
        let (status, _, tokens) = ask(client().post(signs.url("/auth/login")).json(&login)).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        let request = client().get(verifies.url("/auth/me"));
        let (status, _, me) = ask(request.bearer_auth(text(&tokens, "access_token"))).await;
        assert_eq!(status, StatusCode::OK, "{me}");
        refresh.push(text(&tokens, "refresh_token").to_owned());
    }
    // Sessions end by the database's clock: any instance goes on with any of them.
    for (token, program) in refresh.iter().zip([&ahead, &behind, &ahead, &behind]) {
        let request = client().post(program.url("/auth/refresh"));
        let (status, _, body) = ask(request.json(&json!({ "refresh_token": token }))).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }

    // An API key of half a minute: not over at once for one instance, nor two minutes long for the other.
    let (_, _, tokens) = ask(client().post(right.url("/auth/login")).json(&login)).await;
    let token = text(&tokens, "access_token").to_owned();
    let mut keys = Vec::new();
    for (name, program) in [("behind", &behind), ("ahead", &ahead)] {
        let expires_at = database_clock().await + TimeDelta::seconds(30);
        let body = json!({ "name": name, "expires_at": expires_at.to_rfc3339() });
        let request = client().post(program.url("/api-keys")).bearer_auth(&token);
        let (status, _, key) = ask(request.json(&body)).await;
        assert_eq!(status, StatusCode::CREATED, "{key}");
        let late = json!({ "name": name, "expires_at": database_clock().await.to_rfc3339() });
        let request = client().post(program.url("/api-keys")).bearer_auth(&token);
        let (status, _, refused) = ask(request.json(&late)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
        assert_eq!(refused["errors"][0]["detail"], "Lies in the past.");
        keys.push(text(&key, "key").to_owned());
    }
    let by_key = |program: &Program, method, path: &str| {
        client().request(method, program.url(path)).header("X-API-Key", &keys[0])
    };
    for program in [&behind, &ahead] {
        for key in &keys {
            let request = client().get(program.url("/auth/me")).header("X-API-Key", key);
            assert_eq!(ask(request).await.0, StatusCode::OK);
        }
    }

    // Changes by turns: their times are the database's, and in the order in which they were made.
    let instances = [&behind, &ahead];
    let mut times = Vec::new();
    let mut tag = String::new();
    for n in 0..6 {
        let body = json!({ "name": format!("b{n}"), "block_type": "model" });
        let request = by_key(instances[n % 2], Method::POST, "/blocks").json(&body);
        let request = request.header("Idempotency-Key", format!("k{n}"));
        let (status, headers, block) = ask(request).await;
        assert_eq!(status, StatusCode::CREATED, "{block}");
        times.push(time(&block, "created_at"));
        tag = headers["etag"].to_str().expect("a tag").to_owned();
    }
    assert!(times.is_sorted(), "{times:?}");
    assert!(begun < times[0] && times[5] < database_clock().await, "{times:?}");

    // A revision of one instance is that of the other, and so is an Idempotency-Key.
    let request = by_key(&behind, Method::PATCH, "/blocks/b5").header("If-Match", &tag);
    let (status, _, body) = ask(request.json(&json!({ "metadata": { "n": 1 } }))).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let body = json!({ "name": "b0", "block_type": "model" });
    let request = by_key(&ahead, Method::POST, "/blocks").header("Idempotency-Key", "k0");
    let (status, headers, _) = ask(request.json(&body)).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(headers["idempotency-replayed"], "true");

    // A list, page by page, each from the other instance.
    let (mut names, mut cursor, mut turn) = (Vec::new(), String::new(), 0);
    loop {
        let path = format!("/blocks?limit=2{cursor}");
        let (status, _, page) = ask(by_key(instances[turn % 2], Method::GET, &path)).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let items = page["items"].as_array().expect("items");
        names.extend(items.iter().map(|block| text(block, "name").to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
        turn += 1;
    }
    assert_eq!(names, ["b5", "b4", "b3", "b2", "b1", "b0"]);
}
