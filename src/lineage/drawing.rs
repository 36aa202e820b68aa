//! A lineage as a picture: what feeds stands left of what is fed.

use std::collections::HashMap;

use super::{Lineage, LineageEdge, LineageEdgeKind, LineageNode, NodeType};
use crate::pipelines::drawing::{self, Check, Drawn, Node, Picture, Shape, Tie};

impl Drawn for Lineage {
    fn picture(&self) -> Picture {
        // What is reached both ways is drawn once.
        let mut places = HashMap::new();
        let mut nodes = Vec::new();
        for node in &self.nodes {
            places.entry(node.entity_id).or_insert_with(|| {
                nodes.push(drawn(node));
                nodes.len() - 1
            });
        }
        let tie = |edge: &LineageEdge| {
            Some(Tie {
                source: *places.get(&edge.source_id)?,
                target: *places.get(&edge.target_id)?,
                name: match edge.kind {
                    LineageEdgeKind::PipelineEdge => edge.edge_name.clone().unwrap_or_default(),
                    LineageEdgeKind::Dependency => "dependency".to_owned(),
                    _ => String::new(),
                },
                mark: String::new(),
                // A dependency and a member have nothing to verify.
                check: match edge.edge_id {
                    Some(_) => Check::of(edge.verification_status.as_deref()),
                    None => Check::Passed,
                },
            })
        };
        let name = self.nodes.iter().find(|node| node.distance == 0).map(|node| &*node.name);
        let mut title = format!("Lineage of {}", name.unwrap_or("something, continued"));
        if self.narrow.is_some() {
            title += " (not all of it)";
        }
        Picture { title, ties: self.edges.iter().filter_map(tie).collect(), nodes }
    }
}

fn drawn(node: &LineageNode) -> Node {
    let (shape, kind) = match (node.entity_type, node.block_type) {
        (NodeType::Edge, _) => (Shape::Edge, "edge"),
        (NodeType::Pipeline, _) => (Shape::Pipeline, "pipeline"),
        (NodeType::Block, Some(block_type)) => (block_type.into(), drawing::kind(block_type)),
        (NodeType::Block, None) => (Shape::Model, "block"),
    };
    let version = node.version_number.map(|number| format!(" v{number}")).unwrap_or_default();
    let archived = if node.archived_at.is_some() { ", archived" } else { "" };
    Node {
        name: node.name.clone(),
        caption: format!("{kind}{version}{archived}"),
        shape,
        is_pinned: false,
    }
}
