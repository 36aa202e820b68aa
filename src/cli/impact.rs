//! `blockyard impact`: asks a server what changes would break, for a build to stop at it.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Read;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::asking::{Asked, Question};

#[derive(Debug, Args)]
pub(super) struct Impact {
    /// A change as POST /impact/preview takes it; several are made one after the other
    #[arg(long = "change", value_name = "JSON")]
    changes: Vec<String>,
    /// A file with such changes, in an array or as a whole body; - reads standard input
    #[arg(long, value_name = "FILE", required_unless_present = "changes")]
    file: Option<String>,
    /// From which verdict on to end with 1
    #[arg(long, value_enum, default_value_t = Bar::Breaking)]
    fail_on: Bar,
    /// How to tell it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    server: Asked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bar {
    /// A pipeline may not run any more, or a change is refused
    Breaking,
    /// Also when one would run on something else
    Warn,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    /// The answer as it came
    Json,
    /// For a comment on a pull request
    Markdown,
}

/// Ends with 0 below the bar, with 1 from it on, with 2 when there is no verdict.
pub(super) async fn impact(arguments: &Impact) -> ExitCode {
    match ask(arguments).await {
        Ok(answer) => {
            print!("{}", told(&answer, arguments.format));
            if arguments.fail_on != Bar::Never
                && answer["verdict"] != "breaking"
                && is_open(&answer)
            {
                eprintln!(
                    "error: more pipelines are reached than were asked, so this is no verdict"
                );
                return ExitCode::from(2);
            }
            match (answer["verdict"].as_str(), arguments.fail_on) {
                (_, Bar::Never) | (Some("safe"), _) | (Some("warn"), Bar::Breaking) => {
                    ExitCode::SUCCESS
                }
                _ => ExitCode::FAILURE,
            }
        }
        Err(error) => {
            eprintln!("error: {}", super::with_causes(&*error));
            ExitCode::from(2)
        }
    }
}

/// Whether the service says that it has not asked all that it should have.
fn is_open(answer: &Value) -> bool {
    answer["reasons"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|reason| reason["code"] == "pipelines_unchecked")
}

async fn ask(arguments: &Impact) -> Result<Value, Box<dyn Error>> {
    let body = json!({ "changes": changes(arguments)? });
    let question = Question {
        method: Method::POST,
        path: &["impact", "preview"],
        body: Some(&body),
        ..Question::default()
    };
    arguments.server.ask(&question).await
}

/// Those of the file, then those of the command line.
fn changes(arguments: &Impact) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut changes = Vec::new();
    if let Some(file) = &arguments.file {
        let mut text = String::new();
        if file == "-" {
            std::io::stdin().read_to_string(&mut text)?;
        } else {
            text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        }
        let read = serde_json::from_str(&text).map_err(|error| format!("{file}: {error}"))?;
        match read {
            Value::Array(items) => changes.extend(items),
            Value::Object(mut body) if body.contains_key("changes") => {
                match body.remove("changes") {
                    Some(Value::Array(items)) => changes.extend(items),
                    _ => return Err(format!("{file}: changes must be an array").into()),
                }
            }
            other => changes.push(other),
        }
    }
    for change in &arguments.changes {
        let change = serde_json::from_str(change)
            .map_err(|error| format!("--change '{change}': {error}"))?;
        changes.push(change);
    }
    Ok(changes)
}

fn told(answer: &Value, format: Format) -> String {
    match format {
        Format::Json => format!("{answer:#}\n"),
        Format::Text => as_text(answer),
        Format::Markdown => as_markdown(answer),
    }
}

fn reasons(answer: &Value) -> impl Iterator<Item = (&str, &str)> {
    answer["reasons"].as_array().into_iter().flatten().map(|reason| {
        let part = |name: &str| reason[name].as_str().unwrap_or_default();
        (part("verdict"), part("detail"))
    })
}

fn as_text(answer: &Value) -> String {
    let mut text = format!("{}\n", answer["verdict"].as_str().unwrap_or_default());
    for (verdict, detail) in reasons(answer) {
        let _ = writeln!(text, "  {verdict:<9} {detail}");
    }
    text
}

fn as_markdown(answer: &Value) -> String {
    let verdict = answer["verdict"].as_str().unwrap_or_default();
    let checked = &answer["pipelines_checked"];
    let mut text = format!("**Impact: {verdict}** ({checked} pipelines checked)\n");
    let mut is_first = true;
    for (verdict, detail) in reasons(answer) {
        if is_first {
            text.push_str("\n| | |\n|---|---|\n");
            is_first = false;
        }
        let _ = writeln!(text, "| {verdict} | {} |", in_cell(detail));
    }
    text
}

/// Names are people's: what is markup in them is shown as it is.
fn in_cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => cell.push(' '),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '!' | '@' => {
                cell.push('\\');
                cell.push(character);
            }
            _ => cell.push(character),
        }
    }
    cell
}
