#!/usr/bin/env python3
"""Holds the service against the limit of PostgreSQL.

Starts a private PostgreSQL and the service (release, everything on), fills them, and then
alternates, at 1, 8 and 32 connections and in several rounds: the limit, which is the same work as one
prepared statement from pgbench, and the service under wrk. Prints medians.

The data is kept in target/bench/ for the next run. Needs PostgreSQL 15 or newer with pgbench, wrk
(`apt-get install postgresql wrk`) and Linux. A quiet machine: whatever else runs on it shows in the figures.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import sys
import time
import uuid
from collections.abc import Callable
from statistics import median

import dataset
import limits
import load
import report
import stage
import statements
from cluster import ROOT, Cluster, Failed
from load import Request

from service import Service, Session

STARTS = 5
KNOWN_TAGS = 5000


class Bench:
    """One run: the database, the service on it, and what has been measured so far."""

    def __init__(self, options: argparse.Namespace, cluster: Cluster, service: Service, size: dataset.Size) -> None:
        self.options = options
        self.cluster = cluster
        self.service = service
        self.size = size
        self.figures: report.Figures = {}
        self.limits = limits.statements(cluster, service.database, size, "bench-developer")
        self.process: dict[str, float] = {}
        self.session = Session(service, "bench-developer", dataset.PASSWORD)

    def start_service(self) -> None:
        """Starts the service a few times, and keeps the last."""
        times = []
        for _ in range(STARTS):
            self.service.stop()
            times.append(self.service.start())
        self.process["ready"] = median(times)
        # What it does at its start, beside serving, is done by then.
        time.sleep(1)
        self.process |= {f"idle_{name}": value for name, value in self.service.memory().items()}

    def request(self, kind: str) -> Request:
        """What wrk sends: of blocks and pipelines, any."""
        first = dataset.FIRST_NUMBER + 1
        a_block = Request("GET", f"/blocks/{dataset.BLOCK}%012.0f", self.session.token, first, dataset.FIRST_NUMBER + self.size.blocks)
        match kind:
            case "read":
                return a_block
            case "list":
                return Request("GET", "/blocks?limit=50", self.session.token)
            case "write":
                return dataclasses.replace(a_block, method="PATCH", body='{"metadata": ' + limits.METADATA + "}")
            case "create":
                return Request("POST", "/blocks", self.session.token, body=limits.NEW_BLOCK)
            case "key":
                return dataclasses.replace(a_block, headers=self.session.key)
            case "not-modified":
                return dataclasses.replace(a_block, path="", low=0, choices=self.tags())
            case "readiness":
                return dataclasses.replace(
                    a_block, path=f"/pipelines/{dataset.PIPELINE}%012.0f/readiness", high=dataset.FIRST_NUMBER + self.size.pipelines
                )
        raise ValueError(kind)

    def tags(self) -> list[tuple[str, str]]:
        """Blocks with the entity tags they have now; one of them is asked for, to see that it is right."""
        numbers = random.Random(dataset.SEED).sample(range(1, self.size.blocks + 1), min(KNOWN_TAGS, self.size.blocks))
        ids = ",".join(f"'{dataset.BLOCK}{dataset.FIRST_NUMBER + number}'" for number in numbers)
        rows = self.cluster.sql(
            self.service.database,
            f"""
            select block_id, to_hex((extract(epoch from updated_at) * 1000000)::bigint) from public.blocks where block_id in ({ids})""",
        )
        tags = [(f"/blocks/{block}", f'"{tag}"') for block, tag in (row.split("|") for row in rows.splitlines())]
        path, tag = tags[0]
        answer = self.service.request("GET", path, headers={**self.session.token, "If-None-Match": tag})
        if answer.status != 304:
            raise Failed(f"GET {path} with If-None-Match: {tag} is answered {answer.status}")
        return tags

    def measure(self) -> None:
        """All rounds of everything, the limits and the service in turn."""
        kinds, levels, rounds = self.options.only, self.options.connections, self.options.rounds
        steps = [
            (number, level, kind)
            for number in range(rounds)
            for level in levels
            for kind in kinds
            if not self.options.quick or level == report.CONNECTIONS or kind == "read"
        ]
        for done, (number, level, kind) in enumerate(steps):
            print(f"  {100 * done / len(steps):5.1f} %  round {number + 1} of {rounds}: {kind}, {level} connections", file=sys.stderr, flush=True)
            results = self.figures.setdefault(kind, {}).setdefault(level, {})
            for who, statement in self.limits.get(kind, {}).items():
                results.setdefault(who, []).append(
                    load.ask(self.cluster, self.service.database, statement, level, self.options.seconds, self.options.warm_up)
                )
            results.setdefault("service", []).append(load.send(self.service, self.request(kind), level, self.options.seconds, self.options.warm_up))
        self.process |= {f"loaded_{name}": value for name, value in self.service.memory().items()}

    def count_statements(self) -> dict[str, float]:
        block = f"/blocks/{dataset.BLOCK}{dataset.FIRST_NUMBER + 2}"
        tag = self.service.request("GET", block, headers=self.session.token).headers["ETag"]

        def no_body() -> None:
            return None

        calls: dict[str, tuple[str, str, dict[str, str], Callable[[], object]]] = {
            "read": ("GET", block, self.session.token, no_body),
            "list": ("GET", "/blocks?limit=50", self.session.token, no_body),
            "write": ("PATCH", block, self.session.token, lambda: {"metadata": {"nonce": str(uuid.uuid4())}}),
            "create": ("POST", "/blocks", self.session.token, lambda: {"name": f"counted {uuid.uuid4()}", "block_type": "dataset"}),
            "key": ("GET", block, self.session.key, no_body),
            "readiness": ("GET", f"/pipelines/{dataset.PIPELINE}{dataset.FIRST_NUMBER + 2}/readiness", self.session.token, no_body),
            "not-modified": ("GET", block, {**self.session.token, "If-None-Match": tag}, no_body),
        }
        # Each connection of the service asks once for the types of a statement: all of them are warm after this.
        for kind in self.options.only:
            load.send(self.service, self.request(kind), 32, 1, 1)
        return {kind: statements.count(self.cluster, self.service, *calls[kind]) for kind in self.options.only}


def main() -> None:
    options = _options()
    load.check_tools()
    size = dataset.Size(options.blocks)
    with stage.stage(options, size) as (cluster, service):
        if {"write", "create"} & set(options.only):
            limits.prepare_minimal(cluster, service.database)
        cluster.sql(service.database, "checkpoint")
        bench = Bench(options, cluster, service, size)
        print(f"Measuring on {size}:", file=sys.stderr)
        bench.start_service()
        bench.measure()
        counted = bench.count_statements()
        _tell(options, bench, counted, report.machine(cluster))


def _tell(options: argparse.Namespace, bench: Bench, counted: dict[str, float], machine: dict[str, str]) -> None:
    goals = report.goals(bench.figures, bench.process, counted)
    goal_table, rate_table = report.tables(bench.figures, goals, counted)
    heading = (
        f"{bench.size}; {options.rounds} rounds of {options.seconds} s each, medians; {machine['cores']} × {machine['processor']}, "
        f"{machine['postgresql']} ({machine['settings']}), commit {machine['commit']}"
    )
    memory = ", ".join(f"{name} {value:.1f} MB" for name, value in bench.process.items() if name != "ready")
    print(f"\n{heading}\n\n{report.text(goal_table)}\n\n{report.text(rate_table)}\n\nMemory: {memory}.")
    report.write_json(
        options.folder / "results.json",
        {
            "machine": machine,
            "blocks": bench.size.blocks,
            "rounds": options.rounds,
            "seconds": options.seconds,
            "goals": [{**dataclasses.asdict(goal), "verdict": goal.verdict} for goal in goals],
            "process": bench.process,
            "statements": counted,
            "figures": {
                kind: {
                    level: {who: [result.as_json() for result in results] for who, results in by_whom.items()} for level, by_whom in levels.items()
                }
                for kind, levels in bench.figures.items()
            },
        },
    )
    if options.markdown:
        report.write_markdown(
            ROOT / "docs" / "performance.md", "bench", f"{heading}.\n\n{report.markdown(goal_table)}\n\n{report.markdown(rate_table)}"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = list(report.NAMES)
    parser.add_argument("--quick", action="store_true", help="10,000 blocks, one round of 2 s, in two minutes: to see a trend, not to quote")
    parser.add_argument("--only", metavar="KIND,…", help=f"some of {','.join(kinds)}")
    parser.add_argument("--blocks", type=int, metavar="N", help="how much data (default 100000); the rest is in proportion")
    parser.add_argument("--rounds", type=int, metavar="N", help="default 3")
    parser.add_argument("--seconds", type=int, metavar="N", help="of each measurement (default 10)")
    parser.add_argument("--warm-up", type=int, metavar="N", help="seconds before each measurement (default 2)")
    parser.add_argument("--connections", metavar="N,…", help="default 1,8,32")
    stage.add_options(parser)
    options = parser.parse_args()
    quick = options.quick
    for name, value, full in (("blocks", 10_000, 100_000), ("rounds", 1, 3), ("seconds", 2, 10), ("warm_up", 1, 2)):
        if getattr(options, name) is None:
            setattr(options, name, value if quick else full)
    options.connections = [int(number) for number in (options.connections or ("8,32" if quick else "1,8,32")).split(",")]
    options.only = options.only.split(",") if options.only else kinds
    if unknown := set(options.only) - set(kinds):
        parser.error(f"--only knows {', '.join(kinds)}, not {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    stage.run(main)
