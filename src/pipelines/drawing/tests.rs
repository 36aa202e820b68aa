//! Pictures of graphs that are made up: nothing overlaps, everything is inside, edges go right.

use uuid::Uuid;

use super::layout::{Layout, Size, layout};
use super::{Drawn, Format};
use crate::api::time::DateTime;
use crate::blocks::BlockType;
use crate::pipelines::{Graph, PipelineBlock, PipelineEdge};

/// `blocks` blocks; each leads to `fan` of those that come after it, within `reach`.
fn made_up(blocks: usize, fan: usize, reach: usize) -> Graph {
    let time: DateTime = "2026-11-28T12:00:00Z".parse().expect("a time");
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

/// Left, top, right, bottom.
type Area = [f64; 4];

fn overlap(a: Area, b: Area) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// What a drawing shows: its size, the blocks, the texts in them, and the labels of the edges, the width
/// of letters taken from a common sans serif.
struct Seen {
    width: f64,
    height: f64,
    blocks: Vec<Area>,
    names: Vec<Area>,
    labels: Vec<(String, Area)>,
}

fn seen(drawn: &str) -> Seen {
    let document = roxmltree::Document::parse(drawn).expect("well-formed XML");
    let number = |node: &roxmltree::Node<'_, '_>, name: &str| {
        node.attribute(name).expect(name).parse::<f64>().expect("a number")
    };
    let words = |node: &roxmltree::Node<'_, '_>| -> String {
        node.children().filter(roxmltree::Node::is_text).filter_map(|text| text.text()).collect()
    };
    let svg = document.root_element();
    let (mut blocks, mut names, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for node in document.descendants() {
        let class = node.attribute("class").unwrap_or_default();
        if node.has_tag_name("rect") && !class.is_empty() {
            let (x, y) = (number(&node, "x"), number(&node, "y"));
            blocks.push([x, y, x + number(&node, "width"), y + number(&node, "height")]);
        } else if node.has_tag_name("text") && class == "label" {
            let (x, y, text) = (number(&node, "x"), number(&node, "y"), words(&node));
            let width = text.chars().count() as f64 * 5.8;
            labels.push((text, [x, y - 9.0, x + width, y + 2.0]));
        } else if node.has_tag_name("text") && matches!(class, "" | "small") {
            let letter = if class.is_empty() { 7.2 } else { 6.0 };
            let half = words(&node).chars().count() as f64 * letter / 2.0;
            let (x, y) = (number(&node, "x"), number(&node, "y"));
            names.push([x - half, y - 10.0, x + half, y + 3.0]);
        }
    }
    let (width, height) = (number(&svg, "width"), number(&svg, "height"));
    Seen { width, height, blocks, names, labels }
}

/// Points of the line of each edge: of its level parts and of its bends.
fn lines(drawn: &str) -> Vec<Vec<[f64; 2]>> {
    let document = roxmltree::Document::parse(drawn).expect("well-formed XML");
    // Those of the legend, which are not in the group of the graph, have no bends.
    let paths = document.descendants().filter_map(|node| node.attribute("d"));
    paths
        .filter(|path| path.contains('C'))
        .map(|path| {
            let mut points: Vec<[f64; 2]> = Vec::new();
            let mut at = [0.0, 0.0];
            for step in path.split_inclusive(|c: char| "MHC".contains(c)).map(str::to_owned) {
                let numbers: Vec<f64> = step
                    .trim_end_matches(['M', 'H', 'C'])
                    .split(' ')
                    .filter_map(|number| number.parse().ok())
                    .collect();
                let from = at;
                match numbers[..] {
                    [x, y] => at = [x, y],
                    [x] => {
                        at = [x, from[1]];
                        let step = |n: i32| from[0] + (x - from[0]) * f64::from(n) / 40.0;
                        points.extend((0..=40).map(|n| [step(n), from[1]]));
                    }
                    [ax, ay, bx, by, end, height] => {
                        at = [end, height];
                        points.extend((0..=40).map(|nth| {
                            let there = f64::from(nth) / 40.0;
                            let left = 1.0 - there;
                            let weigh = |of: [f64; 4]| {
                                left.powi(3) * of[0]
                                    + 3.0 * left.powi(2) * there * of[1]
                                    + 3.0 * left * there.powi(2) * of[2]
                                    + there.powi(3) * of[3]
                            };
                            [weigh([from[0], ax, bx, end]), weigh([from[1], ay, by, height])]
                        }));
                    }
                    _ => {}
                }
            }
            points
        })
        .collect()
}

#[test]
fn no_box_and_no_label_covers_another() {
    // Small, deep, wide, dense; one of 60 blocks; a fan and a funnel.
    let fan = |blocks: usize| {
        let mut graph = made_up(blocks, 1, 1);
        for (nth, edge) in graph.edges.iter_mut().enumerate() {
            edge.source_block_id = graph.blocks[0].block_id;
            edge.target_block_id = graph.blocks[nth + 1].block_id;
        }
        graph
    };
    let funnel = |blocks: usize| {
        let mut graph = fan(blocks);
        for edge in &mut graph.edges {
            std::mem::swap(&mut edge.source_block_id, &mut edge.target_block_id);
        }
        graph
    };
    for mut graph in [
        made_up(2, 1, 1),
        made_up(40, 1, 1),
        made_up(60, 2, 8),
        made_up(60, 5, 30),
        made_up(200, 3, 190),
        fan(40),
        funnel(40),
    ] {
        for (at, block) in graph.blocks.iter_mut().enumerate() {
            block.name = format!("features-of-customers-by-region-and-quarter-{at:03}");
        }
        for (at, edge) in graph.edges.iter_mut().enumerate() {
            edge.name = format!("train-on-the-customers-of-region-{at:03}");
        }
        let drawn = Format::Svg.render(&graph).expect("a picture");
        let Seen { width, height, blocks, names, labels } = seen(&drawn);
        let what = format!("{} blocks, {} edges", graph.blocks.len(), graph.edges.len());
        assert_eq!((blocks.len(), labels.len()), (graph.blocks.len(), graph.edges.len()), "{what}");
        let areas: Vec<Area> =
            blocks.iter().copied().chain(labels.iter().map(|(_, area)| *area)).collect();
        for (nth, area) in areas.iter().enumerate() {
            assert!(area[0] >= 0.0 && area[2] <= width && area[3] <= height, "{what}: outside");
            for other in &areas[nth + 1..] {
                assert!(!overlap(*area, *other), "{what}: {area:?} and {other:?}");
            }
        }
        for line in lines(&drawn) {
            for (label, area) in &labels {
                let crosses = |[x, y]: &[f64; 2]| {
                    *x > area[0] && *x < area[2] && *y > area[1] && *y < area[3]
                };
                assert!(!line.iter().any(crosses), "{what}: an edge goes through {label}");
            }
        }
        for name in &names {
            let inside = |block: &Area| name[0] >= block[0] && name[2] <= block[2];
            assert!(blocks.iter().any(|block| overlap(*name, *block) && inside(block)), "{what}");
        }
        // Whatever was cut, the ends that tell them apart are there.
        for at in 0..graph.blocks.len() {
            assert!(drawn.contains(&format!("quarter-{at:03}</text>")), "{what}: block {at}");
        }
        for (at, (label, _)) in labels.iter().enumerate() {
            assert!(label.contains(&format!("region-{at:03} v")), "{what}: {label}");
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
