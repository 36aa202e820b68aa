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
            eprintln!("error: the file .env cannot be read: {error}");
            ExitCode::FAILURE
        }
        _ => cli::run(),
    }
}
