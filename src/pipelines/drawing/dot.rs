//! Graphviz, <https://graphviz.org/doc/info/lang.html>.

use std::fmt::Write;

use super::{Check, Picture, Shape, shown};

pub(super) fn render(picture: &Picture) -> String {
    let mut text = format!(
        "digraph \"{}\" {{\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n",
        escaped(&picture.title)
    );
    for (at, node) in picture.nodes.iter().enumerate() {
        let shape = match node.shape {
            Shape::Dataset => "cylinder",
            Shape::Model => "box",
            Shape::Edge => "ellipse",
            Shape::Pipeline => "folder",
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "  b{at} [label=\"{}\\n{}\", shape={shape}];",
            escaped(&node.name),
            escaped(&node.caption)
        );
    }
    for tie in &picture.ties {
        let style = match tie.check {
            Check::Passed => "color=\"#2e7d32\"",
            Check::Failed => "color=\"#c62828\", style=dashed",
            Check::Missing => "color=\"#8a8a8a\", style=dashed",
        };
        let _ = writeln!(
            text,
            "  b{} -> b{} [label=\"{}{}\", {style}];",
            tie.source,
            tie.target,
            escaped(&tie.name),
            tie.mark
        );
    }
    text.push_str("}\n");
    text
}

/// For inside a quoted string; Graphviz also reads HTML entities there.
fn escaped(name: &str) -> String {
    shown(name).replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;")
}
