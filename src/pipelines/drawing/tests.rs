//! Pictures of graphs that are made up: nothing overlaps, everything is inside, edges go right.

use uuid::Uuid;

use super::layout::{Layout, Size, layout};
use super::{Drawn, Format};
use crate::api::time::DateTime;
use crate::blocks::BlockType;
use crate::pipelines::{Graph, PipelineBlock, PipelineEdge};

/// `blocks` blocks; each leads to `fan` of those that come after it, within `reach`.
fn made_up(blocks: usize, fan: usize, reach: usize) -> Graph {
    let time = DateTime::now();
    let id = |at: usize| Uuid::from_u128(at as u128 + 1);
    let block = |at: usize| PipelineBlock {
        pipeline_block_id: id(at),
        block_id: id(at),
        name: format!(
            "{} {at}",
            ["raw events", "features", "resnet-50", "a model with a rather long name"][at % 4]
        ),
        block_type: if at.is_multiple_of(2) { BlockType::Dataset } else { BlockType::Model },
        block_version_id: at.is_multiple_of(5).then(|| id(at)),
        block_alias: None,
        version_id: id(at),
        version_number: 1,
        created_at: time,
        updated_at: time,
    };
    let edge = |nth: usize, from: usize, to: usize| PipelineEdge {
        pipeline_edge_id: id(nth),
        edge_id: id(nth),
        name: ["train", "clean and join", "score"][nth % 3].to_owned(),
        source_block_id: id(from),
        target_block_id: id(to),
        edge_version_id: None,
        edge_alias: None,
        version_id: id(nth),
        version_number: 2,
        verification_status: [Some("passed"), Some("passed"), Some("failed"), None][nth % 4]
            .map(str::to_owned),
        created_at: time,
        updated_at: time,
    };
    let ties = (0..blocks)
        .flat_map(|from| (0..fan).map(move |n| (from, from + 1 + (from * 7 + n * 5) % reach)));
    Graph {
        pipeline_id: id(0),
        name: "nightly training".to_owned(),
        blocks: (0..blocks).map(block).collect(),
        edges: ties
            .filter(|(_, to)| *to < blocks)
            .enumerate()
            .map(|(nth, (from, to))| edge(nth, from, to))
            .collect(),
    }
}

fn laid_out(
    blocks: usize,
    fan: usize,
    reach: usize,
) -> (Vec<Size>, Vec<(usize, usize, f64)>, Layout) {
    let graph = made_up(blocks, fan, reach);
    let sizes = vec![Size { width: 120.0, height: 46.0 }; blocks];
    let edges: Vec<_> =
        graph.picture().ties.iter().map(|tie| (tie.source, tie.target, 60.0)).collect();
    let layout = layout(&sizes, &edges);
    (sizes, edges, layout)
}

#[test]
fn nothing_overlaps_and_edges_go_right() {
    for (blocks, fan, reach) in
        [(1, 0, 1), (3, 1, 1), (20, 2, 4), (60, 2, 8), (60, 5, 30), (200, 3, 190)]
    {
        let (sizes, edges, layout) = laid_out(blocks, fan, reach);
        for (one, (a, size)) in layout.middles.iter().zip(&sizes).enumerate() {
            let inside = a.x - size.width / 2.0 >= -0.1
                && a.x + size.width / 2.0 <= layout.size.width + 0.1
                && a.y - size.height / 2.0 >= -0.1
                && a.y + size.height / 2.0 <= layout.size.height + 0.1;
            assert!(inside, "block {one} of {blocks} is outside");
            for (other, b) in layout.middles.iter().enumerate().skip(one + 1) {
                let apart = (a.x - b.x).abs() >= size.width || (a.y - b.y).abs() >= size.height;
                assert!(apart, "blocks {one} and {other} of {blocks} overlap");
            }
        }
        for ((from, to, _), route) in edges.iter().zip(&layout.routes) {
            assert!(layout.middles[*from].x < layout.middles[*to].x);
            assert!(route.windows(2).all(|step| step[0].x <= step[1].x));
        }
    }
}

#[test]
fn the_largest_graphs_are_drawn_in_time() {
    // A chain of 500 blocks, with edges that leap over hundreds of them.
    let graph = made_up(500, 4, 400);
    let begun = std::time::Instant::now();
    let drawn = Format::Svg.render(&graph).expect("a picture");
    assert!(drawn.len() > 100_000);
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

/// Graphs whose names have, one after the other, all characters that there are.
fn every_character() -> impl Iterator<Item = Graph> {
    let characters: Vec<char> = ('\0'..=char::MAX).collect();
    let names: Vec<String> = characters.chunks(1000).map(|chunk| chunk.iter().collect()).collect();
    let graphs: Vec<Graph> = names
        .chunks(4)
        .map(|names| {
            let name = |at: usize| names[at % names.len()].clone();
            let mut graph = made_up(2, 1, 1);
            graph.name = name(0);
            graph.blocks[0].name = name(1);
            graph.blocks[1].name = name(2);
            graph.edges[0].name = name(3);
            graph
        })
        .collect();
    graphs.into_iter()
}

#[test]
fn a_drawing_is_well_formed_whatever_the_tables_hold() {
    for graph in every_character() {
        let drawn = Format::Svg.render(&graph).expect("a picture");
        let document = roxmltree::Document::parse(&drawn).expect("well-formed XML");
        let titles: Vec<String> = document
            .descendants()
            .filter(|node| node.has_tag_name("title"))
            .map(|node| node.text().unwrap_or_default().to_owned())
            .collect();
        let names =
            [&graph.name, &graph.blocks[0].name, &graph.blocks[1].name, &graph.edges[0].name];
        assert_eq!(titles, names.map(|name| super::shown(name)), "the names can be read from it");
    }
}

#[test]
fn no_character_of_a_name_gets_out_of_its_quotes() {
    // Without what is quoted, where DOT knows one escape and Mermaid none.
    let around = |text: &str, escape: Option<char>| {
        let (mut around, mut quoted, mut characters) = (String::new(), false, text.chars());
        while let Some(character) = characters.next() {
            if quoted && Some(character) == escape {
                characters.next();
            } else if character == '"' {
                quoted = !quoted;
            } else if !quoted {
                around.push(character);
            }
        }
        assert!(!quoted, "a quote is left open: {text}");
        around
    };
    let plain = made_up(2, 1, 1);
    for graph in every_character() {
        for (format, escape) in [(Format::Dot, Some('\\')), (Format::Mermaid, None)] {
            let render = |graph: &Graph| format.render(graph).expect("a drawing");
            assert_eq!(around(&render(&graph), escape), around(&render(&plain), escape));
            assert_eq!(render(&graph).lines().count(), render(&plain).lines().count());
        }
    }
}
