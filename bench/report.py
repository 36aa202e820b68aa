"""What was measured, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from cluster import ROOT, SETTINGS, Cluster, Failed
from load import Result

from service import run_command

# {kind of request: {connections: {who: [one result a round]}}}, where who is service, ours or minimal.
Figures = dict[str, dict[int, dict[str, list[Result]]]]

NAMES = {
    "read": "GET /blocks/{id}",
    "list": "GET /blocks?limit=50",
    "write": "PATCH /blocks/{id}",
    "create": "POST /blocks",
    "key": "GET /blocks/{id} with an API key",
    "not-modified": "GET /blocks/{id}, answered 304",
    "readiness": "GET /pipelines/{p}/readiness, 20 blocks",
}
# Whose limit a request is held against.
LIMIT_OF = {"read": "read", "list": "list", "write": "write", "create": "create", "key": "read", "not-modified": "read", "readiness": "readiness"}
# At how many connections the goals hold.
CONNECTIONS = 8


@dataclass(frozen=True)
class Goal:
    """A figure, what it must be and what it aims to be; `at_least` or at most."""

    what: str
    value: float | None
    must: float
    aim: float
    at_least: bool = False
    unit: str = ""

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "–"
        for bound, word in ((self.aim, "aim reached"), (self.must, "must reached")):
            if self.value >= bound if self.at_least else self.value <= bound:
                return word
        return "MISSED"


def middle(results: Sequence[Result], name: str) -> float | None:
    """The median over the rounds."""
    values = [value for result in results if (value := getattr(result, name)) is not None]
    return median(values) if values else None


def rate(figures: Figures, kind: str, connections: int, who: str) -> float | None:
    return middle(figures.get(kind, {}).get(connections, {}).get(who, []), "rate")


def _share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def share(figures: Figures, kind: str, connections: int, of: str = "ours") -> float | None:
    """Of the rate of its limit."""
    return _share(rate(figures, kind, connections, "service"), rate(figures, LIMIT_OF[kind], connections, of))


def goals(figures: Figures, process: Mapping[str, float], counted: Mapping[str, float]) -> list[Goal]:
    def cpu(kind: str) -> float | None:
        return middle(figures.get(kind, {}).get(CONNECTIONS, {}).get("service", []), "server_cpu")

    def postgres_cpu(kind: str) -> float | None:
        """That of a request over that of the plainest statement, round by round: the machine's speed changes between rounds."""
        by_whom = figures.get(kind, {}).get(CONNECTIONS, {})
        rounds = zip(by_whom.get("service", []), by_whom.get("minimal", []), strict=False)
        ratios = [mine.postgres_cpu / minimal.postgres_cpu for mine, minimal in rounds]
        return median(ratios) if ratios else None

    def spread() -> float | None:
        results = figures.get("read", {}).get(32, {}).get("service", [])
        return _share(middle(results, "p99"), middle(results, "p50"))

    ready = process.get("ready")
    return [
        Goal("read: share of its one statement", share(figures, "read", CONNECTIONS), 0.60, 0.80, True),
        Goal("list of 50: share of its one statement", share(figures, "list", CONNECTIONS), 0.30, 0.45, True),
        Goal("write: share of its one statement", share(figures, "write", CONNECTIONS), 0.75, 0.90, True),
        Goal(
            "API key: share of the token's rate",
            _share(rate(figures, "key", CONNECTIONS, "service"), rate(figures, "read", CONNECTIONS, "service")),
            0.75,
            0.95,
            True,
        ),
        Goal("answered 304: share of the read's one statement", share(figures, "not-modified", CONNECTIONS), 0.65, 0.85, True),
        Goal("readiness: statements", counted.get("readiness"), 1, 1),
        Goal("server CPU of a read", cpu("read"), 0.10, 0.07, unit="ms"),
        Goal("server CPU of a list", cpu("list"), 0.20, 0.15, unit="ms"),
        Goal("server CPU of a write", cpu("write"), 0.18, 0.12, unit="ms"),
        Goal("write: PostgreSQL's CPU over that of the plainest statement", postgres_cpu("write"), 1.67, 1.39),
        Goal("create: PostgreSQL's CPU over that of the plainest statement", postgres_cpu("create"), 1.67, 1.39),
        Goal("p99 of a read over its p50, 32 connections", spread(), 5, 3),
        Goal("ready after start", None if ready is None else ready * 1000, 250, 100, unit="ms"),
        Goal("resident memory, idle", process.get("idle_rss"), 40, 20, unit="MB"),
        Goal("resident memory, after load", process.get("loaded_rss"), 80, 40, unit="MB"),
    ]


def tables(figures: Figures, goal_list: Sequence[Goal], counted: Mapping[str, float]) -> list[list[list[str]]]:
    """The goals, and then all rates; each a table whose first row is its head."""
    first = [["at 8 connections, unless it says otherwise", "measured", "must", "aim", "verdict"]]
    for goal in goal_list:
        sign, unit = "≥" if goal.at_least else "≤", f" {goal.unit}" if goal.unit else ""
        first.append(
            [
                goal.what,
                _number(goal.value) + (unit if goal.value is not None else ""),
                f"{sign} {goal.must:g}{unit}",
                f"{sign} {goal.aim:g}{unit}",
                goal.verdict,
            ]
        )
    second = [
        [
            "request",
            "connections",
            "requests/s",
            "its statement/s",
            "share",
            "minimal/s",
            "share",
            "p50 ms",
            "p99 ms",
            "server CPU ms",
            "PostgreSQL CPU ms",
            "statement's CPU ms",
            "statements",
        ]
    ]
    for kind, levels in figures.items():
        for connections, by_whom in levels.items():
            mine = by_whom.get("service", [])
            limits = figures.get(LIMIT_OF[kind], {}).get(connections, {})
            second.append(
                [
                    NAMES[kind],
                    str(connections),
                    _number(middle(mine, "rate")),
                    _number(middle(limits.get("ours", []), "rate")),
                    _number(share(figures, kind, connections)),
                    _number(middle(limits.get("minimal", []), "rate")),
                    _number(share(figures, kind, connections, "minimal")),
                    _number(middle(mine, "p50")),
                    _number(middle(mine, "p99")),
                    _number(middle(mine, "server_cpu")),
                    _number(middle(mine, "postgres_cpu")),
                    _number(middle(limits.get("ours", []), "postgres_cpu")),
                    _number(counted.get(kind)),
                ]
            )
    return [first, second]


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def text(table: Sequence[Sequence[str]]) -> str:
    """For a terminal."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = [
        "  ".join(cell.ljust(width) if not at else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in table
    ]
    return "\n".join([lines[0], "─" * len(lines[0]), *lines[1:]])


def markdown(table: Sequence[Sequence[str]]) -> str:
    rows = [f"| {' | '.join(row)} |" for row in table]
    return "\n".join([rows[0], f"|{'|'.join(['---'] + ['---:'] * (len(table[0]) - 1))}|", *rows[1:]])


def machine(cluster: Cluster) -> dict[str, str]:
    """On what, and of what, the figures are."""
    processor = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    commit = run_command(["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT).strip()
    return {
        "commit": commit,
        "processor": processor[1] if processor else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.release()}",
        "postgresql": run_command([str(cluster.bin / "postgres"), "--version"]).strip(),
        "settings": ", ".join(f"{name}={value}" for name, value in SETTINGS.items()),
    }


def write_markdown(path: Path, name: str, content: str) -> None:
    """Replaces what stands between the two markers of this name in a document."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    document = path.read_text() if path.exists() else ""
    if begin not in document or end not in document:
        raise Failed(f"{path} lacks the lines {begin} and {end} between which the figures go")
    before, _, rest = document.partition(begin)
    path.write_text(f"{before}{begin}\n{content}\n{end}{rest.partition(end)[2]}")


def write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
