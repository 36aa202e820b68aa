"""The load generators: wrk for the service, pgbench for PostgreSQL alone."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

from cluster import Cluster, Failed

from service import Service, run_command

Outcome = TypeVar("Outcome")

LUA = Path(__file__).resolve().parent / "load.lua"
# Half of the machine at most: the rest is for what is measured.
THREADS = max(1, (os.cpu_count() or 2) // 2)
# Of a request that takes longer than the warm-up.
SECONDS_FOR_SLOW = 20
# Of the numbers in requests; each thread of wrk adds its own.
SEEDS = itertools.count(1, 1000)


@dataclass(frozen=True)
class Request:
    """What wrk sends. `%012.0f` in the path stands for a random number from `low` to `high`, `%d` (two at most) in the body for any."""

    method: str
    path: str
    headers: Mapping[str, str]
    low: int = 0
    high: int = 0
    body: str = ""
    # Instead of a number: paths, each with the entity tag that is known of it, or none.
    choices: Sequence[tuple[str, str]] = field(default=())

    def lua(self, seed: int) -> str:
        parts = [f"method = {_lua(self.method)}", f"path = {_lua(self.path)}", f"seed = {seed}"]
        if self.low:
            parts += [f"low = {self.low}", f"high = {self.high}"]
        if self.body:
            parts.append(f"body = {_lua(self.body)}")
        if self.choices:
            rows = ",\n".join(f"{{path = {_lua(path)}{f', etag = {_lua(etag)}' if etag else ''}}}" for path, etag in self.choices)
            parts.append(f"choices = {{{rows}}}")
        headers = {**self.headers, **({"Content-Type": "application/json"} if self.body else {})}
        parts.append(f"headers = {{{', '.join(f'[{_lua(name)}] = {_lua(value)}' for name, value in headers.items())}}}")
        return f"return {{{', '.join(parts)}}}\n"


@dataclass(frozen=True)
class Statement:
    """What pgbench sends: SQL with variables, one of them, `:i`, a random number from `low` to `high`."""

    name: str
    sql: str
    low: int
    high: int
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Result:
    """One measurement: rates per second, times in milliseconds."""

    rate: float
    p50: float
    p99: float | None
    server_cpu: float | None
    postgres_cpu: float
    bytes: float | None

    def as_json(self) -> dict[str, float | None]:
        return asdict(self)


def check_tools() -> None:
    try:
        subprocess.run(["wrk", "--version"], capture_output=True, check=False)
    except FileNotFoundError:
        raise Failed("wrk, the load generator, is missing: apt-get install wrk") from None


def send(service: Service, request: Request, connections: int, seconds: int, warm_up: int) -> Result:
    """Loads the service; a request that fails, fails the measurement."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        plan = Path(folder) / "plan.lua"
        plan.touch(mode=0o600)  # there is a token in it

        def run(duration: int) -> dict[str, float]:
            # Never the same numbers again: a change that was made already changes nothing.
            plan.write_text(request.lua(seed=next(SEEDS)))
            threads = min(THREADS, connections)
            output = run_command(
                [
                    "wrk",
                    f"--threads={threads}",
                    f"--connections={connections}",
                    f"--duration={duration}s",
                    "--timeout=30s",
                    f"--script={LUA}",
                    f"http://127.0.0.1:{service.port}",
                    "--",
                    str(plan),
                ]
            )
            figures = dict(json.loads(output.splitlines()[-1]))
            if figures["refused"] or figures["broken"]:
                raise Failed(
                    f"{request.method} {request.path}: of {figures['requests']} requests {figures['refused']} were answered with "
                    f"an error and {figures['broken']} not at all:\n{service.output.read_text()[-2000:]}"
                )
            return figures

        if not run(warm_up)["requests"]:
            seconds = max(seconds, SECONDS_FOR_SLOW)
        figures, server, postgres = _with_cpu(lambda: run(seconds), service, service.cluster)
    if not figures["requests"]:
        raise Failed(f"{request.method} {request.path} takes longer than {seconds} s")
    service.forget_output()
    count = figures["requests"]
    return Result(
        rate=count / figures["seconds"],
        p50=figures["p50"],
        p99=figures["p99"],
        server_cpu=1000 * server / count,
        postgres_cpu=1000 * postgres / count,
        bytes=figures["bytes"] / count,
    )


# Method, path, and what becomes the JSON of its body.
OneRequest = tuple[str, str, object]


def one_by_one(service: Service, requests: Iterable[OneRequest], headers: Mapping[str, str]) -> tuple[list[float], bytes]:
    """The milliseconds that each request takes, over one connection, and the last answer."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    took, answer = [], b""
    for method, path, body in requests:
        content = None if body is None else json.dumps(body)
        begun = time.perf_counter()
        connection.request(method, path, content, {**headers, **({"Content-Type": "application/json"} if content else {})})
        response = connection.getresponse()
        answer = response.read()
        took.append(1000 * (time.perf_counter() - begun))
        if response.status != 200:
            raise Failed(f"{method} {path} is answered {response.status}: {answer[:200].decode(errors='replace')}")
    connection.close()
    return took, answer


def ask(cluster: Cluster, database: str, statement: Statement, connections: int, seconds: int, warm_up: int) -> Result:
    """Loads PostgreSQL alone, with one prepared statement."""
    script = f"\\set i random({statement.low}, {statement.high})\n\\set r random(1, 1000000000)\n{statement.sql};\n"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()

        def run(duration: int) -> str:
            defined = [f"--define={name}={value}" for name, value in statement.variables.items()]
            command = [
                str(cluster.bin / "pgbench"),
                "--no-vacuum",
                "--protocol=prepared",
                f"--client={connections}",
                f"--jobs={min(THREADS, connections)}",
                f"--time={duration}",
                f"--file={file.name}",
                *defined,
            ]
            # Not with the environment of whoever measures: PGOPTIONS could falsify the figures. The plan is made
            # once, as the connections of the service have theirs after a few requests.
            environment = {"PGPASSWORD": cluster.password, "PGOPTIONS": "-c plan_cache_mode=force_generic_plan"}
            return run_command([*command, *cluster.arguments("blockyard_api", database)], environment)

        run(warm_up)
        output, _, postgres = _with_cpu(lambda: run(seconds), None, cluster)
    count, failed = int(_find(r"transactions actually processed: (\d+)", output)), int(_find(r"failed transactions: (\d+)", output))
    if failed or not count:
        raise Failed(f"{statement.name}: {failed} statements failed:\n{output}")
    rate, latency = float(_find(r"tps = ([\d.]+) \(without", output)), float(_find(r"latency average = ([\d.]+) ms", output))
    return Result(rate=rate, p50=latency, p99=None, server_cpu=None, postgres_cpu=1000 * postgres / count, bytes=None)


def _with_cpu(work: Callable[[], Outcome], service: Service | None, cluster: Cluster) -> tuple[Outcome, float, float]:
    """What the work returns, and the CPU seconds that the service and PostgreSQL took for it."""
    server, postgres = service.cpu_seconds() if service else 0.0, cluster.cpu_seconds()
    outcome = work()
    return outcome, (service.cpu_seconds() if service else 0.0) - server, cluster.cpu_seconds() - postgres


def _find(pattern: str, output: str) -> str:
    found = re.search(pattern, output)
    if not found:
        raise Failed(f"pgbench says something else than expected:\n{output}")
    return found[1]


def _lua(text: str) -> str:
    return json.dumps(text)
