//! The program: `.env`, the command line, and an exit code.

#![warn(clippy::unwrap_used, clippy::expect_used)]

use std::process::ExitCode;

use blockyard::cli;
use mimalloc::MiMalloc;

/// The C library's allocator keeps what a burst of large answers took; this one gives it back.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // Before there is a second thread, since this changes the environment.
    match dotenvy::from_path(".env") {
        Err(error) if !error.not_found() => {
            eprintln!("error: the file .env cannot be read: {}", told(&error));
            ExitCode::FAILURE
        }
        _ => cli::run(),
    }
}

/// What is wrong with the file, without what stands there: it may be a secret.
fn told(error: &dotenvy::Error) -> String {
    let dotenvy::Error::LineParse(line, _) = error else {
        return error.to_string();
    };
    let name = line.split('=').next().unwrap_or_default().trim().trim_start_matches("export ");
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let place = if is_name && line.contains('=') {
        format!("the value of {name}")
    } else {
        "a line".to_owned()
    };
    format!(
        "{place} is not NAME=value; a value with white space, quotes, #, $ or \\ stands in single quotes"
    )
}
