//! What a file comes to, for people: each thing with its difference as text.

use std::fmt::Write as _;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::yaml;

/// Whether it is told in colours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub is_coloured: bool,
}

impl Style {
    fn paint(self, text: &str, colour: u8) -> String {
        if self.is_coloured { format!("\u{1B}[{colour}m{text}\u{1B}[0m") } else { text.to_owned() }
    }
}

const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;

/// What each outcome is marked with.
fn mark(outcome: &str) -> (&'static str, u8) {
    match outcome {
        "created" => ("+", GREEN),
        "archived" => ("-", RED),
        "conflict" => ("!", RED),
        _ => ("~", YELLOW),
    }
}

/// Everything that is not as it was.
pub(super) fn changes(answer: &Value, style: Style) -> Result<String, String> {
    let mut text = String::new();
    for item in answer["items"].as_array().into_iter().flatten() {
        let part = |name: &str| item[name].as_str().unwrap_or_default();
        let outcome = part("outcome");
        if outcome == "unchanged" {
            continue;
        }
        let (sign, colour) = mark(outcome);
        let number = item["version_number"].as_i64();
        let number = number.map(|number| format!(", version {number}")).unwrap_or_default();
        // Names are people's: nothing in them steers the terminal.
        let line = format!("{sign} {} {}: {outcome}{number}", part("kind"), plain(part("name")));
        let _ = writeln!(text, "{}", style.paint(&line, colour));
        for conflict in item["conflicts"].as_array().into_iter().flatten() {
            let part = |name: &str| plain(conflict[name].as_str().unwrap_or_default());
            let _ = writeln!(
                text,
                "    {} is managed by the file of {}",
                part("member"),
                part("owner")
            );
        }
        text.push_str(&difference(item, style)?);
    }
    Ok(text)
}

/// Both states as YAML, line by line.
fn difference(item: &Value, style: Style) -> Result<String, String> {
    let before = &item["before"];
    let mut after = before.clone();
    let patch: json_patch::Patch =
        serde_json::from_value(item["patch"].clone()).map_err(|error| error.to_string())?;
    json_patch::patch(&mut after, &patch).map_err(|error| error.to_string())?;
    let written = |value: &Value| match value {
        Value::Null => Ok(String::new()),
        value => yaml::written(value),
    };
    let (before, after) = (written(before)?, written(&after)?);
    let difference = TextDiff::from_lines(&before, &after);
    let mut text = String::new();
    for (place, group) in difference.grouped_ops(2).iter().enumerate() {
        if place > 0 {
            text.push_str("      ⋮\n");
        }
        for change in group.iter().flat_map(|step| difference.iter_changes(step)) {
            let line = plain(change.value().trim_end_matches('\n'));
            let line = match change.tag() {
                ChangeTag::Equal => format!("      {line}"),
                ChangeTag::Delete => style.paint(&format!("    - {line}"), RED),
                ChangeTag::Insert => style.paint(&format!("    + {line}"), GREEN),
            };
            let _ = writeln!(text, "{line}");
        }
    }
    Ok(text)
}

/// How many of each, and what pipelines would say.
pub(super) fn summary(answer: &Value) -> String {
    let count = |outcome: &str| {
        let items = answer["items"].as_array().into_iter().flatten();
        items.filter(|item| item["outcome"] == outcome).count()
    };
    let outcomes =
        ["created", "updated", "candidate", "activated", "archived", "conflict", "unchanged"];
    let counts: Vec<String> = outcomes
        .into_iter()
        .map(|outcome| (outcome, count(outcome)))
        .filter(|(_, number)| *number > 0)
        .map(|(outcome, number)| format!("{number} {outcome}"))
        .collect();
    let counts = if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
    let mut text = format!("{counts}; {}\n", answer["verdict"].as_str().unwrap_or_default());
    for reason in answer["reasons"].as_array().into_iter().flatten() {
        let part = |name: &str| plain(reason[name].as_str().unwrap_or_default());
        let _ = writeln!(text, "  {:<9} {}", part("verdict"), part("detail"));
    }
    text
}

/// A text that steers no terminal.
pub(in crate::cli) fn plain(text: &str) -> String {
    let is_harmless = |character: &char| !character.is_control() || *character == '\t';
    text.chars()
        .map(|character| if is_harmless(&character) { character } else { '\u{FFFD}' })
        .collect()
}
