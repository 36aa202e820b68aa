"""The data that is measured on: made once for each size, from a seed, and kept."""

from __future__ import annotations

import concurrent.futures
import datetime
import hashlib
import inspect
import json
import math
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cluster import FILLING, ROOT, Cluster, Failed

from service import run_command

FILL = Path(__file__).resolve().parent / "fill"
# The database that is filled; what is measured is a copy, so that each run begins with the same.
FILLED = "filled"
SEED = 20260101
PASSWORD = "correct horse battery staple"
PEOPLE = {"bench-admin": "admin", "bench-developer": "developer"}
MONTHS = 6
# The numbers of blocks, and of pipelines, as fill/prepare.sql makes ids of them.
FIRST_NUMBER = 100_000_000_000
BLOCK = "019a0000-0000-7001-8000-"
PIPELINE = "019a0000-0000-7006-8000-"


@dataclass(frozen=True)
class Size:
    """How much there is, in the proportions 1 block : 3 versions : 0.2 edges : 0.02 pipelines : 10 audit rows."""

    blocks: int

    def __post_init__(self) -> None:
        if self.blocks < 5000 or self.blocks % 100:
            raise Failed("the number of blocks is a multiple of 100, and at least 5000")

    @property
    def edges(self) -> int:
        return self.blocks // 5

    @property
    def pipelines(self) -> int:
        return self.blocks // 50

    @property
    def audit(self) -> int:
        return self.blocks * 10

    def __str__(self) -> str:
        return (
            f"{self.blocks:,} blocks, {3 * self.blocks:,} versions, {self.edges:,} edges, "
            f"{self.pipelines:,} pipelines of 20 blocks, {self.audit:,} audit rows"
        )


Part = TypeVar("Part")


class Progress:
    """A line with a percentage for each step."""

    def __init__(self) -> None:
        self.begun = time.monotonic()

    def say(self, percent: float, what: str) -> None:
        print(f"  {percent:5.1f} %  {what:<44} {time.monotonic() - self.begun:6.1f} s", file=sys.stderr, flush=True)


def ensure(folder: Path, size: Size, program: Path) -> Cluster:
    """A cluster in `folder`, not running, that holds the data of this size; filled anew when it does not."""
    cluster = Cluster(folder)
    key = _key(cluster, size)
    marker = folder / "filled.json"
    if marker.exists() and cluster.exists and json.loads(marker.read_text()) == key:
        return cluster
    cluster.stop_leftover()
    marker.unlink(missing_ok=True)
    shutil.rmtree(folder / "data", ignore_errors=True)
    print(f"Filling {folder} with {size}:", file=sys.stderr)
    cluster.create()
    try:
        cluster.start(FILLING)
        _fill(cluster, size, program)
    finally:
        cluster.stop()
    # fsync was off.
    run_command(["sync"])
    marker.write_text(json.dumps(key))
    return cluster


def _key(cluster: Cluster, size: Size) -> dict[str, str]:
    """What the data depends on: another key, other data."""
    digest = hashlib.sha256()
    for file in sorted([*(ROOT / "migrations").glob("*.sql"), *FILL.glob("*.sql")]):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    digest.update(inspect.getsource(_fill).encode())
    version = run_command([str(cluster.bin / "postgres"), "--version"]).strip()
    return {"postgresql": version, "files": digest.hexdigest(), "seed": str(SEED), "blocks": str(size.blocks)}


def _fill(cluster: Cluster, size: Size, program: Path) -> None:
    progress = Progress()
    cluster.make_database(FILLED)
    owner = {"MIGRATE_DATABASE_URL": cluster.url("postgres", FILLED)}
    run_command([str(program), "migrate"], owner, cwd=cluster.folder)
    run_command([str(program), "login-role", "--password-stdin"], owner, cwd=cluster.folder, stdin=cluster.password)
    today = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begins = (today.replace(day=1) - datetime.timedelta(days=30 * (MONTHS - 1))).replace(day=1)
    variables: dict[str, object] = {
        "seed": SEED,
        "blocks": size.blocks,
        "edges": size.edges,
        "pipelines": size.pipelines,
        "audit": size.audit,
        "begins": begins.isoformat(),
        "ends": today.isoformat(),
        "stride": _stride(size.blocks),
    }

    def carry_out(name: str, **more: object) -> str:
        return cluster.sql(FILLED, file=FILL / f"{name}.sql", variables={**variables, **more})

    carry_out("prepare")
    carry_out("users")
    progress.say(1, "schema and users")
    step = max(1, size.blocks // 20)
    ranges = [(first, min(first + step - 1, size.blocks)) for first in range(1, size.blocks + 1, step)]
    _each(
        ranges,
        lambda part: carry_out("blocks", first=part[0], last=part[1]),
        lambda done, part: progress.say(1 + 29 * done, f"blocks and versions to {part[1]:,}"),
    )
    carry_out("edges")
    progress.say(33, "edges, verifications")
    carry_out("pipelines")
    carry_out("history")
    progress.say(38, "pipelines, history")
    cluster.sql(FILLED, "analyze")

    changes = int(
        cluster.sql(
            FILLED,
            """
        select 2 * (select count(*) from block_versions) + 2 * (select count(*) from edges)
            + (select count(*) from users) + (select count(*) from edge_verifications) + (select count(*) from pipelines)
            + (select count(*) from pipeline_blocks) + (select count(*) from pipeline_edges)""",
        )
    )
    reads = max(0, size.audit - changes)
    days = math.ceil((today - begins).days / 24)
    times = [(part, begins + part * datetime.timedelta(days=days), begins + (part + 1) * datetime.timedelta(days=days)) for part in range(24)]
    _each(
        times,
        lambda span: carry_out("audit", part=span[0], after=span[1].isoformat(), before=span[2].isoformat(), reads=reads),
        lambda done, span: progress.say(38 + 32 * done, f"audit rows to {span[2].date()}"),
    )
    carry_out("index")
    progress.say(82, "indexes")
    for line in carry_out("verify", audit=max(size.audit, changes)).splitlines():
        rule, _, count = line.rpartition("|")
        if count != "0":
            raise Failed(f"the data is not what the service would have written: {rule}: {count} do not hold")
    progress.say(90, "verified")
    cluster.sql(FILLED, "drop schema bench cascade")
    for name, role in PEOPLE.items():
        run_command(
            [str(program), "user", "create", "--username", name, "--email", f"{name}@example.org", "--role", role, "--password-stdin"],
            owner,
            cwd=cluster.folder,
            stdin=PASSWORD,
        )
    cluster.sql(FILLED, "vacuum (freeze, analyze)")
    cluster.sql(FILLED, "checkpoint")
    progress.say(100, "vacuumed")


def _stride(blocks: int) -> int:
    """A prime that does not divide the number of blocks."""
    return next(prime for prime in (7919, 7907, 7901) if blocks % prime)


def _each(parts: list[Part], work: Callable[[Part], object], tell: Callable[[float, Part], None]) -> None:
    """Works on two parts at a time, and tells after each which share is done."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as workers:
        running = {workers.submit(work, part): part for part in parts}
        try:
            for done, future in enumerate(concurrent.futures.as_completed(running), 1):
                future.result()
                tell(done / len(parts), running[future])
        except BaseException:
            workers.shutdown(cancel_futures=True)
            raise
