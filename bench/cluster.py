"""A private PostgreSQL for measuring: started by `.ci/postgres`, asked by psql."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
POSTGRES = ROOT / ".ci" / "postgres"

# Of the server that is measured, beside PostgreSQL's own defaults (so fsync and synchronous_commit are on).
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB", "checkpoint_timeout": "15min"}
# While it is filled, nothing has to survive a crash.
FILLING = {
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "60min",
    "maintenance_work_mem": "1GB",
    "work_mem": "256MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Compiling costs more than it saves.
    "jit": "off",
}
LOG_PREFIX = "user=%u "

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """Something that the user can understand and mend; shown without a traceback."""


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def cpu_seconds(pid: int, with_children_that_ended: bool = False) -> float:
    """User and system time of a process so far; 0 when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    # After the name, which may contain anything, from field 3 on: 14 to 17 are utime, stime, cutime, cstime.
    fields = text.rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11 : 15 if with_children_that_ended else 13]) / TICKS_PER_SECOND


class Cluster:
    """PostgreSQL in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.bin = Path(_postgres("bin").strip())
        password = folder / "logins"
        if not password.exists():
            folder.mkdir(parents=True, exist_ok=True)
            password.touch(mode=0o600)
            password.write_text(secrets.token_hex(24))
        self.password = password.read_text()

    @property
    def exists(self) -> bool:
        return (self.folder / "data" / "PG_VERSION").exists()

    def create(self) -> None:
        """Makes the folder of the data, whose logins all have one password."""
        _postgres("create", self.folder, PGPASSWORD=self.password)

    def start(self, settings: Mapping[str, str]) -> None:
        self.stop_leftover()
        self.port = free_port()
        every = {**settings, "log_line_prefix": f"'{LOG_PREFIX}'"}
        _postgres("start", self.folder, self.port, *(f"{name}={value}" for name, value in every.items()))

    def stop(self) -> None:
        if self.port:
            _postgres("stop", self.folder)
            self.port = 0

    def stop_leftover(self) -> None:
        """Ends the server of a run that was killed, if it still lives in this folder."""
        try:
            pid = self.postmaster()
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            return
        if name == "postgres":
            _postgres("stop", self.folder, "immediate")

    def warm(self) -> None:
        """Reads the data once, so that it is in the machine's memory if it fits."""
        files = [file for file in (self.folder / "data" / "base").rglob("*") if file.is_file()]
        gigabytes = sum(file.stat().st_size for file in files) / 1e9
        print(f"Reading {gigabytes:.1f} GB of data once ...", file=sys.stderr, flush=True)
        for file in files:
            with file.open("rb", buffering=0) as content:
                while content.read(1 << 22):
                    pass

    def make_database(self, name: str) -> None:
        """A database as a Supabase project has it before the first migration; owner: postgres."""
        _postgres("database", self.port, name, PGPASSWORD=self.password)
        self.sql("postgres", f"alter role postgres password '{self.password}'")

    def url(self, user: str, database: str) -> str:
        return f"postgres://{user}:{self.password}@127.0.0.1:{self.port}/{database}"

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PGPASSWORD": self.password, "PGOPTIONS": ""}

    def arguments(self, user: str, database: str) -> list[str]:
        """How psql and pgbench reach it."""
        return ["--host=127.0.0.1", f"--port={self.port}", f"--username={user}", "--", database]

    def sql(
        self, database: str, text: str = "", *, file: Path | None = None, user: str = "supabase_admin", variables: Mapping[str, object] | None = None
    ) -> str:
        """Runs SQL as a superuser, unless another user is named, and returns its rows, unaligned."""
        command = [str(self.bin / "psql"), "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--field-separator=|"]
        command += ["--set=ON_ERROR_STOP=1", *(f"--set={name}={value}" for name, value in (variables or {}).items())]
        command += [f"--file={file}" if file else "--file=-", *self.arguments(user, database)]
        done = subprocess.run(command, input=text, env=self.environment(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"PostgreSQL refuses {file.name if file else text[:200]!r}:\n{done.stderr.strip()}")
        return done.stdout.strip()

    def postmaster(self) -> int:
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def cpu_seconds(self) -> float:
        """Of all its processes so far, those that have ended included."""
        postmaster = self.postmaster()
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return cpu_seconds(postmaster, with_children_that_ended=True) + sum(cpu_seconds(int(pid)) for pid in children)

    @property
    def log(self) -> Path:
        return self.folder / "log"


def _postgres(*arguments: object, **environment: str) -> str:
    """Carries out a command of `.ci/postgres`. The output of a server that it starts is not ours to wait for."""
    command = [str(POSTGRES), *(str(argument) for argument in arguments)]
    quiet = arguments[0] == "start"
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        stdout=subprocess.DEVNULL if quiet else subprocess.PIPE,
        stderr=None if quiet else subprocess.PIPE,
    )
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, arguments[:2]))}: {(done.stderr or '').strip() or 'failed'}")
    return done.stdout or ""
