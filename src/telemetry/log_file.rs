//! The log file: a new one every 10 MB, old ones for 10 days, and no trouble for the service when
//! the folder is not writable or the disk is full.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use file_rotate::compression::Compression;
use file_rotate::suffix::{AppendTimestamp, FileLimit};
use file_rotate::{ContentLimit, FileRotate};

const BYTES_PER_FILE: usize = 10 * 1000 * 1000;
const DAYS_KEPT: i64 = 10;
/// After a failure, lines are dropped for this long before the file is tried again.
const PAUSE: Duration = Duration::from_secs(10);

static LOST: AtomicUsize = AtomicUsize::new(0);

/// How many lines could not be written since the program started.
pub(super) fn lines_lost() -> usize {
    LOST.load(Ordering::Relaxed)
}

fn lose(lines: &[u8]) {
    let count = lines.split_inclusive(|byte| *byte == b'\n').count();
    LOST.fetch_add(count, Ordering::Relaxed);
}

/// A file that never fails: what it cannot write it drops, and it says so once.
pub(super) struct LogFile {
    path: PathBuf,
    file: Option<FileRotate<AppendTimestamp>>,
    failed_at: Option<Instant>,
}

impl LogFile {
    pub fn new(path: &Path) -> Self {
        // A bare name has the parent "", which is no folder to create.
        let path = if path.parent().is_some_and(|folder| folder != Path::new("")) {
            path.to_path_buf()
        } else {
            Path::new(".").join(path)
        };
        Self { path, file: None, failed_at: None }
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        // file-rotate panics when the folder is gone, so it is asked for first.
        if !self.folder().is_dir() {
            self.file = None;
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(open(&self.path)?),
        };
        file.write_all(line)
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }
}

fn open(path: &Path) -> io::Result<FileRotate<AppendTimestamp>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // file-rotate ignores that a file cannot be opened, and writes nothing.
    OpenOptions::new().create(true).append(true).open(path)?;
    let age = chrono::Duration::days(DAYS_KEPT);
    Ok(FileRotate::new(
        path,
        AppendTimestamp::default(FileLimit::Age(age)),
        ContentLimit::BytesSurpassed(BYTES_PER_FILE),
        Compression::None,
        None,
    ))
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let pauses = self.failed_at.is_some_and(|at| at.elapsed() < PAUSE);
        if pauses {
            lose(line);
            return Ok(line.len());
        }
        match self.append(line) {
            Ok(()) => self.failed_at = None,
            Err(error) => {
                lose(line);
                self.file = None;
                if self.failed_at.replace(Instant::now()).is_none() {
                    // Not through tracing, which leads back here.
                    eprintln!(
                        "warning: the log file {} cannot be written ({error}); going on without it. \
                         LOG_FILE names another one, or `off`",
                        self.path.display()
                    );
                }
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::{BYTES_PER_FILE, LogFile};

    #[test]
    fn a_file_is_followed_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/app.log");
        let mut log = LogFile::new(&path);
        let line = vec![b'x'; 1 << 20];
        for _ in 0..(BYTES_PER_FILE >> 20) + 3 {
            log.write_all(&line).unwrap();
        }
        let files = fs::read_dir(folder.path().join("logs")).unwrap().count();
        assert_eq!(files, 2);
        assert!(fs::metadata(&path).unwrap().len() < 3 << 20);
    }

    #[test]
    fn a_folder_that_goes_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/app.log");
        let mut log = LogFile::new(&path);
        log.write_all(b"one\n").unwrap();
        fs::remove_dir_all(folder.path().join("logs")).unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
    }

    #[test]
    fn what_cannot_be_written_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file/app.log");
        fs::write(folder.path().join("file"), "no folder").unwrap();
        let mut log = LogFile::new(&path);
        log.write_all(b"one\n").unwrap();
        log.write_all(b"two\n").unwrap();
        assert!(!path.exists());
    }
}
