//! Mermaid flowcharts, <https://mermaid.js.org/syntax/flowchart.html>.

use std::fmt::Write;

use super::{Check, Picture, Shape, shown};

pub(super) fn render(picture: &Picture) -> String {
    let mut text = String::from("flowchart LR\n");
    for (at, node) in picture.nodes.iter().enumerate() {
        let (open, close) = match node.shape {
            Shape::Dataset => ("[(", ")]"),
            Shape::Model => ("[", "]"),
            Shape::Edge => ("([", "])"),
            Shape::Pipeline => ("[[", "]]"),
        };
        let name = escaped(&node.name);
        // Writing to a string does not fail.
        let _ = writeln!(text, "  b{at}{open}\"{name}<br/>{}\"{close}", node.caption);
    }
    for tie in &picture.ties {
        let arrow = match tie.check {
            Check::Passed => "-->",
            Check::Failed => "-.-x",
            Check::Missing => "-.->",
        };
        let (source, target) = (tie.source, tie.target);
        if tie.name.is_empty() {
            let _ = writeln!(text, "  b{source} {arrow} b{target}");
        } else {
            let label = escaped(&tie.name) + &tie.mark;
            let _ = writeln!(text, "  b{source} {arrow}|\"{label}\"| b{target}");
        }
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
