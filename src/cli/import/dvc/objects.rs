//! Commits and files of a checkout, asked of one `git cat-file`.

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use chrono::DateTime;

/// The line before what an object says.
const MOST_HEAD: u64 = 64 * 1024;

/// No path is longer. Git repeats what it does not have, and that is to fit in the line before.
const MOST_PATH: usize = 4096;

/// No file of DVC's is larger; what is, is not kept in memory.
const MOST_FILE: u64 = 16 * 1024 * 1024;

/// A commit.
#[derive(Debug, Clone, Default)]
pub(super) struct Commit {
    pub title: String,
    pub author: String,
    /// Seconds since 1970.
    pub at: i64,
}

impl Commit {
    /// Its time, as texts of times are here.
    pub fn time(&self) -> Option<String> {
        let moment = DateTime::from_timestamp(self.at, 0)?;
        Some(moment.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    }
}

/// The content of a file.
#[derive(Debug)]
pub(super) struct Blob {
    pub id: String,
    pub size: u64,
    /// `None` when it is too large.
    pub content: Option<Vec<u8>>,
}

/// A git that is asked for one object after the other.
pub(super) struct Objects {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Drop for Objects {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Objects {
    /// Starts it.
    pub fn of(command: &mut Command) -> Result<Self, Box<dyn Error>> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("git cat-file has no pipes".into());
        };
        Ok(Self { child, requests, answers: BufReader::new(answers) })
    }

    /// A commit.
    pub fn commit(&mut self, id: &str) -> Result<Commit, Box<dyn Error>> {
        let content = self.blob(id)?.and_then(|it| it.content).unwrap_or_default();
        let text = String::from_utf8_lossy(&content);
        let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
        let headers: HashMap<&str, &str> =
            head.lines().rev().filter_map(|line| line.split_once(' ')).collect();
        // `Ada Lovelace <ada@example.org> 1795942439 +0000`
        let author = headers.get("author").and_then(|it| it.split_once(" <"));
        let at = headers.get("committer").and_then(|it| it.rsplit(' ').nth(1)?.parse().ok());
        Ok(Commit {
            title: message.lines().next().unwrap_or_default().trim().to_owned(),
            author: author.map_or("", |(name, _)| name).to_owned(),
            at: at.unwrap_or_default(),
        })
    }

    /// A file as it was at a commit; `None` where there was none.
    pub fn file(&mut self, commit: &str, path: &str) -> Result<Option<Blob>, Box<dyn Error>> {
        // One question is one line, and git reads it to its first zero.
        if path.len() > MOST_PATH || path.contains(['\n', '\r', '\0']) {
            return Ok(None);
        }
        self.blob(&format!("{commit}:{path}"))
    }

    /// What is said by an object.
    pub fn blob(&mut self, object: &str) -> Result<Option<Blob>, Box<dyn Error>> {
        let ended = || format!("git cat-file has ended without an answer for {object}");
        self.requests.write_all(format!("{object}\n").as_bytes()).map_err(|_| ended())?;
        self.requests.flush().map_err(|_| ended())?;
        let mut head = Vec::new();
        let mut answer = (&mut self.answers).take(MOST_HEAD);
        answer.read_until(b'\n', &mut head).map_err(|_| ended())?;
        let head = String::from_utf8_lossy(&head);
        let words: Vec<&str> = head.trim_end_matches('\n').rsplit(' ').collect();
        let (id, size) = match words[..] {
            [size, _, id] if size.bytes().all(|it| it.is_ascii_digit()) => (id, size.parse()?),
            ["missing" | "ambiguous" | "submodule", ..] => return Ok(None),
            _ => return Err(ended().into()),
        };
        let mut answer = (&mut self.answers).take(size);
        let content = if size <= MOST_FILE {
            let mut content = Vec::new();
            answer.read_to_end(&mut content).map_err(|_| ended())?;
            Some(content)
        } else {
            std::io::copy(&mut answer, &mut std::io::sink()).map_err(|_| ended())?;
            None
        };
        self.answers.read_exact(&mut [0]).map_err(|_| ended())?;
        Ok(Some(Blob { id: id.to_owned(), size, content }))
    }
}
