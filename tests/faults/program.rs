//! The program under test: a process of its own, as it is deployed.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

use crate::support::people::PASSWORD;

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Program {
    pub address: SocketAddr,
    /// For tests that ask a lot: with connections that are kept.
    pub http: reqwest::Client,
    command: Command,
    child: Child,
    folder: TempDir,
}

impl Program {
    /// Serves the database; `settings` differ from the usual ones.
    pub fn start(database: &PgConnectOptions, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // A fixed port, since it is the same one after a restart.
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a free port");
        let mut command = Command::new("sh");
        command
            // Fewer open files than any test needs: it must take what it is allowed.
            .args(["-c", r#"ulimit -S -n 256 && exec "$0" serve"#])
            .arg(env!("CARGO_BIN_EXE_blockyard"))
            .current_dir(folder.path())
            .env_clear()
            .env("DATABASE_URL", database.to_url_lossy().to_string())
            .env("JWT_SECRET", "k3J9sPq0Zx7Vb2Nn5Mm8LdRtYuIoEwAfGh4C")
            .env("ACCESS_TOKEN_SECONDS", "86400")
            .env("HOST", "127.0.0.1")
            .env("PORT", address.port().to_string())
            .env("LOG_LEVEL", "warn")
            .env("LOG_FILE", "app.log")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let child = command.spawn().expect("the program");
        let mut program = Self { address, http: client(), command, child, folder };
        program.wait_until_it_serves();
        program
    }

    fn wait_until_it_serves(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        // It listens before it has looked at the database; only then it answers.
        while self.get_plain("/health/live").is_none() {
            let ended = self.child.try_wait().expect("a child");
            assert!(ended.is_none(), "it ended: {ended:?} {}", self.log());
            assert!(Instant::now() < deadline, "it does not serve");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The status line of an answer, without any client in between.
    fn get_plain(&self, path: &str) -> Option<String> {
        use std::io::{BufRead, BufReader, Write};

        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        line.starts_with("HTTP/1.1 200").then_some(line)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The access token of one of the people.
    pub async fn token(&self, username: &str) -> String {
        // A connection that was lost on a busy machine is said so: then once more.
        let answer = loop {
            let answer = client()
                .post(self.url("/auth/login"))
                .json(&json!({ "username": username, "password": PASSWORD }))
                .send()
                .await
                .expect("an answer");
            if answer.status() != StatusCode::SERVICE_UNAVAILABLE {
                break answer;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        assert_eq!(answer.status(), StatusCode::OK);
        let body: Value = answer.json().await.expect("JSON");
        body["access_token"].as_str().expect("a token").to_owned()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("a pid"))
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it lives");
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("it lives");
        self.child.wait().expect("its end");
    }

    /// Starts it again, at the same address; returns when it began to serve.
    pub fn restart(&mut self) -> Instant {
        self.child = self.command.spawn().expect("the program");
        self.wait_until_it_serves();
        Instant::now()
    }

    /// Starts it once more, to be refused; what it says.
    pub fn refusal(&mut self) -> String {
        let output = self.command.output().expect("the program");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        said
    }

    /// Waits for its end and returns the exit code.
    pub async fn ended(&mut self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status
                    .code()
                    .unwrap_or_else(|| panic!("ended by signal {:?}", status.signal()));
            }
            assert!(Instant::now() < deadline, "it does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The memory that it has resident, in MiB, where the system tells.
    pub fn resident(&self) -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kibibytes / 1024.0)
    }

    /// Its warnings and errors.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("app.log")).unwrap_or_default()
    }

    /// Fails if anything was an error of the service's own.
    #[track_caller]
    pub fn assert_no_errors(&self) {
        let log = self.log();
        let errors: Vec<_> = log.lines().filter(|line| line.contains("ERROR")).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A client with connections of its own, which waits longer than the service should let it.
pub fn client() -> reqwest::Client {
    // reqwest makes no client without one; an error says that there is one already.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder().timeout(PATIENCE).build().expect("a client")
}
