//! Lists as tables: CSV and NDJSON say what JSON says, whole or not as if they were whole.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::as_of::{at, instant};
use crate::blocks::register;
use crate::pipelines::{chain, edge, verify};
use crate::service::{Answer, PASSWORD, Person, Service, Setup};

const CSV: &str = "text/csv";
const NDJSON: &str = "application/x-ndjson";

/// What a careless spreadsheet would calculate, and what a careless writer would break.
const NASTY: [&str; 13] = [
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(1)",
    "＝1",
    "＠a",
    "'=1",
    "''-1",
    "'tis",
    "a,\"b\";c",
    "x;=1+1;y",
    "שלום",
    "🚢 Ünïted",
];

async fn accepting(person: &Person<'_>, media_type: &str, path: &str) -> Answer {
    person.request(Method::GET, path).header("Accept", media_type).send().await
}

/// The items of a list, page by page.
async fn listed(person: &Person<'_>, path: &str) -> Vec<Value> {
    let joint = if path.contains('?') { '&' } else { '?' };
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = person.get(&format!("{path}{joint}limit=90{cursor}")).await;
        let page = page.expect(StatusCode::OK);
        items.extend(page.body["items"].as_array().expect("items").iter().cloned());
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

fn lines(answer: &Answer) -> Vec<Value> {
    assert!(answer.text.is_empty() || answer.text.ends_with('\n'));
    answer.text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The names of the columns, and the rows.
fn table(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let mut rows =
        reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect());
    (rows.next().expect("columns"), rows.collect())
}

/// What a cell says of a value.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => {
            let bare = text.trim_start_matches('\'');
            let begins =
                bare.trim_start().chars().next().is_some_and(|c| "=+-@＝＋－＠".contains(c));
            let turns = bare.starts_with(['\t', '\r', '\n']);
            format!("{}{text}", if begins || turns { "'" } else { "" })
        }
        other => other.to_string(),
    }
}

/// Asserts that a list says the same in all forms; how many rows it has.
async fn alike(person: &Person<'_>, path: &str) -> usize {
    let items = listed(person, path).await;
    let ndjson = accepting(person, NDJSON, path).await.expect(StatusCode::OK);
    assert_eq!(ndjson.header("content-type"), NDJSON);
    assert_eq!(lines(&ndjson), items, "{path}");
    let whole = accepting(person, CSV, path).await.expect(StatusCode::OK);
    assert_eq!(whole.header("content-type"), "text/csv; charset=utf-8; header=present");
    let disposition = whole.header("content-disposition");
    assert!(disposition.starts_with("attachment; filename=\"") && disposition.ends_with(".csv\""));
    for answer in [&ndjson, &whole] {
        assert!(answer.header("vary").contains("Accept"));
        assert!(!answer.headers.contains_key("link"));
    }
    let (columns, rows) = table(&whole.text);
    assert_eq!(rows.len(), items.len(), "{path}");
    for (row, item) in rows.iter().zip(&items) {
        let members = item.as_object().expect("an object");
        for name in members.keys() {
            assert!(columns.contains(name), "{path}: no column {name}");
        }
        for (column, found) in columns.iter().zip(row) {
            let value = &item[column.as_str()];
            if value.is_array() || value.is_object() {
                let found: Value = serde_json::from_str(found).expect("JSON");
                assert_eq!(&found, value, "{path}: {column}");
            } else {
                assert_eq!(*found, cell(value), "{path}: {column}");
            }
        }
    }
    items.len()
}

async fn applied(person: &Person<'_>, file: Value) {
    person.post("/apply", file).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn every_list_is_the_same_in_every_form() {
    let service = Service::start().await;
    let (dan, ada, vera) =
        (service.developer().await, service.admin().await, service.viewer().await);
    let names: Vec<String> = NASTY
        .iter()
        .map(|name| (*name).to_owned())
        .chain((0..430).map(|n| format!("n{n}")))
        .collect();
    let described = |name: &String| json!({ "name": name, "type": "model", "description": format!("{name}\r\n\"x\"\ty"), "metadata": { "n": name } });
    let edges = |name: &String| json!({ "name": name, "description": format!("\t{name}") });
    applied(
        &dan,
        json!({
            "apiVersion": "blockyard/v1",
            "taxonomy": ["t"],
            "blocks": names.iter().map(described).collect::<Vec<_>>(),
            "edges": names.iter().map(edges).collect::<Vec<_>>(),
            "pipelines": names.iter().map(edges).collect::<Vec<_>>(),
        }),
    )
    .await;
    applied(
        &dan,
        json!({ "apiVersion": "blockyard/v1", "blocks": [
            { "name": "n1", "aliases": { "champion": 1 }, "categories": ["t"] }
        ] }),
    )
    .await;
    let then = instant(&service).await;
    dan.delete("/blocks/n2").await.expect(StatusCode::NO_CONTENT);
    for (path, rows) in [
        ("/blocks", 442),
        ("/blocks?sort=name", 442),
        ("/blocks?sort=-updated_at&q=n", 442),
        ("/blocks?include=versions,aliases,categories&sort=-name", 442),
        ("/blocks?name=n7", 1),
        ("/blocks?category=t&include=categories", 1),
        ("/blocks?archived=true", 1),
        ("/blocks?where=metadata/n=n8", 1),
        ("/blocks?block_type=dataset", 0),
        ("/edges", 443),
        ("/edges?include=versions,verifications&sort=name", 443),
        ("/pipelines", 443),
        ("/pipelines?include=blocks,edges&sort=-name", 443),
        ("/pipelines?ready=true", 0),
        ("/runs", 0),
    ] {
        // `q` and `where` list what they find; that it is the same in all forms counts.
        let found = alike(&dan, path).await;
        assert!(found == rows || path.contains("q="), "{path}: {found}");
    }
    assert_eq!(alike(&dan, &at("/blocks", &then)).await, 443);
    let trail = "/audit-logs?entity_type=block";
    assert!(alike(&ada, trail).await >= 444);
    assert_eq!(alike(&ada, trail).await, alike(&dan, trail).await);
    // By the rights of JSON: others see nothing of what he did.
    assert_eq!(alike(&vera, trail).await, 0);
    assert_eq!(alike(&vera, "/blocks").await, 442);
    assert_eq!(alike(&vera, "/blocks?archived=true").await, 0);
    for media_type in [CSV, NDJSON] {
        let refused = accepting(&service.nobody(), media_type, "/blocks").await;
        refused.refused(StatusCode::UNAUTHORIZED, "unauthorized");
    }
}

#[tokio::test]
async fn runs_are_a_table_too() {
    let service = Service::start().await;
    let dan = service.developer().await;
    chain(&service, &dan).await;
    for n in 0..205 {
        let parameters = json!({ "parameters": { "n": n } });
        dan.post("/pipelines/p/runs", parameters).await.expect(StatusCode::CREATED);
    }
    let id = dan.get("/runs?limit=1").await.body["items"][0]["run_id"].clone();
    let failed = json!({ "status": "failure", "failure": "=1+1", "claim": "-w" });
    let path = format!("/runs/{}", id.as_str().expect("an id"));
    dan.patch(&path, failed).await.expect(StatusCode::OK);
    for (path, rows) in [
        ("/runs", 205),
        ("/pipelines/p/runs", 205),
        ("/runs?pipeline=P&status=failure", 1),
        ("/runs?block=a&version=1", 205),
    ] {
        assert_eq!(alike(&dan, path).await, rows, "{path}");
    }
    assert!(accepting(&dan, CSV, "/runs?status=failure").await.text.contains("\"'=1+1\""));
    let missing = accepting(&dan, CSV, "/pipelines/nowhere/runs").await;
    missing.refused(StatusCode::NOT_FOUND, "not_found");
}

#[tokio::test]
async fn the_columns_are_the_members_of_the_document() {
    let service = Service::start().await;
    let ada = service.admin().await;
    let document: Value = serde_json::from_str(include_str!("../../openapi.json")).expect("JSON");
    for (path, schema, of_one) in [
        ("/blocks", "Block", vec!["candidate", "used_by"]),
        ("/edges", "Edge", vec!["candidate", "used_by"]),
        ("/pipelines", "Pipeline", vec!["runs"]),
        ("/runs", "Run", vec![]),
        ("/audit-logs", "AuditLog", vec![]),
    ] {
        let answer = accepting(&ada, CSV, &format!("{path}?limit=1")).await.expect(StatusCode::OK);
        let (columns, _) = table(&answer.text);
        let beside = &document["paths"][path]["get"]["responses"]["200"]["x-content"];
        assert!(beside[CSV].is_object() && beside[NDJSON].is_object(), "{path}");
        let members = document["components"]["schemas"][schema]["properties"].as_object();
        let mut members: BTreeSet<&str> =
            members.expect("members").keys().map(String::as_str).collect();
        for member in of_one {
            assert!(members.remove(member), "{path}: {member}");
        }
        assert_eq!(columns.iter().map(String::as_str).collect::<BTreeSet<_>>(), members, "{path}");
        let file = format!("attachment; filename=\"{}.csv\"", &path[1..]);
        assert_eq!(answer.header("content-disposition"), file);
    }
    let empty = accepting(&ada, CSV, "/pipelines").await.text;
    assert!(empty.starts_with("\"pipeline_id\",\"name\",") && empty.ends_with("\r\n"), "{empty}");
    assert_eq!(empty.lines().count(), 1);
    assert_eq!(accepting(&ada, NDJSON, "/pipelines").await.text, "");
}

#[tokio::test]
async fn the_form_is_what_the_client_likes_best() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    for (accept, media_type) in [
        ("*/*", "application/json"),
        ("", "application/json"),
        ("garbage", "application/json"),
        ("text/html", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("application/json, text/csv, application/x-ndjson", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("text/csv", CSV),
        ("TEXT/CSV; header=present", CSV),
        ("text/*", CSV),
        ("text/csv, */*;q=0.1", CSV),
        ("application/json;q=0.5, text/csv", CSV),
        ("text/csv;q=0.2, application/x-ndjson;q=0.9", NDJSON),
        ("application/json;q=0, application/*", NDJSON),
    ] {
        for path in ["/blocks", "/edges", "/pipelines", "/runs", "/audit-logs"] {
            let answer = accepting(&dan, accept, path).await.expect(StatusCode::OK);
            let found = answer.header("content-type").split(';').next();
            assert_eq!(found, Some(media_type), "{path} for {accept:?}");
            assert!(answer.header("vary").contains("Accept"));
        }
    }
    let head = dan.request(Method::HEAD, "/blocks").header("Accept", CSV).send().await;
    let head = head.expect(StatusCode::OK);
    assert_eq!(head.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(head.text, "");
    for query in ["limit=0", "cursor=x", "sort=colour", "unknown=1", "where=x"] {
        let refused = accepting(&dan, CSV, &format!("/blocks?{query}")).await;
        refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[tokio::test]
async fn with_a_limit_it_is_a_page_with_the_way_to_the_next() {
    let service = Service::start().await;
    let dan = service.developer().await;
    for name in ["a", "b", "c"] {
        register(&dan, name).await;
    }
    for media_type in [CSV, NDJSON] {
        let head = usize::from(media_type == CSV);
        let page = accepting(&dan, media_type, "/blocks?sort=name&limit=2").await;
        assert_eq!(page.text.lines().count(), head + 2, "{}", page.text);
        let link = page.header("link");
        let json = dan.get("/blocks?sort=name&limit=2").await;
        assert_eq!(link, json.header("link"));
        let next = link.split(['<', '>']).nth(1).expect("an address");
        let last = accepting(&dan, media_type, next).await;
        assert_eq!(last.text.lines().count(), head + 1, "{}", last.text);
        assert!(!last.headers.contains_key("link"));
        // Without a limit all that comes behind the cursor.
        let rest = accepting(&dan, media_type, &next.replace("&limit=2", "")).await;
        assert_eq!(rest.text, last.text);
    }
}

#[tokio::test]
async fn the_trail_says_once_that_it_was_read_as_a_table() {
    let service = Service::start().await;
    let (dan, ada) = (service.developer().await, service.admin().await);
    let blocks: Vec<Value> =
        (0..450).map(|n| json!({ "name": format!("n{n}"), "type": "model" })).collect();
    applied(&dan, json!({ "apiVersion": "blockyard/v1", "blocks": blocks })).await;
    let whole = accepting(&ada, CSV, "/audit-logs").await.expect(StatusCode::OK);
    assert!(table(&whole.text).1.len() > 900);
    let reads = ada.get("/audit-logs?action_type=READ&entity_type=audit_log").await;
    assert_eq!(reads.items("log_id").len(), 1);
}

#[tokio::test]
async fn a_table_of_blocks_is_applied_as_it_was_exported() {
    let (service, other) = (Service::start().await, Service::start().await);
    let dan = service.developer().await;
    let blocks = NASTY.iter().map(|name| {
        json!({ "name": name, "type": "dataset", "description": format!("\t{name}\r\n"), "metadata": { "text": name, "n": -1 } })
    });
    let blocks: Vec<_> = blocks.chain([json!({ "name": "plain", "type": "model" })]).collect();
    applied(&dan, json!({ "apiVersion": "blockyard/v1", "blocks": blocks })).await;
    let exported = accepting(&dan, CSV, "/blocks").await.text;
    let send = async |person: &Person<'_>, table: &str| {
        person.request(Method::POST, "/apply").raw("text/csv", table).send().await
    };
    let again = send(&dan, &exported).await.expect(StatusCode::OK);
    assert_eq!(again.body["has_changes"], false, "{}", again.body);

    let theirs = other.developer().await;
    send(&theirs, &exported).await.expect(StatusCode::OK);
    let content = |items: Vec<Value>| {
        let members = ["name", "block_type", "description", "metadata", "activation"];
        let only = |item: &Value| members.map(|member| item[member].clone());
        items.iter().map(only).collect::<Vec<_>>()
    };
    assert_eq!(
        content(listed(&theirs, "/blocks?sort=name").await),
        content(listed(&dan, "/blocks?sort=name").await)
    );

    // Somebody edits a cell in a spreadsheet, which writes a mark before the table.
    let edited =
        format!("\u{feff}{}", exported.replace(r#","model","","#, r#","model",-5 degrees,"#));
    let changed = send(&dan, &edited).await.expect(StatusCode::OK);
    assert_eq!(changed.body["has_changes"], true);
    assert_eq!(dan.get("/blocks/plain").await.body["description"], "-5 degrees");

    let category = json!({ "name": "t" });
    dan.post("/taxonomy-categories", category).await.expect(StatusCode::CREATED);
    for (include, is_taken) in [("versions,aliases", true), ("categories", false)] {
        let path = format!("/blocks?name=plain&include={include}");
        let answer = send(&dan, &accepting(&dan, CSV, &path).await.text).await;
        if is_taken {
            assert_eq!(answer.expect(StatusCode::OK).body["has_changes"], false);
        } else {
            let refused = answer.expect(StatusCode::UNPROCESSABLE_ENTITY);
            assert_eq!(refused.pointers(), ["/blocks/0/categories"]);
        }
    }
    dan.delete("/blocks/plain").await.expect(StatusCode::NO_CONTENT);
    let archived = accepting(&dan, CSV, "/blocks?archived=true").await.text;
    let refused = send(&dan, &archived).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.pointers(), ["/blocks/0/archived_at"]);
    let twice = send(&dan, "name,type,block_type\nx,model,model\n").await;
    assert_eq!(twice.expect(StatusCode::UNPROCESSABLE_ENTITY).pointers(), ["/2"]);
}

/// A service with one connection to its database and a list of 24 MB, of three pages and more.
async fn with_much() -> Service {
    let mut setup = Setup::default();
    setup.config.database_connections = 1;
    let service = Service::with(setup).await;
    let dan = service.developer().await;
    let text = "x".repeat(400_000);
    for n in 0..60 {
        let block =
            json!({ "name": format!("n{n}"), "block_type": "model", "metadata": { "text": text } });
        dan.post("/blocks", block).await.expect(StatusCode::CREATED);
    }
    service
}

/// A whole table is asked for, and the beginning of it read.
async fn begun(service: &Service, media_type: &str) -> reqwest::Response {
    let credentials = json!({ "username": "dan", "password": PASSWORD });
    let token = service.nobody().post("/auth/login", credentials).await.id("access_token");
    let request = reqwest::Client::new().get(service.url("/blocks")).bearer_auth(token);
    let mut response = request.header("Accept", media_type).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.chunk().await.expect("a beginning").is_some());
    response
}

#[tokio::test]
async fn who_reads_slowly_or_leaves_holds_no_connection() {
    let service = with_much().await;
    let dan = service.developer().await;
    assert_eq!(alike(&dan, "/blocks").await, 60);
    for media_type in [CSV, NDJSON] {
        let mut slow = begun(&service, media_type).await;
        let left = begun(&service, media_type).await;
        for _ in 0..3 {
            let others = timeout(Duration::from_secs(30), dan.get("/blocks?limit=1")).await;
            others.expect("an answer in time").expect(StatusCode::OK);
            sleep(Duration::from_millis(200)).await;
        }
        drop(left);
        let mut length = 0;
        while let Some(chunk) = slow.chunk().await.expect("the whole answer") {
            length += chunk.len();
        }
        assert!(length > 20_000_000, "{length}");
        dan.get("/blocks?limit=1").await.expect(StatusCode::OK);
    }
}

#[tokio::test]
async fn what_fails_in_the_middle_does_not_look_complete() {
    let service = with_much().await;
    for media_type in [CSV, NDJSON] {
        let mut response = begun(&service, media_type).await;
        let mut owner = service.database.connect().await;
        sqlx::query("update users set is_active = false where username = 'dan'")
            .execute(&mut owner)
            .await
            .expect("he is gone");
        let mut length = 0;
        let ended = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => length += chunk.len(),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        assert!(ended.is_err(), "{length} bytes look like all");
        assert!(length < 23_000_000, "{length}");
        sqlx::query("update users set is_active = true where username = 'dan'")
            .execute(&mut owner)
            .await
            .expect("he is back");
    }
}

#[tokio::test]
async fn over_http_1_0_only_what_has_a_length_is_sent() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let blocks: Vec<Value> =
        (0..201).map(|n| json!({ "name": format!("n{n}"), "type": "model" })).collect();
    applied(&dan, json!({ "apiVersion": "blockyard/v1", "blocks": blocks })).await;
    let credentials = json!({ "username": "dan", "password": PASSWORD });
    let token = service.nobody().post("/auth/login", credentials).await.id("access_token");
    for (path, status) in [("/blocks", "505"), ("/blocks?limit=200", "200"), ("/edges", "200")] {
        let mut wire = TcpStream::connect(service.address).await.expect("a connection");
        let request = format!(
            "GET {path} HTTP/1.0\r\nHost: x\r\nAccept: text/csv\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        wire.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        wire.read_to_string(&mut answer).await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with(&format!("HTTP/1.0 {status}")), "{path}: {head}");
        let length = format!("content-length: {}", body.len());
        assert!(head.contains(&length), "{path}: {head}");
    }
}

#[tokio::test]
async fn an_edge_that_was_verified_says_so_in_its_row() {
    let service = Service::start().await;
    let dan = service.developer().await;
    edge(&service, "e").await;
    verify(&service, "e", "passed").await;
    assert_eq!(alike(&dan, "/edges?include=verifications").await, 1);
}
