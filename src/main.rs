//! The program: `.env`, the command line, and an exit code.

#![warn(clippy::unwrap_used, clippy::expect_used)]

use std::process::ExitCode;

use blockyard::cli;

fn main() -> ExitCode {
    // Before there is a second thread, since this changes the environment.
    match dotenvy::from_path(".env") {
        Err(error) if !error.not_found() => {
            eprintln!("error: the file .env cannot be read: {error}");
            ExitCode::FAILURE
        }
        _ => cli::run(),
    }
}
