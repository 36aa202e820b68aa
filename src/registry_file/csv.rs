//! Blocks as a spreadsheet has them: rows of CSV, as a file of blocks.

use serde_json::{Map, Value, json};

use crate::api::csv::text;
use crate::api::problem::{self, Fault, Problem};

/// Columns that are members as they are; `metadata` and `metadata/…` come besides.
const COLUMNS: [&str; 6] =
    ["name", "renamed_from", "type", "description", "activation", "categories"];

/// What `GET /blocks` calls the type.
const TYPE_OF_LIST: &str = "block_type";

/// Columns of `GET /blocks` of a thing that is no member of a file any more.
const GONE: [&str; 2] = ["archived_at", "purged_at"];

/// Columns of `GET /blocks` that are not a file's to say: nobody looks at what stands there.
const NOT_SAID: [&str; 10] = [
    "block_id",
    "created_at",
    "updated_at",
    "created_by",
    "created_by_username",
    "current_version_id",
    "version_number",
    "latest_version_number",
    "versions",
    "aliases",
];

/// A row of a table.
#[derive(Debug)]
pub struct Row {
    /// Where it begins, the line of the columns being the first.
    pub line: u64,
    pub block: Value,
}

/// The file that a table of blocks is.
///
/// # Errors
/// See [`blocks`].
pub(super) fn file(bytes: &[u8]) -> Result<Value, Problem> {
    let blocks: Vec<_> = blocks(bytes)?.into_iter().map(|row| row.block).collect();
    Ok(json!({ "apiVersion": "blockyard/v1", "blocks": blocks }))
}

/// The blocks of a table, of one that `GET /blocks` has made as well. An empty cell says nothing; of
/// what stands below `metadata/rows`, `891` is a number, `true` a boolean, and what is no JSON a text.
/// Categories have `;` between. The apostrophe before what a spreadsheet takes for a formula is none
/// of the text.
///
/// # Errors
/// 400 when it is no CSV, 422 when a column is not known, or a cell is not what belongs there.
pub fn blocks(bytes: &[u8]) -> Result<Vec<Row>, Problem> {
    // What spreadsheets put before it.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(bytes);
    let columns = reader.headers().map_err(|error| no_csv(&error))?.clone();
    let mut faults = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        if !is_known(column) {
            faults.push(fault(format!("/{place}"), format!("The column {column:?} is not known.")));
        } else if columns.iter().take(place).any(|other| member(other) == member(column)) {
            faults
                .push(fault(format!("/{place}"), format!("The column {column:?} is there twice.")));
        }
    }
    if !columns.iter().any(|column| column == "name") {
        faults.push(fault(String::new(), "The first line names the columns, one of them name."));
    }
    if !faults.is_empty() {
        return Err(Problem::faults(faults));
    }
    let mut blocks = Vec::new();
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(|error| no_csv(&error))?;
        let mut block = Map::new();
        for (column, cell) in columns.iter().zip(&record).filter(|(_, cell)| !cell.is_empty()) {
            if let Err(words) = put(&mut block, column, text(cell)) {
                let pointer = [format!("/blocks/{row}"), problem::pointer(column)];
                faults.push(fault(pointer.concat(), words));
            }
        }
        let line = record.position().map_or(0, csv::Position::line);
        blocks.push(Row { line, block: Value::Object(block) });
    }
    if !faults.is_empty() {
        return Err(Problem::faults(faults));
    }
    Ok(blocks)
}

fn is_known(column: &str) -> bool {
    COLUMNS.contains(&member(column))
        || column == "metadata"
        || below_metadata(column).is_some()
        || GONE.contains(&column)
        || NOT_SAID.contains(&column)
}

/// What a file calls what a column says.
fn member(column: &str) -> &str {
    if column == TYPE_OF_LIST { "type" } else { column }
}

fn put(block: &mut Map<String, Value>, column: &str, cell: &str) -> Result<(), &'static str> {
    if NOT_SAID.contains(&column) {
        return Ok(());
    }
    if GONE.contains(&column) {
        return Err("Is no block of a file any more: leave the row out, or restore it.");
    }
    if let Some(member) = below_metadata(column) {
        let value = serde_json::from_str(cell).unwrap_or_else(|_| cell.into());
        let metadata = block.entry("metadata").or_insert_with(|| json!({}));
        let Some(metadata) = metadata.as_object_mut() else {
            return Err("Goes with an object in the column metadata.");
        };
        metadata.insert(member, value);
        return Ok(());
    }
    let value = match column {
        "metadata" => {
            let value: Value = serde_json::from_str(cell).map_err(|_| "Must be a JSON object.")?;
            let Value::Object(mut value) = value else { return Err("Must be a JSON object.") };
            // Columns of their own say more than this one.
            if let Some(Value::Object(before)) = block.remove("metadata") {
                value.extend(before);
            }
            Value::Object(value)
        }
        "categories" if serde_json::from_str::<Vec<Value>>(cell).is_ok() => {
            return Err("Must be paths with ; between, and is JSON: leave the column out.");
        }
        "categories" => {
            cell.split(';').map(str::trim).filter(|path| !path.is_empty()).collect::<Value>()
        }
        _ => cell.into(),
    };
    block.insert(member(column).to_owned(), value);
    Ok(())
}

/// The member of the metadata that a column is.
fn below_metadata(column: &str) -> Option<String> {
    let member = column.strip_prefix("metadata/").filter(|member| !member.is_empty())?;
    (!member.contains('/')).then(|| problem::member(member))
}

fn fault(pointer: String, detail: impl Into<String>) -> Fault {
    Fault { pointer, detail: detail.into() }
}

fn no_csv(error: &csv::Error) -> Problem {
    let place = error.position().map_or(String::new(), |at| format!(" at line {}", at.line()));
    let words = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8",
        csv::ErrorKind::UnequalLengths { .. } => "has more or fewer cells than the first line",
        _ => "is no CSV",
    };
    Problem::malformed(format!("The table{place} {words}."))
}
