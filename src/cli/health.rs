//! `blockyard health`: the question of a container's health check, without curl in the image.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Outcome;
use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(3);
const PATH: &str = "/health/ready";

pub(super) async fn health(config: &Config) -> Outcome {
    // What listens everywhere is reached on the loopback.
    let host = match config.host.as_str() {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        host => host,
    };
    let status = tokio::time::timeout(PATIENCE, ask(host, config.port))
        .await
        .map_err(|_| format!("no answer from {host}:{} within 3 seconds", config.port))?
        .map_err(|error| format!("no answer from {host}:{}: {error}", config.port))?;
    if status.contains(" 200 ") { Ok(()) } else { Err(format!("{PATH} answers {status}").into()) }
}

/// The first line of the answer.
async fn ask(host: &str, port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((host, port)).await?;
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
