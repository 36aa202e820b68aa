//! Graphs as text and pictures, in whatever form the client accepts: that of a pipeline, and lineages.

mod dot;
mod layout;
mod mermaid;
mod svg;
#[cfg(test)]
mod tests;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use serde::Serialize;

use super::{Graph, PipelineBlock, PipelineEdge};
use crate::api::accept;
use crate::api::problem::Problem;
use crate::blocks::BlockType;

/// What is drawn.
#[derive(Debug)]
pub(crate) struct Picture {
    pub title: String,
    pub nodes: Vec<Node>,
    pub ties: Vec<Tie>,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub name: String,
    /// What stands below the name.
    pub caption: String,
    pub shape: Shape,
    /// Whether it stays at its version.
    pub is_pinned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Dataset,
    Model,
    Edge,
    Pipeline,
}

impl From<BlockType> for Shape {
    fn from(block_type: BlockType) -> Self {
        match block_type {
            BlockType::Dataset => Self::Dataset,
            BlockType::Model => Self::Model,
        }
    }
}

/// An arrow from one node to another, by their places.
#[derive(Debug)]
pub(crate) struct Tie {
    pub source: usize,
    pub target: usize,
    pub name: String,
    /// What stands behind the name, which may be cut.
    pub mark: String,
    pub check: Check,
}

/// What has a picture.
pub(crate) trait Drawn: Serialize {
    fn picture(&self) -> Picture;
}

impl Drawn for Graph {
    fn picture(&self) -> Picture {
        let at = |id| self.blocks.iter().position(|block| block.block_id == id);
        let tie = |edge: &PipelineEdge| {
            Some(Tie {
                source: at(edge.source_block_id)?,
                target: at(edge.target_block_id)?,
                name: edge.name.clone(),
                mark: match (edge.edge_version_id, &edge.edge_alias) {
                    (Some(_), _) => format!(" v{}, pinned", edge.version_number),
                    (None, Some(alias)) => format!(" v{}, {alias}", edge.version_number),
                    (None, None) => format!(" v{}", edge.version_number),
                },
                check: Check::of(edge.verification_status.as_deref()),
            })
        };
        let node = |block: &PipelineBlock| Node {
            name: block.name.clone(),
            caption: caption(block),
            shape: block.block_type.into(),
            is_pinned: block.block_version_id.is_some(),
        };
        Picture {
            title: self.name.clone(),
            nodes: self.blocks.iter().map(node).collect(),
            ties: self.edges.iter().filter_map(tie).collect(),
        }
    }
}

/// In which form a graph is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = GraphFormat)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Json,
    Mermaid,
    Dot,
    Svg,
}

impl Format {
    /// In the order of our own preference.
    const ALL: [Self; 4] = [Self::Json, Self::Svg, Self::Mermaid, Self::Dot];

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Mermaid => "text/vnd.mermaid",
            Self::Dot => "text/vnd.graphviz",
            Self::Svg => "image/svg+xml",
        }
    }

    /// The one that is asked for by name, or else the form that the client likes best; JSON when it
    /// says nothing.
    ///
    /// # Errors
    /// 406 when it accepts none of ours.
    pub(crate) fn of(named: Option<Self>, request: &HttpRequest) -> Result<Self, Problem> {
        if let Some(format) = named {
            return Ok(format);
        }
        accept::best(request, &Self::ALL, Self::media_type).ok_or_else(|| {
            let known = Self::ALL.map(Self::media_type).join(", ");
            Problem::new(
                StatusCode::NOT_ACCEPTABLE,
                "not_acceptable",
                format!("A graph is sent as {known}."),
            )
        })
    }

    /// The graph in this form.
    ///
    /// # Errors
    /// 500 when it has no JSON form.
    pub(crate) fn render(self, graph: &impl Drawn) -> Result<String, Problem> {
        Ok(match self {
            Self::Json => serde_json::to_string(graph).map_err(|error| {
                tracing::error!(%error, "a graph has no JSON form");
                Problem::internal()
            })?,
            Self::Mermaid => mermaid::render(&graph.picture()),
            Self::Dot => dot::render(&graph.picture()),
            Self::Svg => svg::render(&graph.picture()),
        })
    }
}

pub(crate) fn kind(block_type: BlockType) -> &'static str {
    match block_type {
        BlockType::Dataset => "dataset",
        BlockType::Model => "model",
    }
}

/// What stands below the name of a block.
fn caption(block: &PipelineBlock) -> String {
    let kind = kind(block.block_type);
    match (block.block_version_id, &block.block_alias) {
        (Some(_), _) => format!("{kind} v{}, pinned", block.version_number),
        (None, Some(alias)) => format!("{kind} v{}, {alias}", block.version_number),
        (None, None) => format!("{kind} v{}", block.version_number),
    }
}

/// A text without what some format cannot hold: control characters, ends of lines, and the two
/// characters that XML leaves out. No name has them; but a picture shows whatever the tables hold.
fn shown(text: &str) -> String {
    let cannot =
        |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{FFFE}' | '\u{FFFF}');
    text.replace(cannot, "\u{FFFD}")
}

/// Whether a run may pass an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Passed,
    Failed,
    Missing,
}

impl Check {
    /// By the newest report of a verification, if there is one.
    pub(crate) fn of(status: Option<&str>) -> Self {
        match status {
            Some("passed") => Self::Passed,
            Some("failed") => Self::Failed,
            _ => Self::Missing,
        }
    }
}
