#!/usr/bin/env python3
"""What moving in takes: 1,000 models with 5 versions each from a live MLflow, killed in the middle, gone on, and run again.

    python3 bench/imports.py [PROGRAM] [--models 1000] [--versions 5]

Needs the program (target/release/blockyard), PostgreSQL's programs, and an MLflow (`just mlflow-tools`).
"""

import argparse
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".ci"))

from private_service import Service  # noqa: E402


def start_mlflow(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (folder / "log").open("w")
    command = [ROOT / "target/tools/mlflow/bin/python", ROOT / ".ci/mlflow-server.py", str(port), folder]
    server = subprocess.Popen(command, stdout=log, stderr=log)
    uri = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            # The first question makes its tables.
            urllib.request.urlopen(f"{uri}/api/2.0/mlflow/registered-models/search").read()
            urllib.request.urlopen(f"{uri}/api/2.0/mlflow/experiments/get?experiment_id=0").read()
            return server, uri
        except OSError:
            time.sleep(0.2)
    sys.exit(f"MLflow does not start: {(folder / 'log').read_text()}")


def fill(folder, models, versions):
    """Into its tables: by its API it would take far longer than the import."""
    database = sqlite3.connect(folder / "mlflow.db", timeout=60)

    def insert(table, **row):
        names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
        database.execute(f"insert into {table} ({names}) values ({marks})", tuple(row.values()))

    now = 1_790_000_000_000
    for model in range(models):
        name = f"model-{model:04}"
        insert("registered_models", name=name, creation_time=now, last_updated_time=now, description="measured", workspace="default")
        for version in range(1, versions + 1):
            run = f"{model:016x}{version:016x}"
            insert(
                "runs",
                run_uuid=run,
                name="train",
                source_type="UNKNOWN",
                source_name="",
                source_version="",
                entry_point_name="",
                user_id="ada",
                artifact_uri=f"s3://runs/{run}",
                status="FINISHED",
                start_time=now + version,
                lifecycle_stage="active",
                experiment_id=0,
            )
            for key in range(5):
                insert("params", key=f"p{key}", value=str(key), run_uuid=run)
                insert("latest_metrics", key=f"m{key}", value=key / 7, timestamp=now, step=0, is_nan=False, run_uuid=run)
            insert(
                "model_versions",
                name=name,
                version=version,
                creation_time=now + version,
                last_updated_time=now + version,
                current_stage="None",
                source=f"s3://models/{name}/{version}",
                run_id=run,
                status="READY",
                workspace="default",
            )
        insert("registered_model_aliases", alias="champion", version=versions, name=name, workspace="default")
    database.commit()
    database.close()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program", nargs="?", type=Path, default=ROOT / "target/release/blockyard")
    arguments.add_argument("--models", type=int, default=1000)
    arguments.add_argument("--versions", type=int, default=5)
    wanted = arguments.parse_args()
    total = wanted.models * wanted.versions
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        (Path(folder) / "mlflow").mkdir()
        (Path(folder) / "service").mkdir(mode=0o755)
        mlflow, uri = start_mlflow(Path(folder) / "mlflow")
        service = None
        try:
            fill(Path(folder) / "mlflow", wanted.models, wanted.versions)
            service = Service(wanted.program, Path(folder) / "service")
            key = service.login("admin", service.admin_password).post("/api-keys", {"name": "import"})["key"]
            environment = os.environ | {"BLOCKYARD_URL": service.url, "BLOCKYARD_API_KEY": key}
            command = [wanted.program, "import", "mlflow", "--uri", uri, "--format", "json"]

            begun = time.monotonic()
            child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            for line in child.stderr:
                if not line[0].isdigit():
                    sys.exit(line + child.stderr.read())
                if int(line.split()[0]) >= total * 2 // 5:
                    child.send_signal(signal.SIGKILL)
                    break
            child.wait()
            print(f"killed after {time.monotonic() - begun:.1f} s: {line.strip()}")
            for what in ("gone on", "again"):
                begun = time.monotonic()
                told = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
                report = json.loads(told.stdout)
                print(
                    f"{what}: {time.monotonic() - begun:.1f} s; {report['present']['versions']} were there, "
                    f"{report['imported']['versions']} came, {report['aliases_changed']} aliases, {len(report['left_out'])} left out"
                )
            if report["present"]["versions"] != total or report["imported"]["versions"] != 0:
                sys.exit("that is not all of it")
        finally:
            mlflow.kill()
            if service:
                service.stop()


if __name__ == "__main__":
    main()
