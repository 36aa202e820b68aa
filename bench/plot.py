"""Line charts as SVG, by hand: logarithmic axes, readable on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

# Of each colour one for light pages and one for dark ones.
COLOURS = [
    ("#0969da", "#58a6ff"),
    ("#cf222e", "#ff7b72"),
    ("#1a7f37", "#56d364"),
    ("#8250df", "#bc8cff"),
    ("#9a6700", "#e3b341"),
    ("#bf3989", "#f778ba"),
    ("#1b7c83", "#76e3ea"),
    ("#57606a", "#8b949e"),
    ("#bc4c00", "#ffa657"),
    ("#0550ae", "#a5d6ff"),
]
DASHES = ["", "6 3", "2 3"]
WIDTH, HEIGHT = 940, 380
LEFT, RIGHT, TOP, BOTTOM = 92, 350, 44, 52

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Chart:
    """What is drawn: lines of (x, milliseconds)."""

    title: str
    x_label: str
    lines: Mapping[str, Points]
    y_label: str = "median, ms"

    def svg(self) -> str:
        xs = sorted({x for points in self.lines.values() for x, _ in points})
        ys = [y for points in self.lines.values() for _, y in points]
        x_of = _scale(xs[0], xs[-1], LEFT, WIDTH - RIGHT)
        # Whole decades, so that flat looks flat.
        low, high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
        y_of = _scale(10.0**low, 10.0 ** max(high, low + 1), HEIGHT - BOTTOM, TOP)
        parts = [self._style(), f'<text class="title" x="{LEFT}" y="24">{escape(self.title)}</text>']
        for decade in range(low, max(high, low + 1) + 1):
            y = y_of(10.0**decade)
            parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**decade:g} ms</text>')
        for x in xs:
            parts.append(f'<line class="grid" x1="{x_of(x):.1f}" y1="{TOP}" x2="{x_of(x):.1f}" y2="{HEIGHT - BOTTOM}"/>')
            parts.append(f'<text x="{x_of(x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:,.0f}</text>')
        middle = (LEFT + WIDTH - RIGHT) / 2
        parts.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">{escape(self.x_label)} (log)</text>')
        parts.append(
            f'<text transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{escape(self.y_label)} (log)</text>'
        )
        # The names beside the plot, in the order of the ends of their lines.
        ends = sorted(self.lines.items(), key=lambda line: -line[1][-1][1])
        for row, (name, points) in enumerate(ends):
            look, y = f"line c{row % len(COLOURS)}", TOP + 8 + row * 20
            dash = f' stroke-dasharray="{DASHES[row // len(COLOURS) % len(DASHES)]}"' if row >= len(COLOURS) else ""
            path = " ".join(f"{x_of(x):.1f},{y_of(value):.1f}" for x, value in points)
            parts.append(f'<polyline class="{look}"{dash} points="{path}"/>')
            parts += [f'<circle class="dot c{row % len(COLOURS)}" cx="{x_of(x):.1f}" cy="{y_of(value):.1f}" r="3"/>' for x, value in points]
            parts.append(f'<line class="{look}"{dash} x1="{WIDTH - RIGHT + 16}" y1="{y - 4}" x2="{WIDTH - RIGHT + 40}" y2="{y - 4}"/>')
            parts.append(f'<text x="{WIDTH - RIGHT + 46}" y="{y}">{escape(name)}</text>')
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{escape(self.title)}">\n' + "\n".join(parts) + "\n</svg>\n"
        )

    @staticmethod
    def _style() -> str:
        def sheet(dark: int) -> str:
            ink, grid = (("#1f2328", "#d8dee4"), ("#e6edf3", "#30363d"))[dark]
            rules = [
                f"text {{ fill: {ink}; font: 12px system-ui, sans-serif; }}",
                ".title { font-weight: 600; font-size: 14px; }",
                f".grid {{ stroke: {grid}; stroke-width: 1; }}",
                ".line { fill: none; stroke-width: 2; }",
            ]
            for number, pair in enumerate(COLOURS):
                rules += [f".c{number}.line {{ stroke: {pair[dark]}; }}", f".c{number}.dot {{ fill: {pair[dark]}; }}"]
            return " ".join(rules)

        return f"<style>{sheet(0)} @media (prefers-color-scheme: dark) {{ {sheet(1)} }}</style>"


def _scale(first: float, last: float, begin: float, end: float) -> Callable[[float], float]:
    span = math.log10(last / first) or 1.0

    def place(value: float) -> float:
        return begin + (end - begin) * math.log10(value / first) / span

    return place
