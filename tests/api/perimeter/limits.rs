//! How long, how large, how many: what is too much is refused early, and harms nobody else.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::service_with;
use crate::service::Service;

/// Far longer than anything here takes, so that a hanging test ends.
const PATIENCE: Duration = Duration::from_mins(1);

const GREETING: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// A client that says what no library would.
struct Wire(TcpStream);

impl Wire {
    async fn open(service: &Service) -> Self {
        let stream = TcpStream::connect(service.address).await;
        Self(stream.expect("a connection"))
    }

    async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("written");
    }

    /// What comes until there is a whole head, or the end.
    async fn head(&mut self) -> String {
        let mut heard = Vec::new();
        let hear = async {
            while !heard.windows(4).any(|four| four == b"\r\n\r\n") {
                let mut more = [0; 1024];
                match self.0.read(&mut more).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => heard.extend_from_slice(&more[..read]),
                }
            }
        };
        timeout(PATIENCE, hear).await.expect("an answer, or the end");
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// What comes until the service closes the connection.
    async fn rest(&mut self) -> String {
        let mut heard = Vec::new();
        let end = timeout(PATIENCE, self.0.read_to_end(&mut heard)).await;
        // A reset is an end as well.
        end.expect("the end").ok();
        String::from_utf8_lossy(&heard).into_owned()
    }
}

async fn post(service: &Service, path: &str, headers: &str, body: &str) -> Wire {
    let mut wire = Wire::open(service).await;
    let head = "Host: x\r\nContent-Type: application/json\r\nContent-Length: 1000000";
    wire.say(&format!("POST {path} HTTP/1.1\r\n{head}\r\n{headers}\r\n{body}")).await;
    wire
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let service = service_with(|config| config.header_seconds = 1).await;
    for begun in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n"] {
        let mut wire = Wire::open(&service).await;
        wire.say(begun).await;
        let answer = wire.rest().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_too_slow() {
    let service = service_with(|config| config.body_seconds = 1).await;
    let mut wire = post(&service, "/auth/login", "", "{\"username\":").await;
    let answer = wire.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("\"too_slow\""), "{answer}");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_cut_off() {
    let service = service_with(|config| config.request_seconds = 1).await;
    let mut wire = post(&service, "/auth/login", "", "{\"username\":").await;
    let answer = wire.rest().await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("\"unknown_outcome\""), "{answer}");
    let answer = answer.to_ascii_lowercase();
    for header in ["retry-after: 1", "x-request-id: ", "x-frame-options: deny"] {
        assert!(answer.contains(header), "{answer}");
    }
    service.nobody().get("/").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let service = service_with(|config| config.keep_alive_seconds = 1).await;
    let mut wire = Wire::open(&service).await;
    wire.say(GREETING).await;
    assert!(wire.rest().await.starts_with("HTTP/1.1 200"));
    let service = service_with(|config| config.keep_alive_seconds = 0).await;
    let mut wire = Wire::open(&service).await;
    wire.say(GREETING).await;
    let answer = wire.rest().await.to_ascii_lowercase();
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn a_body_without_an_identity_is_not_read() {
    let service = Service::start().await;
    for headers in ["", "Authorization: Bearer x\r\n", "X-API-Key: x\r\n"] {
        let mut wire = post(&service, "/blocks", headers, "{").await;
        let answer = wire.head().await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    let mut wire = post(&service, "/nothing", "", "{").await;
    let answer = wire.head().await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn connections_are_bounded_and_those_beyond_wait() {
    const MOST: usize = 5;
    let service = service_with(|config| {
        config.workers = 1;
        config.max_connections = u32::try_from(MOST).expect("a small number");
    })
    .await;
    let mut served = Vec::new();
    let waiting = loop {
        let mut wire = Wire::open(&service).await;
        wire.say(GREETING).await;
        let patience = Duration::from_secs(2);
        match timeout(patience, wire.head()).await {
            Ok(answer) => assert!(answer.starts_with("HTTP/1.1 200"), "{answer}"),
            Err(_) => break wire,
        }
        served.push(wire);
        // One more may have been accepted before the count is looked at.
        assert!(served.len() <= MOST + 1, "not bounded");
    };
    assert!(served.len() >= MOST, "{}", served.len());
    served.truncate(1);
    let mut waiting = waiting;
    assert!(waiting.head().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn many_idle_connections_do_no_harm() {
    let service = Service::start().await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        let mut wire = Wire::open(&service).await;
        wire.say(GREETING).await;
        idle.push(wire);
    }
    for wire in &mut idle {
        assert!(wire.head().await.starts_with("HTTP/1.1 200"));
    }
    let dan = service.developer().await;
    dan.get("/blocks").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let service = Service::start().await;
    let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(140_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X-Y: z\r\n".repeat(100));
    for (head, statuses) in [(long, ["400", "431"]), (many, ["400", "431"])] {
        let mut wire = Wire::open(&service).await;
        wire.say(&head).await;
        let answer = wire.head().await;
        // Whoever still writes may see the connection end before the answer.
        let status = answer.get(9..12).unwrap_or("431");
        assert!(statuses.contains(&status), "{answer}");
    }
}

#[tokio::test]
async fn thousands_of_parameters_are_not_looked_at() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let query: Vec<_> = (0..10_000).map(|n| format!("{n:x}")).collect();
    let answer = dan.get(&format!("/blocks?{}", query.join("&"))).await;
    let answer = answer.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert!(answer.text.len() < 1000, "{}", answer.text);
    let query: Vec<_> = (0..100).map(|n| format!("a{n}=1")).collect();
    let answer = dan.get(&format!("/blocks?{}", query.join("&"))).await;
    let answer = answer.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(answer.pointers().len(), 100);
}

#[tokio::test]
async fn thousands_of_members_are_not_looked_at() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let object = |members: usize| {
        let members: Vec<_> = (0..members).map(|n| format!("\"a{n}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    let post = async |path: &str, body: String| {
        let request = dan.request(Method::POST, path);
        let answer = request.raw("application/json", body).send().await;
        answer.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid")
    };
    let answer = post("/blocks", object(150_000)).await;
    assert!(answer.text.len() < 10_000, "{}", answer.text.len());
    assert_eq!(answer.pointers()[0], "");
    let repeated = format!("{{{}\"name\":1}}", "\"name\":1,".repeat(150_000));
    let answer = post("/blocks", repeated).await;
    assert!(answer.text.len() < 10_000, "{}", answer.text.len());
    // Many objects with many faults each: told up to a point.
    let blocks = vec![object(100); 200].join(",");
    let answer = post("/pipelines", format!("{{\"name\":\"p\",\"blocks\":[{blocks}]}}")).await;
    assert_eq!(answer.pointers().len(), 200);
    let detail = answer.body["detail"].as_str().expect("a detail");
    assert!(detail.contains("the first 200"), "{detail}");
}
