//! A table of blocks, read as the service reads it.

use std::fmt::Write as _;
use std::path::Path;

use reqwest::StatusCode;

use super::yaml::{Document, Place, Placed};
use crate::cli::asking::Refusal;
use crate::registry_file::csv;

/// Whether a file is one, by its name.
pub(super) fn is_one(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"))
}

/// # Errors
/// What is wrong with it, and in which cells.
pub(super) fn read(text: &str) -> Result<Document, String> {
    let rows = csv::blocks(text.as_bytes()).map_err(|problem| {
        let body = serde_json::to_value(&problem).unwrap_or_default();
        let refusal = Refusal { status: StatusCode::UNPROCESSABLE_ENTITY, body };
        let mut told = refusal.body["detail"].as_str().unwrap_or_default().to_owned();
        for (pointer, words) in refusal.faults() {
            let _ = write!(told, "\n  {pointer}: {words}");
        }
        told
    })?;
    let blocks = rows
        .into_iter()
        .map(|row| Placed { value: row.block, place: Place { line: row.line, column: 1 } });
    Ok(Document {
        api_version: Placed { value: "blockyard/v1".into(), place: Place { line: 1, column: 1 } },
        owner: None,
        things: [
            ("taxonomy", Vec::new()),
            ("blocks", blocks.collect()),
            ("edges", Vec::new()),
            ("pipelines", Vec::new()),
        ],
    })
}
