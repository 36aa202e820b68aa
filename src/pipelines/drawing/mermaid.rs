//! Mermaid flowcharts, <https://mermaid.js.org/syntax/flowchart.html>.

use std::fmt::Write;

use super::{Check, caption, check, ends, shown};
use crate::blocks::BlockType;
use crate::pipelines::Graph;

pub(super) fn render(graph: &Graph) -> String {
    let mut text = String::from("flowchart LR\n");
    for (at, block) in graph.blocks.iter().enumerate() {
        let (open, close) = match block.block_type {
            BlockType::Dataset => ("[(", ")]"),
            BlockType::Model => ("[", "]"),
        };
        let name = escaped(&block.name);
        // Writing to a string does not fail.
        let _ = writeln!(text, "  b{at}{open}\"{name}<br/>{}\"{close}", caption(block));
    }
    for edge in &graph.edges {
        let Some((source, target)) = ends(graph, edge) else {
            continue;
        };
        let arrow = match check(edge) {
            Check::Passed => "-->",
            Check::Failed => "-.-x",
            Check::Missing => "-.->",
        };
        let name = escaped(&edge.name);
        let _ =
            writeln!(text, "  b{source} {arrow}|\"{name} v{}\"| b{target}", edge.version_number);
    }
    text
}

/// Whatever Mermaid, or the HTML that it makes, could take for its own becomes a character code.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for character in shown(name).chars() {
        if character.is_ascii_punctuation() && !matches!(character, '-' | '_' | '.' | ',') {
            let _ = write!(escaped, "#{};", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}
