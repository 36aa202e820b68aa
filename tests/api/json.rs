//! Which JSON is let in, and when two values are the same: over HTTP and over SQL.

use std::fmt::Write;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use sqlx::{query_as, query_scalar};

use crate::blocks::register;
use crate::service::{Answer, Person, Service};

const JSON: &str = "application/json";
const MOST_BYTES: usize = 524_288;

async fn send(person: &Person<'_>, method: Method, path: &str, body: impl Into<String>) -> Answer {
    person.request(method, path).raw(JSON, body.into()).send().await
}

fn canonical(value: &Value) -> String {
    serde_jcs::to_string(value).expect("canonical JSON")
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

// Generated JSON ------------------------------------------------------------------------------------

/// I-JSON, whose numbers are doubles.
#[derive(Clone, Debug)]
enum Tree {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Tree {
    fn random(random: &mut StdRng, depth: u32) -> Self {
        match random.random_range(0..if depth == 0 { 7 } else { 10 }) {
            0 => Self::Null,
            1 => Self::Bool(random.random()),
            2..=4 => Self::Number(number(random)),
            5 | 6 => Self::Text(text(random)),
            7 => Self::Array(
                (0..random.random_range(0..4)).map(|_| Self::random(random, depth - 1)).collect(),
            ),
            _ => Self::object(random, depth - 1),
        }
    }

    fn object(random: &mut StdRng, depth: u32) -> Self {
        let mut members: Vec<(String, Self)> = Vec::new();
        for _ in 0..random.random_range(1..6) {
            let name = text(random);
            if !members.iter().any(|(known, _)| *known == name) {
                members.push((name, Self::random(random, depth)));
            }
        }
        Self::Object(members)
    }

    /// Another value, by one change somewhere.
    fn changed(&self, random: &mut StdRng) -> Self {
        match self {
            Self::Number(number) => Self::Number(match random.random_range(0..3) {
                0 => number.next_up(),
                1 => number.next_down(),
                _ if *number == 0.0 => 1.0,
                _ => -number,
            }),
            Self::Array(items) if !items.is_empty() => {
                let mut items = items.clone();
                let at = random.random_range(0..items.len());
                items[at] = items[at].changed(random);
                Self::Array(items)
            }
            Self::Object(members) if !members.is_empty() => {
                let mut members = members.clone();
                let at = random.random_range(0..members.len());
                members[at].1 = members[at].1.changed(random);
                Self::Object(members)
            }
            Self::Text(text) => Self::Text(format!("{text}.")),
            Self::Null => Self::Bool(false),
            Self::Bool(it) => Self::Bool(!it),
            Self::Array(_) | Self::Object(_) => Self::Null,
        }
    }

    /// What it is, without what it is written like.
    fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(it) => (*it).into(),
            Self::Number(number) => json!(number),
            Self::Text(text) => text.as_str().into(),
            Self::Array(items) => items.iter().map(Self::value).collect(),
            Self::Object(members) => Value::Object(
                members.iter().map(|(name, it)| (name.clone(), it.value())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// One of the ways to write it.
    fn written(&self, random: &mut StdRng) -> String {
        let space = ["", " ", "\n\t"][random.random_range(0..3)];
        match self {
            Self::Null | Self::Bool(_) => self.value().to_string(),
            Self::Number(number) => spelled(random, *number),
            Self::Text(text) => quoted(random, text),
            Self::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| item.written(random)).collect();
                format!("[{space}{}]", items.join(&format!("{space},")))
            }
            Self::Object(members) => {
                let mut members: Vec<_> = members
                    .iter()
                    .map(|(name, it)| {
                        format!("{}{space}:{}", quoted(random, name), it.written(random))
                    })
                    .collect();
                if random.random() {
                    members.reverse();
                }
                format!("{{{}{space}}}", members.join(","))
            }
        }
    }
}

fn number(random: &mut StdRng) -> f64 {
    loop {
        let number = match random.random_range(0..6) {
            0 => f64::from(random.random_range(-20..20)),
            1 => f64::from(random.random::<i32>()) / 1000.0,
            2 => random.random::<f64>(),
            3 => f64::powi(2.0, random.random_range(-1074..1024)),
            4 => 9_007_199_254_740_992.0 + f64::from(random.random_range(-4..4)),
            _ => f64::from_bits(random.random()),
        };
        if number.is_finite() {
            return number;
        }
    }
}

fn text(random: &mut StdRng) -> String {
    (0..random.random_range(0..5))
        .map(|_| match random.random_range(0..8) {
            0 => char::from(random.random_range(1..0x20_u8)),
            1 => ['/', '~', '"', '\\', '\'', '\u{e000}', '\u{fffd}', '\u{1f600}']
                [random.random_range(0..8)],
            2 => char::from_u32(random.random_range(0x80..0xd800)).unwrap_or('?'),
            // Like a number, where it is none.
            3 => '9',
            _ => char::from(random.random_range(b'a'..=b'z')),
        })
        .collect()
}

/// A number in one of its spellings: 1, 1.0, 10e-1, 0.1E1.
fn spelled(random: &mut StdRng, number: f64) -> String {
    let shortest = format!("{number:e}");
    let (digits, exponent) = shortest.split_once('e').expect("an exponent");
    let exponent: i32 = exponent.parse().expect("a number");
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let places =
        digits.split_once('.').map_or(0, |(_, places)| i32::try_from(places.len()).expect("few"));
    let whole = digits.replace('.', "");
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    match random.random_range(0..5) {
        0 => shortest.clone(),
        1 => format!("{sign}{whole}E{}", exponent - places),
        2 if whole != "0" => format!("{sign}{whole}0e{}", exponent - places - 1),
        3 => format!("{sign}{whole}.00e+{}", exponent - places).replace("+-", "-"),
        _ => number.to_string(),
    }
}

fn quoted(random: &mut StdRng, text: &str) -> String {
    if random.random() {
        return Value::from(text).to_string();
    }
    let mut quoted = String::from("\"");
    for unit in text.encode_utf16() {
        write!(quoted, "\\u{unit:04X}").expect("a string grows");
    }
    quoted + "\""
}

/// A number that is not what its double is, or just is.
fn doubtful(random: &mut StdRng) -> String {
    let double = number(random);
    match random.random_range(0..6) {
        // One digit more than the double has.
        0 => {
            let shortest = format!("{double:e}");
            let (digits, exponent) = shortest.split_once('e').expect("an exponent");
            let point = if digits.contains('.') { "" } else { "." };
            format!("{digits}{point}0000000000000000{}e{exponent}", random.random_range(1..10))
        }
        1 => format!("{}e{}", random.random::<u64>(), random.random_range(-345..300)),
        2 => random.random::<u64>().to_string(),
        3 => format!("0.{:017}", random.random::<u64>() % 100_000_000_000_000_000),
        4 => format!("{}e{}", random.random_range(1..100), random.random_range(-330..320)),
        _ => spelled(random, double),
    }
}

/// Whether it is the same number once it was read and printed again, as ECMAScript prints it.
fn survives(number: &str) -> bool {
    fn decimal(number: &str) -> (String, i64) {
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, places) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent =
            exponent.parse::<i64>().expect("a number") - i64::try_from(places.len()).expect("few");
        let digits = format!("{whole}{places}");
        let significant = digits.trim_start_matches(['-', '0']).trim_end_matches('0').to_owned();
        let dropped = digits.len() - digits.trim_end_matches('0').len();
        let exponent = if significant.is_empty() {
            0
        } else {
            exponent + i64::try_from(dropped).expect("few")
        };
        (significant, exponent)
    }
    let double: f64 = number.parse().expect("a number");
    double.is_finite() && decimal(number) == decimal(&canonical(&json!(double)))
}

// Numbers -------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_number_that_no_double_holds_is_refused_where_it_is() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    dan.post("/edges", json!({ "name": "e" })).await.expect(StatusCode::CREATED);
    dan.post("/pipelines", json!({ "name": "p" })).await.expect(StatusCode::CREATED);
    for number in [
        "9007199254740993",
        "-9007199254740993",
        "1e400",
        "-1e309",
        "1e-400",
        "0.10000000000000001",
        "12345678901234567890123456789012",
        "1.7976931348623159e308",
        "1152921504606846976",
        "0.1234567890123456789",
        "1e131071",
        "1e131072",
        "1e999999999999",
        "0e-16383",
        "123456789.123456789123",
        "4e-324",
    ] {
        for (path, body, pointer) in [
            ("/blocks/b", format!(r#"{{"metadata":{{"n":{number}}}}}"#), "/metadata/n"),
            (
                "/edges/e",
                format!(r#"{{"metadata":{{"a":[0,{{"/~":{number}}}]}}}}"#),
                "/metadata/a/1/~1~0",
            ),
            (
                "/pipelines/p",
                format!(
                    r#"{{"dagster_pipeline_config":{{"run_config":{{"ops":{{"train":{{"config":{{"seed":{number}}}}}}}}}}}}}"#
                ),
                "/dagster_pipeline_config/run_config/ops/train/config/seed",
            ),
            (
                "/pipelines/p",
                format!(
                    r#"{{"dagster_pipeline_config":{{"block_config":{{"b":{{"n":{number}}}}}}}}}"#
                ),
                "/dagster_pipeline_config/block_config/b/n",
            ),
        ] {
            let refused = send(&dan, Method::PATCH, path, body)
                .await
                .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
            assert_eq!(refused.pointers(), [pointer], "{number}");
            assert!(refused.text.contains("send it as a string"), "{}", refused.text);
        }
    }
    // At its bounds, and written otherwise than it is printed.
    for number in [
        "9007199254740992",
        "9007199254740994",
        "1152921504606847000",
        "1.7976931348623157e308",
        "5e-324",
        "1e23",
        "2.2250738585072014e-308",
        "0.1",
        "-0",
        "-0.0",
        "1E2",
        "100.00",
        "0.30000000000000004",
        "1e21",
        "123456789012345680",
    ] {
        let body = format!(r#"{{"metadata":{{"n":{number}}}}}"#);
        let taken = send(&dan, Method::PATCH, "/blocks/b", body).await.expect(StatusCode::OK);
        let read = taken.body["metadata"]["n"].as_f64();
        assert_eq!(read, number.parse().ok(), "{number}");
    }
}

#[tokio::test]
async fn sql_and_http_say_the_same_of_generated_numbers() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    let mut sql = service.by_sql("dan").await;
    let mut random = StdRng::seed_from_u64(7493);
    let mut refused = 0;
    for round in 0..400 {
        let number = doubtful(&mut random);
        let metadata = format!(r#"{{"round":{round},"n":[{number}]}}"#);
        let expected = survives(&number);
        let http =
            send(&dan, Method::PATCH, "/blocks/b", format!(r#"{{"metadata":{metadata}}}"#)).await;
        let statement =
            format!("update blocks set metadata = {} where name = 'b'", literal(&metadata));
        let sql = sql.run(&statement).await;
        assert_eq!(
            (http.status == StatusCode::OK, sql.is_ok()),
            (expected, expected),
            "{number}: {} {sql:?}",
            http.text
        );
        if let Err(refusal) = sql {
            assert_eq!(refusal.constraint, "blocks_metadata_faults");
            assert!(refusal.detail.contains("/metadata/n/0"), "{refusal:?}");
            assert_eq!(http.pointers(), ["/metadata/n/0"], "{number}");
            refused += 1;
        }
    }
    assert!((50..350).contains(&refused), "{refused}");
}

// What only the text shows --------------------------------------------------------------------------

#[tokio::test]
async fn a_member_given_twice_is_refused_where_it_is_at_any_depth() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    dan.post("/pipelines", json!({ "name": "p" })).await.expect(StatusCode::CREATED);
    for (method, path, body, pointers) in [
        (Method::PATCH, "/blocks/b", r#"{"metadata":{"lr":0.1,"lr":0.2}}"#, vec!["/metadata/lr"]),
        (
            Method::PATCH,
            "/blocks/b",
            r#"{"metadata":{"lr":0.1,"l\u0072":0.1}}"#,
            vec!["/metadata/lr"],
        ),
        (
            Method::PATCH,
            "/blocks/b",
            r#"{"metadata":{"a":[[],[{"x":{},"y":1,"x":[]}]]}}"#,
            vec!["/metadata/a/1/0/x"],
        ),
        (
            Method::PATCH,
            "/blocks/b",
            r#"{"metadata":{"\ud83d\ude00":1,"😀":1,"":{"":0,"":0}}}"#,
            vec!["/metadata//", "/metadata/😀"],
        ),
        (Method::PATCH, "/blocks/b", r#"{"metadata":{},"metadata":{}}"#, vec!["/metadata"]),
        (
            Method::PATCH,
            "/pipelines/p",
            r#"{"dagster_pipeline_config":{"tags":{"team":"a","te\u0061m":"a"}}}"#,
            vec!["/dagster_pipeline_config/tags/team"],
        ),
        (
            Method::PATCH,
            "/pipelines/p",
            r#"{"dagster_pipeline_config":{"run_config":{"ops":{"a":{"config":1},"a":{"config":2}}}}}"#,
            vec!["/dagster_pipeline_config/run_config/ops/a"],
        ),
        (
            Method::PATCH,
            "/pipelines/p",
            r#"{"dagster_pipeline_config":{"tags":{},"tags":{}}}"#,
            vec!["/dagster_pipeline_config/tags"],
        ),
        (
            Method::POST,
            "/pipelines",
            r#"{"name":"q","blocks":[{"block_id":"b"},{"block_id":"b","block_id":"c"}]}"#,
            vec!["/blocks/1/block_id"],
        ),
        (
            Method::POST,
            "/block-vector-representations",
            r#"{"block_id":"b","vector_db":"x","vector_key":"y","taxonomy_filter":{"any":["a"],"any":["b"]}}"#,
            vec!["/taxonomy_filter/any"],
        ),
    ] {
        let refused = send(&dan, method, path, body)
            .await
            .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(refused.pointers(), pointers, "{body}");
        assert!(refused.text.contains("Is given more than once."), "{}", refused.text);
    }
    // In two objects, or as a text, it is none.
    let body = r#"{"metadata":{"a":{"x":1},"b":{"x":1},"c":["x","x"],"d":"{\"x\":1,\"x\":1}"}}"#;
    send(&dan, Method::PATCH, "/blocks/b", body).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_character_is_refused_where_it_is() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    for (metadata, pointer) in [
        (r#"{"a":["\u0000"]}"#, "/metadata/a/0"),
        (r#"{"a":{"x\u0000y":1}}"#, "/metadata/a/x\0y"),
        (r#"{"a":"\ud800"}"#, "/metadata/a"),
        (r#"{"a":"\udc00\ud800"}"#, "/metadata/a"),
        (r#"{"a":"\ud800\u0041"}"#, "/metadata/a"),
        (r#"{"a":[{"b":"\uffff"}]}"#, "/metadata/a/0/b"),
        ("{\"a\":\"\u{fdd0}\"}", "/metadata/a"),
        ("{\"\u{10fffe}\":1}", "/metadata/\u{10fffe}"),
    ] {
        let refused =
            send(&dan, Method::PATCH, "/blocks/b", format!(r#"{{"metadata":{metadata}}}"#)).await;
        let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(refused.pointers(), [pointer], "{metadata}");
    }
    // All noncharacters, and their neighbours.
    let mut sql = service.by_sql("dan").await;
    for code in (0xfdcf..=0xfdf0)
        .chain((0..=16).flat_map(|plane| plane * 0x10000 + 0xfffd..=plane * 0x10000 + 0xffff))
    {
        let character = char::from_u32(code).expect("no surrogate");
        let is_none = (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe;
        let metadata = json!({ "a": character, "b": code }).to_string();
        let done = sql
            .run(&format!("update blocks set metadata = {} where name = 'b'", literal(&metadata)))
            .await;
        assert_eq!(done.is_err(), is_none, "{code:x}: {done:?}");
    }
}

// Limits ---------------------------------------------------------------------------------------------

#[tokio::test]
async fn limits_are_told_with_how_much_it_was() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    dan.post("/pipelines", json!({ "name": "p" })).await.expect(StatusCode::CREATED);
    let nested = |levels: usize| {
        format!(r#"{{"metadata":{}1{}}}"#, r#"{"a":"#.repeat(levels), "}".repeat(levels))
    };
    let sized = |bytes: usize| {
        json!({ "metadata": { "a": "x".repeat(bytes - r#"{"a": ""}"#.len()) } }).to_string()
    };
    for body in [nested(1), nested(100), sized(MOST_BYTES)] {
        let taken = send(&dan, Method::PATCH, "/blocks/b", body).await.expect(StatusCode::OK);
        assert_eq!(dan.get("/blocks/b").await.expect(StatusCode::OK).body, taken.body);
        dan.get("/blocks/b/versions").await.expect(StatusCode::OK);
    }
    let many: Vec<_> = (0..60_000).collect();
    for (path, body, pointer, words) in [
        ("/blocks/b", nested(101), "/metadata", ["101", "100"]),
        ("/blocks/b", nested(5_000), "/metadata", ["5000", "100"]),
        ("/blocks/b", nested(150_000), "/metadata", ["150000", "100"]),
        ("/blocks/b", sized(MOST_BYTES + 1), "/metadata", ["524289", "524288"]),
        ("/blocks/b", sized(1_000_000), "/metadata", ["1000000", "524288"]),
        // 409 kB as they are sent, 60,000 spaces more as they are printed.
        ("/blocks/b", json!({ "metadata": { "a": many, "b": "x".repeat(140_000) } }).to_string(), "/metadata", ["bytes", "524288"]),
        ("/pipelines/p", json!({ "dagster_pipeline_config": { "block_config": { "a": { "b": "x".repeat(524_288) } } } }).to_string(),
            "/dagster_pipeline_config", ["bytes", "524288"]),
        ("/pipelines/p", json!({ "dagster_pipeline_config": { "run_config": { "ops": { "b": "x".repeat(262_144) } } } }).to_string(),
            "/dagster_pipeline_config/run_config", ["bytes", "262144"]),
    ] {
        let refused = send(&dan, Method::PATCH, path, body).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(refused.pointers(), [pointer], "{}", refused.text);
        for word in words {
            assert!(refused.text.contains(word), "{word}: {}", refused.text);
        }
    }
    let deep = format!(
        r#"{{"dagster_pipeline_config":{{"run_config":{{"ops":{}1{}}}}}}}"#,
        r#"{"a":"#.repeat(40),
        "}".repeat(40)
    );
    let refused = send(&dan, Method::PATCH, "/pipelines/p", deep).await;
    let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert!(refused.text.contains("41 levels deep; at most 32"), "{}", refused.text);
    // The database counts as well.
    let mut sql = service.by_sql("dan").await;
    for (levels, words) in
        [(100, None), (101, Some("nested 101 levels")), (1_200, Some("more than 1000 levels"))]
    {
        let metadata = format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        let done = sql.run(&format!("update blocks set metadata = {}", literal(&metadata))).await;
        match words {
            None => assert!(done.is_ok(), "{done:?}"),
            Some(words) => assert!(done.expect_err("a refusal").detail.contains(words)),
        }
    }
    // Not even the body is taken: that limit is told as well.
    let refused = send(&dan, Method::PATCH, "/blocks/b", sized(2_300_000)).await;
    let refused = refused.refused(StatusCode::PAYLOAD_TOO_LARGE, "too_large");
    for word in ["2300012", "2097152"] {
        assert!(refused.text.contains(word), "{word}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_small_request_makes_no_large_answer() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    let mut sql = service.by_sql("dan").await;
    for number in
        ["1e131071", "-1e131071", "1e131072", "1e309", "0e-16383", "1e-16383", "1e-400", "0e-1000"]
    {
        for times in [1, 20, 40_000] {
            let metadata = format!(r#"{{"a":[{}0]}}"#, format!("{number},").repeat(times));
            let refused =
                send(&dan, Method::PATCH, "/blocks/b", format!(r#"{{"metadata":{metadata}}}"#))
                    .await;
            let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
            assert!(refused.text.len() < 60_000, "{}", refused.text.len());
            // (PostgreSQL itself takes no 1e131072.)
            let statement =
                format!("update blocks set metadata = {} where name = 'b'", literal(&metadata));
            let refusal = sql.run(&statement).await.expect_err("a refusal");
            assert!(
                refusal.constraint == "blocks_metadata_faults" || number == "1e131072",
                "{number}: {refusal:?}"
            );
            assert!(refusal.detail.len() < 60_000);
        }
    }
    // The largest that there is: 309 digits of 5 bytes, and of those no more than an answer may have.
    let most = send(
        &dan,
        Method::PATCH,
        "/blocks/b",
        format!(r#"{{"metadata":{{"a":[{}0]}}}}"#, "1e308,".repeat(1_600)),
    )
    .await;
    let most = most.expect(StatusCode::OK);
    assert!(most.text.len() < MOST_BYTES + 1_000, "{}", most.text.len());
    send(
        &dan,
        Method::PATCH,
        "/blocks/b",
        format!(r#"{{"metadata":{{"a":[{}0]}}}}"#, "1e308,".repeat(1_700)),
    )
    .await
    .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
}

// Every column ----------------------------------------------------------------------------------------

#[tokio::test]
async fn every_json_column_that_clients_write_is_guarded_for_insert_update_and_copy() {
    let service = Service::start().await;
    let owner = &mut service.database.connect().await;
    // From the catalog, so that the next one is not forgotten.
    let columns: Vec<(String, String, bool)> = query_as(
        "select c.relname::text, a.attname::text, has_column_privilege('authenticated', c.oid, a.attnum, 'update')
         from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.atttypid in ('jsonb'::regtype, 'json'::regtype)
           and (has_column_privilege('authenticated', c.oid, a.attnum, 'insert') or has_column_privilege('authenticated', c.oid, a.attnum, 'update'))
         order by 1",
    )
    .fetch_all(&mut *owner)
    .await
    .expect("columns");
    let names: Vec<_> =
        columns.iter().map(|(table, column, _)| format!("{table}.{column}")).collect();
    assert_eq!(
        names,
        [
            "block_vector_representations.taxonomy_filter",
            "block_versions.metadata",
            "blocks.metadata",
            "edge_vector_representations.taxonomy_filter",
            "edge_versions.metadata",
            "edges.metadata",
            "pipeline_runs.parameters",
            "pipelines.dagster_pipeline_config",
            "pipelines.parameters_schema",
        ]
    );
    let dan = service.developer().await;
    register(&dan, "b").await;
    dan.post("/edges", json!({ "name": "e" })).await.expect(StatusCode::CREATED);
    for (kind, of) in [("block", "b"), ("edge", "e")] {
        let vector = json!({ format!("{kind}_id"): of, "vector_db": "d", "vector_key": "first" });
        dan.post(&format!("/{kind}-vector-representations"), vector)
            .await
            .expect(StatusCode::CREATED);
    }
    dan.post("/pipelines", json!({ "name": "p", "blocks": [{ "block_id": "b" }] }))
        .await
        .expect(StatusCode::CREATED);
    let bad = [
        "5",
        "[]",
        r#"{"a":1e400}"#,
        r#"{"a":{"b":[9007199254740993]}}"#,
        r#"{"a":"\uffff"}"#,
        r#"{"a":0e-16383}"#,
        &format!("{}1{}", r#"{"a":"#.repeat(101), "}".repeat(101)),
        &format!(r#"{{"a":"{}"}}"#, "x".repeat(524_288)),
        &format!(r#"{{"a":[{}0]}}"#, "1e131071,".repeat(20)),
    ]
    .map(str::to_owned);
    let mut sql = service.by_sql("dan").await;
    let others = |table: &str| match table {
        "blocks" => ("name, block_type, ", "'x', 'model', "),
        "edges" | "pipelines" => ("name, ", "'x', "),
        "pipeline_runs" => ("pipeline_id, ", "(select pipeline_id from pipelines), "),
        "block_versions" => ("block_id, ", "(select block_id from blocks), "),
        "edge_versions" => ("edge_id, ", "(select edge_id from edges), "),
        "block_vector_representations" => {
            ("block_id, vector_db, vector_key, ", "(select block_id from blocks), 'd', 'k', ")
        }
        _ => ("edge_id, vector_db, vector_key, ", "(select edge_id from edges), 'd', 'k', "),
    };
    for (table, column, updates) in &columns {
        // A version is written once, as is a run.
        let is_kept = table.ends_with("_versions") || table == "pipeline_runs";
        assert!(*updates || is_kept, "{table}.{column}");
        let (names, values) = others(table);
        for json in &bad {
            let json = literal(json);
            let insert = format!("insert into {table} ({names}{column}) values ({values}{json})");
            let update = updates.then(|| format!("update {table} set {column} = {json}"));
            for statement in [Some(insert), update].into_iter().flatten() {
                let refusal = sql.refused(&statement, "23514").await;
                assert!(
                    refusal.constraint.starts_with(&format!("{table}_{column}_")),
                    "{refusal:?}"
                );
            }
        }
    }
    // COPY goes by the same triggers. (By row-level security it is the owner's alone.)
    for (table, row) in [
        ("blocks (name, block_type, metadata)", "x\tmodel\t"),
        ("edges (name, metadata)", "x\t"),
        ("pipelines (name, dagster_pipeline_config)", "x\t"),
    ] {
        for (json, is_good) in
            [(r#"{"a": 9007199254740993}"#, false), (r#"{"tags": {"a": "1"}}"#, true)]
        {
            let mut copy =
                owner.copy_in_raw(&format!("copy {table} from stdin")).await.expect("a copy");
            copy.send(format!("{row}{json}\n").as_bytes()).await.expect("a row");
            assert_eq!(copy.finish().await.is_ok(), is_good, "{table} {json}");
        }
    }
}

// Equality ------------------------------------------------------------------------------------------

/// What the trail has of the versions of a thing: versions that came, and changes of what is active.
async fn trail(service: &Service, id: &str) -> (i64, i64) {
    query_as(
        "select count(*) filter (where action_type = 'CREATE' and entity_type = 'metadata'), count(*)
         from audit_logs where subject_id = $1::uuid",
    )
    .bind(id)
    .fetch_one(&mut service.database.connect().await)
    .await
    .expect("counts")
}

#[tokio::test]
async fn two_values_are_equal_exactly_when_their_canonical_forms_are() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let mut random = StdRng::seed_from_u64(8785);
    for (list, new) in [
        ("blocks", json!({ "name": "b", "block_type": "model" })),
        ("edges", json!({ "name": "e" })),
    ] {
        let made = dan.post(&format!("/{list}"), new).await.expect(StatusCode::CREATED);
        let id = made.id(&format!("{}_id", &list[..list.len() - 1]));
        let path = format!("/{list}/{id}");
        let mut tree = Tree::Object(Vec::new());
        let mut before = made;
        let (mut changes, mut steadies) = (0, 0);
        for _ in 0..80 {
            let next = match random.random_range(0..4) {
                0 => tree.clone(),
                1 => Tree::object(&mut random, 3),
                _ => tree.changed(&mut random),
            };
            let next = if let Tree::Object(_) = next { next } else { Tree::object(&mut random, 2) };
            let (old, new) = (canonical(&tree.value()), canonical(&next.value()));
            let written = next.written(&mut random);
            let counted = trail(&service, &id).await;
            let after =
                send(&dan, Method::PATCH, &path, format!(r#"{{"metadata":{written}}}"#)).await;
            assert_eq!(after.status, StatusCode::OK, "{written}");
            assert_eq!(canonical(&after.body["metadata"]), new, "{written}");
            // A double has at most 309 digits before its point, or 324 places after it.
            assert!(
                after.text.len() <= 120 * written.len() + 1_000,
                "{} {written}",
                after.text.len()
            );
            let version =
                |answer: &Answer| answer.body["version_number"].as_i64().expect("a number");
            let (versions, rows) = trail(&service, &id).await;
            let grown =
                (version(&after) - version(&before), versions - counted.0, rows - counted.1);
            if old == new {
                steadies += 1;
                assert_eq!(after.text, before.text, "{written}");
                assert_eq!(after.etag(), before.etag());
                assert_eq!(grown, (0, 0, 0), "{written}");
            } else {
                changes += 1;
                assert_ne!(after.etag(), before.etag());
                // The version, and the pointer to it.
                assert_eq!(grown, (1, 1, 2), "{written}");
                let diff = dan
                    .get(&format!("{path}/diff?from={}&to={}", version(&before), version(&after)))
                    .await;
                let diff = diff.expect(StatusCode::OK);
                assert_ne!(diff.body, json!([]), "{old} {new}");
                let patch: json_patch::Patch = serde_json::from_str(&diff.text).expect("a patch");
                let mut patched = json!({ "metadata": before.body["metadata"] });
                json_patch::patch(&mut patched, &patch).expect("it applies");
                assert_eq!(canonical(&patched["metadata"]), new, "{}", diff.text);
            }
            tree = next;
            before = after;
        }
        assert!(changes > 25 && steadies > 8, "{changes} {steadies}");
    }
}

#[tokio::test]
async fn a_value_written_otherwise_changes_nothing() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    let first = r#"{"metadata":{"a":100,"b":[1.5,0],"é":"x/"}}"#;
    let before = send(&dan, Method::PATCH, "/blocks/b", first).await.expect(StatusCode::OK);
    for same in [
        r#"{"metadata":{"a":1e2,"b":[1.50,-0],"é":"x/"}}"#,
        r#"{"metadata":{"\u00e9":"x\/","b":[15e-1,-0.0],"a":100.0}}"#,
    ] {
        let after = send(&dan, Method::PATCH, "/blocks/b", same).await.expect(StatusCode::OK);
        assert_eq!((after.etag(), &after.text), (before.etag(), &before.text), "{same}");
        assert_eq!(dan.get("/blocks/b").await.expect(StatusCode::OK).text, before.text);
    }
    // With something else it is a version, whose difference is that.
    let body = r#"{"description":"d","metadata":{"a":1e2,"b":[1.50,-0],"é":"x/"}}"#;
    let after = send(&dan, Method::PATCH, "/blocks/b", body).await.expect(StatusCode::OK);
    assert_eq!(after.body["version_number"], 3);
    let diff = dan.get("/blocks/b/diff?from=2&to=3").await.expect(StatusCode::OK);
    assert_eq!(diff.body, json!([{ "op": "replace", "path": "/description", "value": "d" }]));
    // So it is with pipelines.
    let first = r#"{"name":"p","dagster_pipeline_config":{"max_retries":3,"block_config":{"b":{"n":100}}}}"#;
    let before = send(&dan, Method::POST, "/pipelines", first).await.expect(StatusCode::CREATED);
    let same = r#"{"dagster_pipeline_config":{"max_retries":3.0,"block_config":{"b":{"n":1e2}}}}"#;
    let after = send(&dan, Method::PATCH, "/pipelines/p", same).await.expect(StatusCode::OK);
    assert_eq!(after.etag(), before.etag());
    assert_eq!(
        dan.get("/pipelines/p").await.body["dagster_pipeline_config"],
        before.body["dagster_pipeline_config"]
    );
    let lock = dan.get("/pipelines/p/lock").await.expect(StatusCode::OK);
    assert!(
        lock.text.contains(
            r#""dagster_pipeline_config":{"block_config":{"b":{"n":100}},"max_retries":3}"#
        ),
        "{}",
        lock.text
    );
}

// Locks ---------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_digest_of_any_lock_is_that_of_rfc_8785() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    dan.post("/pipelines", json!({ "name": "p", "blocks": [{ "block_id": "b" }] }))
        .await
        .expect(StatusCode::CREATED);
    let digest = |value: &Value| -> String {
        Sha256::digest(canonical(value)).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let mut random = StdRng::seed_from_u64(20_260);
    let mut digests = Vec::new();
    for round in 0..40 {
        let (ops, metadata) = (Tree::object(&mut random, 4), Tree::object(&mut random, 4));
        // Small ones are brought in form when they are asked for, large ones once.
        let size = [1, 1, 5_000][round % 3];
        let body = format!(
            r#"{{"dagster_pipeline_config":{{"run_config":{{"ops":{{"o":{}}}}},"repository_name":"r{round}","block_config":{{"b":{{"x":"{}"}}}}}}}}"#,
            ops.written(&mut random),
            "x".repeat(size)
        );
        send(&dan, Method::PATCH, "/pipelines/p", body).await.expect(StatusCode::OK);
        let body = format!(
            r#"{{"metadata":{{"m":{},"x":"{}"}}}}"#,
            metadata.written(&mut random),
            "x".repeat(size)
        );
        send(&dan, Method::PATCH, "/blocks/b", body).await.expect(StatusCode::OK);
        for _ in 0..2 {
            let lock = dan.get("/pipelines/p/lock").await.expect(StatusCode::OK);
            assert_eq!(lock.body["lock_digest"], digest(&lock.body["lock"]), "{}", lock.text);
            let ours = &lock.body["lock"];
            assert_eq!(
                canonical(&ours["dagster_pipeline_config"]["run_config"]["ops"]["o"]),
                canonical(&ops.value())
            );
            let of_metadata = json!({ "m": metadata.value(), "x": "x".repeat(size) });
            assert_eq!(ours["blocks"][0]["metadata_digest"], digest(&of_metadata));
            let readiness = dan.get("/pipelines/p/readiness").await.expect(StatusCode::OK);
            assert_eq!(readiness.body["lock_digest"], lock.body["lock_digest"]);
        }
        let run = dan.post("/pipelines/p/runs", json!({})).await.expect(StatusCode::CREATED);
        let lock =
            dan.get(&format!("/locks/{}", run.id("lock_digest"))).await.expect(StatusCode::OK);
        assert_eq!(lock.body["lock_digest"], digest(&lock.body["lock"]), "{}", lock.text);
        digests.push(lock.id("lock_digest"));
    }
    // Two that differ have a difference.
    for pair in digests.windows(2) {
        let diff = dan
            .get(&format!("/locks/diff?a={}&b={}", pair[0], pair[1]))
            .await
            .expect(StatusCode::OK);
        assert_eq!(diff.body["same"], false);
        assert_ne!(diff.body["patch"], json!([]));
    }
    // Two seeds, two locks: what would be one is refused.
    let mut seeds = Vec::new();
    for (seed, status) in [
        ("9007199254740991", StatusCode::OK),
        ("9007199254740992", StatusCode::OK),
        ("9007199254740993", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let body = format!(
            r#"{{"dagster_pipeline_config":{{"run_config":{{"ops":{{"train":{{"config":{{"seed":{seed}}}}}}}}}}}}}"#
        );
        let answer = send(&dan, Method::PATCH, "/pipelines/p", body).await.expect(status);
        if answer.status == StatusCode::OK {
            let lock = dan.get("/pipelines/p/lock").await.expect(StatusCode::OK);
            assert!(lock.text.contains(seed), "{}", lock.text);
            seeds.push(lock.id("lock_digest"));
        }
    }
    assert_ne!(seeds[0], seeds[1]);
}

#[tokio::test]
async fn what_is_kept_of_a_configuration_is_that_of_now() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let large = |n: u32| json!({ "block_config": { "b": { "notes": "x".repeat(3_000), "n": n } } });
    let path = {
        let made = dan
            .post("/pipelines", json!({ "name": "p", "dagster_pipeline_config": large(1) }))
            .await;
        format!("/pipelines/{}", made.expect(StatusCode::CREATED).id("pipeline_id"))
    };
    let kept = async || -> i64 {
        let owner = &mut service.database.connect().await;
        query_scalar("select count(*) from app.canonical_configs")
            .fetch_one(owner)
            .await
            .expect("a count")
    };
    for (config, count) in [
        (large(1), 1),
        (large(2), 1),
        (json!({}), 0),
        (large(3), 1),
        (json!({ "tags": { "a": "b" } }), 0),
        (large(4), 1),
    ] {
        dan.patch(&path, json!({ "dagster_pipeline_config": config })).await.expect(StatusCode::OK);
        let lock = dan.get(&format!("{path}/lock")).await.expect(StatusCode::OK);
        assert_eq!(lock.body["lock"]["dagster_pipeline_config"], config);
        assert_eq!(kept().await, count);
    }
    // By SQL as well; and it goes with its pipeline.
    let mut sql = service.by_sql("dan").await;
    sql.ok(&format!(
        "update pipelines set dagster_pipeline_config = {}",
        literal(&large(5).to_string())
    ))
    .await;
    let lock = dan.get(&format!("{path}/lock")).await.expect(StatusCode::OK);
    assert_eq!(lock.body["lock"]["dagster_pipeline_config"], large(5));
    service
        .admin()
        .await
        .delete(&format!("{path}?purge=true"))
        .await
        .expect(StatusCode::NO_CONTENT);
    assert_eq!(kept().await, 0);
}

// What Dagster is told --------------------------------------------------------------------------------

#[tokio::test]
async fn executors_are_told_what_dagsters_own_take_and_nothing_else() {
    let service = Service::start().await;
    let dan = service.developer().await;
    dan.post("/pipelines", json!({ "name": "p" })).await.expect(StatusCode::CREATED);
    let told = async |config: Value| {
        let body = json!({ "dagster_pipeline_config": { "run_config": { "execution": { "config": config } } } });
        dan.patch("/pipelines/p", body).await
    };
    for config in [
        json!({}),
        json!({ "in_process": null }),
        json!({ "in_process": { "retries": { "disabled": {} }, "step_dependency_config": { "require_upstream_step_success": false } } }),
        json!({ "multiprocess": { "max_concurrent": 4, "retries": { "enabled": {} } } }),
        json!({ "multiprocess": { "max_concurrent": null, "start_method": { "spawn": {} } } }),
        json!({ "multiprocess": { "start_method": { "forkserver": { "preload_modules": ["numpy", "a.b_1"] } },
            "tag_concurrency_limits": [{ "key": "gpu", "limit": 1 }, { "key": "db", "value": "main", "limit": 2 },
                { "key": "tenant", "value": { "applyLimitPerUniqueValue": true }, "limit": 3 }] } }),
        // A job whose only executor is multiprocess.
        json!({ "max_concurrent": 4 }),
        json!({ "tag_concurrency_limits": [{ "key": "gpu", "limit": 1 }], "start_method": { "forkserver": {} } }),
    ] {
        told(config.clone()).await.expect(StatusCode::OK);
        assert_eq!(
            dan.get("/pipelines/p").await.body["dagster_pipeline_config"]["run_config"]["execution"]
                ["config"],
            config
        );
    }
    for (config, pointer, words) in [
        (json!({ "k8s": { "image": "evil" } }), "/k8s", "in_process, multiprocess, max_concurrent"),
        (json!({ "image": "evil" }), "/image", "start_method"),
        (
            json!({ "multiprocess": { "env": ["A"] } }),
            "/multiprocess/env",
            "tag_concurrency_limits",
        ),
        (
            json!({ "in_process": { "max_concurrent": 4 } }),
            "/in_process/max_concurrent",
            "only retries",
        ),
        (json!({ "in_process": {}, "multiprocess": {} }), "", "one executor"),
        (json!({ "multiprocess": {}, "max_concurrent": 4 }), "", "one executor"),
        (
            json!({ "multiprocess": { "max_concurrent": 1.5 } }),
            "/multiprocess/max_concurrent",
            "whole number",
        ),
        (
            json!({ "multiprocess": { "max_concurrent": { "env": "A" } } }),
            "/multiprocess/max_concurrent",
            "whole number",
        ),
        (json!({ "retries": { "enabled": {}, "disabled": {} } }), "/retries", "enabled"),
        (json!({ "start_method": { "fork": {} } }), "/start_method", "forkserver"),
        (
            json!({ "start_method": { "forkserver": { "preload_modules": ["os; x"] } } }),
            "/start_method",
            "names of modules",
        ),
        (
            json!({ "tag_concurrency_limits": [{ "key": "a", "limit": 1 }, { "key": "a" }] }),
            "/tag_concurrency_limits/1",
            "limit",
        ),
        (json!(5), "", "JSON object"),
    ] {
        let refused = told(config).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(
            refused.pointers(),
            [format!("/dagster_pipeline_config/run_config/execution/config{pointer}")]
        );
        assert!(refused.text.contains(words), "{words}: {}", refused.text);
    }
}

/// A configuration that is mostly right.
fn config(random: &mut StdRng) -> Value {
    let pick = |random: &mut StdRng, of: &[Value]| of[random.random_range(0..of.len())].clone();
    let mut config = Map::new();
    let odd =
        [json!(5), json!(null), json!([]), json!(""), json!({ "x": {} }), json!(-1), json!(true)];
    for (name, values) in [
        ("schema_version", vec![json!(1)]),
        ("mode", vec![json!("job"), json!("generic")]),
        ("repository_name", vec![json!("r")]),
        ("job_name", vec![json!("j_1")]),
        ("block_config", vec![json!({}), json!({ "b": { "n": 1 } })]),
        (
            "tags",
            vec![json!({ "team": "a" }), json!({ "dagster/max_retries": "9" }), json!({ "x": 5 })],
        ),
        ("op_selection", vec![json!(["a"]), json!(null)]),
        ("max_runtime_seconds", vec![json!(1), json!(604_800), json!(604_801), json!(0.5)]),
        ("max_retries", vec![json!(0), json!(10), json!(11)]),
        ("resources", vec![json!({})]),
        (
            "run_config",
            vec![
                json!({ "ops": { "o": 1 } }),
                json!({ "ops": { "plan": 1 } }),
                json!({ "resources": {} }),
                json!({ "execution": { "config": { "multiprocess": { "max_concurrent": 2 } } } }),
                json!({ "execution": { "config": { "max_concurrent": 2, "retries": { "enabled": {} } } } }),
                json!({ "execution": { "config": { "k8s_job_executor": { "service_account_name": "admin" } } } }),
                json!({ "execution": { "config": { "in_process": { "image": "x" } } } }),
                json!({ "execution": { "k8s": {} } }),
            ],
        ),
    ] {
        let is_known = name != "resources";
        if random.random_range(0..if is_known { 3 } else { 20 }) == 0 {
            let value = if random.random_range(0..12) == 0 {
                pick(random, &odd)
            } else {
                pick(random, &values)
            };
            config.insert(name.to_owned(), value);
        }
    }
    Value::Object(config)
}

#[tokio::test]
async fn what_dagster_is_told_is_held_in_the_database_too() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let mut sql = service.by_sql("dan").await;
    // The statement of the review.
    let refusal = sql
        .refused(
            r#"insert into pipelines (name, dagster_pipeline_config) values ('x', '{"run_config": {"execution": {"config":
                {"k8s_job_executor": {"service_account_name": "admin"}}}}, "tags": {"dagster/max_retries": "99"}}')"#,
            "23514",
        )
        .await;
    let faults: Value = serde_json::from_str(&refusal.detail).expect("faults");
    assert_eq!(faults.as_array().map(Vec::len), Some(2), "{faults}");

    dan.post("/pipelines", json!({ "name": "p" })).await.expect(StatusCode::CREATED);
    let mut random = StdRng::seed_from_u64(1_13);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..300 {
        let config = config(&mut random);
        let literal = literal(&config.to_string());
        let http = dan.patch("/pipelines/p", json!({ "dagster_pipeline_config": config })).await;
        for statement in [
            format!(
                "insert into pipelines (name, dagster_pipeline_config) values ('p{round}', {literal})"
            ),
            format!(
                "update pipelines set dagster_pipeline_config = '{{}}' where name = 'p'; update pipelines set dagster_pipeline_config = {literal} where name = 'p'"
            ),
        ] {
            match sql.run(&statement).await {
                Ok(_) => assert_eq!(http.status, StatusCode::OK, "{config}"),
                Err(refusal) => {
                    assert_eq!(
                        http.status,
                        StatusCode::UNPROCESSABLE_ENTITY,
                        "{config} {refusal:?}"
                    );
                    let faults: Value = serde_json::from_str(&refusal.detail).expect("faults");
                    assert_eq!(http.body["errors"], faults, "{config}");
                }
            }
        }
        if http.status == StatusCode::OK { taken += 1 } else { refused += 1 }
    }
    assert!(taken > 60 && refused > 60, "{taken} {refused}");
}
