//! The program while it serves a database of a test: what it answers, what it says, how it ends.

use std::fs::{self, File};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::support::Database;
use super::{Program, SECRET};

/// More than anything here takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_mins(1);

pub const PASSWORD: &str = "only-this-test-knows-it-7431";

/// What a running program leaves when it ends.
pub struct Said {
    pub output: String,
    pub errors: String,
}

pub struct Running {
    child: Child,
    pub program: Program,
    address: String,
    pub http: reqwest::Client,
}

impl Running {
    /// With its standard output in a file of its folder.
    pub async fn start(program: Program) -> Self {
        let output = File::create(program.folder().join("stdout")).unwrap();
        Self::start_into(program, output).await
    }

    pub async fn start_into(program: Program, output: impl Into<Stdio>) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let errors = File::create(program.folder().join("stderr")).unwrap();
        let (_, port) = address.rsplit_once(':').unwrap();
        let child = program
            .command(&["serve"])
            .env("HOST", "127.0.0.1")
            .env("PORT", port)
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap();
        // reqwest makes no client without one; an error says that there is one already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        let mut running = Self { child, program, address, http };
        let begun = Instant::now();
        while running.http.get(running.url("/health/live")).send().await.is_err() {
            let ended = running.child.try_wait().unwrap();
            let errors = running.read("stderr");
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "{errors}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        running
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> StatusCode {
        let answer = self.http.get(self.url(path)).send().await;
        answer.expect("an answer").status()
    }

    pub async fn metric(&self, series: &str) -> f64 {
        let answer = self.http.get(self.url("/metrics")).send().await.unwrap();
        let text = answer.text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        let value = line.unwrap_or_else(|| panic!("no {series} in {text}"));
        value.trim().parse().unwrap()
    }

    /// Makes an administrator and logs in; the tokens.
    pub async fn login(&self) -> Value {
        let arguments =
            "user create --username ada --email ada@example.org --role admin --password-stdin";
        let arguments: Vec<_> = arguments.split(' ').collect();
        self.program.run_with_input(&arguments, PASSWORD).succeeds();
        let body = json!({ "username": "ada", "password": PASSWORD });
        let answer = self.http.post(self.url("/auth/login")).json(&body).send();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.program.folder().join(name)).unwrap_or_default()
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) -> (Said, Program) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap());
        kill(pid, Signal::SIGTERM).unwrap();
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > PATIENCE {
                self.child.kill().unwrap();
                panic!("it does not stop");
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let said = Said { output: self.read("stdout"), errors: self.read("stderr") };
        assert!(status.success(), "{}", said.errors);
        (said, self.program)
    }
}

/// The program, configured for a database.
pub fn on(database: &Database) -> Program {
    Program::new()
        .with("DATABASE_URL", Database::url(&database.service()))
        .with("MIGRATE_DATABASE_URL", Database::url(&database.owner()))
        .with("JWT_SECRET", SECRET)
}
