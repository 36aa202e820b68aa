//! YAML, in and out: the one place that knows the library. JSON is YAML as well.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{DuplicateKeyPolicy, Options, Spanned};

/// Anchors spare repetition; a bomb repeats a thousandfold.
const MOST_REPEATED: usize = 100_000;

/// Where something stands in a file, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub line: u64,
    pub column: u64,
}

/// A value, and where it stands.
#[derive(Debug)]
pub(super) struct Placed<T> {
    pub value: T,
    pub place: Place,
}

impl<T> From<Spanned<T>> for Placed<T> {
    fn from(spanned: Spanned<T>) -> Self {
        let Spanned { value, referenced, .. } = spanned;
        Self { value, place: Place { line: referenced.line(), column: referenced.column() } }
    }
}

/// One document of a file: the lists thing by thing, since each is told of by its place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(rename = "apiVersion")]
    api_version: Spanned<Value>,
    owner: Option<Spanned<Value>>,
    #[serde(default)]
    taxonomy: Vec<Spanned<Value>>,
    #[serde(default)]
    blocks: Vec<Spanned<Value>>,
    #[serde(default)]
    edges: Vec<Spanned<Value>>,
    #[serde(default)]
    pipelines: Vec<Spanned<Value>>,
}

#[derive(Debug)]
pub(super) struct Document {
    pub api_version: Placed<Value>,
    pub owner: Option<Placed<Value>>,
    /// Member by member.
    pub things: [(&'static str, Vec<Placed<Value>>); 4],
}

/// Why a text is no file of ours, and where.
#[derive(Debug)]
pub(super) struct Misread {
    pub place: Option<Place>,
    words: String,
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// All documents of a file.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn read(text: &str) -> Result<Vec<Document>, Misread> {
    // `no` is a word, and what is no number in JSON is none here.
    let options = options(NonFiniteFloatPolicy::Reject);
    let forms: Vec<Form> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(misread)?;
    let placed = |things: Vec<Spanned<Value>>| things.into_iter().map(Placed::from).collect();
    let documents = forms.into_iter().map(|form| Document {
        api_version: form.api_version.into(),
        owner: form.owner.map(Placed::from),
        things: [
            ("taxonomy", placed(form.taxonomy)),
            ("blocks", placed(form.blocks)),
            ("edges", placed(form.edges)),
            ("pipelines", placed(form.pipelines)),
        ],
    });
    Ok(documents.collect())
}

/// The one document of a file of others, within the same bounds; what is no number in JSON
/// (`.inf`) is a word.
///
/// # Errors
/// What is wrong with it.
pub(in crate::cli) fn value(text: &str) -> Result<Value, String> {
    let options = options(NonFiniteFloatPolicy::AsString);
    let value = serde_saphyr::from_str_with_options(text, options).map_err(misread);
    value.map_err(|misread| match misread.place {
        Some(Place { line, column }) => format!("{line}:{column}: {misread}"),
        None => misread.to_string(),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err takes")]
fn misread(error: serde_saphyr::Error) -> Misread {
    let place = error.location();
    let place = place.map(|at| Place { line: at.line(), column: at.column() });
    let words = error.without_snippet().to_string();
    // It ends with the place, which is told before it.
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    Misread { place, words: words.to_owned() }
}

fn options(non_finite: NonFiniteFloatPolicy) -> Options {
    let alias_limits = serde_saphyr::alias_limits! { max_total_replayed_events: MOST_REPEATED };
    serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        alias_limits: alias_limits,
        strict_booleans: true,
        non_finite_float_policy: non_finite,
        with_snippet: false,
    }
}

/// A value as YAML.
///
/// # Errors
/// When it has no such form.
pub(in crate::cli) fn written(value: &Value) -> Result<String, String> {
    serde_saphyr::to_string(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(text: &str) -> (Option<u64>, String) {
        let misread = read(text).expect_err(text);
        (misread.place.map(|place| place.line), misread.to_string())
    }

    #[test]
    fn what_is_written_is_read_alike() {
        let value = json!({
            "apiVersion": "blockyard/v1",
            "blocks": [{
                "name": "no", "description": "a: b\n# c\n\n", "metadata": {
                    "null": null, "~": "~", "1": "1", "yes": "yes", "e": 1e30, "n": -0.5, "on": [true, "true", {}, []],
                    "date": "2026-01-01", "octal": "0o7", "bin": "0b1", "long": "x".repeat(300), "tab": "\t", "é\u{2028}": "\u{1F600}",
                    "hex": "0x1F", "sexagesimal": "1:30", "inf": ".inf", "dash": "- a", "star": "*a", "and": "&a", "bang": "!a", "blank": " ",
                },
            }],
        });
        let text = written(&value).expect("YAML");
        let documents = read(&text).unwrap_or_else(|misread| panic!("{misread}\n{text}"));
        assert_eq!(documents[0].things[1].1[0].value, value["blocks"][0], "{text}");
        let json = serde_json::to_string_pretty(&value).expect("JSON");
        assert_eq!(read(&json).expect("JSON is YAML")[0].things[1].1[0].value, value["blocks"][0]);
    }

    #[test]
    fn documents_follow_one_another_and_know_their_places() {
        let text = "apiVersion: blockyard/v1\nedges:\n  - name: a\n---\napiVersion: blockyard/v1\nedges:\n  - name: b\n";
        let documents = read(text).expect("two documents");
        let lines: Vec<u64> =
            documents.iter().map(|document| document.things[2].1[0].place.line).collect();
        assert_eq!(lines, [3, 7]);
    }

    #[test]
    fn what_is_no_file_is_refused_with_its_place() {
        for (text, line) in [
            ("apiVersion: blockyard/v1\nblocks: [", 2),
            ("apiVersion: blockyard/v1\nusers: []\n", 2),
            ("apiVersion: blockyard/v1\nedges:\n  - name: a\n    name: b\n", 4),
            ("apiVersion: blockyard/v1\nedges:\n  - metadata: { n: .nan }\n", 3),
            ("- a\n", 1),
        ] {
            assert_eq!(refused(text).0, Some(line), "{text}: {:?}", refused(text));
        }
        let mut bomb =
            "apiVersion: blockyard/v1\nedges:\n  - &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let before = level - 1;
            bomb += &format!("  - &a{level} [{}]\n", vec![format!("*a{before}"); 10].join(", "));
        }
        refused(&bomb);
        refused(&format!("apiVersion: {}", "[".repeat(100_000)));
    }
}
