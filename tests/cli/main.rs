//! The program as an operator uses it: its commands, its refusals, its development mode.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/addresses.rs"]
mod addresses;

mod copying;
mod copying_refused;
mod demo;
mod development;
mod documents;
mod file;
mod impact;
mod import;
mod logs;
mod migrate;
mod own_database;
mod owner;
mod pooler;
mod restore;
mod rotation;
mod running;
mod serve;
mod tls;
mod traces;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// What a token is signed with, where a test does not care.
const SECRET: &str = "k3J9sPq0Zx7Vb2Nn5Mm8LdRtYuIoEwAfGh4C";

/// The program in a folder of its own, with nothing of this environment that configures it.
struct Program {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Program {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        // Root's PostgreSQL runs as another account, which must be able to enter.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder, variables: vec![("LOG_FILE", "off".to_owned())] }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_blockyard"));
        command.args(arguments).current_dir(self.folder()).env_clear().stdin(Stdio::null());
        for kept in ["PATH", "HOME", "BLOCKYARD_PG_BIN"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.command(arguments).output().unwrap())
    }

    fn run_with_input(&self, arguments: &[&str], input: &str) -> Outcome {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // It may refuse its arguments before it reads.
        stdin.write_all(input.as_bytes()).ok();
        drop(stdin);
        Outcome::of(child.wait_with_output().unwrap())
    }
}

struct Outcome {
    code: Option<i32>,
    output: String,
    errors: String,
}

impl Outcome {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            output: String::from_utf8(output.stdout).unwrap(),
            errors: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn succeeds(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.output, self.errors);
        self
    }

    /// Fails with exit code 1 and says each of these.
    #[track_caller]
    fn refuses(self, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(1), "{}{}", self.output, self.errors);
        for word in words {
            assert!(self.errors.contains(word), "no {word:?} in: {}", self.errors);
        }
        self
    }
}

#[test]
fn help_and_usage() {
    let program = Program::new();
    let help = program.run(&["--help"]).succeeds().output;
    for word in ["migrate", "login-role", "JWT_SECRET", "LOG_FILE"] {
        assert!(help.contains(word), "no {word} in: {help}");
    }
    let document = program.run(&["openapi"]).succeeds().output;
    assert!(document.starts_with("{\n  \"openapi\": \"3.1"), "{document}");
    assert_eq!(program.run(&["openapi", "--version", "3.1"]).succeeds().output, document);
    let older = program.run(&["openapi", "--version", "3.0"]).succeeds().output;
    assert!(older.starts_with("{\n  \"openapi\": \"3.0"), "{older}");
    assert_eq!(program.run(&["openapi", "--version", "2.0"]).code, Some(2));
    let version = program.run(&["--version"]).succeeds().output;
    let newest = blockyard::db::migrate::newest();
    let expected = format!("blockyard {} (migration {newest})\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(version, expected);
    assert_eq!(program.run(&["surve"]).code, Some(2));
    assert_eq!(program.run(&["user", "create"]).code, Some(2));
}

#[test]
fn help_fits_a_terminal_of_80_columns() {
    let program = Program::new();
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["serve", "--help"],
        &["migrate", "--help"],
        &["openapi", "--help"],
        &["user", "--help"],
        &["user", "create", "--help"],
        &["login-role", "--help"],
        &["health", "--help"],
    ] {
        let help = program.run(arguments).succeeds().output;
        // (clap does not wrap the usage.)
        for line in help.lines().filter(|line| !line.starts_with("Usage:")) {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
        }
        // What describes a variable stands below its name, and nothing else does.
        let variables = help.split("Environment, also read").nth(1).unwrap_or_default();
        for line in variables.lines().skip(1).filter(|line| !line.is_empty()) {
            let indent = line.len() - line.trim_start().len();
            let is_name = line.trim().bytes().all(|byte| byte == b'_' || byte.is_ascii_uppercase());
            let title_or_end = indent < 4;
            assert!(title_or_end || indent == if is_name { 4 } else { 8 }, "{line:?}");
        }
    }
}

#[test]
fn a_dot_env_is_read_and_the_environment_wins() {
    let program = Program::new();
    std::fs::write(program.folder().join(".env"), "PORT=here\n").unwrap();
    program.run(&["health"]).refuses(&["PORT must be a port", "0 to 65535"]);
    let program = program.with("PORT", "1");
    program.run(&["health"]).refuses(&["no answer"]);
    std::fs::write(program.folder().join(".env"), "no assignment").unwrap();
    program.run(&["health"]).refuses(&["the file .env"]);
}
