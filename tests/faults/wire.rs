//! A client that does to its connection what a test wants, byte by byte.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than whatever the service allows a client.
const PATIENCE: Duration = Duration::from_secs(50);

pub struct Wire {
    pub stream: TcpStream,
    /// What came behind the last answer.
    rest: Vec<u8>,
}

/// How a connection went on after a request.
#[derive(Debug)]
pub enum Outcome {
    Answer(Answer),
    /// It ended before the first byte of an answer.
    Closed,
    /// It ended in the middle of an answer.
    Cut(String),
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether the connection ends with this answer.
    pub fn is_last(&self) -> bool {
        self.head.contains("\r\nconnection: close\r\n")
    }
}

impl Wire {
    pub async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        let rest = Vec::new();
        Ok(Self { stream, rest })
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// Sends a byte a second until the service has had enough.
    pub async fn trickle(&mut self, text: &str) {
        for byte in text.bytes().cycle() {
            if self.send([byte]).await.is_err() {
                return;
            }
            // Its answer ends the patience, not ours.
            if timeout(Duration::from_secs(1), self.stream.readable()).await.is_ok() {
                return;
            }
        }
    }

    /// Reads one answer.
    pub async fn outcome(&mut self) -> Outcome {
        timeout(PATIENCE, self.read()).await.expect("it says nothing")
    }

    /// Reads one answer, which must come.
    #[track_caller]
    pub fn answer(&mut self) -> impl Future<Output = Answer> {
        let caller = std::panic::Location::caller();
        async move {
            match self.outcome().await {
                Outcome::Answer(answer) => answer,
                other => panic!("{caller}: {other:?}"),
            }
        }
    }

    async fn read(&mut self) -> Outcome {
        let mut bytes = std::mem::take(&mut self.rest);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            if let Some((answer, length)) = whole(&bytes) {
                self.rest = bytes.split_off(length);
                return Outcome::Answer(answer);
            }
            match self.stream.read(&mut buffer).await {
                Ok(0) if bytes.is_empty() => return Outcome::Closed,
                Err(error) if bytes.is_empty() && error.kind() == ErrorKind::ConnectionReset => {
                    return Outcome::Closed;
                }
                Ok(0) => return Outcome::Cut(String::from_utf8_lossy(&bytes).into_owned()),
                Ok(read) => bytes.extend_from_slice(&buffer[..read]),
                Err(error) => return Outcome::Cut(error.to_string()),
            }
        }
    }
}

/// The answer, when all of it is there, and its length.
fn whole(bytes: &[u8]) -> Option<(Answer, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length: usize = match head.split("\r\ncontent-length: ").nth(1) {
        Some(rest) => rest.lines().next()?.parse().ok()?,
        None => 0,
    };
    let body = bytes.get(end..end + length)?.to_vec();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((Answer { status, head, body }, end + length))
}

/// A request with whatever body belongs to these headers.
pub fn head(method: &str, path: &str, token: &str, more: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
    )
}

/// A request with a JSON body.
pub fn request(method: &str, path: &str, token: &str, body: &Value) -> String {
    let body = body.to_string();
    let more = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    head(method, path, token, &more) + &body
}
