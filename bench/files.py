#!/usr/bin/env python3
"""What a file saves: so many new blocks in one apply, as JSON and as CSV, beside as many POSTs; then the same file again, and an export.

    python3 bench/files.py [PROGRAM] [--blocks 5000] [--connections 8]

Needs the program (target/release/blockyard) and PostgreSQL's programs.
"""

import argparse
import csv
import http.client
import io
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".ci"))

from private_service import Service  # noqa: E402


def send(connection, token, method, path, body=None, media_type="application/json"):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": media_type}
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status not in (200, 201):
        sys.exit(f"{method} {path}: {answer.status} {text[:500]!r}")
    return json.loads(text)


def blocks(number, kind):
    return [
        {"name": f"block {n}", kind: "dataset", "description": f"What is in table {n}", "metadata": {"rows": n, "license": "mit"}}
        for n in range(number)
    ]


def by_posts(port, token, number, connections):
    bodies = [json.dumps(block) for block in blocks(number, "block_type")]

    def post(share):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for body in share:
            send(connection, token, "POST", "/blocks", body)

    threads = [threading.Thread(target=post, args=(bodies[at::connections],)) for at in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def by_json(number):
    return json.dumps({"apiVersion": "blockyard/v1", "owner": "measured", "blocks": blocks(number, "type")}), "application/json"


def by_csv(number):
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["name", "type", "description", "metadata/rows", "metadata/license"])
    for block in blocks(number, "type"):
        table.writerow([block["name"], block["type"], block["description"], *block["metadata"].values()])
    return text.getvalue(), "text/csv"


def on_a_new_registry(program, measure):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        service = Service(program, Path(folder))
        try:
            port = int(service.url.rsplit(":", 1)[1])
            token = service.login("admin", service.admin_password).token
            connection = http.client.HTTPConnection("127.0.0.1", port)
            measure(lambda *what: send(connection, token, *what), port, token)
        finally:
            service.stop()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program", nargs="?", default=str(ROOT / "target/release/blockyard"))
    arguments.add_argument("--blocks", type=int, default=5000)
    arguments.add_argument("--connections", type=int, default=8)
    given = arguments.parse_args()
    number, program = given.blocks, os.path.abspath(given.program)
    print(f"{number} blocks\n\n| | seconds | blocks a second |\n|---|---:|---:|")

    def told(what, work):
        begun = time.perf_counter()
        work()
        took = time.perf_counter() - begun
        print(f"| {what} | {took:.1f} | {number / took:,.0f} |", flush=True)

    def posts(_ask, port, token):
        told(f"{number} POSTs, {given.connections} connections", lambda: by_posts(port, token, number, given.connections))

    def applies(form, what):
        def measure(ask, _port, _token):
            body, media_type = form(number)
            told(f"one apply, {what}", lambda: ask("POST", "/apply", body, media_type))
            told("the same again: nothing to do", lambda: ask("POST", "/apply", body, media_type))
            told("its export", lambda: ask("GET", "/export"))

        return measure

    on_a_new_registry(program, posts)
    on_a_new_registry(program, applies(by_json, "JSON"))
    on_a_new_registry(program, applies(by_csv, "CSV"))


if __name__ == "__main__":
    main()
