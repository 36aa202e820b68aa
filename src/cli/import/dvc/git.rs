//! What a git checkout has, read by the program `git`: commits, tags, and files as they were at a
//! revision. The files of the working tree are not looked at, and nothing is run that the checkout
//! names in its configuration (docs/adr/0096-what-dvc-tracks-is-read-with-git.md).

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use chrono::DateTime;

/// What git may ask of its own environment; the rest of `GIT_…` would lead it elsewhere.
const KEPT: [&str; 4] =
    ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH"];

/// No history that makes sense is longer.
const MOST_COMMITS: usize = 200_000;

/// A path, or a line, of git's answers.
const MOST_RECORD: u64 = 64 * 1024;

/// No file of DVC's is larger; what is, is not kept in memory.
const MOST_FILE: u64 = 16 * 1024 * 1024;

/// A checkout.
pub(super) struct Git {
    folder: PathBuf,
    /// What commits, trees and blobs are asked of, once it runs.
    objects: Option<Objects>,
}

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

/// A tag, and the commit that it means.
#[derive(Debug)]
pub(super) struct Tag {
    pub name: String,
    pub commit: String,
    /// When it was made, in seconds since 1970.
    pub at: i64,
}

/// A file at a revision: its path and its blob, which is `None` where it is gone.
pub(super) type File = (String, Option<String>);

/// A commit, and the files that it has changed.
pub(super) type Change = (String, Vec<File>);

/// The content of a file.
#[derive(Debug)]
pub(super) struct Blob {
    pub id: String,
    pub size: u64,
    /// `None` when it is too large.
    pub content: Option<Vec<u8>>,
}

struct Objects {
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

impl Git {
    /// # Errors
    /// When it is no checkout, one without its whole history, or there is no git.
    pub fn open(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let told = folder.display();
        let folder = folder.canonicalize().map_err(|error| format!("{told}: {error}"))?;
        let git = Self { folder, objects: None };
        let mut is_shallow = false;
        git.each(&["rev-parse", "--is-shallow-repository"], b'\n', None, |line| {
            is_shallow = line == b"true";
            Ok(())
        })
        .map_err(|error| {
            let words = error.to_string();
            if words.contains("not a git repository") {
                format!("{told}: that is no git checkout")
            } else {
                format!("{told}: {words}")
            }
        })?;
        if is_shallow {
            return Err(format!(
                "{told}: that is a shallow clone, of which the history is missing: `git fetch --unshallow` brings it"
            )
            .into());
        }
        git.word(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?
            .ok_or_else(|| format!("{told}: it has no commit yet"))?;
        Ok(git)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The branch that is checked out.
    pub fn branch(&self) -> Result<Option<String>, Box<dyn Error>> {
        self.word(&["symbolic-ref", "--quiet", "--short", "HEAD"])
    }

    /// The address of the remote `origin`, or else of the first one. It may hold secrets.
    pub fn remote(&self) -> Result<Option<String>, Box<dyn Error>> {
        let origin = self.word(&["config", "--get", "remote.origin.url"])?;
        if origin.is_some() {
            return Ok(origin);
        }
        let found = self.word(&["config", "--get-regexp", r"^remote\..*\.url$"])?;
        Ok(found.and_then(|line| Some(line.split_once(".url ")?.1.to_owned())))
    }

    /// The commits of the branch from its first one on, along first parents.
    pub fn line(&self) -> Result<Vec<String>, Box<dyn Error>> {
        let most = format!("--max-count={}", MOST_COMMITS + 1);
        let mut commits = Vec::new();
        self.each(&["rev-list", "--first-parent", &most, "HEAD", "--"], b'\n', None, |line| {
            commits.push(String::from_utf8_lossy(line).into_owned());
            Ok(())
        })?;
        if commits.len() > MOST_COMMITS {
            return Err(format!("its branch has more than {MOST_COMMITS} commits").into());
        }
        commits.reverse();
        Ok(commits)
    }

    /// What each of these commits, oldest first, has changed of the files that `is_read`.
    pub fn changes(
        &self,
        commits: &[String],
        is_read: impl Fn(&str) -> bool,
    ) -> Result<Vec<Change>, Box<dyn Error>> {
        let mut asked = String::new();
        for (at, commit) in commits.iter().enumerate() {
            asked.push_str(commit);
            if let Some(parent) = at.checked_sub(1).map(|at| &commits[at]) {
                asked.push(' ');
                asked.push_str(parent);
            }
            asked.push('\n');
        }
        let arguments = [
            "diff-tree",
            "--stdin",
            "-r",
            "--root",
            "-z",
            "--raw",
            "--no-abbrev",
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
            "--",
            "*.dvc",
            "*dvc.lock",
            "*dvc.yaml",
            "*.dvc/config",
        ];
        let mut found: Vec<Change> = Vec::new();
        let mut blob = None;
        self.each(&arguments, b'\0', Some(asked), |record| {
            if let Some(told) = record.strip_prefix(b":") {
                // Old mode, new mode, old blob, new blob, what was done.
                let told = String::from_utf8_lossy(told);
                let told: Vec<&str> = told.split(' ').collect();
                let [_, mode, _, id, _] = told[..] else {
                    return Err("git answers otherwise".into());
                };
                blob = Some(mode.starts_with("100").then(|| id.to_owned()));
            } else if let Some(blob) = blob.take() {
                if let (Ok(path), Some((_, files))) = (str::from_utf8(record), found.last_mut())
                    && is_read(path)
                {
                    files.push((path.to_owned(), blob));
                }
            } else {
                found.push((String::from_utf8_lossy(record).into_owned(), Vec::new()));
            }
            Ok(())
        })?;
        found.retain(|(_, files)| !files.is_empty());
        Ok(found)
    }

    /// The files at a commit that `is_read`, and how many have a name that is no text.
    pub fn files(
        &self,
        commit: &str,
        is_read: impl Fn(&str) -> bool,
    ) -> Result<(Vec<File>, usize), Box<dyn Error>> {
        let (mut found, mut nameless) = (Vec::new(), 0);
        let arguments = ["ls-tree", "-r", "-z", "--full-tree", commit];
        self.each(&arguments, b'\0', None, |record| {
            let mut halves = record.splitn(2, |byte| *byte == b'\t');
            let (told, path) = (halves.next().unwrap_or_default(), halves.next());
            let told = String::from_utf8_lossy(told);
            let told: Vec<&str> = told.split(' ').collect();
            let (&[mode, _, id], Some(path)) = (&told[..], path) else {
                return Err("git answers otherwise".into());
            };
            match str::from_utf8(path) {
                // A link is not followed.
                Ok(path) if mode.starts_with("100") && is_read(path) => {
                    found.push((path.to_owned(), Some(id.to_owned())));
                }
                Ok(_) => {}
                Err(_) => nameless += 1,
            }
            Ok(())
        })?;
        Ok((found, nameless))
    }

    /// Tags of commits.
    pub fn tags(&self) -> Result<Vec<Tag>, Box<dyn Error>> {
        let form = "--format=%(refname)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)%00%(creatordate:unix)";
        let mut tags = Vec::new();
        self.each(&["for-each-ref", form, "refs/tags"], b'\n', None, |line| {
            let told = String::from_utf8_lossy(line);
            let told: Vec<&str> = told.split('\0').collect();
            let [name, kind, id, of_kind, of, at] = told[..] else {
                return Err("git answers otherwise".into());
            };
            let commit = match (kind, of_kind) {
                ("commit", _) => id,
                (_, "commit") => of,
                _ => return Ok(()),
            };
            tags.push(Tag {
                name: name.strip_prefix("refs/tags/").unwrap_or(name).to_owned(),
                commit: commit.to_owned(),
                at: at.parse().unwrap_or_default(),
            });
            Ok(())
        })?;
        Ok(tags)
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
        // One question is one line.
        if path.contains('\n') { Ok(None) } else { self.blob(&format!("{commit}:{path}")) }
    }

    /// What is said by an object.
    pub fn blob(&mut self, object: &str) -> Result<Option<Blob>, Box<dyn Error>> {
        if self.objects.is_none() {
            let mut command = self.command(&["cat-file", "--batch"]);
            let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.stderr(Stdio::null()).spawn().map_err(no_git)?;
            let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
                return Err("git cat-file has no pipes".into());
            };
            let answers = BufReader::new(answers);
            self.objects = Some(Objects { child, requests, answers });
        }
        let Some(objects) = &mut self.objects else { return Ok(None) };
        let ended = || format!("git cat-file has ended without an answer for {object}");
        objects.requests.write_all(format!("{object}\n").as_bytes()).map_err(|_| ended())?;
        objects.requests.flush().map_err(|_| ended())?;
        let mut head = Vec::new();
        let mut answer = (&mut objects.answers).take(MOST_RECORD);
        answer.read_until(b'\n', &mut head).map_err(|_| ended())?;
        let head = String::from_utf8_lossy(&head);
        let words: Vec<&str> = head.trim_end_matches('\n').rsplit(' ').collect();
        let (id, size) = match words[..] {
            [size, _, id] if size.bytes().all(|it| it.is_ascii_digit()) => (id, size.parse()?),
            ["missing" | "ambiguous" | "submodule", ..] => return Ok(None),
            _ => return Err(ended().into()),
        };
        let mut answer = (&mut objects.answers).take(size);
        let content = if size <= MOST_FILE {
            let mut content = Vec::new();
            answer.read_to_end(&mut content).map_err(|_| ended())?;
            Some(content)
        } else {
            std::io::copy(&mut answer, &mut std::io::sink()).map_err(|_| ended())?;
            None
        };
        objects.answers.read_exact(&mut [0]).map_err(|_| ended())?;
        Ok(Some(Blob { id: id.to_owned(), size, content }))
    }

    /// The first line that git answers; `None` when it fails.
    fn word(&self, arguments: &[&str]) -> Result<Option<String>, Box<dyn Error>> {
        let output = self.command(arguments).output().map_err(no_git)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let word = text.lines().next().filter(|it| !it.is_empty());
        Ok(word.filter(|_| output.status.success()).map(str::to_owned))
    }

    /// Hands over what git answers, record by record.
    fn each(
        &self,
        arguments: &[&str],
        end: u8,
        input: Option<String>,
        mut hand: impl FnMut(&[u8]) -> Result<(), Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().map_err(no_git)?;
        let (requests, answers, errors) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let told = std::thread::scope(|scope| {
            scope.spawn(|| {
                if let (Some(mut requests), Some(input)) = (requests, input) {
                    // What git does not want to read, it says at its end.
                    let _ = requests.write_all(input.as_bytes());
                }
            });
            let errors = scope.spawn(|| {
                let mut told = Vec::new();
                if let Some(mut errors) = errors {
                    let _ = (&mut errors).take(MOST_RECORD).read_to_end(&mut told);
                    let _ = std::io::copy(&mut errors, &mut std::io::sink());
                }
                String::from_utf8_lossy(&told).trim().to_owned()
            });
            let handed = records(answers, end, &mut hand);
            if handed.is_err() {
                let _ = child.kill();
            }
            handed.map(|()| errors.join().unwrap_or_default())
        });
        let status = child.wait()?;
        let told = told?;
        if status.success() {
            return Ok(());
        }
        let command = arguments.first().copied().unwrap_or_default();
        Err(format!("git {command} says: {told}").into())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("GIT_") && !KEPT.contains(&&*text) {
                command.env_remove(&name);
            }
        }
        command
            // Objects that a partial clone lacks are not fetched, by no protocol.
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", "none")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("LC_ALL", "C")
            .args(["--no-pager", "--no-optional-locks"])
            .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"])
            .args(["-c", "protocol.allow=never", "-C"])
            .arg(&self.folder)
            .args(arguments)
            .stdin(Stdio::null());
        command
    }
}

fn records(
    answers: Option<ChildStdout>,
    end: u8,
    hand: &mut impl FnMut(&[u8]) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let Some(answers) = answers else { return Ok(()) };
    let mut answers = BufReader::new(answers);
    let mut record = Vec::new();
    loop {
        record.clear();
        (&mut answers).take(MOST_RECORD).read_until(end, &mut record)?;
        match record.pop() {
            None => return Ok(()),
            Some(last) if last == end => hand(&record)?,
            Some(_) => {
                return Err(format!("git answers more than {MOST_RECORD} bytes at once").into());
            }
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err takes")]
fn no_git(error: std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::NotFound {
        return "a checkout is read by the program git, which is not here: install it".to_owned();
    }
    format!("git cannot be run: {error}")
}
