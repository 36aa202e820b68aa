//! SVG, by our own layout.

use std::borrow::Cow;
use std::fmt::Write;

use super::layout::{self, GAP_BESIDE, PORT, Point, Size};
use super::{Check, Picture, Shape, shown};

const MARGIN: f64 = 24.0;
const TITLE: f64 = 40.0;
const LEGEND: f64 = 36.0;
/// Of a letter at 13 pixels, on average; names are cut to what fits, in the middle.
const LETTER: f64 = 7.4;
const SMALL_LETTER: f64 = 6.0;
const LONGEST_NAME: usize = 30;
const LONGEST_LABEL: usize = 24;
/// From a block to the label of an edge that leaves it.
const LABEL_OFF: f64 = 7.0;

/// Light, and dark where whoever looks prefers that.
const STYLE: &str = "#ground{fill:#fff}\
text{font:13px system-ui,'Helvetica Neue',Arial,sans-serif;fill:#1f2933;text-anchor:middle}\
.title{font-size:17px;font-weight:600;text-anchor:start}\
.small{font-size:11px;fill:#52606d}\
.label{font-size:10.5px;text-anchor:start;fill:#3e4c59;paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}\
.legend{font-size:11px;fill:#52606d;text-anchor:start}\
.dataset{fill:#e3f0fb;stroke:#3b7bbf}.model{fill:#fdf0dc;stroke:#c98a2b}.pinned{stroke-width:2.6}\
.edge{fill:#f1f3f5;stroke:#7b8794}.pipeline{fill:#efe6fa;stroke:#7d57b5}\
path{fill:none;stroke-width:1.6}\
.passed{stroke:#2e7d32}.failed{stroke:#c62828;stroke-dasharray:2 3}.missing{stroke:#8a8a8a;stroke-dasharray:6 4}\
#passed path{fill:#2e7d32}#failed path{fill:#c62828}#missing path{fill:#8a8a8a}\
@media (prefers-color-scheme:dark){#ground{fill:#1a2029}\
text{fill:#e6eaf0}.small,.legend{fill:#a9b4c2}.label{fill:#c4ccd6;stroke:#1a2029}\
.dataset{fill:#17324d;stroke:#5b9bd9}.model{fill:#43310f;stroke:#d9a441}\
.edge{fill:#2a313a;stroke:#8793a0}.pipeline{fill:#33244d;stroke:#a482dc}\
.passed{stroke:#6cc070}.failed{stroke:#f0706a}.missing{stroke:#9aa3ad}\
#passed path{fill:#6cc070}#failed path{fill:#f0706a}#missing path{fill:#9aa3ad}}";

const MARKERS: [&str; 3] = ["passed", "failed", "missing"];

pub(super) fn render(picture: &Picture) -> String {
    let labels: Vec<String> = picture
        .ties
        .iter()
        .map(|tie| format!("{}{}", cut(&tie.name, LONGEST_LABEL), tie.mark))
        .collect();
    let edges: Vec<(usize, usize, f64)> = picture
        .ties
        .iter()
        .zip(&labels)
        .map(|(tie, label)| (tie.source, tie.target, length(label) * SMALL_LETTER))
        .collect();
    let sizes: Vec<Size> = picture
        .nodes
        .iter()
        .enumerate()
        .map(|(at, node)| {
            let name = length(&cut(&node.name, LONGEST_NAME)) * LETTER;
            let below = length(&node.caption) * SMALL_LETTER;
            let leaving = edges.iter().filter(|edge| edge.0 == at).count();
            let arriving = edges.iter().filter(|edge| edge.1 == at).count();
            Size {
                width: name.max(below) + 28.0,
                height: (leaving.max(arriving) as f64 * PORT + 8.0).max(46.0),
            }
        })
        .collect();
    let layout = layout::layout(&sizes, &edges);
    let title_width = length(&picture.title) * 10.0;
    let width = layout.size.width.max(title_width).max(420.0) + 2.0 * MARGIN;
    let height = layout.size.height + 2.0 * MARGIN + TITLE + LEGEND;

    // Writing to a string does not fail.
    let mut svg = String::new();
    let _ = write!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img"><title>{}</title><style>{STYLE}</style><defs>"#,
        escaped(&picture.title)
    );
    for name in MARKERS {
        let _ = write!(
            svg,
            r#"<marker id="{name}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" stroke="none"/></marker>"#
        );
    }
    let _ = write!(
        svg,
        r#"</defs><rect id="ground" width="100%" height="100%"/><text class="title" x="{MARGIN}" y="{}">{}</text><g transform="translate({MARGIN} {})">"#,
        MARGIN + 12.0,
        escaped(&picture.title),
        MARGIN + TITLE
    );
    for (tie, route) in picture.ties.iter().zip(&layout.routes) {
        let class = class(tie.check);
        let _ = write!(
            svg,
            r#"<path class="{class}" marker-end="url(#{class})" d="{}"/>"#,
            curve(route)
        );
    }
    for ((node, middle), size) in picture.nodes.iter().zip(&layout.middles).zip(&sizes) {
        let shape = match node.shape {
            Shape::Dataset => "dataset",
            Shape::Model => "model",
            Shape::Edge => "edge",
            Shape::Pipeline => "pipeline",
        };
        let pinned = if node.is_pinned { " pinned" } else { "" };
        let _ = write!(
            svg,
            r#"<g><title>{}</title><rect class="{shape}{pinned}" x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" rx="7"/><text x="{:.1}" y="{:.1}">{}</text><text class="small" x="{:.1}" y="{:.1}">{}</text></g>"#,
            escaped(&node.name),
            middle.x - size.width / 2.0,
            middle.y - size.height / 2.0,
            size.width,
            size.height,
            middle.x,
            middle.y - 3.0,
            escaped(&cut(&node.name, LONGEST_NAME)),
            middle.x,
            middle.y + 13.0,
            escaped(&node.caption)
        );
    }
    for ((tie, route), label) in picture.ties.iter().zip(&layout.routes).zip(&labels) {
        // Where the edge leaves its block: there the next one is a whole port away, and between two
        // columns is room for the longest label.
        if let Some(from) = route.first() {
            let _ = write!(
                svg,
                r#"<text class="label" x="{:.1}" y="{:.1}"><title>{}</title>{}</text>"#,
                from.x + LABEL_OFF,
                from.y - 3.5,
                escaped(&tie.name),
                escaped(label)
            );
        }
    }
    svg.push_str("</g>");
    legend(&mut svg, height - MARGIN);
    svg.push_str("</svg>\n");
    svg
}

fn legend(svg: &mut String, y: f64) {
    let mut x = MARGIN;
    for (class, meaning) in
        [("passed", "verified"), ("failed", "verification failed"), ("missing", "not verified")]
    {
        let _ = write!(
            svg,
            r#"<path class="{class}" marker-end="url(#{class})" d="M{x:.0} {:.0}h30"/><text class="legend" x="{:.0}" y="{y:.0}">{meaning}</text>"#,
            y - 4.0,
            x + 38.0
        );
        x += 54.0 + length(meaning) * SMALL_LETTER;
    }
}

fn class(check: Check) -> &'static str {
    match check {
        Check::Passed => "passed",
        Check::Failed => "failed",
        Check::Missing => "missing",
    }
}

/// A smooth line that is level wherever it meets a column, and beside the labels: it bends behind them.
fn curve(route: &[Point]) -> String {
    let mut path = String::new();
    let mut points = route.iter();
    let Some(mut from) = points.next() else {
        return path;
    };
    let _ = write!(path, "M{:.1} {:.1}", from.x, from.y);
    for to in points {
        let bend = from.x.max(to.x - (GAP_BESIDE - LABEL_OFF));
        let middle = f64::midpoint(bend, to.x);
        let _ = write!(
            path,
            "H{bend:.1}C{middle:.1} {:.1} {middle:.1} {:.1} {:.1} {:.1}",
            from.y, to.y, to.x, to.y
        );
        from = to;
    }
    path
}

/// A text without its middle: what tells long names apart is often their end.
fn cut(text: &str, longest: usize) -> Cow<'_, str> {
    let length = text.chars().count();
    if length <= longest {
        return text.into();
    }
    let end = longest / 2;
    let head = text.chars().take(longest - 1 - end);
    head.chain(['…']).chain(text.chars().skip(length - end)).collect()
}

fn length(text: &str) -> f64 {
    text.chars().map(|c| if c > '\u{2E80}' { 1.8 } else { 1.0 }).sum()
}

fn escaped(text: &str) -> String {
    shown(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
