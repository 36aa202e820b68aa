//! Where lines go: standard output and the log file, each through a queue and a thread of its own,
//! so that neither waits for the other, and a request for none.

use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::Duration;

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;

use super::log_file::{self, LogFile};

/// How long a thread gathers lines before it writes them. Woken for each line, it would cost a
/// busy service as much as formatting the lines does, and two system calls a request.
const GATHER: Duration = Duration::from_millis(5);
/// What is written at once, unless one line alone is longer.
const BATCH: usize = 64 * 1024;
/// How long the end of the program waits for an output that takes nothing.
const LAST_WRITE: Duration = Duration::from_secs(2);

static DROPPED: OnceLock<Dropped> = OnceLock::new();

struct Dropped {
    output: ErrorCounter,
    file: Option<ErrorCounter>,
}

/// How many lines did not reach each output since the program started: because its queue was full,
/// or the file could not be written.
pub(super) fn dropped_lines() -> [(&'static str, usize); 2] {
    let lines = |counter: &ErrorCounter| counter.dropped_lines();
    let dropped = DROPPED.get();
    [
        ("stdout", dropped.map_or(0, |both| lines(&both.output))),
        (
            "file",
            dropped
                .and_then(|both| both.file.as_ref())
                .map_or(0, lines)
                .saturating_add(log_file::lines_lost()),
        ),
    ]
}

/// Writes what is left in the queues when it is dropped.
pub(super) struct Queues(Vec<WorkerGuard>);

impl Drop for Queues {
    fn drop(&mut self) {
        let guards = std::mem::take(&mut self.0);
        let (done, wait) = mpsc::channel();
        // A guard whose queue is full says so on standard output, which may be what nobody reads.
        std::thread::spawn(move || {
            drop(guards);
            done.send(())
        });
        wait.recv_timeout(LAST_WRITE).ok();
    }
}

/// Standard output, and `LOG_FILE` unless it is off.
pub(super) fn open(log_file: &str) -> (NonBlocking, Option<NonBlocking>, Queues) {
    let (output, guard) = queue(io::stdout());
    let mut guards = vec![guard];
    let file = (log_file != "off").then(|| {
        let (file, guard) = queue(LogFile::new(Path::new(log_file)));
        guards.push(guard);
        file
    });
    DROPPED
        .set(Dropped {
            output: output.error_counter(),
            file: file.as_ref().map(NonBlocking::error_counter),
        })
        .ok();
    (output, file, Queues(guards))
}

fn queue(to: impl Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    let lines = Vec::with_capacity(BATCH);
    NonBlockingBuilder::default().lossy(true).finish(Batches { to, lines })
}

/// The same bytes for both outputs: a line is formatted once.
#[derive(Clone)]
pub(super) struct Both {
    pub output: NonBlocking,
    pub file: Option<NonBlocking>,
}

impl Write for Both {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(file) = &mut self.file {
            file.write_all(line)?;
        }
        self.output.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Both {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Writes the lines of a moment at once. tracing-appender flushes whenever the queue is empty, and
/// goes back to waiting for the next line: the first line after a silence is written at once, those
/// that follow closely come together.
struct Batches<W> {
    to: W,
    lines: Vec<u8>,
}

impl<W: Write> Batches<W> {
    fn pass_on(&mut self) -> io::Result<()> {
        let outcome = self.to.write_all(&self.lines);
        // Also after a failure: it must not grow while nobody takes it.
        self.lines.clear();
        outcome
    }
}

impl<W: Write> Write for Batches<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.len() + line.len() > BATCH {
            self.pass_on()?;
        }
        self.lines.extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let outcome = self.pass_on().and_then(|()| self.to.flush());
        std::thread::sleep(GATHER);
        outcome
    }
}
