//! `blockyard` without any configuration.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdout, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Program;

struct Service {
    child: Child,
    output: BufReader<ChildStdout>,
    /// What it said until it served.
    said: String,
}

impl Service {
    fn start(program: &Program) -> Self {
        let mut child = program.command(&[]).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("serving") {
            let read = output.read_line(&mut said).unwrap();
            assert!(read > 0, "it ended: {said}");
        }
        Self { child, output, said }
    }

    fn stop(mut self) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap());
        kill(pid, Signal::SIGINT).unwrap();
        // Read on, so that it can write.
        std::io::copy(&mut self.output, &mut std::io::sink()).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn the_first_start_makes_an_administrator_and_shows_the_password_once() {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .unwrap()
        .port()
        .to_string();
    let program = Program::new().with("PORT", port.clone()).with("LOG_FILE", "logs/app.log");
    let first = Service::start(&program);
    for word in [
        "username  admin",
        "password  ",
        "/auth/login",
        "/blocks/titanic",
        &port,
        // What comes next.
        "/api-keys",
        "README.md",
        "examples/",
        "ends after 15 minutes",
        "blockyard user password admin --password-stdin",
    ] {
        assert!(first.said.contains(word), "no {word:?} in: {}", first.said);
    }
    let password = first
        .said
        .lines()
        .find_map(|line| line.trim().strip_prefix("password  "))
        .unwrap()
        .to_owned();
    assert!(password.len() >= 20);
    program.run(&["health"]).succeeds();
    program.run(&["migrate"]).refuses(&["in use by process", "Stop that process"]);
    let secret = program.folder().join(".blockyard/jwt-secret");
    let mode = fs::metadata(&secret).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let signing = fs::read_to_string(&secret).unwrap();
    first.stop();
    program.run(&["health"]).refuses(&["no answer"]);

    let log = fs::read_to_string(program.folder().join("logs/app.log")).unwrap();
    assert!(log.contains("/health/ready"), "{log}");
    assert!(!log.contains(&password), "the password is in the log");

    let second = Service::start(&program);
    assert!(!second.said.contains(&password) && !second.said.contains("TOKEN="), "{}", second.said);
    assert!(second.said.contains("blockyard user password admin --password-stdin"));
    assert_eq!(fs::read_to_string(&secret).unwrap(), signing);
    second.stop();

    let arguments = [
        "user",
        "create",
        "--username",
        "eve",
        "--email",
        "eve@localhost",
        "--role",
        "viewer",
        "--password-stdin",
    ];
    let added = program.run_with_input(&arguments, "correct horse battery").succeeds();
    assert!(added.errors.contains("private database"), "{}", added.errors);
}

#[test]
fn a_log_file_that_cannot_be_written_is_one_warning() {
    let program = Program::new().with("PORT", "0").with("LOG_FILE", "/proc/nowhere/app.log");
    let mut child =
        program.command(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains("serving") {
        assert!(output.read_line(&mut said).unwrap() > 0, "it ended: {said}");
    }
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    std::io::copy(&mut output, &mut std::io::sink()).unwrap();
    let outcome = child.wait_with_output().unwrap();
    assert!(outcome.status.success());
    let errors = String::from_utf8(outcome.stderr).unwrap();
    assert_eq!(errors.matches("LOG_FILE").count(), 1, "{errors}");
}

#[test]
fn psql_opens_the_private_database_while_it_serves_and_when_it_does_not() {
    let program = Program::new().with("PORT", "0");
    program.run(&["psql", "--print"]).refuses(&["no private database", ".blockyard"]);
    let service = Service::start(&program);
    let url = program.run(&["psql", "--print"]).succeeds().output;
    assert!(
        url.starts_with("postgres://postgres:") && url.ends_with("?sslmode=disable\n"),
        "{url}"
    );
    let asked = ["psql", "--", "--no-psqlrc", "-Atc", "select current_user, count(*) from users"];
    let has_psql = std::process::Command::new("psql").arg("--version").output().is_ok();
    if !has_psql {
        println!("skipped in part: there is no psql (apt-get install postgresql-client)");
        service.stop();
        return;
    }
    let beside = program.run(&asked).succeeds();
    assert_eq!(beside.output.trim(), "postgres|1");
    let direct = std::process::Command::new("psql")
        .args(["--no-psqlrc", "-Atc", "select 1", url.trim()])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(direct.stdout).unwrap(), "1\n");
    service.stop();

    program.run(&["psql", "--print"]).refuses(&["does not run"]);
    let alone = program.run(&asked).succeeds();
    assert_eq!(alone.output.trim(), "postgres|1");
    program.run(&["psql", "--", "-c", "select nothing"]).refuses(&["psql ended with"]);
}
