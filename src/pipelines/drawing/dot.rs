//! Graphviz, <https://graphviz.org/doc/info/lang.html>.

use std::fmt::Write;

use super::{Check, caption, check, ends, shown};
use crate::blocks::BlockType;
use crate::pipelines::Graph;

pub(super) fn render(graph: &Graph) -> String {
    let mut text = format!(
        "digraph \"{}\" {{\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n",
        escaped(&graph.name)
    );
    for (at, block) in graph.blocks.iter().enumerate() {
        let shape = match block.block_type {
            BlockType::Dataset => "cylinder",
            BlockType::Model => "box",
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "  b{at} [label=\"{}\\n{}\", shape={shape}];",
            escaped(&block.name),
            caption(block)
        );
    }
    for edge in &graph.edges {
        let Some((source, target)) = ends(graph, edge) else {
            continue;
        };
        let style = match check(edge) {
            Check::Passed => "color=\"#2e7d32\"",
            Check::Failed => "color=\"#c62828\", style=dashed",
            Check::Missing => "color=\"#8a8a8a\", style=dashed",
        };
        let _ = writeln!(
            text,
            "  b{source} -> b{target} [label=\"{} v{}\", {style}];",
            escaped(&edge.name),
            edge.version_number
        );
    }
    text.push_str("}\n");
    text
}

/// For inside a quoted string; Graphviz also reads HTML entities there.
fn escaped(name: &str) -> String {
    shown(name).replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;")
}
