//! Tables of CSV (RFC 4180), as spreadsheets read and write them.

use std::borrow::Cow;
use std::fmt::Display;

use csv::{QuoteStyle, Terminator, WriterBuilder};

use super::problem::Problem;

/// What a table is sent as.
pub const MEDIA_TYPE: &str = "text/csv";

/// What makes a spreadsheet take a cell for a formula when it begins with it, with the full-width
/// forms of each.
const FORMULAS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Whether a spreadsheet may take a text for a formula, whatever apostrophes stand before it.
fn is_formula(text: &str) -> bool {
    let text = text.trim_start_matches('\'');
    text.starts_with(['\t', '\r', '\n']) || text.trim_start().starts_with(FORMULAS)
}

/// A text as a cell: one that a spreadsheet may take for a formula gets an apostrophe before it.
pub fn cell(text: &str) -> Cow<'_, str> {
    if is_formula(text) { format!("'{text}").into() } else { text.into() }
}

/// The text that became this cell: exactly what [`cell`] was given.
pub fn text(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|_| is_formula(cell)).unwrap_or(cell)
}

/// Rows of cells, each with CRLF behind it. What is no number stands in quotes, so that a reader who takes `;`
/// or a tab for the end of a cell as well does not cut it in two.
///
/// # Errors
/// 500 when they cannot be written.
pub fn rows<R>(rows: impl IntoIterator<Item = R>) -> Result<Vec<u8>, Problem>
where
    R: IntoIterator<Item: AsRef<str>>,
{
    let mut builder = WriterBuilder::new();
    builder.terminator(Terminator::CRLF).quote_style(QuoteStyle::NonNumeric);
    let mut writer = builder.from_writer(Vec::new());
    for row in rows {
        for cell in row {
            writer.write_field(cell.as_ref()).map_err(broken)?;
        }
        writer.write_record(None::<&[u8]>).map_err(broken)?;
    }
    writer.into_inner().map_err(broken)
}

fn broken(error: impl Display) -> Problem {
    tracing::error!(%error, "a table cannot be written");
    Problem::internal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_each_becomes_its_text_again() {
        let begun = ["", "'", "''", " ", "' ", "\t", "\u{a0}", "\r\n", "'\n", "x", "1", "\u{5d0}"];
        let ends =
            ["", "x", "=1+1", "+1", "-1", "@a", "＝1", "＋1", "－1", "＠a", "'", "'=1", "''-"];
        for text in begun.iter().flat_map(|begun| ends.map(|end| format!("{begun}{end}"))) {
            let written = cell(&text);
            assert_eq!(super::text(&written), text, "{written:?}");
            assert!(!written.starts_with(FORMULAS) && !written.starts_with(['\t', '\r', '\n']));
            assert!(!written.trim_start().starts_with(FORMULAS), "{written:?}");
        }
        assert_eq!(cell("'tis"), "'tis");
        assert_eq!(text("'tis"), "'tis");
        assert_eq!(cell("a=b"), "a=b");
    }

    #[test]
    fn rows_are_those_of_rfc_4180() {
        let written = rows([["a", "b"], ["x,\"y\"\n", ""], ["x;=1;\t=2", "-1.5"]]).expect("rows");
        let expected = b"\"a\",\"b\"\r\n\"x,\"\"y\"\"\n\",\"\"\r\n\"x;=1;\t=2\",-1.5\r\n";
        assert_eq!(written, expected);
    }
}
