"""The profile `dagster` of docker-compose.yml without an engine, for .ci/compose: each of its commands, as the file gives
it, with Dagster's programs of .ci/dagster. Another database of the same server stands for theirs."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "integrations/dagster"
PROCESSES = ("dagster-code", "dagster", "dagster-pages", "dagster-daemon")

JOBS = """{ workspaceLocationEntryOrError(name: "blockyard") { ... on WorkspaceLocationEntry { locationOrLoadError {
  ... on RepositoryLocation { repositories { jobs { name } } } ... on PythonError { message } } } } }"""
LAUNCH = """mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
  ... on LaunchRunSuccess { run { runId } } } }"""
STATUS = "query Status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


def fail(message):
    sys.exit(f"compose: {message}")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(what, seconds=180):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.5)
    return None


# A lock of examples/dagster's blocks, as the tests of the package make them.
EXAMPLE = """
import json
from locks import block, config, edge, lock, run_config
data, model = block("titanic-passengers"), block("titanic-survival", block_type="model")
print(json.dumps(run_config(config(lock([data, model], [edge("titanic-train", data, model)])))))
"""


class Dagster:
    def __init__(self, services, machine):
        self.services, self.machine = services, machine
        self.bin = Path(subprocess.check_output([ROOT / ".ci/dagster"], text=True).strip())
        self.ports = {name: free_port() for name in ("dagster-code", "dagster", "dagster-pages")}
        self.processes = {}

    def environment(self, name):
        environment = self.machine.environment(self.services[name])
        environment |= {
            "PATH": f"{self.bin}:{environment['PATH']}",
            # Of the Dockerfile; /blocks is a volume.
            "PYTHONPATH": self.machine.here(self.services[name], "/blocks"),
            "DAGSTER_HOME": str(self.machine.folder / f"tmp-of-{name}"),
            "DAGSTER_CONFIG": str(PACKAGE / "docker"),
            "DAGSTER_DATABASE": f"127.0.0.1:{self.machine.database}",
            "DAGSTER_CODE_HOST": "127.0.0.1",
            "DAGSTER_CODE_PORT": str(self.ports["dagster-code"]),
            "BLOCKYARD_URL": f"http://127.0.0.1:{self.machine.port}",
        }
        return environment

    def words(self, name, command):
        """A command of the file, on this machine: its paths, its addresses, its ports."""
        words = [self.machine.here(self.services[name], word).replace("/opt/dagster", str(PACKAGE / "docker")) for word in command]
        port = f"--port={self.ports.get(name)}"
        return [re.sub(r"^--port=\d+$", port, word.replace("=0.0.0.0", "=127.0.0.1")) for word in words]

    def command(self, name):
        service = self.services[name]
        return self.words(name, service["entrypoint"] + service["command"])

    def run(self, name, command):
        done = subprocess.run(command, cwd=self.machine.folder, env=self.environment(name), capture_output=True, text=True)
        if done.returncode:
            fail(f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}")

    def make_database(self):
        given, theirs = self.services["dagster-database"], self.machine.services["database"]

        def password(service):
            return Path(self.machine.here(service, service["environment"]["POSTGRES_PASSWORD_FILE"])).read_text()

        login = {"PGHOST": "127.0.0.1", "PGPORT": str(self.machine.database), "PGDATABASE": "postgres"}
        login |= {"PGUSER": theirs["environment"]["POSTGRES_USER"], "PGPASSWORD": password(theirs)}
        user, name = given["environment"]["POSTGRES_USER"], given["environment"]["POSTGRES_DB"]
        for statement in (f"create role {user} login password '{password(given)}'", f"create database {name} owner {user}"):
            subprocess.run(["psql", "--no-psqlrc", "--quiet", "--command", statement], env=self.machine.environment(theirs) | login, check=True)

    def ask(self, name, query, variables=None):
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[name]}/graphql", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def jobs(self, name):
        for process, running in self.processes.items():
            if running.poll() is not None:
                fail(f"{process} ended:\n{self.log(process)}")
        location = ((self.ask(name, JOBS) or {}).get("workspaceLocationEntryOrError") or {}).get("locationOrLoadError") or {}
        return [job["name"] for repository in location.get("repositories", []) for job in repository["jobs"]]

    def log(self, name):
        return (self.machine.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def example(self):
        """A launch of a pipeline of the example's blocks."""
        config = json.loads(subprocess.check_output([self.bin / "python", "-c", EXAMPLE], cwd=PACKAGE / "tests"))
        selector = {"repositoryLocationName": "blockyard", "repositoryName": "__repository__", "jobName": "blockyard_generic"}
        return {"params": {"selector": selector, "runConfigData": config, "executionMetadata": {"tags": []}}}

    def up(self):
        """Everything up, one pipeline run, everything down."""
        try:
            print("-- dagster-database, dagster-setup", flush=True)
            self.make_database()
            self.run("dagster-setup", self.command("dagster-setup"))
            for name in PROCESSES:
                print(f"-- {name}", flush=True)
                log = (self.machine.folder / f"{name}.log").open("wb")
                self.processes[name] = subprocess.Popen(
                    self.command(name), cwd=self.machine.folder, env=self.environment(name), stdout=log, stderr=log, start_new_session=True
                )
            for name in ("dagster", "dagster-pages"):
                if "blockyard_generic" not in (wait_for(lambda name=name: self.jobs(name)) or []):
                    fail(f"{name} does not show the job:\n{self.log(name)}\n{self.log('dagster-code')}")
            test = self.services["dagster-code"]["healthcheck"]["test"]
            self.run("dagster-code", self.words("dagster-code", test[1:]))
            example = self.example()
            refused = self.ask("dagster-pages", LAUNCH, example)
            if refused["launchRun"]["__typename"] != "UnauthorizedError":
                fail(f"whoever sees the pages may launch: {refused}")
            launched = self.ask("dagster", LAUNCH, example)["launchRun"]
            if launched["__typename"] != "LaunchRunSuccess":
                fail(f"the example is not launched: {launched}")

            def ended():
                status = self.ask("dagster", STATUS, {"id": launched["run"]["runId"]})["runOrError"]["status"]
                return status if status in ("SUCCESS", "FAILURE", "CANCELED") else None

            if (status := wait_for(ended)) != "SUCCESS":
                fail(f"the example ended as {status}:\n{self.log('dagster-code')}\n{self.log('dagster-daemon')}")
        finally:
            self.down()
        if not any((self.machine.folder / "dagster").rglob("result")):
            fail("what blocks came to is not on the volume")

    def down(self):
        for running in self.processes.values():
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGTERM)
        for running in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
