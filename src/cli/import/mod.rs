//! `blockyard import`: what another registry has, into this one.

mod dvc;
mod huggingface;
mod landing;
mod mlflow;
mod names;
mod numbers;
mod plan;
mod reader;
mod report;
mod repos;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Subcommand, ValueEnum};

use self::report::Report;
use super::asking::Asked;
use super::file::say;

#[derive(Debug, Subcommand)]
pub(super) enum Source {
    /// Registered models of an MLflow, with all their versions; a second run brings what is new
    Mlflow(mlflow::Mlflow),
    /// Models and datasets of the Hugging Face Hub, with their tags; a second run brings what is new
    Huggingface(huggingface::HuggingFace),
    /// What a git checkout tracks with DVC, with the versions of GTO; a second run brings what is new
    Dvc(dvc::Dvc),
}

// What all imports have in common. (A doc comment would be told as that of the command.)
#[derive(Debug, Args)]
// A plan asks no registry.
#[command(mut_arg("url", |arg| arg.required(false)), mut_arg("api_key", |arg| arg.required(false)))]
struct Manner {
    /// Write what would come as a registry file, for `blockyard plan` and `apply`, and ask no registry
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Only tell what would come
    #[arg(long, conflicts_with = "plan")]
    dry_run: bool,
    /// What the source is called in metadata, by which a later import knows its own; its address
    /// when missing. Say the old one when the source has moved
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// How to tell what was done and what was left out
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    server: Option<Asked>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Manner {
    fn server(&self) -> Result<&Asked, Box<dyn Error>> {
        self.server.as_ref().ok_or_else(|| {
            "where to? Set BLOCKYARD_URL and BLOCKYARD_API_KEY, or say --plan".into()
        })
    }

    /// Tells what was done.
    fn tell(&self, report: &Report) -> Result<(), Box<dyn Error>> {
        match self.format {
            Format::Text => say(&report.text()),
            Format::Json => say(&format!("{}\n", serde_json::to_string_pretty(report)?)),
        }
    }
}

pub(super) async fn import(source: &Source) -> Result<ExitCode, Box<dyn Error>> {
    match source {
        Source::Mlflow(arguments) => mlflow::import(arguments).await,
        Source::Huggingface(arguments) => huggingface::import(arguments).await,
        Source::Dvc(arguments) => dvc::import(arguments).await,
    }?;
    Ok(ExitCode::SUCCESS)
}

/// A time, or the beginning of a day (UTC).
#[derive(Debug, Clone, Copy)]
struct Since(DateTime<Utc>);

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self(time.to_utc()));
        }
        let day: Result<NaiveDate, _> = text.parse();
        let day =
            day.map_err(|_| "a day such as 2026-06-01, or a time such as 2026-06-01T12:00:00Z")?;
        Ok(Self(day.and_time(chrono::NaiveTime::MIN).and_utc()))
    }
}
