//! Values at the edge of what SQL takes, and times: whatever the tables hold can be read, and a time looks the same
//! wherever it stands.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, query_as, query_scalar};

use crate::addresses::{addresses, instant};
use crate::service::{Person, Service};
use crate::world::{self, Client};

/// One of everything that Dan has made, beside what is archived; the ids by name.
async fn filled(service: &Service) -> Value {
    let mut owner = world::create(&service.database).await;
    let dan = service.id_of("dan").await;
    // As somebody elsewhere would write it.
    sqlx::raw_sql("set timezone = 'Asia/Kolkata'; set datestyle = 'German'")
        .execute(&mut owner)
        .await
        .expect("a session");
    world::furnish(&mut owner, Some(&dan)).await
}

/// Reads everything as an admin; nothing of it is a failure of ours.
async fn read_all(admin: &Person<'_>, addresses: &[String], after: &str) -> Vec<Value> {
    let mut answers = Vec::new();
    for address in addresses {
        let answer = admin.get(&address.replace("NOW", &instant())).await;
        assert!(
            answer.status.is_success() || answer.status == StatusCode::NOT_FOUND,
            "{address} after {after}: {} {}",
            answer.status,
            answer.text
        );
        answers.push(answer.body);
    }
    answers
}

/// Values at the edges of a type, as SQL writes them.
fn extremes(kind: &str, words: Option<&[String]>) -> Vec<String> {
    let quoted = |values: &[&str]| values.iter().map(|value| format!("'{value}'")).collect();
    if let Some(words) = words {
        return words.iter().map(|word| format!("'{word}'")).collect();
    }
    match kind {
        "timestamptz" => quoted(&[
            "-infinity",
            "infinity",
            "4713-01-01 00:00:00+00 BC",
            "0001-12-31 23:59:59+00 BC",
            "1999-12-31 23:59:59.999999+00",
            "2000-01-01 00:00:00+00",
            "2024-02-29 12:00:00.5+14",
            "9999-12-31 23:59:59.999999+00",
            "10000-01-01 00:00:00+00",
            "294276-12-31 23:59:59.999999+00",
            "epoch",
            "now",
        ]),
        "int2" => quoted(&["-32768", "-1", "0", "32767"]),
        "int4" => quoted(&["-2147483648", "-1", "0", "2147483647"]),
        "int8" => quoted(&["-9223372036854775808", "-1", "0", "9223372036854775807"]),
        "float4" | "float8" => quoted(&["NaN", "Infinity", "-Infinity", "-0", "1e-37", "1e37"]),
        "numeric" => quoted(&["NaN", "Infinity", "-Infinity", "1e131071", "1e-16383"]),
        "interval" => quoted(&["-178000000 years", "178000000 years", "-1 microsecond"]),
        "bool" => quoted(&["false", "true"]),
        "uuid" => quoted(&[
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ]),
        "bytea" => vec!["''".into(), "repeat('x', 1000000)::bytea".into()],
        "text" => [
            "''",
            "' '",
            "repeat('x', 100000)",
            "repeat('ẞ', 200)",
            r"E'\uFFFF'",
            r"E'\uFFFE \uFDD0'",
            r"E'\u0001\u0007\u001b[2J'",
            r"E'a\r\nX-Injected: 1'",
            r"E'\u202Egpj.exe'",
            r"E'e\u0301'",
            r"E'\U0001F9D1\u200D\U0001F52C'",
            r"E'\U0010FFFF'",
            "'<script>\"&'']]>'",
            "'%00%2f..'",
            "'..'",
            "'null'",
            "'infinity'",
            "'-infinity'",
            "'NaN'",
            "'2026-01-01T00:00:00.5+02:00'",
            "'00000000-0000-7000-8000-000000000000'",
            "'https://example.com/' || repeat('%41', 600)",
            "'v' || repeat('1', 127)",
        ]
        .map(str::to_owned)
        .to_vec(),
        "jsonb" => [
            "'null'",
            "'true'",
            "'0'",
            "'\"text\"'",
            "'[]'",
            "'{}'",
            "'{\"\": {\"\": []}}'",
            "'{\"n\": 1e400, \"m\": -1e-400}'",
            "'{\"n\": 123456789012345678901234567890.0123456789}'",
            "'{\"at\": \"-infinity\", \"created_at\": \"infinity\"}'",
            r#"'{"__proto__": "\uffff", "\u0001": "\ud83d\ude00"}'"#,
            "jsonb_build_object('x', repeat('x', 20000))",
            "(repeat('{\"a\":', 98) || '1' || repeat('}', 98))::jsonb",
            "(repeat('{\"a\":', 5000) || '1' || repeat('}', 5000))::jsonb",
            "('{\"a\":' || repeat('[', 99) || repeat(']', 99) || '}')::jsonb",
            "(select jsonb_object_agg('k' || n, n) from generate_series(1, 1000) as n)",
            "'{\"any\": [], \"all\": [], \"none\": []}'",
            "'{\"any\": [null, 5, {}]}'",
        ]
        .map(str::to_owned)
        .to_vec(),
        array if array.starts_with('_') => {
            quoted(&["{}", "{NULL}", "{{NULL,NULL},{NULL,NULL}}", "[5:6]={NULL,NULL}"])
        }
        other => panic!("what are the extremes of {other}?"),
    }
}

struct Column {
    name: String,
    kind: String,
    words: Option<Vec<String>>,
}

/// What clients may write, from the catalog: the columns of each table.
async fn writable(service: &Service) -> BTreeMap<String, Vec<Column>> {
    let mut owner = service.database.connect().await;
    let rows: Vec<(String, String, String, Option<Vec<String>>)> = query_as(
        "select c.relname::text, a.attname::text, t.typname::text,
             (select array_agg(e.enumlabel::text) from pg_enum e where e.enumtypid = t.oid)
         from pg_class c
         join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         join pg_type t on t.oid = a.atttypid
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
           and has_column_privilege('authenticated', c.oid, a.attnum, 'update')
         order by 1, 2",
    )
    .fetch_all(&mut owner)
    .await
    .expect("the catalog");
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for (table, name, kind, words) in rows {
        tables.entry(table).or_default().push(Column { name, kind, words });
    }
    tables
}

#[actix_web::test]
async fn whatever_sql_takes_can_be_read() {
    let service = Service::start().await;
    let things = filled(&service).await;
    let addresses = addresses(&things);
    let admin = service.admin().await;
    read_all(&admin, &addresses, "nothing").await;
    let dan = things["user"].as_str().expect("an id");
    let mut developer = Client::user(&service.database, dan).await;
    let (mut tried, mut taken, mut columns) = (0, 0, 0);
    let mut tables: Vec<_> = writable(&service).await.into_iter().collect();
    // Runs first, while their pipeline is ready.
    tables.sort_by_key(|(table, _)| table != "pipeline_runs");
    for (table, its_columns) in tables {
        let thing = match table.as_str() {
            "taxonomy_categories" => "category",
            "code_repos" => "repo",
            "docker_images" => "image",
            "block_vector_representations" => "block_vector",
            "edge_vector_representations" => "edge_vector",
            "dependencies" => "dependency",
            "edge_verifications" => "verification",
            "pipeline_runs" => "run",
            "api_keys" => "key",
            "aliases" => "alias_row",
            "embedding_models" => "model",
            singular => singular.trim_end_matches('s'),
        };
        let id = things[thing].as_str().unwrap_or_else(|| panic!("no {thing} of {table}"));
        let key: String = developer
            .text(&format!(
                "select attname from pg_attribute where attrelid = '{table}'::regclass and attnum = 1"
            ))
            .await;
        for column in its_columns {
            // A state decides what else may be written beside it, so each is tried with each.
            let beside: Vec<String> = match table.as_str() {
                "pipeline_runs" if column.kind == "timestamptz" => {
                    ["queued", "started", "success", "failure", "canceled"]
                        .map(|status| format!(", status = '{status}'"))
                        .to_vec()
                }
                _ => vec![String::new()],
            };
            let mut some = false;
            for value in extremes(&column.kind, column.words.as_deref()) {
                for beside in &beside {
                    let name = &column.name;
                    let row = if table == "pipeline_runs" {
                        // A new one, for what has ended is not written again.
                        developer
                            .ok("insert into pipeline_runs (pipeline_id) select pipeline_id from pipeline_runs limit 1")
                            .await;
                        "(select run_id from pipeline_runs order by created_at desc limit 1)"
                            .to_owned()
                    } else {
                        format!("'{id}'")
                    };
                    let statement =
                        format!("update {table} set {name} = {value}{beside} where {key} = {row}");
                    tried += 1;
                    match developer.run(&statement).await {
                        Ok(rows) => {
                            some |= rows > 0;
                            taken += rows;
                        }
                        // A refusal has a reason; the rest would be ours to explain.
                        Err(refusal) => assert!(
                            !refusal.code.starts_with("XX") && !refusal.code.starts_with("58"),
                            "{statement:.300}: {refusal:?}"
                        ),
                    }
                }
            }
            columns += i32::from(some);
        }
        read_all(&admin, &addresses, &table).await;
    }
    println!(
        "{columns} columns took some of {tried} values, {taken} taken, {} addresses",
        addresses.len()
    );
    assert!(columns > 25 && taken > 100 && tried > taken, "{columns} {tried} {taken}");
    // Each of these ended the list of runs for everybody.
    let held: i64 = query_scalar(
        "select count(*) from pipeline_runs
         where not isfinite(ended_at) or not isfinite(started_at)
            or least(started_at, ended_at) < '2000-01-01' or greatest(started_at, ended_at) > now() + interval '2 hours'",
    )
    .fetch_one(&mut service.database.connect().await)
    .await
    .expect("a number");
    assert_eq!(held, 0);
    admin.get("/health/ready").await.expect(StatusCode::OK);
    let still = json!({ "name": "still well", "block_type": "model" });
    admin.post("/blocks", still).await.expect(StatusCode::CREATED);
}

#[actix_web::test]
async fn a_time_that_nobody_can_write_is_an_error_and_no_panic() {
    let service = Service::start().await;
    let developer = service.developer().await;
    let made = developer.post("/blocks", json!({ "name": "it", "block_type": "model" })).await;
    let block = made.expect(StatusCode::CREATED).id("block_id");
    // Only the owner of the tables can do this; all the same, nothing of the service is lost by it.
    let mut owner = service.database.connect().await;
    for value in ["infinity", "-infinity", "4713-01-01 BC", "294276-12-31"] {
        let statement =
            format!("update blocks set created_at = '{value}' where block_id = '{block}'");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut owner).await.expect("the owner may");
        for _ in 0..20 {
            let answer = developer.get(&format!("/blocks/{block}")).await;
            answer.refused(StatusCode::INTERNAL_SERVER_ERROR, "internal");
        }
        developer.get("/edges").await.expect(StatusCode::OK);
    }
    sqlx::raw_sql("update blocks set created_at = now()")
        .execute(&mut owner)
        .await
        .expect("mended");
    developer.get("/blocks").await.expect(StatusCode::OK);
    let metrics = service.nobody().get("/metrics").await.expect(StatusCode::OK);
    let lost = metrics.text.lines().find(|line| line.contains("panics_total"));
    assert!(lost.is_none_or(|line| line.ends_with(" 0")), "{lost:?}");
}

/// Whether it is meant for a time: a date, and an hour behind it.
fn looks_like_a_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is = |at: usize, wanted: fn(&u8) -> bool| bytes.get(at).is_some_and(wanted);
    let digit: fn(&u8) -> bool = u8::is_ascii_digit;
    [0, 1, 2, 3, 5, 6, 8, 9, 11, 12].into_iter().all(|at| is(at, digit))
        && is(4, |c| *c == b'-')
        && is(7, |c| *c == b'-')
        && is(10, |c| matches!(c, b'T' | b't' | b' '))
        && is(13, |c| *c == b':')
}

fn is_in_the_one_form(text: &str) -> bool {
    let pattern = b"0000-00-00T00:00:00.000000Z";
    text.len() == pattern.len()
        && text.bytes().zip(pattern).all(|(found, wanted)| match wanted {
            b'0' => found.is_ascii_digit(),
            mark => found == *mark,
        })
}

/// The times in an answer, each with the members that lead to it.
fn times(value: &Value, place: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) if looks_like_a_time(text) => {
            found.push((place.to_owned(), text.clone()))
        }
        Value::Array(items) => items.iter().for_each(|item| times(item, place, found)),
        Value::Object(members) => {
            for (name, member) in members {
                times(member, &format!("{place}/{name}"), found);
            }
        }
        _ => {}
    }
}

#[actix_web::test]
async fn a_time_has_one_text_wherever_it_stands() {
    let service = Service::start().await;
    let mut things = filled(&service).await;
    let (developer, admin) = (service.developer().await, service.admin().await);
    let mut owner = service.database.connect().await;
    // Times of whole seconds, and with zeros at the end: where forms differ.
    for (table, column) in
        [("blocks", "created_at"), ("edges", "created_at"), ("pipelines", "created_at")]
    {
        let statement = format!("update {table} set {column} = '2026-01-02 03:04:05.12+05:30'");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut owner).await.expect("the owner may");
    }
    let of = |thing: &str| things[thing].as_str().expect("an id").to_owned();
    let mut answers = Vec::new();
    // Everything that a change answers, its repetition among it.
    let block = of("block");
    let patched =
        developer.patch(&format!("/blocks/{block}"), json!({ "metadata": { "n": 1 } })).await;
    answers.push(patched.expect(StatusCode::OK).body);
    for step in ["started", "success"] {
        let report =
            developer.patch(&format!("/runs/{}", of("run")), json!({ "status": step })).await;
        answers.push(report.expect(StatusCode::OK).body);
    }
    let verification = format!("/verifications/{}", of("verification"));
    let passed = json!({ "verification_status": "passed" });
    answers.push(developer.patch(&verification, passed).await.expect(StatusCode::OK).body);
    let edge = of("loose_edge");
    let renamed = json!({ "description": "another" });
    answers.push(
        developer.patch(&format!("/edges/{edge}"), renamed).await.expect(StatusCode::OK).body,
    );
    let tagged = json!({ "image_tag": "v2", "build_logs": "done" });
    let image = format!("/docker-images/{}", of("image"));
    answers.push(developer.patch(&image, tagged).await.expect(StatusCode::OK).body);
    let branch = json!({ "branch": "next" });
    let repo = format!("/code-repos/{}", of("repo"));
    answers.push(developer.patch(&repo, branch).await.expect(StatusCode::OK).body);
    for _ in 0..2 {
        let key = json!({ "name": "k", "expires_at": "2031-05-06T07:08:09.1+02:00" });
        let request = developer.request(reqwest::Method::POST, "/api-keys").json(key);
        let answer = request.header("Idempotency-Key", "again").send().await;
        let answer = answer.expect(StatusCode::CREATED);
        assert_eq!(answer.body["expires_at"], "2031-05-06T05:08:09.100000Z");
        things["key"] = answer.body["api_key_id"].clone();
        answers.push(answer.body);
    }
    answers.extend(read_all(&admin, &addresses(&things), "all that").await);
    let mut found = Vec::new();
    for answer in &answers {
        times(answer, "", &mut found);
    }
    for (place, text) in &found {
        assert!(is_in_the_one_form(text), "{place}: {text}");
    }
    let places: BTreeSet<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
    for place in [
        "/created_at",
        "/items/created_at",
        "/items/versions/created_at",
        "/versions/created_at",
        "/verifications/created_at",
        "/verifications/verified_at",
        "/items/details/after/created_at",
        "/items/details/after/archived_at",
        "/items/details/after/verified_at",
        "/items/details/before/created_at",
        "/items/timestamp",
        "/items/last_updated",
        "/blocks/created_at",
        "/edges/updated_at",
        "/runs/ended_at",
        "/lock/edges/verification/verified_at",
        "/expires_at",
    ] {
        assert!(places.contains(place), "no time at {place}: {places:?}");
    }
    println!("{} times in {} places", found.len(), places.len());

    // And it is the same text for the same time.
    let single = admin.get(&format!("/blocks/{block}?include=versions")).await.body;
    let created_at = &single["created_at"];
    assert_eq!(*created_at, "2026-01-01T21:34:05.120000Z");
    let listed = admin.get("/blocks?limit=200").await;
    let id_of = |item: &&Value| item["block_id"] == *block;
    let items = listed.body["items"].as_array().expect("items").clone();
    assert_eq!(items.iter().find(id_of).expect("the block")["created_at"], *created_at);
    let versions = admin.get(&format!("/blocks/{block}/versions")).await.items("created_at");
    let embedded: Vec<&Value> = single["versions"]
        .as_array()
        .expect("versions")
        .iter()
        .map(|it| &it["created_at"])
        .collect();
    assert_eq!(versions.iter().collect::<Vec<_>>(), embedded);
    let trail = admin.get(&format!("/blocks/{block}/history?limit=200")).await;
    let told: Vec<&Value> = trail.body["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter(|row| row["details"]["table"] == "block_versions")
        .map(|row| &row["details"]["after"]["created_at"])
        .collect();
    assert_eq!(told, embedded);
}

#[actix_web::test]
async fn bodies_and_lists_read_the_same_times() {
    let service = Service::start().await;
    let developer = service.developer().await;
    let made = developer.post("/blocks", json!({ "name": "it", "block_type": "model" })).await;
    let created_at = made.expect(StatusCode::CREATED).id("created_at");
    for (text, stands_for) in [
        ("2031-01-02", Some("2031-01-02T00:00:00.000000Z")),
        ("2031-01-02T03:04:05Z", Some("2031-01-02T03:04:05.000000Z")),
        ("2031-01-02t03:04:05.5+02:00", Some("2031-01-02T01:04:05.500000Z")),
        ("2031-01-02 03:04:05-23:59", Some("2031-01-03T03:03:05.000000Z")),
        ("2031-13-01", None),
        ("2031-1-2", None),
        ("20310102", None),
        ("2031-01-02T03:04:05", None),
        ("2031-W01-2", None),
        ("tomorrow", None),
        ("", None),
    ] {
        let key = json!({ "name": "k", "expires_at": text });
        let in_a_body = developer.post("/api-keys", key).await;
        let escaped: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let in_a_list = developer.get(&format!("/blocks?created_after={escaped}")).await;
        match stands_for {
            Some(time) => {
                assert_eq!(
                    in_a_body.expect(StatusCode::CREATED).body["expires_at"],
                    time,
                    "{text}"
                );
                assert_eq!(in_a_list.expect(StatusCode::OK).body["items"], json!([]), "{text}");
            }
            None => {
                let body = in_a_body.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
                let list = in_a_list.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
                let told = &body.body["errors"][0]["detail"];
                assert_eq!(*told, list.body["errors"][0]["detail"], "{text}");
                assert!(
                    told.as_str().is_some_and(|told| told.starts_with("Must be a time")),
                    "{told}"
                );
            }
        }
    }
    // A range says what it says: from a time on, and before it; what is finer than a microsecond too.
    let whole = created_at.trim_end_matches('Z');
    for (parameter, time, count) in [
        ("created_after", format!("{whole}Z"), 1),
        ("created_before", format!("{whole}Z"), 0),
        ("created_after", format!("{whole}001Z"), 0),
        ("created_before", format!("{whole}001Z"), 1),
        ("created_after", "0000-01-01T00:00:00Z".to_owned(), 1),
        ("created_before", "9999-12-31T23:59:59.999999Z".to_owned(), 1),
        ("created_after", "9999-12-31".to_owned(), 0),
    ] {
        let found = developer.get(&format!("/blocks?{parameter}={time}")).await;
        assert_eq!(found.expect(StatusCode::OK).items("name").len(), count, "{parameter}={time}");
    }
}

#[actix_web::test]
async fn a_time_is_refused_for_the_reason_that_it_has() {
    let service = Service::start().await;
    let developer = service.developer().await;
    let late = "Lies too far ahead: at most 9999-12-31T23:59:59.999999Z.";
    let early = "Lies too far back: at least 2000-01-01T00:00:00.000000Z.";
    let no_time = "Must be a time as in RFC 3339, such as 2026-11-22T10:00:00Z, or a date.";
    for (expires_at, why) in [
        ("9999-12-31T23:59:59-01:00", late),
        ("9999-12-31T23:59:59.9999999Z", late),
        ("+10000-01-01T00:00:00Z", no_time),
        ("2020-01-01T00:00:00Z", "Lies in the past."),
        ("0000-01-01", "Lies in the past."),
        ("1066-10-14T09:00:00Z", "Lies in the past."),
    ] {
        let key = json!({ "name": "k", "expires_at": expires_at });
        let refused = developer.post("/api-keys", key).await;
        let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(
            refused.body["errors"],
            json!([{ "pointer": "/expires_at", "detail": why }]),
            "{expires_at}"
        );
    }
    let furthest = json!({ "name": "k", "expires_at": "9999-12-31T23:59:59.999999Z" });
    let key = developer.post("/api-keys", furthest).await.expect(StatusCode::CREATED);
    let shorter = json!({ "expires_at": "2001-01-01" });
    let address = format!("/api-keys/{}", key.id("api_key_id"));
    let refused = developer.patch(&address, shorter).await;
    let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(refused.body["errors"][0]["detail"], "Lies in the past.");

    let things = filled(&service).await;
    let run = format!("/runs/{}", things["run"].as_str().expect("an id"));
    for (report, pointer, why) in [
        (json!({ "status": "success", "ended_at": "1999-12-31T23:59:59Z" }), "/ended_at", early),
        (json!({ "status": "started", "started_at": "0001-01-01" }), "/started_at", early),
        (
            json!({ "status": "canceled", "ended_at": "2999-01-01" }),
            "/ended_at",
            "Lies in the future.",
        ),
        (
            json!({ "status": "started", "started_at": "2999-01-01" }),
            "/started_at",
            "Lies in the future.",
        ),
        (
            json!({ "status": "failure", "started_at": "2024-01-02", "ended_at": "2024-01-01" }),
            "/ended_at",
            "Lies before started_at.",
        ),
        (
            json!({ "status": "failure", "ended_at": "9999-12-31T23:59:59-00:01" }),
            "/ended_at",
            late,
        ),
    ] {
        let refused = developer.patch(&run, report.clone()).await;
        let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(
            refused.body["errors"],
            json!([{ "pointer": pointer, "detail": why }]),
            "{report}"
        );
    }
}

#[actix_web::test]
async fn no_parser_speaks_in_an_answer() {
    let service = Service::start().await;
    let developer = service.developer().await;
    let mut told = Vec::new();
    for address in [
        "/audit-logs?user_id=%00&entity_id=abc",
        "/audit-logs?timestamp_after=now&action_type=MAKE&entity_type=thing&limit=x",
        "/blocks?archived=yes&recursive=2&created_before=1e9&limit=1.5&cursor=abc&sort=size&block_type=file",
        "/pipelines?created_by=me&archived=TRUE&include=all",
        "/runs?status=done&lock_digest=xyz",
        "/users?is_active=1&role=owner",
        "/blocks/it/versions/first",
        "/blocks/it/diff?from=0&to=latest%00",
        "/locks/diff?a=1&b=",
        "/locks/zz",
        "/taxonomy-categories?roots=maybe&tree=no",
        "/verifications?edge_version_id=1&verified_by=%01&version=x",
        "/api-keys?user_id=00000000-0000-0000-0000-00000000000g&is_active=null",
    ] {
        told.push((address.to_owned(), developer.get(address).await));
    }
    for (address, body) in [
        ("/blocks", json!({ "name": 5, "block_type": "file", "metadata": [], "description": {} })),
        ("/blocks", json!({ "name": null, "block_type": 1, "metadata": "x" })),
        (
            "/api-keys",
            json!({ "name": "k", "expires_at": 1_790_000_000, "user_id": "me", "role": "owner" }),
        ),
        ("/api-keys", json!({ "name": ["k"], "expires_at": [], "user_id": 7, "role": {} })),
        (
            "/pipelines",
            json!({ "name": "p", "blocks": {}, "edges": "x", "dagster_pipeline_config": 1 }),
        ),
        (
            "/pipelines",
            json!({ "name": "p", "blocks": [{ "block_id": 1, "version_number": "1" }, 5, { "block_id": "b", "version_number": 99_999_999_999_u64 }] }),
        ),
        (
            "/dependencies",
            json!({ "entity_type": "thing", "entity_id": 1, "dependency_type": true }),
        ),
        (
            "/docker-images",
            json!({ "entity_type": "block", "entity_id": [], "image_tag": 1, "registry_url": {}, "build_status": "ok" }),
        ),
        ("/auth/login", json!({ "username": 1, "password": [] })),
    ] {
        told.push((format!("{address} {body}"), developer.post(address, body).await));
    }
    for text in
        ["{\"name\": tru}", "{\"name\": \"x\"", "[1,]", "{\"a\":01}", "nul", "{} {}", "\"\\ud800\""]
    {
        let answer = developer
            .request(reqwest::Method::POST, "/blocks")
            .raw("application/json", text)
            .send()
            .await;
        told.push((text.to_owned(), answer));
    }
    let (mut sentences, foreign) = (
        0,
        [
            "invalid",
            "expected",
            "unknown variant",
            "found in string",
            "provided",
            "premature",
            "EOF",
            "trailing",
            "struct ",
            "UUID parsing",
            " i32",
            " u32",
            "input contains",
            "serde",
            "deserializ",
        ],
    );
    for (what, answer) in &told {
        assert!(answer.status.is_client_error(), "{what}: {}", answer.text);
        let faults = answer.body["errors"].as_array().cloned().unwrap_or_default();
        let details = faults.iter().map(|fault| &fault["detail"]).chain([&answer.body["detail"]]);
        for detail in details.filter_map(Value::as_str) {
            sentences += 1;
            assert!(detail.starts_with(char::is_uppercase), "{what}: {detail}");
            for words in foreign {
                assert!(!detail.contains(words), "{what}: {detail}");
            }
        }
    }
    assert!(sentences > 60, "{sentences}");
}
