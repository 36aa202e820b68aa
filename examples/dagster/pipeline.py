#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["requests"]
# ///
"""One pipeline from its blocks to a run on Dagster: the gate, the lock, the steps, the log.

    BLOCKYARD_API_KEY=… uv run examples/dagster/pipeline.py

Of a Blockyard with a Dagster whose code location runs the blocks of blocks.py beside this (README.md says how).
BLOCKYARD_URL is http://127.0.0.1:8000 unless set. What is there already is used again, so it can be repeated.
Python 3.11 or newer.
"""

import hashlib
import json
import os
import sys
import time
import uuid
from typing import Any

try:
    import requests
except ModuleNotFoundError:
    sys.exit("pipeline.py needs requests: uv run examples/dagster/pipeline.py, or pip install requests in a virtual environment")

URL = os.environ.get("BLOCKYARD_URL", "http://127.0.0.1:8000").rstrip("/")
PIPELINE = {
    "name": "titanic",
    "blocks": [{"block_id": "titanic-passengers"}, {"block_id": "titanic-survival"}],
    "edges": [{"edge_id": "titanic-train", "source_block_id": "titanic-passengers", "target_block_id": "titanic-survival"}],
    "dagster_pipeline_config": {
        "schema_version": 1,
        "mode": "generic",
        "run_config": {"execution": {"config": {"in_process": {}}}},
        "block_config": {"titanic-passengers": {"without": ["third"]}},
        "max_runtime_seconds": 600,
    },
}


class Unexpected(Exception):
    pass


def expect(truth: bool, what: str) -> None:
    # Not `assert`: python -O leaves that out
    if not truth:
        raise Unexpected(f"not so: {what}")


class Registry:
    def __init__(self, key: str):
        self.session = requests.Session()
        self.session.headers["X-API-Key"] = key

    def ask(self, method: str, path: str, body: Any = None, *, but: int | None = None) -> Any:
        """The answer; None where it is refused with the status `but`."""
        headers = {} if method == "GET" else {"Idempotency-Key": str(uuid.uuid4())}
        answer = self.session.request(method, URL + path, json=body, headers=headers, timeout=60)
        print(f"   {method} {path} -> {answer.status_code}")
        if answer.status_code == but:
            return None
        if not answer.ok:
            raise Unexpected(f"{method} {path}: {answer.status_code}: {answer.text}")
        return answer.json()

    def there(self, things: str, body: Any) -> Any:
        """The thing of that name, made now or before."""
        return self.ask("POST", f"/{things}", body, but=409) or self.ask("GET", f"/{things}/{body['name']}")


def step(title: str) -> None:
    print(f"\n== {title}")


def show(line: str) -> None:
    print(f"   {line}")


def main(key: str) -> None:
    registry = Registry(key)

    step("Two blocks, an edge, and a pipeline of them")
    registry.there("blocks", {"name": "titanic-passengers", "block_type": "dataset", "metadata": {"source": "British inquiry, 1912"}})
    registry.there("blocks", {"name": "titanic-survival", "block_type": "model"})
    registry.there("edges", {"name": "titanic-train", "metadata": {"method": "count"}})
    registry.there("pipelines", PIPELINE)

    step("It may run once its edge is verified")
    readiness = registry.ask("GET", "/pipelines/titanic/readiness")
    if not readiness["ready"]:
        show("; ".join(blocker["detail"] for blocker in readiness["blockers"]))
        registry.ask(
            "POST", "/edges/titanic-train/versions/active/verifications", {"verification_status": "passed", "verification_logs": "2 + 2 = 4"}
        )
        readiness = registry.ask("GET", "/pipelines/titanic/readiness")
    expect(readiness["ready"], "the pipeline may run")

    step("Run it: the registry launches it on Dagster")
    before = registry.ask("GET", "/pipelines/titanic")["times_run"]
    run = registry.ask("POST", "/pipelines/titanic/runs", {"parameters": {"day": "1912-04-15"}})
    expect(run["status"] == "queued" and run["launch"], "queued, for Dagster")
    until, seen = time.monotonic() + 300, ""
    while run["status"] in ("queued", "started") and time.monotonic() < until:
        if run["status"] != seen:
            show(run["status"])
            seen = run["status"]
        time.sleep(0.5)
        run = requests.get(f"{URL}/runs/{run['run_id']}", headers=registry.session.headers, timeout=60).json()
    show(f"{run['status']}, from {run['started_at']} to {run['ended_at']}")
    expect(run["status"] == "success", f"it succeeds ({run['failure']})")

    step("What Dagster did: a step for each block")
    blocks = {block["block_id"]: block["name"] for block in readiness["blocks"]}
    answer = registry.ask("GET", f"/runs/{run['run_id']}/steps")
    done = {blocks[one["block_id"]]: one for one in answer["steps"] if one["block_id"]}
    for name, one in done.items():
        show(f"{name}: {one['status']} at {one['ended_at']}")
    expect(set(done) == set(blocks.values()), "both blocks have a step")
    expect(all(one["status"] == "SUCCESS" for one in done.values()), "both succeed")
    show(f"in Dagster: {answer['dagster_url']}")

    step("And its log")
    lines, cursor = [], ""
    while True:
        page = registry.ask("GET", f"/runs/{run['run_id']}/logs?limit=200{cursor}")
        lines += page["items"]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    said = [line["message"] for line in lines if line["block_id"] and not line["event"]]
    for line in said:
        show(line)
    # Without the third class, as the pipeline's configuration says.
    expect("610 passengers in 2 classes" in said, "the blocks ran as they are configured")

    step("What it ran on: its lock, whose name is its SHA-256")
    lock = registry.ask("GET", f"/locks/{run['lock_digest']}")["lock"]
    # The canonical form of RFC 8785, for text as plain as this
    canonical = json.dumps(lock, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    expect(hashlib.sha256(canonical.encode()).hexdigest() == run["lock_digest"], "the digest is the lock's SHA-256")
    for part in [*lock["blocks"], *lock["edges"]]:
        show(f"{part['name']}, version {part['version_number']}")
    after = registry.ask("GET", "/pipelines/titanic")
    expect(after["times_run"] == before + 1, "the run is counted")
    show(f"times_run {after['times_run']}, average_runtime {after['average_runtime']} seconds by Dagster's clock")
    print("\nAll was as expected.")


if __name__ == "__main__":
    api_key = os.environ.get("BLOCKYARD_API_KEY")
    if not api_key:
        sys.exit("BLOCKYARD_API_KEY: a key of POST /api-keys")
    try:
        main(api_key)
    except (Unexpected, requests.RequestException) as error:
        sys.exit(f"FAILED: {error}")
