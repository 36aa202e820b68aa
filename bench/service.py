"""The service that is measured: the release build, with its defaults."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster import ROOT, Cluster, Failed, cpu_seconds, free_port

JWT_SECRET = "measured-and-never-used-for-anything-else"
# Of the environment of whoever measures, only what finds programs; a setting of the service would falsify the figures.
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
SECONDS_TO_START = 30
# Access tokens live for 15 minutes.
TOKEN_SECONDS = 300


def run_command(command: Sequence[str], environment: Mapping[str, str] | None = None, *, cwd: Path | None = None, stdin: str = "") -> str:
    """Runs a program to its end and returns its output."""
    try:
        done = subprocess.run(command, env=_environment(environment or {}), cwd=cwd, input=stdin, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Failed(f"the program {command[0]} is missing") from None
    if done.returncode != 0:
        raise Failed(f"{' '.join(command[:3])} fails:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout


def build() -> Path:
    """The release build of this very source; cargo tells how far it is."""
    if subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=False).returncode != 0:
        raise Failed("the service does not build")
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "blockyard"


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if name in INHERITED}, **more}


@dataclass(frozen=True)
class Answer:
    """What a request was answered with."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> dict[str, object]:
        return dict(json.loads(self.body))


class Service:
    """A running service on a database of the cluster."""

    def __init__(self, program: Path, cluster: Cluster, database: str, folder: Path) -> None:
        self.program = program
        self.cluster = cluster
        self.database = database
        # Its folder, for the log file that it writes by default.
        self.folder = folder
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Starts it, and returns how many seconds it took to be ready."""
        self.port = free_port()
        environment = _environment(
            {
                "DATABASE_URL": self.cluster.url("blockyard_api", self.database),
                "JWT_SECRET": JWT_SECRET,
                "PORT": str(self.port),
                "HOST": "127.0.0.1",
            }
        )
        with self.output.open("ab") as output:
            begun = time.perf_counter()
            self.process = subprocess.Popen(
                [str(self.program), "serve"], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        while time.perf_counter() - begun < SECONDS_TO_START:
            if self._is_ready():
                return time.perf_counter() - begun
            if self.process.poll() is not None:
                break
            time.sleep(0.001)
        raise Failed(f"the service does not get ready:\n{self.output.read_text()[-3000:]}")

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return connection.recv(64).startswith(b"HTTP/1.1 200 ")
        except OSError:
            return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    @property
    def output(self) -> Path:
        return self.folder / "output"

    def forget_output(self) -> None:
        """It writes a line for each request; nobody reads them, and disks are finite."""
        os.truncate(self.output, 0)

    @property
    def pid(self) -> int:
        if self.process is None or self.process.poll() is not None:
            raise Failed(f"the service has ended:\n{self.output.read_text()[-3000:]}")
        return self.process.pid

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)

    def memory(self) -> dict[str, float]:
        """Resident memory in MB: all of it, and the part that is not shared with other processes' files."""
        sizes = {}
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, _, value = line.partition(":")
            sizes[name] = int(value.split()[0]) / 1024
        return {"rss": sizes["Rss"], "pss": sizes["Pss"], "anonymous": sizes["Anonymous"]}

    def request(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            content = None if body is None else json.dumps(body)
            given = {"Content-Type": "application/json"} if content else {}
            connection.request(method, path, content, {**given, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


class Session:
    """A user of the service: the headers of their requests."""

    def __init__(self, service: Service, username: str, password: str) -> None:
        self.service = service
        self.login = {"username": username, "password": password}
        self._token: tuple[float, dict[str, str]] | None = None
        self._key: dict[str, str] | None = None

    @property
    def token(self) -> dict[str, str]:
        """With an access token that lasts for the next measurement."""
        if self._token is None or time.monotonic() - self._token[0] > TOKEN_SECONDS:
            answer = self.service.request("POST", "/auth/login", self.login)
            if answer.status != 200:
                raise Failed(f"the login is refused: {answer.body.decode()}")
            self._token = (time.monotonic(), {"Authorization": f"Bearer {answer.json()['access_token']}"})
        return self._token[1]

    @property
    def key(self) -> dict[str, str]:
        """With an API key instead."""
        if self._key is None:
            answer = self.service.request("POST", "/api-keys", {"name": f"bench {time.time_ns()}"}, self.token)
            if answer.status != 201:
                raise Failed(f"the API key is refused: {answer.body.decode()}")
            self._key = {"X-API-Key": str(answer.json()["key"])}
        return self._key
