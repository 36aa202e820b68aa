//! A layered layout, as Sugiyama, Tagawa and Toda have it (1981): columns by the longest path,
//! few crossings by barycentres, straight lines by moving everything towards its neighbours.

use std::collections::HashMap;

/// How much room a block takes, in the units of the drawing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub width: f64,
    pub height: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub x: f64,
    pub y: f64,
}

pub(super) struct Layout {
    /// The middle of each block.
    pub middles: Vec<Point>,
    /// For each edge where it begins, through what it passes, and where it ends.
    pub routes: Vec<Vec<Point>>,
    pub size: Size,
}

const GAP_BELOW: f64 = 22.0;
/// Between two columns, beside the longest label.
pub(super) const GAP_BESIDE: f64 = 76.0;
/// Between two edges at one side of a block.
pub(super) const PORT: f64 = 16.0;
const SWEEPS: usize = 12;
/// Edges that pass many columns get a bend in each, until there are this many.
const MAX_BENDS: usize = 5000;

/// A block, or the place where an edge passes a column.
struct Vertex {
    column: usize,
    size: Size,
    y: f64,
    before: Vec<usize>,
    after: Vec<usize>,
}

/// Places blocks of these sizes, joined by `edges` (from, to, width of the label).
pub(super) fn layout(blocks: &[Size], edges: &[(usize, usize, f64)]) -> Layout {
    let ranks = ranks(blocks.len(), edges);
    let mut vertices: Vec<Vertex> =
        blocks.iter().zip(&ranks).map(|(size, &column)| Vertex::new(column, *size)).collect();
    let chains = bend(&mut vertices, edges);
    let mut columns = vec![Vec::new(); ranks.iter().max().map_or(0, |last| last + 1)];
    for (at, vertex) in vertices.iter().enumerate() {
        columns[vertex.column].push(at);
    }
    untangle(&mut columns, &vertices);
    straighten(&columns, &mut vertices);
    place(&columns, &vertices, &chains, edges, blocks.len())
}

impl Vertex {
    fn new(column: usize, size: Size) -> Self {
        Self { column, size, y: 0.0, before: Vec::new(), after: Vec::new() }
    }
}

/// The column of each block: behind all that leads to it; sources right before what they lead to. Where
/// edges go round in a circle, some go back.
fn ranks(blocks: usize, edges: &[(usize, usize, f64)]) -> Vec<usize> {
    let mut ranks = vec![0_usize; blocks];
    let mut awaited = vec![0; blocks];
    for &(_, to, _) in edges {
        awaited[to] += 1;
    }
    let is_source: Vec<bool> = awaited.iter().map(|&count| count == 0).collect();
    let mut ready: Vec<usize> = (0..blocks).filter(|&block| is_source[block]).collect();
    let mut placed = vec![false; blocks];
    // Of what is in a circle, the first one goes before the others.
    while let Some(block) = ready.pop().or_else(|| placed.iter().position(|&is| !is)) {
        placed[block] = true;
        for &(from, to, _) in edges {
            if from == block && !placed[to] {
                ranks[to] = ranks[to].max(ranks[block] + 1);
                awaited[to] -= 1;
                if awaited[to] == 0 {
                    ready.push(to);
                }
            }
        }
    }
    for block in (0..blocks).filter(|&block| is_source[block]) {
        let next = edges.iter().filter(|edge| edge.0 == block);
        if let Some(first) = next.map(|edge| ranks[edge.1]).min() {
            ranks[block] = first.saturating_sub(1);
        }
    }
    ranks
}

/// Gives each edge a vertex in every column that it passes; returns what each goes through.
fn bend(vertices: &mut Vec<Vertex>, edges: &[(usize, usize, f64)]) -> Vec<Vec<usize>> {
    let blocks = vertices.len();
    let mut chains = Vec::with_capacity(edges.len());
    for &(from, to, _) in edges {
        let mut chain = vec![from];
        let passed = vertices[from].column + 1..vertices[to].column;
        if vertices.len() - blocks + passed.len() <= MAX_BENDS {
            for column in passed {
                let size = Size { width: 0.0, height: PORT - GAP_BELOW / 2.0 };
                chain.push(vertices.len());
                vertices.push(Vertex::new(column, size));
            }
        }
        chain.push(to);
        for step in chain.windows(2) {
            vertices[step[0]].after.push(step[1]);
            vertices[step[1]].before.push(step[0]);
        }
        chains.push(chain);
    }
    chains
}

/// Orders each column by where its neighbours stand, to and fro; keeps the fewest crossings.
fn untangle(columns: &mut Vec<Vec<usize>>, vertices: &[Vertex]) {
    let mut best = columns.clone();
    let mut fewest = crossings(columns, vertices);
    for sweep in 0..SWEEPS {
        if fewest == 0 {
            break;
        }
        let forward = sweep % 2 == 0;
        let mut place = vec![0.0; vertices.len()];
        for column in columns.iter() {
            number(column, &mut place);
        }
        let mut order: Vec<usize> = (0..columns.len()).collect();
        if !forward {
            order.reverse();
        }
        for at in order {
            let column = &mut columns[at];
            let wish: HashMap<usize, f64> = column
                .iter()
                .map(|&vertex| {
                    let neighbours =
                        if forward { &vertices[vertex].before } else { &vertices[vertex].after };
                    (vertex, mean(neighbours, &place).unwrap_or(place[vertex]))
                })
                .collect();
            column.sort_by(|a, b| wish[a].total_cmp(&wish[b]));
            number(column, &mut place);
        }
        let now = crossings(columns, vertices);
        if now < fewest {
            fewest = now;
            best.clone_from(columns);
        }
    }
    *columns = best;
}

/// Where each vertex of a column stands in it, from 0 to 1.
fn number(column: &[usize], place: &mut [f64]) {
    for (nth, &vertex) in column.iter().enumerate() {
        place[vertex] = (nth as f64 + 0.5) / column.len() as f64;
    }
}

fn mean(of: &[usize], values: &[f64]) -> Option<f64> {
    let sum: f64 = of.iter().map(|&at| values[at]).sum();
    (!of.is_empty()).then(|| sum / of.len() as f64)
}

/// Pairs of edges between neighbouring columns that cross: inversions, counted in a Fenwick tree.
fn crossings(columns: &[Vec<usize>], vertices: &[Vertex]) -> usize {
    let mut nth = vec![0; vertices.len()];
    for column in columns {
        for (at, &vertex) in column.iter().enumerate() {
            nth[vertex] = at;
        }
    }
    let mut crossings = 0;
    for column in columns {
        let widest = columns.iter().map(Vec::len).max().unwrap_or_default();
        let mut tree = vec![0; widest + 1];
        let mut seen = 0;
        for &vertex in column {
            let mut ends: Vec<usize> = vertices[vertex].after.iter().map(|&to| nth[to]).collect();
            ends.sort_unstable();
            for &end in &ends {
                let mut not_above = 0;
                let mut at = end + 1;
                while at > 0 {
                    not_above += tree[at];
                    at &= at - 1;
                }
                crossings += seen - not_above;
            }
            for end in ends {
                seen += 1;
                let mut at = end + 1;
                while at <= widest {
                    tree[at] += 1;
                    at += at & at.wrapping_neg();
                }
            }
        }
    }
    crossings
}

/// Moves every vertex to the mean height of its neighbours, as far as those above and below let it.
fn straighten(columns: &[Vec<usize>], vertices: &mut [Vertex]) {
    for column in columns {
        let wishes = vec![0.0; column.len()];
        settle(column, &wishes, vertices);
    }
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        let mut order: Vec<&Vec<usize>> = columns.iter().collect();
        if !forward {
            order.reverse();
        }
        for column in order {
            let heights: Vec<f64> = vertices.iter().map(|vertex| vertex.y).collect();
            let wishes: Vec<f64> = column
                .iter()
                .map(|&at| {
                    let vertex = &vertices[at];
                    let (first, second) = if forward {
                        (&vertex.before, &vertex.after)
                    } else {
                        (&vertex.after, &vertex.before)
                    };
                    mean(first, &heights).or_else(|| mean(second, &heights)).unwrap_or(vertex.y)
                })
                .collect();
            settle(column, &wishes, vertices);
        }
    }
}

/// The heights nearest to the wishes (least squares) that keep order and distance: isotonic
/// regression, by pooling neighbours that want to pass each other.
fn settle(column: &[usize], wishes: &[f64], vertices: &mut [Vertex]) {
    let mut offsets = Vec::with_capacity(column.len());
    let mut offset = 0.0;
    for (nth, &at) in column.iter().enumerate() {
        if let Some(above) = nth.checked_sub(1) {
            let above = vertices[column[above]].size.height;
            offset += above / 2.0 + vertices[at].size.height / 2.0 + GAP_BELOW;
        }
        offsets.push(offset);
    }
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (wish, offset) in wishes.iter().zip(&offsets) {
        let mut pool = (wish - offset, 1);
        while let Some(&(sum, count)) = pools.last()
            && sum / count as f64 > pool.0 / pool.1 as f64
        {
            pool = (pool.0 + sum, pool.1 + count);
            pools.pop();
        }
        pools.push(pool);
    }
    let settled =
        pools.iter().flat_map(|&(sum, count)| std::iter::repeat_n(sum / count as f64, count));
    for ((&at, offset), base) in column.iter().zip(&offsets).zip(settled) {
        vertices[at].y = base + offset;
    }
}

/// Turns columns into coordinates, with room for the labels between them.
fn place(
    columns: &[Vec<usize>],
    vertices: &[Vertex],
    chains: &[Vec<usize>],
    edges: &[(usize, usize, f64)],
    blocks: usize,
) -> Layout {
    let mut label_room = vec![0.0_f64; columns.len()];
    for &(from, _, label) in edges {
        let column = vertices[from].column;
        label_room[column] = label_room[column].max(label);
    }
    let mut lefts = Vec::with_capacity(columns.len());
    let mut widths = Vec::with_capacity(columns.len());
    let mut x = 0.0;
    for (column, room) in columns.iter().zip(&label_room) {
        let width = column.iter().map(|&at| vertices[at].size.width).fold(0.0, f64::max);
        lefts.push(x);
        widths.push(width);
        x += width + GAP_BESIDE + room;
    }
    let right = lefts.last().zip(widths.last()).map_or(0.0, |(l, w)| l + w);
    let top = vertices
        .iter()
        .map(|vertex| vertex.y - vertex.size.height / 2.0)
        .fold(f64::INFINITY, f64::min);
    let bottom = vertices
        .iter()
        .map(|vertex| vertex.y + vertex.size.height / 2.0)
        .fold(f64::NEG_INFINITY, f64::max);
    let y = |vertex: &Vertex| vertex.y - top;
    let middles = vertices[..blocks]
        .iter()
        .map(|vertex| Point { x: lefts[vertex.column] + widths[vertex.column] / 2.0, y: y(vertex) })
        .collect();
    let leaving = ports(chains, vertices, |chain| (chain[0], chain[1]));
    let arriving =
        ports(chains, vertices, |chain| (chain[chain.len() - 1], chain[chain.len() - 2]));
    let routes = chains
        .iter()
        .enumerate()
        .map(|(nth, chain)| {
            let mut route = Vec::with_capacity(chain.len() * 2);
            for (step, &at) in chain.iter().enumerate() {
                let vertex = &vertices[at];
                let (left, width) = (lefts[vertex.column], widths[vertex.column]);
                let inset = (width - vertex.size.width) / 2.0;
                let (first, last) = (step == 0, step + 1 == chain.len());
                if !first {
                    let port = if last { arriving[nth] } else { 0.0 };
                    let y = y(vertex) + port;
                    route.push(Point { x: left, y });
                    // Level beside what is wider in this column.
                    if last && inset > 0.0 {
                        route.push(Point { x: left + inset, y });
                    }
                }
                if !last {
                    let x = if first { left + width - inset } else { left + width };
                    let port = if first { leaving[nth] } else { 0.0 };
                    route.push(Point { x, y: y(vertex) + port });
                }
            }
            route
        })
        .collect();
    Layout { middles, routes, size: Size { width: right, height: (bottom - top).max(0.0) } }
}

/// How far from the middle of its block each edge is tied to it, in the order of the other ends.
fn ports(
    chains: &[Vec<usize>],
    vertices: &[Vertex],
    ends: impl Fn(&[usize]) -> (usize, usize),
) -> Vec<f64> {
    let mut at_block: HashMap<usize, Vec<(f64, usize)>> = HashMap::new();
    for (nth, chain) in chains.iter().enumerate() {
        let (block, next) = ends(chain);
        at_block.entry(block).or_default().push((vertices[next].y, nth));
    }
    let mut ports = vec![0.0; chains.len()];
    for mut edges in at_block.into_values() {
        edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let middle = (edges.len() - 1) as f64 / 2.0;
        for (place, (_, nth)) in edges.into_iter().enumerate() {
            ports[nth] = (place as f64 - middle) * PORT;
        }
    }
    ports
}
