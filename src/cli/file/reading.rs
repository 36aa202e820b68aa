//! Files, folders and standard input as one body, of which every part is known by its place.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::table;
use super::yaml::{self, Place};
use crate::cli::asking::Refusal;

/// What files say together.
#[derive(Debug)]
pub(super) struct Sources {
    pub body: Value,
    /// Of each thing in the body, by its pointer, the file and its place there.
    places: Vec<(String, String, Place)>,
}

/// What is read of a folder.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// No file of ours is larger: what a server takes is far less.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

impl Sources {
    /// # Errors
    /// What cannot be read, and where.
    pub fn read(paths: &[String]) -> Result<Self, Box<dyn Error>> {
        let mut sources = Self { body: json!({}), places: Vec::new() };
        for path in paths {
            if path == "-" {
                let text = limited("standard input", std::io::stdin())?;
                sources.add("standard input", &text)?;
                continue;
            }
            for file in files(Path::new(path))? {
                let name = file.display().to_string();
                let opened =
                    std::fs::File::open(&file).map_err(|error| format!("{name}: {error}"))?;
                let text = limited(&name, opened)?;
                sources.add(&name, &text)?;
            }
        }
        if sources.body.get("apiVersion").is_none() {
            return Err(
                "there is nothing in it: a file begins with apiVersion: blockyard/v1".into()
            );
        }
        Ok(sources)
    }

    fn add(&mut self, file: &str, text: &str) -> Result<(), Box<dyn Error>> {
        let documents = if table::is_one(file) {
            vec![table::read(text).map_err(|words| format!("{file}: {words}"))?]
        } else {
            yaml::read(text).map_err(|misread| match misread.place {
                Some(Place { line, column }) => format!("{file}:{line}:{column}: {misread}"),
                None => format!("{file}: {misread}"),
            })?
        };
        for document in documents {
            let words = [("apiVersion", Some(document.api_version)), ("owner", document.owner)];
            for (member, word) in
                words.into_iter().filter_map(|(member, word)| Some((member, word?)))
            {
                let Place { line, column } = word.place;
                match self.body.get(member) {
                    Some(known) if *known != word.value => {
                        return Err(format!(
                            "{file}:{line}:{column}: {member} is {} here and {known} before: apply what has another {member} on its own",
                            word.value
                        )
                        .into());
                    }
                    Some(_) => {}
                    None => {
                        self.places.push((format!("/{member}"), file.to_owned(), word.place));
                        self.body[member] = word.value;
                    }
                }
            }
            for (member, things) in document.things {
                for thing in things {
                    if self.body[member].is_null() {
                        self.body[member] = json!([]);
                    }
                    let Value::Array(list) = &mut self.body[member] else { continue };
                    self.places.push((
                        format!("/{member}/{}", list.len()),
                        file.to_owned(),
                        thing.place,
                    ));
                    list.push(thing.value);
                }
            }
        }
        Ok(())
    }

    /// A refusal, with the places of its faults.
    pub fn told(&self, refusal: &Refusal) -> String {
        let detail = refusal.body["detail"].as_str().unwrap_or_default();
        let mut told = format!("{}: {detail}", refusal.status);
        for (pointer, words) in refusal.faults() {
            let known = self.places.iter().filter(|(known, ..)| is_within(pointer, known));
            let known = known.max_by_key(|(known, ..)| known.len());
            let _ = match known {
                Some((known, file, Place { line, column })) => {
                    let rest = &pointer[known.len()..];
                    write!(
                        told,
                        "\n  {file}:{line}:{column}: {rest}{}{words}",
                        if rest.is_empty() { "" } else { ": " }
                    )
                }
                None => write!(told, "\n  {pointer}: {words}"),
            };
        }
        told
    }
}

fn is_within(pointer: &str, known: &str) -> bool {
    pointer.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A file, or those of a folder and the folders in it, sorted.
fn files(path: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(told)?;
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        let is_ours =
            entry.extension().is_some_and(|it| ENDINGS.iter().any(|ending| it == *ending));
        let is_hidden =
            entry.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && (is_ours || entry.is_dir()) {
            found.extend(files(&entry)?);
        }
    }
    Ok(found)
}

fn limited(name: &str, input: impl Read) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let read = input.take(MOST_BYTES + 1).read_to_string(&mut text);
    let read = read.map_err(|error| format!("{name}: {error}"))?;
    if read as u64 > MOST_BYTES {
        return Err(format!("{name}: is larger than {MOST_BYTES} bytes").into());
    }
    Ok(text)
}
