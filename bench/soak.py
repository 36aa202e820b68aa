#!/usr/bin/env python3
"""Everything at once, for long: does anything grow that should not, and does any request fail?

Two instances behind HAProxy (deploy/haproxy/haproxy.cfg), a primary and a streaming replica. Clients write and read what
they wrote, read, search, log in and out, rotate keys, verify and run, preview changes and ask for lineage, each with
a little pause. Every half minute: memory, open files, connections, dead rows and the size of tables whose rows are
changed and not added to. Fails when a request did, or when something grew.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

import stage
from cluster import POSTGRES, ROOT, Cluster, Failed, free_port

from service import JWT_SECRET, build, run_command

PASSWORD = "correct horse battery staple"
DATABASE = "soak"
BLOCKS, PIPELINES = 100, 10
PAUSE_SECONDS = 0.02
SAMPLE_SECONDS = 30
# How much more the last quarter may have than the second one.
GROWTH = 1.10


@dataclass
class Tally:
    """What all clients met."""

    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    interval_slowest: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, status: int, seconds: float, what: str) -> None:
        with self.lock:
            self.statuses[status] += 1
            self.slowest = max(self.slowest, (seconds, what))
            self.interval_slowest = max(self.interval_slowest, seconds)

    def failed(self, what: str) -> None:
        with self.lock:
            self.failures.append(what)


class Client:
    """One connection that is kept, as one user."""

    def __init__(self, port: int, tally: Tally, username: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.tally = tally
        self.username = username
        self.credential: dict[str, str] = {}
        self.position: dict[str, str] = {}
        self.logged_in = float("-inf")

    def ask(self, method: str, path: str, body: object = None, expected: int = 200, **headers: str) -> dict:
        content = None if body is None else json.dumps(body)
        sent = {**self.credential, **self.position, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if content:
            sent["Content-Type"] = "application/json"
        begun = time.perf_counter()
        try:
            self.connection.request(method, path, content, sent)
            response = self.connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.tally.failed(f"{method} {path}: {error!r}")
            self.connection.close()
            return {}
        self.tally.answered(response.status, time.perf_counter() - begun, f"{method} {path}")
        if response.status != expected:
            self.tally.failed(f"{method} {path}: {response.status} {answer[:300].decode(errors='replace')}")
            return {}
        if position := response.headers.get("Blockyard-Position"):
            self.position = {"Blockyard-Position": position}
        return json.loads(answer) if answer[:1] == b"{" else {}

    def login(self) -> dict:
        self.credential = {}
        tokens = self.ask("POST", "/auth/login", {"username": self.username, "password": PASSWORD})
        if tokens:
            self.credential = {"Authorization": f"Bearer {tokens['access_token']}"}
            self.logged_in = time.monotonic()
        return tokens

    def stay_logged_in(self) -> None:
        if time.monotonic() - self.logged_in > 300:
            self.login()


def write(client: Client, number: int) -> None:
    """Changes, and reads by whichever instance and server what was written."""
    block, mark = f"b{random.randrange(BLOCKS)}-w{number}", f"{number}-{time.time_ns()}"
    client.ask("PATCH", f"/blocks/{block}", {"metadata": {"mark": mark}}, Idempotency_Key=mark)
    shown = client.ask("GET", f"/blocks/{block}")
    if shown and shown["metadata"] != {"mark": mark}:
        client.tally.failed(f"{block} was read as it was before it was written")


def read(client: Client, _: int) -> None:
    for path in (
        f"/blocks/b{random.randrange(BLOCKS)}-w0",
        "/blocks?limit=50",
        f"/blocks?q=b{random.randrange(BLOCKS)}&limit=20",
        f"/blocks/b{random.randrange(BLOCKS)}-w0/versions?limit=20",
        f"/pipelines/p{random.randrange(PIPELINES)}?include=blocks,edges",
        "/runs?limit=20",
    ):
        client.ask("GET", path)
        time.sleep(PAUSE_SECONDS)


def trace(client: Client, _: int) -> None:
    block = random.randrange(PIPELINES)
    client.ask("GET", f"/lineage?node=block:b{block}-w0")
    client.ask("GET", f"/impact?node=block:b{block}-w0")
    client.ask("GET", f"/pipelines/p{block}/readiness")


def come_and_go(client: Client, _: int) -> None:
    tokens = client.login()
    if tokens:
        client.ask("GET", "/auth/me")
        tokens = client.ask("POST", "/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    if tokens:
        client.ask("POST", "/auth/logout", {"refresh_token": tokens["refresh_token"]}, expected=204)
    time.sleep(1)


def use_keys(client: Client, _: int) -> None:
    user = client.credential
    key = client.ask("POST", "/api-keys", {"name": f"soak {time.time_ns()}", "role": "viewer"}, expected=201)
    if key:
        client.credential = {"X-API-Key": key["key"]}
        for _ in range(10):
            client.ask("GET", "/blocks?limit=5")
            time.sleep(PAUSE_SECONDS)
        client.credential = user
        client.ask("DELETE", f"/api-keys/{key['api_key_id']}", expected=204)
    client.credential = user
    time.sleep(1)


def run(client: Client, number: int) -> None:
    pipeline = f"p{random.randrange(PIPELINES)}"
    run = client.ask("POST", f"/pipelines/{pipeline}/runs", expected=201, Idempotency_Key=f"run-{number}-{time.time_ns()}")
    if run:
        for status in ("started", "success"):
            client.ask("PATCH", f"/runs/{run['run_id']}", {"status": status})
        client.ask("GET", f"/locks/{run['lock_digest']}")
    time.sleep(0.2)


def preview(client: Client, _: int) -> None:
    change = {"operation": "update_edge", "edge": "e0", "body": {"metadata": {"n": random.random()}}}
    client.ask("POST", "/impact/preview", {"changes": [change]})
    time.sleep(0.1)


CREW: list[tuple[Callable[[Client, int], None], str, int]] = [
    (write, "dan", 3),
    (read, "vera", 3),
    (trace, "vera", 1),
    (come_and_go, "dora", 1),
    (use_keys, "dan", 1),
    (run, "dan", 1),
    (preview, "dan", 1),
]


def furnish(client: Client) -> None:
    """What the clients work on."""
    client.login()
    for writer, number in itertools.product(range(3), range(BLOCKS)):
        client.ask("POST", "/blocks", {"name": f"b{number}-w{writer}", "block_type": "model"}, expected=201)
    for number in range(PIPELINES):
        client.ask("POST", "/edges", {"name": f"e{number}"}, expected=201)
        client.ask("POST", f"/edges/e{number}/versions/active/verifications", {"verification_status": "passed"}, expected=201)
        blocks = [f"b{number}-w0", f"b{number + 1}-w0"]
        edge = {"edge_id": f"e{number}", "source_block_id": blocks[0], "target_block_id": blocks[1]}
        client.ask("POST", "/pipelines", {"name": f"p{number}", "blocks": [{"block_id": block} for block in blocks], "edges": [edge]}, expected=201)


class Instance:
    """The service, as it is deployed."""

    def __init__(self, program: Path, folder: Path, primary: str, replica: str) -> None:
        self.port = free_port()
        self.output = folder / f"output-{self.port}"
        environment = {
            "DATABASE_URL": primary,
            "DATABASE_REPLICA_URL": replica,
            "JWT_SECRET": JWT_SECRET,
            "PORT": str(self.port),
            "HOST": "127.0.0.1",
            "TRUST_FORWARDED_FOR": "true",
            "LOG_LEVEL": "warn",
            "LOG_FILE": "off",
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen([program, "serve"], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def measure(self) -> dict[str, float]:
        process = Path(f"/proc/{self.process.pid}")
        resident = next(line for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS:"))
        return {"MB": int(resident.split()[1]) / 1024, "files": len(list((process / "fd").iterdir()))}

    def metric(self, line: str) -> float:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return next(float(found.rpartition(" ")[2]) for found in text.splitlines() if found.startswith(line + " "))


def wait_for(port: int, line: str, instances: list[Instance]) -> None:
    """Waits until a line is in the metrics at a port."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/metrics")
            if line in connection.getresponse().read().decode():
                return
        time.sleep(0.2)
    raise Failed(f"an instance does not serve:\n{''.join(instance.output.read_text() for instance in instances)[-3000:]}")


@contextlib.contextmanager
def everything(program: Path) -> Iterator[tuple[Cluster, int, list[Instance], Cluster]]:
    """The primary, HAProxy's port, the instances and the replica; all of it ends with the context."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="blockyard-soak-"))
        folder.chmod(0o755)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        primary, replica = Cluster(folder / "primary"), Cluster(folder / "replica")
        replica.password = primary.password
        primary.create()
        primary.start({"max_connections": "100"})
        stack.callback(primary.stop)
        primary.make_database(DATABASE)
        owner = {"MIGRATE_DATABASE_URL": primary.url("postgres", DATABASE)}
        run_command([str(program), "migrate"], owner, cwd=folder)
        run_command([str(program), "login-role", "--password-stdin"], owner, cwd=folder, stdin=primary.password)
        for username, role in (("ada", "admin"), ("dan", "developer"), ("dora", "developer"), ("vera", "viewer")):
            command = [str(program), "user", "create", "--username", username, "--email", f"{username}@example.org", "--role", role]
            run_command([*command, "--password-stdin"], owner, cwd=folder, stdin=PASSWORD)
        subprocess.run([POSTGRES, "standby", replica.folder, primary.url("supabase_admin", "postgres")], check=True)
        replica.start({"max_connections": "100"})
        stack.callback(replica.stop)
        instances = []
        for _ in range(2):
            instance = Instance(program, folder, primary.url("blockyard_api", DATABASE), replica.url("blockyard_api", DATABASE))
            stack.callback(instance.process.wait)
            stack.callback(instance.process.terminate)
            instances.append(instance)
        for instance in instances:
            wait_for(instance.port, "blockyard_build_info", instances)
        port, state = free_port(), free_port()
        environment = {
            "BLOCKYARD_LISTEN": f"127.0.0.1:{port}",
            "HAPROXY_STATE": f"127.0.0.1:{state}",
            "BLOCKYARD_ONE": f"127.0.0.1:{instances[0].port}",
            "BLOCKYARD_TWO": f"127.0.0.1:{instances[1].port}",
        }
        haproxy = shutil.which("haproxy") or "/usr/sbin/haproxy"
        if not Path(haproxy).exists():
            raise Failed("HAProxy is missing: apt-get install haproxy")
        command = [haproxy, "-db", "-f", ROOT / "deploy" / "haproxy" / "haproxy.cfg"]
        proxy = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(proxy.wait)
        stack.callback(proxy.kill)
        # Each as HAProxy sees it.
        for server in ("one", "two"):
            wait_for(state, f'haproxy_server_status{{proxy="instances",server="{server}",state="UP"}} 1', instances)
        yield primary, port, instances, replica


# Tables whose rows are changed, and hardly added to, while it lasts: they grow only by what is left behind.
SIZES = """
select sum(pg_total_relation_size(relid)) filter (where relname in ('blocks', 'edges', 'pipelines', 'users')) / 1e6,
       sum(n_dead_tup) filter (where schemaname in ('public', 'app')) / 1e3,
       pg_database_size(current_database()) / 1e6,
       (select count(*) from pg_stat_activity where usename = 'blockyard_api')
from pg_stat_user_tables
"""


def sample(primary: Cluster, replica: Cluster, instances: list[Instance]) -> dict[str, float]:
    measured = [instance.measure() for instance in instances]
    row = primary.sql(DATABASE, SIZES).strip().split("|")
    on_replica = replica.sql(DATABASE, "select count(*) from pg_stat_activity where usename = 'blockyard_api'")
    return {
        "memory of one, MB": measured[0]["MB"],
        "of two": measured[1]["MB"],
        "open files of one": measured[0]["files"],
        "of two ": measured[1]["files"],
        "connections, primary": float(row[3]),
        "replica": float(on_replica),
        "changed tables, MB": float(row[0]),
        "dead rows, 1000": float(row[1]),
        "database, MB": float(row[2]),
    }


# Which of them must not grow, but for so much (a password that is verified takes 19 MB); the database keeps every version and every row of the trail.
FLAT = {
    "memory of one, MB": 25,
    "of two": 25,
    "open files of one": 10,
    "of two ": 10,
    "connections, primary": 4,
    "replica": 4,
    "changed tables, MB": 2,
    "dead rows, 1000": 5,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=30)
    parser.add_argument("--service", type=Path, metavar="PATH", help="a program that is built already, instead of building this source")
    options = parser.parse_args()
    program = options.service.resolve() if options.service else build()
    tally, done = Tally(), threading.Event()
    with everything(program) as (primary, port, instances, replica):
        furnish(Client(port, tally, "dan"))
        if tally.failures:
            raise Failed(f"nothing to work on: {tally.failures[0]}")

        def work(task: Callable[[Client, int], None], username: str, number: int) -> None:
            client = Client(port, tally, username)
            while not done.is_set():
                client.stay_logged_in()
                task(client, number)
                time.sleep(PAUSE_SECONDS)

        threads = [threading.Thread(target=work, args=(task, username, number)) for task, username, count in CREW for number in range(count)]
        for thread in threads:
            thread.start()
        begun, samples = time.monotonic(), []
        print("minute  requests  failed  longest s  " + "  ".join(FLAT) + "  database, MB", flush=True)
        try:
            while time.monotonic() - begun < 60 * options.minutes:
                time.sleep(min(SAMPLE_SECONDS, 6 * options.minutes))
                samples.append(sample(primary, replica, instances))
                longest, tally.interval_slowest = tally.interval_slowest, 0.0
                minute, requests = (time.monotonic() - begun) / 60, sum(tally.statuses.values())
                print(
                    f"{minute:6.1f}  {requests:8}  {len(tally.failures):6}  {longest:9.2f}  "
                    + "  ".join(f"{value:{len(name)}.1f}" for name, value in samples[-1].items()),
                    flush=True,
                )
        finally:
            done.set()
            for thread in threads:
                thread.join()
        reads = {
            outcome: sum(instance.metric(f'blockyard_replica_reads_total{{outcome="{outcome}"}}') for instance in instances)
            for outcome in ("answered", "renewing", "behind", "asked_again", "down", "retired")
        }
        said = "".join(instance.output.read_text() for instance in instances)
    quarter = max(1, len(samples) // 4)
    second, last = samples[quarter : 2 * quarter] or samples, samples[-quarter:]
    print(f"\n{sum(tally.statuses.values())} requests, {len(tally.failures)} failed; longest {tally.slowest[0]:.2f} s ({tally.slowest[1]})")
    print("statuses:", dict(sorted(tally.statuses.items())))
    print("reads and the replica:", {outcome: round(count) for outcome, count in reads.items()})
    grown = []
    for name in [*FLAT, "database, MB"]:
        before, after = mean(one[name] for one in second), mean(one[name] for one in last)
        print(f"{name:22} second quarter {before:8.1f}, last quarter {after:8.1f}")
        if name in FLAT and after > before * GROWTH + FLAT[name]:
            grown.append(name)
    if said.strip():
        print(f"what the instances said:\n{said[-3000:]}")
    for failure in tally.failures[:10]:
        print(failure)
    if tally.failures or grown:
        sys.exit(f"failed: {len(tally.failures)} requests; grown: {', '.join(grown) or 'nothing'}")


if __name__ == "__main__":
    stage.run(main)
