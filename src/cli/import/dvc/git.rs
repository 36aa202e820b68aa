//! What a git checkout has, read by the program `git`: commits, tags, and files as they were at a
//! revision. The files of the working tree are not looked at, and nothing is run that the checkout
//! names in its configuration (docs/adr/0096-what-dvc-tracks-is-read-with-git.md).

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};

use super::objects::Objects;

/// What git may ask of its own environment; the rest of `GIT_…` would lead it elsewhere.
const KEPT: [&str; 4] =
    ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH"];

/// No history that makes sense is longer.
const MOST_COMMITS: usize = 200_000;

/// A path, or a line, of git's answers.
const MOST_RECORD: u64 = 64 * 1024;

/// A checkout.
pub(super) struct Git {
    folder: PathBuf,
    /// The folder, or that above it in which the checkout begins.
    top: PathBuf,
}

/// A tag, and the commit that it means.
#[derive(Debug)]
pub(super) struct Tag {
    pub name: String,
    pub commit: String,
    /// When it was made, in seconds since 1970.
    pub at: i64,
}

/// A file at a revision: its path and its blob, which is `None` where it is gone or a link, which is not followed.
pub(super) type File = (String, Option<String>);

/// A commit, and the files that it has changed.
pub(super) type Change = (String, Vec<File>);

impl Git {
    /// # Errors
    /// When it is no checkout, one without its whole history, or there is no git.
    pub fn open(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let told = folder.display();
        let folder = folder.canonicalize().map_err(|error| format!("{told}: {error}"))?;
        let mut git = Self { top: folder.clone(), folder };
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
        // `../../`; a bare repository says nothing, and a working tree that is elsewhere is no name of it.
        let up = git.word(&["rev-parse", "--show-cdup"])?.unwrap_or_default();
        if let Some(top) = git.folder.ancestors().nth(up.matches("../").count()) {
            top.clone_into(&mut git.top);
        }
        Ok(git)
    }

    /// Where it is, from whatever folder in it.
    pub fn top(&self) -> &Path {
        &self.top
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
            // From the top, as the paths are that git answers, wherever in the checkout it is asked.
            ":(top)*.dvc",
            ":(top)*dvc.lock",
            ":(top)*dvc.yaml",
            ":(top)*.dvc/config",
        ];
        let mut found: Vec<Change> = Vec::new();
        let mut blob = None;
        self.each(&arguments, b'\0', Some(asked), |record| {
            // First, since a path may begin with a colon as well.
            if let Some(blob) = blob.take() {
                if let (Ok(path), Some((_, files))) = (str::from_utf8(record), found.last_mut())
                    && is_read(path)
                {
                    files.push((path.to_owned(), blob));
                }
            } else if let Some(told) = record.strip_prefix(b":") {
                // Old mode, new mode, old blob, new blob, what was done.
                let told = String::from_utf8_lossy(told);
                let told: Vec<&str> = told.split(' ').collect();
                let [_, mode, _, id, _] = told[..] else {
                    return Err("git answers otherwise".into());
                };
                blob = Some(mode.starts_with("100").then(|| id.to_owned()));
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
                Ok(path) if mode.starts_with('1') && is_read(path) => {
                    let blob = mode.starts_with("100").then(|| id.to_owned());
                    found.push((path.to_owned(), blob));
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

    /// What is asked for commits and files.
    pub fn objects(&self) -> Result<Objects, Box<dyn Error>> {
        Objects::of(&mut self.command(&["cat-file", "--batch"]))
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
