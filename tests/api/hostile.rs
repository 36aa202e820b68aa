//! Bad input: a refusal that can be read, never a failure, never a broken connection.

use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::blocks::register;
use crate::service::{PASSWORD, Service};

const JSON: &str = "application/json";

fn nested(depth: usize) -> String {
    format!(
        "{{\"name\":\"n\",\"block_type\":\"model\",\"metadata\":{}1{}}}",
        "{\"a\":".repeat(depth),
        "}".repeat(depth)
    )
}

fn block_with(metadata: &str) -> String {
    format!(r#"{{"name":"n","block_type":"model","metadata":{metadata}}}"#)
}

#[tokio::test]
async fn hostile_bodies_are_refused() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let bodies: Vec<Vec<u8>> = [
        "",
        " ",
        "{",
        "}",
        "[]",
        "[{}]",
        "null",
        "true",
        "0",
        "\"text\"",
        "{}",
        "{\"name\"}",
        "{\"name\":}",
        "{\"name\":\"n\",}",
        "{'name':'n'}",
        "{\"name\":\"n\"}{}",
        "{\"name\":\"n\",\"block_type\":\"model\"} x",
        "\u{feff}{}",
        "name=n&block_type=model",
        "<block/>",
        "NaN",
        "{\"name\":NaN}",
        "{\"name\":Infinity,\"block_type\":\"model\"}",
        r#"{"name":"a","name":"b","block_type":"model"}"#,
        r#"{"name":"n","block_type":"model","block_type":"dataset"}"#,
        r#"{"name":1,"block_type":"model"}"#,
        r#"{"name":["n"],"block_type":"model"}"#,
        r#"{"name":{"a":1},"block_type":"model"}"#,
        r#"{"name":"n","block_type":1}"#,
        r#"{"name":"n","block_type":"MODEL"}"#,
        r#"{"name":"n","block_type":null}"#,
        r#"{"name":"n","block_type":["model"]}"#,
        r#"{"name":"n","block_type":{"model":null}}"#,
        r#"{"name":"n","block_type":"model","description":[]}"#,
        r#"{"name":"n","block_type":"model","description":1e999}"#,
        r#"{"name":"n","block_type":"model","metadata":"{}"}"#,
        r#"{"name":"n","block_type":"model","metadata":[]}"#,
        r#"{"name":"n","block_type":"model","metadata":7}"#,
        r#"{"name":"\u0000","block_type":"model"}"#,
        r#"{"name":"a\u0000b","block_type":"model"}"#,
        r#"{"name":"\ud800","block_type":"model"}"#,
        r#"{"name":"n","block_type":"model","description":"\u0000"}"#,
        r#"{"name":"n","block_type":"model","description":"\udc00\ud800"}"#,
        r#"{"name":"\u202egnp.exe","block_type":"model"}"#,
        r#"{"name":"a\tb","block_type":"model"}"#,
        r#"{"name":"n","block_type":"model","":1}"#,
        r#"{"name":"n","block_type":"model","a/b~c":1}"#,
        r#"{"name":"n","block_type":"model","__proto__":{}}"#,
        r#"{"name":"n","block_type":"model","created_at":"2020-01-01"}"#,
        r#"{"name":"n","block_type":"model","archived_at":null}"#,
        r#"{"NAME":"n","block_type":"model"}"#,
        r#"{"name":null,"block_type":"model"}"#,
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .chain([
        b"\xff\xfe".to_vec(),
        b"{\"name\":\"\xff\",\"block_type\":\"model\"}".to_vec(),
        b"{\"name\":\"n\x00\",\"block_type\":\"model\"}".to_vec(),
        vec![0; 1000],
        block_with(r#"{"a":"\u0000"}"#).into(),
        block_with(r#"{"\u0000":1}"#).into(),
        block_with(r#"{"a":"\ud800"}"#).into(),
        block_with(r#"{"a":1e400000}"#).into(),
        block_with(&format!(r#"{{"a":"{}"}}"#, "x".repeat(600_000))).into(),
        block_with("{").into(),
        nested(200_000).into(),
        nested(120).into(),
        "[".repeat(500_000).into(),
        format!(r#"{{"name":"{}","block_type":"model"}}"#, "n".repeat(100_000)).into(),
        format!(r#"{{"name":"n","block_type":"model","description":"{}"}}"#, "d".repeat(10_001))
            .into(),
        vec![b'x'; 3 * 1024 * 1024],
    ])
    .collect();
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let answer = dan.request(Method::POST, "/blocks").raw(JSON, body).send().await;
        assert!(answer.status.is_client_error(), "{shown}: {} {}", answer.status, answer.text);
        answer.assert_problem();
    }
    assert!(
        dan.get("/blocks").await.expect(StatusCode::OK).items("name").is_empty(),
        "nothing got in"
    );
}

#[tokio::test]
async fn what_is_unusual_but_right_is_taken() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let big = "123456789012345680000";
    for (name, metadata) in [
        ("number", format!(r#"{{"n":{big},"f":1e-300}}"#)),
        ("nested", format!("{}1{}", "{\"a\":".repeat(90), "}".repeat(90))),
        ("unicode", r#"{"😀":"\ud83d\ude00 \" \\ /"}"#.to_owned()),
    ] {
        let body = format!(r#"{{"name":"{name}","block_type":"model","metadata":{metadata}}}"#);
        let created = dan
            .request(Method::POST, "/blocks")
            .raw("application/json; charset=utf-8", body)
            .send()
            .await;
        created.expect(StatusCode::CREATED);
    }
    let read = dan.request(Method::GET, "/blocks/number").send().await.expect(StatusCode::OK);
    assert!(read.text.contains(big), "a number keeps its digits");
}

#[tokio::test]
async fn hostile_content_types_are_refused() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let body = r#"{"name":"n","block_type":"model"}"#;
    for content_type in [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "json",
        "x",
    ] {
        let answer = dan.request(Method::POST, "/blocks").raw(content_type, body).send().await;
        answer.refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
    }
    let encoded = dan
        .request(Method::POST, "/blocks")
        .raw(JSON, body)
        .header("Content-Encoding", "gzip")
        .send()
        .await;
    encoded.refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
    let none = dan.request(Method::POST, "/blocks").send().await;
    assert!(none.status.is_client_error());
    none.assert_problem();
}

#[tokio::test]
async fn hostile_parameters_are_refused() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    for query in [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=1e3",
        "limit=",
        "limit=99999999999999999999",
        "limit=1&limit=2",
        "limit=%00",
        "cursor=",
        "cursor=a",
        "cursor=eyJzIjoibmFtZSJ9",
        "cursor=bnVsbA",
        "cursor=%F0%9F%98%80",
        "sort=",
        "sort=id",
        "sort=name,created_at",
        "sort=name;drop",
        "block_type=",
        "block_type=DATASET",
        "created_after=yesterday",
        "created_after=2020-13-01",
        "created_before=99999-01-01",
        "archived=1",
        "archived=",
        "include=",
        "include=blocks",
        "include=versions,",
        "offset=1",
        "q=%00",
        "name=%00",
        "category=a%00b",
        "__proto__=1",
        "=1",
        "limit[]=1",
    ] {
        let refused = dan.get(&format!("/blocks?{query}")).await;
        refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    }
    for query in [
        "q=%FF%FE",
        "q=%27%20or%201%3D1--",
        "q=((((",
        "q=%26%7C!",
        "q=\"",
        "name=%25",
        "category=%27",
        "q=",
        "&&",
        "q=a%20or",
        "name=",
    ] {
        dan.get(&format!("/blocks?{query}")).await.expect(StatusCode::OK);
    }
    let long = "x".repeat(7000);
    dan.get(&format!("/blocks?name={long}")).await.expect(StatusCode::OK);
    let refused = dan.get(&format!("/blocks?q={long}")).await;
    refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    for path in [
        "/blocks/b?limit=1",
        "/blocks/b/versions?sort=name",
        "/blocks/b/versions/1?x=1",
        "/blocks/b/history?x=1",
        "/blocks/b?include=all",
    ] {
        dan.get(path).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    }
}

#[tokio::test]
async fn hostile_identities_are_refused() {
    let service = Service::start().await;
    let nobody = service.nobody();
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic YTpi",
        "bearer a.b.c",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Bearer null",
        "Token x",
        "Bearer \u{e9}",
        "Bearer a b",
        "Bearer ....",
        "Negotiate",
    ] {
        let answer =
            nobody.request(Method::GET, "/blocks").header("Authorization", value).send().await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{value:?}");
        answer.assert_problem();
    }
    for key in ["", "x", "by_0_0", "' or 1=1", &"k".repeat(5000), "\u{e9}"] {
        let answer = nobody.request(Method::GET, "/blocks").header("X-API-Key", key).send().await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{key:?}");
        answer.assert_problem();
    }
}

/// What a client library would not send: said over a bare socket. `None` when the connection
/// just closed.
async fn say(service: &Service, request: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(service.address).await.expect("a connection");
    stream.write_all(request).await.expect("written");
    stream.shutdown().await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

#[tokio::test]
async fn hostile_requests_do_no_harm() {
    let service = Service::start().await;
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(200_000));
    let headers = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Y: z\r\n".repeat(5000));
    for request in [
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\0\0\0\0",
        "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n",
        "POST /blocks HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /blocks HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        "POST /blocks HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "POST /blocks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST /blocks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /blocks HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &long,
        &headers,
    ] {
        if let Some(status) = say(&service, request.as_bytes()).await {
            assert!(
                (400..500).contains(&status) || status == 505,
                "{status}: {:?}",
                &request[..request.len().min(60)]
            );
        }
    }
    let ok =
        say(&service, b"GET http://example.org/health/live HTTP/1.1\r\nHost: example.org\r\n\r\n")
            .await;
    assert_eq!(ok, Some(200), "absolute form");
    service.nobody().get("/health/ready").await.expect(StatusCode::OK);
    service
        .developer()
        .await
        .post("/blocks", json!({ "name": "b", "block_type": "model" }))
        .await
        .expect(StatusCode::CREATED);
}

/// What the service answers to these bytes on one connection, and whether it has closed it behind that.
async fn said(service: &Service, sent: &str) -> (String, bool) {
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    // A connection that stays open says no more; one that is closed ends. (A busy machine begins late.)
    let mut patience = std::time::Duration::from_secs(30);
    loop {
        match tokio::time::timeout(patience, stream.read_buf(&mut said)).await {
            Ok(Ok(1..)) => patience = std::time::Duration::from_secs(2),
            quiet => return (String::from_utf8(said).unwrap(), quiet.is_ok()),
        }
    }
}

#[tokio::test]
async fn who_offers_another_protocol_is_answered_in_this_one() {
    let service = Service::start().await;
    for offer in [
        // Java's java.net.http
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
        "connection: keep-alive, upgrade\r\nupgrade: TLS/1.2, HTTP/1.1",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ] {
        let (said, _) =
            said(&service, &format!("GET /health/live HTTP/1.1\r\nHost: x\r\n{offer}\r\n\r\n"))
                .await;
        assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
        // A client keeps a connection that was not said to end, and loses its next request on it.
        assert!(said.contains("\r\nconnection: close\r\n"), "{said}");
    }
}

#[tokio::test]
async fn requests_that_come_at_once_are_answered_each_by_its_own() {
    let service = Service::start().await;
    let get = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    for path in ["/health/live", "/blocks", "/nowhere", "/docs/swagger-ui.css", "/openapi.json"] {
        let head = format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let (alone, _) = said(&service, &head).await;
        assert!(alone.ends_with("\r\n\r\n"), "{path}: {alone}");
        assert!(alone.contains("\r\ncontent-length: "), "{path}: {alone}");
        let (both, is_closed) = said(&service, &format!("{head}{get}")).await;
        let (first, second) = both.split_once("\r\n\r\n").unwrap();
        assert_eq!(first.lines().next(), alone.lines().next(), "{path}");
        assert!(!is_closed && second.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {second}");
    }
    let (all, _) = said(&service, &get.repeat(3)).await;
    assert_eq!(all.matches("{\"status\":\"ok\"}").count(), 3, "{all}");
}

#[tokio::test]
async fn a_body_comes_in_every_way_that_clients_send_it() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let login = json!({ "username": "dan", "password": PASSWORD });
    let login = service.nobody().post("/auth/login", login).await.expect(StatusCode::OK);
    let head = format!(
        "POST /blocks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n",
        login.body["access_token"].as_str().unwrap()
    );
    let body = |name: &str| format!(r#"{{"name":"{name}","block_type":"model"}}"#);
    let (whole, in_parts) = (body("expect"), body("chunked"));
    let (first, second) = in_parts.split_at(9);
    let chunks =
        format!("9;a=b\r\n{first}\r\n{:X}\r\n{second}\r\n0\r\nX-Sum: 1\r\n\r\n", second.len());
    for (name, rest) in [
        (
            "expect",
            format!("Expect: 100-continue\r\nContent-Length: {}\r\n\r\n{whole}", whole.len()),
        ),
        ("chunked", format!("Transfer-Encoding: chunked\r\n\r\n{chunks}")),
    ] {
        let (said, is_closed) = said(&service, &format!("{head}{rest}")).await;
        let continued = if name == "expect" { "HTTP/1.1 100 Continue\r\n\r\n" } else { "" };
        assert!(said.starts_with(&format!("{continued}HTTP/1.1 201 Created\r\n")), "{said}");
        assert!(!is_closed, "{name}");
        dan.get(&format!("/blocks/{name}")).await.expect(StatusCode::OK);
    }
}

#[tokio::test]
async fn a_search_is_bounded() {
    let service = Service::start().await;
    let vera = service.viewer().await;
    for list in ["/blocks", "/edges", "/pipelines", "/taxonomy-categories"] {
        let most = "é".repeat(200);
        vera.get(&format!("{list}?q={most}")).await.expect(StatusCode::OK);
        let refused = vera.get(&format!("{list}?q={most}-")).await;
        let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(refused.body["errors"][0]["detail"], "Has more than 200 characters.");
    }
}
