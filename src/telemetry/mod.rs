//! Logs, and the id that ties a request's log lines, audit rows and answer together.
//!
//! A line goes to standard output and to a file. Both are written by threads of their own, from
//! queues that drop lines rather than make a request wait.

mod log_file;

use std::path::Path;

use tracing::Instrument;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::{Config, LogFormat};
use log_file::LogFile;

/// Directives that hold unless `LOG_LEVEL` says otherwise: what is only noise below this.
const QUIET: &str = "actix_server=warn,reqwest_retry=error,sqlx::postgres::notice=warn";

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The id of the request that this task serves.
pub fn request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}

/// Runs `work` as part of the request `id`, which every log line within then carries.
pub async fn with_request_id<T>(id: String, work: impl Future<Output = T>) -> T {
    // At the highest level, so that no LOG_LEVEL takes the id away from the lines that are left.
    let span = tracing::error_span!("request", id);
    REQUEST_ID.scope(id, work.instrument(span)).await
}

/// Why nothing can be logged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("LOG_LEVEL must be a level (info) or directives (info,sqlx=debug)")]
    Level(#[from] ParseError),
    #[error("something else takes the log already")]
    Taken(#[from] TryInitError),
}

/// Writes what is still in the queues when it is dropped: keep it to the end of the program.
#[must_use]
pub struct Telemetry {
    _queues: Vec<WorkerGuard>,
}

/// The log of a service: standard output and `LOG_FILE`.
///
/// # Errors
/// See [`Error`]. A file that cannot be written is not one: it is said once on standard error.
pub fn serve(config: &Config) -> Result<Telemetry, Error> {
    let (output, output_guard) = queue(std::io::stdout());
    let mut queues = vec![output_guard];
    let file = (config.log_file != "off").then(|| {
        let (file, guard) = queue(LogFile::new(Path::new(&config.log_file)));
        queues.push(guard);
        lines(config.log_format, file, false)
    });
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
    tracing_subscriber::registry()
        .with(filter(&config.log_level)?)
        .with(lines(config.log_format, output, is_terminal))
        .with(file)
        .try_init()?;
    Ok(Telemetry { _queues: queues })
}

/// The log of a command: standard error, since standard output is for what was asked for.
///
/// # Errors
/// See [`Error`].
pub fn command(config: &Config) -> Result<(), Error> {
    let lines = fmt::layer()
        .without_time()
        .with_target(false)
        .with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(filter(&config.log_level)?)
        .with(lines)
        .try_init()?;
    Ok(())
}

fn filter(level: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(format!("{QUIET},{level}"))
}

fn queue(writer: impl std::io::Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default().lossy(true).finish(writer)
}

fn lines<S>(
    format: LogFormat,
    writer: NonBlocking,
    colours: bool,
) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    let layer = fmt::layer().with_writer(writer).with_ansi(colours);
    match format {
        LogFormat::Pretty => layer.boxed(),
        LogFormat::Json => layer
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed(),
    }
}
