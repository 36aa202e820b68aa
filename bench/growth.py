#!/usr/bin/env python3
"""How the cost of a request grows with the data.

Sends the same requests over one connection at 10,000, 100,000 and 1,000,000 blocks (with ten times as many
audit rows), for blocks of 10, 1,000 and 10,000 versions, and for pipelines of 20, 200 and 2,000 blocks; then
times the functions of the database that do the computing. Prints medians, says what grows although it should
not, and draws charts.

A million blocks are 15 GB, made in half an hour and kept in target/bench/. Data of more than 100,000
blocks is measured where it is, not on a copy; the measurement adds some thousand versions to it. The files are read
once before, so that the machine's memory, if they fit, and not its disk is what is measured.
Needs what run.py needs.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from urllib.parse import quote

import dataset
import limits
import load
import report
import stage
from cluster import ROOT, Cluster, Failed
from dataset import BLOCK, FIRST_NUMBER, PIPELINE
from load import Request
from plot import Chart

from service import Service, Session

SIZES = (10_000, 100_000, 1_000_000)
COPIED_TO = 100_000
# Where the versions of one block and the blocks of one pipeline are measured.
PARTS_AT = 100_000
# What is flat may still differ by this from one size to the next: indexes get deeper, caches get colder.
FLAT = 1.5
DOCS = ROOT / "docs"

VERSIONS = {10: None, 1_000: f"{BLOCK}{FIRST_NUMBER + 3}", 10_000: f"{BLOCK}{FIRST_NUMBER + 1}"}
TEN_VERSIONS = (1001, 1200)

# {chart: {line: {x: milliseconds}}}; beside them the CPU that PostgreSQL took.
Lines = dict[str, dict[str, dict[int, float]]]

# Titles, and on the x axis. The lines of the first five should be flat.
CHARTS = {
    "things": ("One thing, by the number of blocks", "blocks"),
    "lists": ("Lists, by the number of blocks", "blocks"),
    "impact": ("What breaks, and what was so, by the number of blocks", "blocks"),
    "audit": ("The audit trail", "audit rows"),
    "versions": ("One block, by the number of its versions", "versions of the block"),
    "found": ("Searches that find more, by the number of blocks", "blocks"),
    "pipelines": ("One pipeline, by the number of its blocks", "blocks of the pipeline"),
    "digests": ("Canonical JSON and its digest, in the database", "bytes of metadata"),
    "cycles": ("The search for a cycle in a chain, in the database", "blocks of the pipeline"),
}
FLAT_CHARTS = ("things", "lists", "impact", "audit", "versions")
# Lines of those that look at more where there is more, and why.
GROWING = {
    "GET /blocks/{id}?include=versions of 10 to 10,000": "shows up to 100 of them",
    "GET /blocks/{id}/history, developer's own of it": "passes over what others did",
}


class Growth:
    """The measurement on one size."""

    def __init__(self, options: argparse.Namespace, cluster: Cluster, service: Service, size: dataset.Size) -> None:
        self.options = options
        self.cluster = cluster
        self.service = service
        self.size = size
        self.lines: Lines = {}
        self.cpu: Lines = {}
        self.failed: list[str] = []
        self.developer = Session(service, "bench-developer", dataset.PASSWORD)
        self.admin = Session(service, "bench-admin", dataset.PASSWORD)

    def get(self, path: str, *, of: int = 0, session: Session | None = None) -> Request:
        """A GET of a path, in which a number up to `of` is chosen at random."""
        low, high = (FIRST_NUMBER + 1, FIRST_NUMBER + of) if of else (0, 0)
        return Request("GET", path, (session or self.developer).token, low, high)

    def patch(self, path: str, low: int, high: int) -> Request:
        body = '{"metadata": ' + limits.METADATA + "}"
        return Request("PATCH", path, self.developer.token, FIRST_NUMBER + low, FIRST_NUMBER + high, body)

    def measure(self, chart: str, line: str, x: int, request: Request) -> None:
        if self.options.only and chart not in self.options.only:
            return
        try:
            result = load.send(self.service, request, 1, self.options.seconds, 1)
        except Failed as failure:
            # The rest is worth knowing all the same.
            self.failed.append(f"{line} at {x:,}: {str(failure).splitlines()[0]}")
            print(f"  {line:<50} {x:>12,}  FAILED", file=sys.stderr, flush=True)
            return
        self.lines.setdefault(chart, {}).setdefault(line, {})[x] = result.p50
        self.cpu.setdefault(chart, {}).setdefault(line, {})[x] = result.postgres_cpu
        print(
            f"  {line:<50} {x:>12,}  {result.p50:9.3f} ms   p99 {result.p99 or 0:9.3f} ms   PostgreSQL {result.postgres_cpu:7.3f} ms",
            file=sys.stderr,
            flush=True,
        )

    def page_after(self, path: str, pages: int, session: Session) -> str:
        """The path of the page that follows so many full ones."""
        joint = "&" if "?" in path else "?"
        cursor = ""
        for _ in range(pages):
            answer = self.service.request("GET", f"{path}{joint}limit=200{cursor}", headers=session.token)
            if answer.status != 200 or not answer.json()["next_cursor"]:
                raise Failed(f"{path} has no {pages} pages: {answer.status}")
            cursor = f"&cursor={quote(str(answer.json()['next_cursor']))}"
        return f"{path}{joint}limit=50{cursor}"

    def page_in_the_middle(self, path: str, table: str, column: str, session: Session) -> str:
        """The path of a page that begins at the middle of the time that the rows span."""
        middle = self.cluster.sql(
            self.service.database,
            f"""
            select to_char((min({column}) + (max({column}) - min({column})) / 2) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            from {table}""",
        )
        parameter = column.removesuffix("_at")
        answer = self.service.request("GET", f"{path}?limit=1&{parameter}_before={middle}", headers=session.token)
        if answer.status != 200:
            raise Failed(f"{path} is answered {answer.status}")
        return f"{path}?limit=50&cursor={quote(str(answer.json()['next_cursor']))}"

    def names(self, count: int = 2000) -> list[str]:
        """Names of blocks all over the table."""
        step = max(1, self.size.blocks // count)
        rows = self.cluster.sql(
            self.service.database,
            f"""
            select b.name from generate_series(1, {self.size.blocks}, {step}) as i
            join blocks b on b.block_id = ('{BLOCK}' || {FIRST_NUMBER} + i)::uuid""",
        )
        return rows.splitlines()

    def by_blocks(self) -> None:
        """What is asked most, at this size."""
        n, developer, admin = self.size.blocks, self.developer, self.admin
        one, pipelines = f"/blocks/{BLOCK}%012.0f", self.size.pipelines
        names = self.names()
        by_name = dataclasses.replace(self.get(""), choices=[(f"/blocks/{quote(name)}", "") for name in names])
        with_name = dataclasses.replace(self.get(""), choices=[(f"/blocks?name={quote(name)}", "") for name in names])
        for chart, line, request in (
            ("things", "GET /blocks/{id}", self.get(one, of=n)),
            ("things", "GET /blocks/{name}", by_name),
            ("things", "GET /blocks/{id}?include=versions", self.get(one + "?include=versions", of=n)),
            ("things", "GET /blocks/{id}/versions", self.get(one + "/versions", of=n)),
            ("things", "GET /blocks/{id}/history, admin", self.get(one + "/history", of=n, session=admin)),
            ("things", "GET /pipelines/{id}?include=blocks,edges", self.get(f"/pipelines/{PIPELINE}%012.0f?include=blocks,edges", of=pipelines)),
            ("things", "GET /pipelines/{id}/readiness", self.get(f"/pipelines/{PIPELINE}%012.0f/readiness", of=pipelines)),
            ("things", "PATCH /blocks/{id}", self.patch(one, 4, n)),
            ("lists", "GET /blocks", self.get("/blocks")),
            ("lists", "GET /blocks, page in the middle", self.get(self.page_in_the_middle("/blocks", "blocks", "created_at", developer))),
            ("lists", "GET /blocks?name=…", with_name),
            ("lists", "GET /blocks?q=… that finds 20", self.get("/blocks?q=zebras")),
            ("lists", "GET /blocks?sort=name", self.get("/blocks?sort=name")),
            ("lists", "GET /blocks?sort=-updated_at", self.get("/blocks?sort=-updated_at")),
            ("lists", "GET /blocks?block_type=model", self.get("/blocks?block_type=model")),
            ("lists", "GET /blocks?include=versions", self.get("/blocks?include=versions")),
            ("lists", "GET /edges", self.get("/edges")),
            ("lists", "GET /pipelines", self.get("/pipelines")),
        ):
            self.measure(chart, line, n, request)
        # After this everything may still change: the instant is the newest that is certain.
        instant = self.cluster.sql(self.service.database, "select app.time_text(app.newest_instant())")
        node, pipeline = f"node=block:{BLOCK}%012.0f", f"/pipelines/{PIPELINE}%012.0f"
        # Of a block that one pipeline uses, whatever the size.
        used = self.cluster.sql(
            self.service.database,
            "select block_id from pipeline_blocks group by block_id having count(*) = 1 order by block_id limit 1",
        )
        change = f'{{"changes": [{{"operation": "update_block", "block": "{used}", "body": {{"metadata": {limits.METADATA}}}}}]}}'
        for line, request in (
            ("GET /lineage, 5 steps down", self.get(f"/lineage?{node}&direction=down&depth=5", of=n)),
            ("GET /impact", self.get(f"/impact?{node}", of=n)),
            ("POST /impact/preview, of a block", Request("POST", "/impact/preview", developer.token, body=change)),
            ("GET /blocks/{id}?as_of=", self.get(f"{one}?as_of={instant}", of=n)),
            ("GET /blocks/{name}?as_of=", dataclasses.replace(by_name, choices=[(f"{path}?as_of={instant}", "") for path, _ in by_name.choices])),
            ("GET /blocks?as_of=", self.get(f"/blocks?as_of={instant}")),
            ("GET /blocks?sort=name&as_of=", self.get(f"/blocks?sort=name&as_of={instant}")),
            ("GET /pipelines/{id}/readiness?as_of=", self.get(f"{pipeline}/readiness?as_of={instant}", of=pipelines)),
            ("GET /lineage, 5 steps down, as_of", self.get(f"/lineage?{node}&direction=down&depth=5&as_of={instant}", of=n)),
        ):
            self.measure("impact", line, n, request)
        self.measure("found", "GET /blocks?q=… that finds 1 in 100", n, self.get("/blocks?q=penguins"))
        some = f"/audit-logs?entity_id={BLOCK}%012.0f"
        for line, request in (
            ("GET /audit-logs, admin", self.get("/audit-logs", session=admin)),
            (
                "GET /audit-logs, admin, page in the middle",
                self.get(self.page_in_the_middle("/audit-logs", "audit_logs", "timestamp", admin), session=admin),
            ),
            ("GET /audit-logs?entity_id=…, admin", self.get(some, of=n, session=admin)),
            ("GET /audit-logs?action_type=UPDATE, admin", self.get("/audit-logs?action_type=UPDATE", session=admin)),
            ("GET /audit-logs, developer's own", self.get("/audit-logs")),
            ("GET /users/{user}/activity, admin", self.get("/users/user-7/activity", session=admin)),
        ):
            self.measure("audit", line, self.size.audit, request)

    def by_versions(self) -> None:
        """The same of blocks with few and with many versions."""
        first, last = TEN_VERSIONS
        # Of few versions there are many blocks, so that writing does not make them blocks of many.
        self.cluster.sql(
            self.service.database,
            f"""
            do $$ begin
                for round in 1 .. 10 loop
                    update blocks set metadata = metadata || jsonb_build_object('round', round)
                    where block_id between '{BLOCK}{FIRST_NUMBER + first}' and '{BLOCK}{FIRST_NUMBER + last}' and version_number < 10;
                end loop;
            end $$""",
        )
        for versions, block in VERSIONS.items():
            low, high = (first, last) if block is None else (0, 0)
            path = f"/blocks/{BLOCK}%012.0f" if block is None else f"/blocks/{block}"
            deep = f"{path}/versions"
            if block is not None:
                deep = self.page_after(deep, versions // 2 // 200, self.developer)

            def get(path: str, low: int = low, high: int = high) -> Request:
                return dataclasses.replace(self.get(path), low=low and FIRST_NUMBER + low, high=high and FIRST_NUMBER + high)

            for line, request in (
                ("GET /blocks/{id}", get(path)),
                ("GET /blocks/{id}?include=versions of 10 to 10,000", get(path + "?include=versions")),
                ("GET /blocks/{id}/versions", get(path + "/versions?limit=10")),
                ("GET /blocks/{id}/versions, page in the middle", get(deep.replace("limit=50", "limit=10"))),
                ("GET /blocks/{id}/versions/7", get(path + "/versions/7")),
                ("GET /blocks/{id}/history, admin", dataclasses.replace(get(path + "/history?limit=10"), headers=self.admin.token)),
                ("GET /blocks/{id}/history, developer's own of it", get(path + "/history?limit=10")),
                ("PATCH /blocks/{id}", dataclasses.replace(get(path), method="PATCH", body='{"metadata": ' + limits.METADATA + "}")),
            ):
                self.measure("versions", line, versions, request)

    def by_parts(self) -> None:
        """Readiness and the graph, by the number of blocks in the pipeline."""
        for blocks, pipeline in ((20, 1), (200, self.size.pipelines + 1), (2000, self.size.pipelines + 2)):
            path = f"/pipelines/{PIPELINE}{FIRST_NUMBER + pipeline}"
            for line, request in (
                ("GET /pipelines/{id}", self.get(path)),
                ("GET /pipelines/{id}/readiness", self.get(path + "/readiness")),
                ("GET /pipelines/{id}/lock", self.get(path + "/lock")),
                ("GET /pipelines/{id}?include=blocks,edges", self.get(path + "?include=blocks,edges")),
                ("GET /pipelines/{id}/graph", self.get(path + "/graph")),
            ):
                self.measure("pipelines", line, blocks, request)

    def functions(self) -> None:
        """What the database computes, timed within it."""
        for size in (400, 4_000, 40_000):
            self.time(
                "digests",
                "app.json_digest(metadata)",
                size,
                f"""app.json_digest((
                select jsonb_object_agg('metric-' || i, jsonb_build_object('value', i / 7.0, 'unit', 'ms')) || jsonb_build_object('run', run)
                from generate_series(1, {size} / 40) as i))""",
            )
        for blocks in (20, 200, 2000):
            self.time(
                "cycles",
                "app.find_cycle(chain)",
                blocks,
                f"""app.find_cycle(
                (select array_agg(lpad(to_hex(i), 32, '0')::uuid) from generate_series(1, {blocks} - 1) as i where run > 0),
                (select array_agg(lpad(to_hex(i + 1), 32, '0')::uuid) from generate_series(1, {blocks} - 1) as i where run > 0))""",
            )

    def time(self, chart: str, line: str, x: int, expression: str) -> None:
        """The median time of an expression, in which `run` is another number each time."""
        if self.options.only and chart not in self.options.only:
            return
        median = float(
            self.cluster.sql(
                self.service.database,
                f"""
            create temporary table times (ms double precision);
            do $$ declare begun timestamptz; begin
                for run in 1 .. 3 loop
                    begun := clock_timestamp();
                    perform {expression};
                    insert into times values (extract(epoch from clock_timestamp() - begun) * 1000);
                end loop;
            end $$;
            select percentile_cont(0.5) within group (order by ms) from times;""",
            )
        )
        self.lines.setdefault(chart, {}).setdefault(line, {})[x] = median
        print(f"  {line:<50} {x:>12,}  {median:9.3f} ms", file=sys.stderr, flush=True)


def main() -> None:
    options = _options()
    load.check_tools()
    lines: Lines = {}
    cpu: Lines = {}
    failed: list[str] = []
    machine: dict[str, str] = {}
    for blocks in options.sizes:
        size = dataset.Size(blocks)
        with stage.stage(options, size, in_place=blocks > COPIED_TO) as (cluster, service):
            cluster.warm()
            print(f"Measuring on {size}:", file=sys.stderr)
            service.start()
            machine = report.machine(cluster)
            growth = Growth(options, cluster, service, size)
            growth.by_blocks()
            if blocks == min(PARTS_AT, max(options.sizes)):
                growth.by_versions()
                growth.by_parts()
                growth.functions()
            _merge(lines, growth.lines)
            _merge(cpu, growth.cpu)
            failed += growth.failed
    _tell(options, lines, cpu, machine)
    if failed:
        raise Failed("not everything was answered:\n  " + "\n  ".join(failed))


def _merge(all_lines: Lines, lines: Lines) -> None:
    for chart, by_line in lines.items():
        for line, points in by_line.items():
            all_lines.setdefault(chart, {}).setdefault(line, {}).update(points)


def verdict(chart: str, line: str, points: dict[int, float]) -> str:
    first, last = points[min(points)], points[max(points)]
    times = f"{last / first:.2f} ×"
    if chart not in FLAT_CHARTS:
        return times
    if line in GROWING:
        return f"{times}: {GROWING[line]}"
    return f"{times}, flat" if last <= FLAT * first else f"{times}, GROWS"


def _tell(options: argparse.Namespace, lines: Lines, cpu: Lines, machine: dict[str, str]) -> None:
    sections = []
    for chart, (title, x_label) in CHARTS.items():
        if not lines.get(chart):
            continue
        xs = sorted({x for points in lines[chart].values() for x in points})
        table = [[f"median ms, by {x_label}", *(f"{x:,}" for x in xs), "last over first"]]
        for line, points in lines[chart].items():
            table.append([line, *(f"{points[x]:.3g}" if x in points else "–" for x in xs), verdict(chart, line, points)])
        print(f"\n{title}\n{report.text(table)}")
        drawn = ""
        if len(xs) > 1:
            drawn = f"\n\n![{title}](growth-{chart}.svg)"
            if options.markdown:
                points_of = {line: sorted(points.items()) for line, points in lines[chart].items()}
                (DOCS / f"growth-{chart}.svg").write_text(Chart(title, x_label, points_of).svg())
        sections.append(f"### {title}\n\n{report.markdown(table)}{drawn}")
    report.write_json(options.folder / "growth.json", {"machine": machine, "milliseconds": lines, "postgres_cpu": cpu})
    if options.markdown:
        heading = (
            f"One connection, {options.seconds} s for each figure; {machine['cores']} × {machine['processor']}, "
            f"{machine['postgresql']} ({machine['settings']}), commit {machine['commit']}."
        )
        report.write_markdown(DOCS / "performance.md", "growth", heading + "\n\n" + "\n\n".join(sections))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), metavar="N,…", help="numbers of blocks (default %(default)s)")
    parser.add_argument("--only", metavar="CHART,…", help=f"some of {','.join(CHARTS)}")
    parser.add_argument("--seconds", type=int, default=3, metavar="N", help="of each measurement (default 3)")
    stage.add_options(parser)
    options = parser.parse_args()
    options.sizes = sorted(int(number) for number in options.sizes.split(","))
    options.only = options.only.split(",") if options.only else []
    if unknown := set(options.only) - set(CHARTS):
        parser.error(f"--only knows {', '.join(CHARTS)}, not {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    stage.run(main)
