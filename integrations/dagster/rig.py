#!/usr/bin/env python3
"""A whole Dagster on this machine, for tests: the code location, the webserver and the daemon, on free ports of the
loopback and with a new home.

    target/tools/dagster/bin/python integrations/dagster/rig.py [--location FILE or MODULE] [--home FOLDER] [--port PORT]

One line of JSON says where it is once its jobs are seen: `{"url": …, "location": "blockyard", "repository":
"__repository__", "home": …, "jobs": […], "pids": {…}}`. It ends, with all that it started, on SIGTERM, SIGINT, or when its
standard input ends: when whoever started it is gone, so is Dagster.

What a test breaks it says on standard input, a line each, and gets a line of JSON for each:

    stop NAME            ends a process as a machine does: SIGTERM to its group
    kill NAME            SIGKILL to its group; of `code` that takes the workers of runs along
    start NAME           starts it again, and waits until it answers
    set VARIABLE VALUE   for what is started from now on
    workers              the processes that run runs: {"workers": [pid, …]}

NAME is `code`, `web` or `daemon`. What they say is in HOME/logs. Needs nothing but Dagster beside it.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
NAMES = ("code", "web", "daemon")
LOCATION = "blockyard"
#: A slow machine with everything else of a test suite beside it.
START_SECONDS = 180

SETTINGS = """\
telemetry: { enabled: false }
nux: { enabled: false }
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: { dequeue_interval_seconds: 1, max_concurrent_runs: 25 }
run_retries: { enabled: true, max_retries: 0 }
run_monitoring:
  enabled: true
  start_timeout_seconds: 120
  cancel_timeout_seconds: 20
  poll_interval_seconds: 2
  max_runtime_seconds: 3600
"""
WORKSPACE = """\
load_from:
  - grpc_server: {{ host: 127.0.0.1, port: {port}, location_name: {name} }}
"""
QUERY = """query Jobs($name: String!) { workspaceLocationEntryOrError(name: $name) { ... on WorkspaceLocationEntry {
  locationOrLoadError { __typename ... on RepositoryLocation { repositories { name jobs { name } } } ... on PythonError { message } } } } }"""

# The webserver shows the jobs of a code server that has just died for a while; this asks the code server itself.
RELOAD = """mutation Reload($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) { __typename
  ... on WorkspaceLocationEntry { locationOrLoadError { __typename ... on PythonError { message } } } } }"""


class Broken(Exception):
    pass


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def say(**line) -> None:
    print(json.dumps(line), flush=True)


class Rig:
    """The three processes. Also for Python: `with Rig() as rig: rig.url`."""

    def __init__(self, location: str | None = None, home: Path | None = None, port: int = 0, environment: dict | None = None):
        self.location = str(location or HERE / "tests/location.py")
        self.own_home = home is None
        self.home = Path(home or tempfile.mkdtemp(prefix="dagster-")).resolve()
        self.logs = self.home / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.code_port, self.web_port = free_port(), port or free_port()
        self.url = f"http://127.0.0.1:{self.web_port}"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("DAGSTER_") or name == "DAGSTER_EVENTS_SECRET"}
        self.environment |= {"DAGSTER_HOME": str(self.home), "DAGSTER_DISABLE_TELEMETRY": "1", "PYTHONUNBUFFERED": "1", **(environment or {})}
        self.processes: dict[str, subprocess.Popen] = {}
        (self.home / "dagster.yaml").write_text(SETTINGS)
        (self.home / "workspace.yaml").write_text(WORKSPACE.format(port=self.code_port, name=LOCATION))

    def command(self, name: str) -> list[str]:
        workspace = str(self.home / "workspace.yaml")
        if name == "web":
            return [str(BIN / "dagster-webserver"), "-h", "127.0.0.1", "-p", str(self.web_port), "-w", workspace]
        if name == "daemon":
            return [str(BIN / "dagster-daemon"), "run", "-w", workspace]
        by = ["-f", self.location] if self.location.endswith(".py") else ["-m", self.location]
        return [str(BIN / "dagster"), "code-server", "start", "-h", "127.0.0.1", "-p", str(self.code_port), *by, "--location-name", LOCATION]

    def spawn(self, name: str) -> None:
        if name in self.processes and self.processes[name].poll() is None:
            raise Broken(f"{name} runs")
        with (self.logs / f"{name}.log").open("ab") as log:
            # A session of its own, so that all it starts can be ended with it.
            self.processes[name] = subprocess.Popen(
                self.command(name), env=self.environment, cwd=self.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def start(self) -> list[str]:
        """All three; returns the jobs."""
        # The storage is made once, before webserver and daemon would both make it.
        made = subprocess.run([str(BIN / "dagster"), "instance", "info"], env=self.environment, cwd=self.home, capture_output=True, text=True)
        if made.returncode:
            raise Broken(f"Dagster's storage cannot be made:\n{made.stdout}{made.stderr}")
        for name in NAMES:
            self.spawn(name)
        return self.wait_for_jobs()

    def wait_for_jobs(self, running: set[str] | None = None) -> list[str]:
        """Waits until the webserver shows the jobs of the location, while those processes run."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            for name in running or NAMES:
                if self.processes[name].poll() is not None:
                    raise Broken(f"{name} ended with {self.processes[name].returncode}:\n{self.tail(name)}")
            if jobs := self.jobs():
                return jobs
            time.sleep(0.2)
        raise Broken(f"no jobs after {START_SECONDS} s:\n{self.tail('code')}\n{self.tail('web')}")

    def jobs(self) -> list[str]:
        try:
            entry = self.ask(QUERY, {"name": LOCATION})["data"]["workspaceLocationEntryOrError"]
        except OSError:
            return []
        location = entry.get("locationOrLoadError") or {}
        if "message" in location and "Unreachable" not in location["message"]:
            raise Broken(f"the location does not load: {location['message']}")
        return [job["name"] for repository in location.get("repositories", []) for job in repository["jobs"]]

    def reload(self) -> bool:
        try:
            answer = self.ask(RELOAD, {"name": LOCATION})["data"]["reloadRepositoryLocation"]
        except OSError:
            return False
        return (answer.get("locationOrLoadError") or {}).get("__typename") == "RepositoryLocation"

    def ask(self, query: str, variables: dict | None = None) -> dict:
        """A GraphQL document; what Dagster answers with 500 has a body as well."""
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def end(self, name: str, how: int) -> None:
        """Ends a process with all that it started."""
        process = self.processes.get(name)
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            how = signal.SIGKILL
        # Whoever is left of the group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def start_again(self, name: str) -> None:
        self.spawn(name)
        running = {name for name, process in self.processes.items() if process.poll() is None}
        if name == "daemon" or not {"code", "web"} <= running:
            return
        self.wait_for_jobs(running)
        while name == "code" and not self.reload():
            self.wait_for_jobs(running)
            time.sleep(0.5)

    def workers(self) -> list[int]:
        """The processes that run runs: what the code server has forked. (Processes of single steps are theirs.)"""
        if "code" not in self.processes:
            return []
        group, parents, words = self.processes["code"].pid, {}, {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, IndexError):
                # The name in parentheses may have anything in it; after it: state, parent, group.
                _, parent, of = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:3]
                if int(of) == group:
                    parents[int(folder.name)] = int(parent)
                    words[int(folder.name)] = (folder / "cmdline").read_bytes().split(b"\0")
        return sorted(pid for pid, parent in parents.items() if b"--multiprocessing-fork" in words[pid] and b"grpc" in words.get(parent, []))

    def tail(self, name: str) -> str:
        path = self.logs / f"{name}.log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def close(self) -> None:
        for name in reversed(NAMES):
            process = self.processes.get(name)
            if process and process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
        for name in NAMES:
            self.end(name, signal.SIGTERM)
        if self.own_home:
            shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def obey(self, line: str) -> None:
        """One line of a test."""
        match line.split(maxsplit=2):
            case ["stop" | "kill" as how, name] if name in NAMES:
                self.end(name, signal.SIGTERM if how == "stop" else signal.SIGKILL)
                say(**{how: name})
            case ["start", name] if name in NAMES:
                self.start_again(name)
                say(start=name, pid=self.processes[name].pid)
            case ["set", variable, value]:
                self.environment[variable] = value
                say(set=variable)
            case ["workers"]:
                say(workers=self.workers())
            case []:
                pass
            case _:
                say(error=f"no such order: {line.strip()}")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--location", help="a Python file or a module with `defs`; else the one of the tests")
    arguments.add_argument("--home", type=Path, help="DAGSTER_HOME, which stays; else a temporary one")
    arguments.add_argument("--port", type=int, default=0, help="of the webserver; else a free one")
    given = arguments.parse_args()

    def ended(*_):
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, ended)
    signal.signal(signal.SIGINT, ended)
    rig = Rig(given.location, given.home, given.port)
    try:
        # While it starts as well: whoever is gone does not wait for it.
        lines = Lines()
        jobs = rig.start()
        say(
            url=rig.url, location=LOCATION, repository="__repository__", home=str(rig.home), jobs=jobs,
            pids={name: process.pid for name, process in rig.processes.items()},
        )  # fmt: skip
        for line in lines:
            try:
                rig.obey(line)
            except Broken as error:
                say(error=str(error))
    except Broken as error:
        print(f"rig: {error}", file=sys.stderr)
        return 1
    finally:
        # A second signal must not leave half of it behind.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        rig.close()
    return 0


class Lines:
    """Standard input, read by a thread, so that its end ends the start as well."""

    def __init__(self):
        self.lines: list[str] = []
        self.over = False
        self.changed = threading.Condition()
        self.iterating = False
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in sys.stdin:
            with self.changed:
                self.lines.append(line)
                self.changed.notify()
        with self.changed:
            self.over = True
            self.changed.notify()
            starting = not self.iterating
        if starting:
            os.kill(os.getpid(), signal.SIGTERM)

    def __iter__(self):
        with self.changed:
            self.iterating = True
        while True:
            with self.changed:
                while not self.lines and not self.over:
                    self.changed.wait()
                if not self.lines:
                    return
                line = self.lines.pop(0)
            yield line


if __name__ == "__main__":
    sys.exit(main())
