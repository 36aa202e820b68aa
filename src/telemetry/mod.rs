//! What can be seen of the service from outside: logs, metrics, traces, and the id that ties a
//! request's log lines, audit rows and answer together.

pub mod database_span;
mod http_metrics;
mod line;
mod log_file;
pub mod metrics;
mod outputs;
mod request;
pub mod served;
pub mod traces;

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::{Config, LogFormat};
use line::Line;
use outputs::{Both, Queues};
pub(crate) use request::{asking, continued, traceparent};
pub use request::{request_id, within_request};
use traces::Traces;

/// Directives that hold unless `LOG_LEVEL` says otherwise: what is only noise below this. actix's
/// dispatcher calls it an error of its own when a client sends what is no HTTP, or leaves.
const QUIET: &str = "actix_http::h1::dispatcher=off,actix_server=warn,reqwest_retry=error,sqlx::postgres::notice=warn";

/// Why nothing can be logged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("LOG_LEVEL must be a level (info) or directives (info,sqlx=debug)")]
    Level(#[from] ParseError),
    #[error(
        "LOG_LEVEL must be error, warn, info, debug, trace or off, or directives (info,sqlx=debug); {0:?} is none of them"
    )]
    NoLevel(String),
    #[error("something else takes the log already")]
    Taken(#[from] TryInitError),
}

/// Sends the spans and writes the lines that are left when it is dropped: keep it to the end of the
/// program.
#[must_use]
pub struct Telemetry {
    // In this order: what becomes of the last spans is logged.
    _traces: Option<Traces>,
    _queues: Queues,
}

/// The log of a service, on standard output and in `LOG_FILE`, and its traces.
///
/// # Errors
/// See [`Error`]. A file that cannot be written is not one: it is said once on standard error.
pub fn serve(config: &Config) -> Result<Telemetry, Error> {
    let filter = filter(&config.log_level)?;
    let (output, file, queues) = outputs::open(&config.log_file);
    let format = config.log_format;
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
    if is_terminal && format == LogFormat::Pretty {
        // Colours are for the terminal only, so the same line is formatted twice.
        tracing_subscriber::registry()
            .with(filter)
            .with(lines(format, output, true))
            .with(file.map(|file| lines(format, file, false)))
            .try_init()?;
    } else {
        tracing_subscriber::registry()
            .with(filter)
            .with(lines(format, Both { output, file }, false))
            .try_init()?;
    }
    Ok(Telemetry { _traces: traces::start(config), _queues: queues })
}

/// The log of a command: standard error, since standard output is for what was asked for.
///
/// # Errors
/// See [`Error`].
pub fn command(config: &Config) -> Result<(), Error> {
    let lines = fmt::layer()
        .without_time()
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter(&config.log_level)?).with(lines).try_init()?;
    Ok(())
}

fn filter(level: &str) -> Result<EnvFilter, Error> {
    // A word that is no level would be taken for the name of a module, and nothing would be logged.
    let mut words = level.split(',').map(str::trim);
    if let Some(word) =
        words.find(|word| !word.contains(['=', ':', '[']) && word.parse::<LevelFilter>().is_err())
    {
        return Err(Error::NoLevel(word.to_owned()));
    }
    Ok(EnvFilter::builder().parse(format!("{QUIET},{level}"))?)
}

fn lines<S, W>(format: LogFormat, writer: W, colours: bool) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fmt::layer().event_format(Line(format)).with_writer(writer).with_ansi(colours)
}
