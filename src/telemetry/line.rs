//! How a line looks: for people, or as JSON. Either way a line that is written while a request is
//! served has its id as `request_id`.
//!
//! The id comes from the task, not from a span: a span for every request would cost more than all
//! its lines, and most requests have only one.

use std::fmt::{self, Debug};
use std::io;

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::request::REQUEST;
use crate::config::LogFormat;

/// Formats events as one line each.
pub(super) struct Line(pub LogFormat);

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // What comes from the crate `log` has its target and level in fields.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let (level, target) = (*metadata.level(), metadata.target());
        match self.0 {
            LogFormat::Pretty => {
                SystemTime.format_time(&mut writer)?;
                if writer.has_ansi_escapes() {
                    let colour = colour(level);
                    write!(writer, " \x1b[{colour}m{level:>5}\x1b[0m \x1b[2m{target}:\x1b[0m ")?;
                } else {
                    write!(writer, " {level:>5} {target}: ")?;
                }
                context.format_fields(writer.by_ref(), event)?;
                in_request(|id| write!(writer, " request_id={id:?}"))?;
            }
            LogFormat::Json => {
                writer.write_str(r#"{"timestamp":""#)?;
                SystemTime.format_time(&mut writer)?;
                write!(writer, r#"","level":"{level}","target":"#)?;
                json(&mut writer, &target)?;
                in_request(|id| {
                    writer.write_str(r#","request_id":"#)?;
                    json(&mut writer, &id)
                })?;
                let mut members = Members { writer: &mut writer, outcome: Ok(()) };
                event.record(&mut members);
                members.outcome?;
                writer.write_char('}')?;
            }
        }
        writer.write_char('\n')
    }
}

fn in_request(show: impl FnOnce(&str) -> fmt::Result) -> fmt::Result {
    REQUEST.try_with(|request| show(&request.id)).unwrap_or(Ok(()))
}

/// As tracing-subscriber has them: purple, blue, green, yellow, red.
fn colour(level: Level) -> u8 {
    match level {
        Level::TRACE => 35,
        Level::DEBUG => 34,
        Level::INFO => 32,
        Level::WARN => 33,
        Level::ERROR => 31,
    }
}

/// The fields of an event as members of a JSON object that is begun already.
struct Members<'a, 'w> {
    writer: &'a mut Writer<'w>,
    outcome: fmt::Result,
}

impl Members<'_, '_> {
    fn member(&mut self, field: &Field, value: &impl Serialize) {
        let name = field.name();
        // The target and level of a record of the crate `log`: said already.
        if self.outcome.is_err() || name.starts_with("log.") {
            return;
        }
        self.outcome = self
            .writer
            .write_char(',')
            .and_then(|()| json(self.writer, &name.trim_start_matches("r#")))
            .and_then(|()| self.writer.write_char(':'))
            .and_then(|()| json(self.writer, value));
    }
}

impl Visit for Members<'_, '_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.member(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.member(field, &Shown(value));
    }
}

/// A value as the text that `Debug` makes of it, written as it is made.
struct Shown<'a>(&'a dyn Debug);

impl Serialize for Shown<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:?}", self.0))
    }
}

fn json(writer: &mut Writer<'_>, value: &impl Serialize) -> fmt::Result {
    serde_json::to_writer(Bytes(writer), value).map_err(|_| fmt::Error)
}

/// What `serde_json` writes is UTF-8, a whole character at a time.
struct Bytes<'a, 'w>(&'a mut Writer<'w>);

impl io::Write for Bytes<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.0.write_str(text).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
