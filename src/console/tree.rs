//! JSON as a list of lists, which can be read, folded and searched for.

use askama::Template;
use askama::filters::HtmlSafe;
use serde_json::Value;

/// More of a value is not unfolded; the whole of it is told as text.
const MOST_NODES: usize = 400;
const DEEPEST: usize = 12;

/// A value as a list.
#[derive(Template)]
#[template(path = "tree.html")]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// Whether there is more.
    is_cut: bool,
    text: String,
}

impl HtmlSafe for Tree {}

/// One member.
#[derive(Template)]
#[template(path = "node.html")]
struct Node {
    key: String,
    /// What kind of value it is, for its colour.
    kind: &'static str,
    value: String,
    nodes: Vec<Node>,
}

impl HtmlSafe for Node {}

impl Tree {
    pub(super) fn of(value: &Value) -> Self {
        let mut left = MOST_NODES;
        let nodes = children(value, &mut left, 0);
        Self { nodes, is_cut: left == 0, text: pretty(value) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

/// A value as people write it into a form.
pub(super) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A value in a line.
pub(super) fn line(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn children(value: &Value, left: &mut usize, depth: usize) -> Vec<Node> {
    let pairs: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    let mut nodes = Vec::new();
    for (key, value) in pairs {
        if *left == 0 {
            break;
        }
        *left -= 1;
        nodes.push(node(key, value, left, depth));
    }
    nodes
}

fn node(key: String, value: &Value, left: &mut usize, depth: usize) -> Node {
    let (kind, text) = match value {
        Value::Null => ("null", "null".to_owned()),
        Value::Bool(flag) => ("flag", flag.to_string()),
        Value::Number(number) => ("number", number.to_string()),
        Value::String(text) => ("text", text.clone()),
        Value::Array(items) if items.is_empty() => ("none", "empty list".to_owned()),
        Value::Object(members) if members.is_empty() => ("none", "empty object".to_owned()),
        _ if depth == DEEPEST => ("none", "deeper than is shown".to_owned()),
        Value::Array(items) => ("list", counted(items.len(), "item")),
        Value::Object(members) => ("list", counted(members.len(), "member")),
    };
    let nodes = if kind == "list" { children(value, left, depth + 1) } else { Vec::new() };
    Node { key, kind, value: text, nodes }
}

fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
