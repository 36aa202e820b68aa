#!/usr/bin/env python3
# /// script
# requires-python = ">=3.9"
# dependencies = ["httpx"]
# ///
"""A tour of Blockyard with httpx: versions, the gate before a run, the lock, the audit trail.

    BLOCKYARD_PASSWORD=… uv run examples/tour.py

uv (https://docs.astral.sh/uv/) fetches httpx; without it: python -m venv it && it/bin/pip install httpx, then it/bin/python.

BLOCKYARD_URL is http://127.0.0.1:8000 and BLOCKYARD_USERNAME admin unless set; the account must be
an admin's. Every name has a random end, so that the tour can be repeated; what it makes stays.
tour.sh takes the same steps. Python 3.9 or newer.
"""

import hashlib
import json
import os
import secrets
import sys
import time
from collections import Counter
from typing import Any

try:
    import httpx
except ModuleNotFoundError:
    sys.exit("tour.py needs httpx: uv run examples/tour.py, or pip install httpx in a virtual environment")

URL = os.environ.get("BLOCKYARD_URL", "http://127.0.0.1:8000").rstrip("/")


class Unexpected(Exception):
    pass


def step(title: str) -> None:
    print(f"\n== {title}")


def show(line: str) -> None:
    print(f"   {line}")


def expect(truth: bool, what: str) -> None:
    # Not `assert`: python -O leaves that out
    if not truth:
        raise Unexpected(f"not so: {what}")


def ask(client: httpx.Client, expected: int, method: str, path: str, body: dict | None = None) -> Any:
    response = client.request(method, path, json=body)
    show(f"{method} {path} -> {response.status_code}")
    if response.status_code != expected:
        raise Unexpected(f"{method} {path}: {response.status_code} instead of {expected}: {response.text}")
    return response.json()


def logged_in(username: str, password: str) -> "tuple[httpx.Client, dict]":
    """A client that carries the account's access token, and the account."""
    client = httpx.Client(base_url=URL, timeout=30)
    tokens = ask(client, 200, "POST", "/auth/login", {"username": username, "password": password})
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    user = tokens["user"]
    show(f"{user['username']} is {user['role']}, for {tokens['expires_in']} seconds")
    return client, user


def tour(username: str, password: str) -> None:
    run = secrets.token_hex(4)
    passengers, fares, model = f"passengers-{run}", f"fares-{run}", f"survival-{run}"
    pipeline = f"nightly-{run}"
    datasets = [passengers, fares]

    step(f"Log in as {username}")
    admin, admin_user = logged_in(username, password)
    expect(admin_user["role"] == "admin", "the account is an admin's")

    step("Create a developer, and log in as them")
    developer_name, developer_password = f"tour-{run}", secrets.token_hex(16)
    created = ask(
        admin,
        201,
        "POST",
        "/users",
        {
            "username": developer_name,
            "email": f"{developer_name}@example.org",
            "role": "developer",
            "password": developer_password,
        },
    )
    expect(created["role"] == "developer" and created["is_active"], "an active developer")
    developer, developer_user = logged_in(developer_name, developer_password)
    expect(developer_user["user_id"] == created["user_id"], "the one who was created")

    step("Register two datasets and a model")
    for name, block_type, metadata in [
        (passengers, "dataset", {"rows": 891}),
        (fares, "dataset", {"rows": 891}),
        (model, "model", {"layers": 3}),
    ]:
        block = ask(
            developer,
            201,
            "POST",
            "/blocks",
            {
                "name": name,
                "block_type": block_type,
                "metadata": metadata,
            },
        )
        expect(block["version_number"] == 1, "the first version")
        expect(block["created_by"] == developer_user["user_id"], "created by the developer")
        show(f"{block['block_type']} {block['name']}, version {block['version_number']}")

    step("Change a dataset: that makes a version")
    block = ask(
        developer,
        200,
        "PATCH",
        f"/blocks/{passengers}",
        {
            "metadata": {"rows": 1309, "source": "Encyclopedia Titanica"},
        },
    )
    expect((block["version_number"], block["latest_version_number"]) == (2, 2), "version 2")
    expect(block["metadata"]["rows"] == 1309, "the new metadata")
    show(f"version {block['version_number']}: {json.dumps(block['metadata'])}")

    step("Its versions, what differs, and who did it")
    versions = ask(developer, 200, "GET", f"/blocks/{passengers}/versions")["items"]
    expect(
        [(version["version_number"], version["is_active"]) for version in versions] == [(2, True), (1, False)],
        "versions 2 (active) and 1",
    )
    for version in versions:
        active = " (active)" if version["is_active"] else ""
        show(f"version {version['version_number']}{active}: {json.dumps(version['metadata'])}")
    patch = ask(developer, 200, "GET", f"/blocks/{passengers}/diff?from=1&to=2")
    expect(
        sorted(patch, key=lambda change: change["path"])
        == [
            {"op": "replace", "path": "/metadata/rows", "value": 1309},
            {"op": "add", "path": "/metadata/source", "value": "Encyclopedia Titanica"},
        ],
        "the difference of 1 and 2",
    )
    for change in patch:
        show(json.dumps(change))
    history = ask(developer, 200, "GET", f"/blocks/{passengers}/history")["items"]
    expect(len(history) > 2, "a history")
    expect(all(row["user_id"] == developer_user["user_id"] for row in history), "all by the developer")
    for row in history:
        request = row["details"]["request"]
        show(f"{row['action_type']} {row['details']['table']} by {request['method']} {request['path']}")

    step("Go back to version 1")
    block = ask(developer, 200, "POST", f"/blocks/{passengers}/versions/1/activate")
    expect((block["version_number"], block["latest_version_number"]) == (1, 2), "version 1 of 2")
    expect(block["metadata"] == {"rows": 891}, "the metadata of version 1")
    show(f"version {block['version_number']} of {block['latest_version_number']}: {json.dumps(block['metadata'])}")

    step("Create an edge from each dataset to the model")
    for dataset in datasets:
        edge = ask(
            developer,
            201,
            "POST",
            "/edges",
            {
                "name": f"train-on-{dataset}",
                "metadata": {"batch_size": 32},
            },
        )
        expect(edge["version_number"] == 1, "the first version")
        show(f"edge {edge['name']}, version {edge['version_number']}")

    step("Join them in a pipeline")
    created = ask(
        developer,
        201,
        "POST",
        "/pipelines",
        {
            "name": pipeline,
            "blocks": [{"block_id": name} for name in [*datasets, model]],
            "edges": [{"edge_id": f"train-on-{dataset}", "source_block_id": dataset, "target_block_id": model} for dataset in datasets],
        },
    )
    expect(created["times_run"] == 0 and created["average_runtime"] is None, "not run yet")
    joined = ask(developer, 200, "GET", f"/pipelines/{pipeline}?include=blocks,edges")
    expect((len(joined["blocks"]), len(joined["edges"])) == (3, 2), "3 blocks and 2 edges")
    show(f"{joined['name']}: {len(joined['blocks'])} blocks, {len(joined['edges'])} edges")

    step("May it run?")
    readiness = ask(developer, 200, "GET", f"/pipelines/{pipeline}/readiness")
    expect(readiness["ready"] is False, "not ready")
    expect([b["code"] for b in readiness["blockers"]] == ["edge_unverified"] * 2, "two unverified edges")
    show(f"ready: {json.dumps(readiness['ready'])}")
    for blocker in readiness["blockers"]:
        show(f"{blocker['code']} {blocker['name']}: {blocker['detail']}")

    step("So the run is refused")
    problem = ask(developer, 409, "POST", f"/pipelines/{pipeline}/runs")
    expect(problem["code"] == "not_ready" and len(problem["blockers"]) == 2, "not_ready, with both blockers")
    show(f"{problem['code']}: {problem['detail']} {len(problem['blockers'])} blockers")

    step(f"{username} verifies the edges")
    for dataset in datasets:
        verification = ask(
            admin,
            201,
            "POST",
            f"/edges/train-on-{dataset}/versions/active/verifications",
            {
                "verification_status": "passed",
                "verification_logs": "12 checks, 0 failures",
            },
        )
        expect(verification["verification_status"] == "passed", "passed")
        expect(verification["version_number"] == 1, "of version 1")
        expect(verification["verified_by"] == admin_user["user_id"], "verified by the admin")
        show(f"version {verification['version_number']} {verification['verification_status']} at {verification['verified_at']}")

    step("Now it may run")
    readiness = ask(developer, 200, "GET", f"/pipelines/{pipeline}/readiness")
    expect(readiness["ready"] is True and readiness["blockers"] == [], "ready")
    digest = readiness["lock_digest"]
    show(f"ready: {json.dumps(readiness['ready'])}, on {digest}")

    step("Run it: the scheduler says when it starts and how it ends")
    started = ask(developer, 201, "POST", f"/pipelines/{pipeline}/runs")
    expect(started["status"] == "queued" and started["lock_digest"] == digest, "queued, on that lock")
    show(started["status"])
    report = ask(developer, 200, "PATCH", f"/runs/{started['run_id']}", {"status": "started"})
    expect(report["status"] == "started" and report["started_at"] is not None, "started")
    show(f"{report['status']} at {report['started_at']}")
    time.sleep(1)
    report = ask(developer, 200, "PATCH", f"/runs/{started['run_id']}", {"status": "success"})
    expect(report["status"] == "success" and report["ended_at"] is not None, "ended")
    show(f"{report['status']} at {report['ended_at']}")

    step("The pipeline has counted it")
    counted = ask(developer, 200, "GET", f"/pipelines/{pipeline}")
    expect(counted["times_run"] == 1 and counted["average_runtime"] >= 1, "one run of a second or more")
    show(f"times_run {counted['times_run']}, average_runtime {counted['average_runtime']} seconds")

    step("What the run ran on: its lock, whose name is its SHA-256")
    answer = ask(developer, 200, "GET", f"/locks/{digest}")
    lock = answer["lock"]
    expect(answer["lock_digest"] == digest, "the lock that was asked for")
    expect([block["version_number"] for block in lock["blocks"]] == [1, 1, 1], "all blocks at version 1")
    expect(len(lock["edges"]) == 2, "two edges")
    expect(all(edge["verification"]["verified_by"] == admin_user["user_id"] for edge in lock["edges"]), "verified by the admin")
    for block in lock["blocks"]:
        show(f"{block['block_type']} {block['name']}, version {block['version_number']}")
    for edge in lock["edges"]:
        show(f"edge {edge['name']}, version {edge['version_number']}, verified at {edge['verification']['verified_at']}")
    # The canonical form of RFC 8785, for text as plain as this
    canonical = json.dumps(lock, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    expect(hashlib.sha256(canonical.encode()).hexdigest() == digest, "the digest is the lock's SHA-256")

    step("Who did what: the audit trail, which an admin sees whole")
    rows = ask(admin, 200, "GET", f"/audit-logs?user_id={developer_user['user_id']}&limit=200")["items"]
    actions = Counter((row["entity_type"], row["action_type"]) for row in rows)
    for action in [("block", "CREATE"), ("block", "UPDATE"), ("edge", "CREATE"), ("pipeline_run", "CREATE")]:
        expect(action in actions, f"{action} in the trail")
    for (entity_type, action_type), count in sorted(actions.items()):
        show(f"{developer_name}: {count} x {action_type} {entity_type}")
    rows = ask(admin, 200, "GET", f"/audit-logs?entity_type=verification&user_id={admin_user['user_id']}&limit=2")["items"]
    expect(len(rows) == 2, "both verifications")
    for row in rows:
        status = row["details"]["after"]["verification_status"]
        expect(row["action_type"] == "CREATE" and status == "passed", "a verification that passed")
        show(f"{username}: {row['action_type']} {row['entity_type']} {status}")
    rows = ask(admin, 200, "GET", f"/pipelines/{pipeline}/history")["items"]
    expect(all(row["user_id"] == developer_user["user_id"] and row["subject_id"] == created["pipeline_id"] for row in rows), "all by the developer")
    last = rows[0]
    show(f"last: {last['action_type']} {last['entity_type']} {last['details']['before']['status']} -> {last['details']['after']['status']}")

    print("\nThe tour is over; all was as expected.")


def main() -> int:
    username = os.environ.get("BLOCKYARD_USERNAME", "admin")
    password = os.environ.get("BLOCKYARD_PASSWORD")
    if not password:
        print(f"BLOCKYARD_PASSWORD: the password of {username}", file=sys.stderr)
        return 1
    try:
        tour(username, password)
    except (Unexpected, httpx.HTTPError) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
