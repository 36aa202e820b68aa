#!/usr/bin/env python3
"""Whether starting a run waits for Dagster: the same requests before a stand-in that answers at once, before one that takes
10 s for each answer, and recorded by hand.

    python3 bench/launches.py [PROGRAM] [--requests 400]

Needs the program (target/release/blockyard) and PostgreSQL's programs.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".ci"))

from private_service import Service  # noqa: E402


class Dagster(BaseHTTPRequestHandler):
    seconds = 0.0

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.seconds)
        answer = json.dumps({"data": {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": str(uuid.uuid4())}}}}).encode()
        try:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        except OSError:
            pass

    def log_message(self, *_):
        pass


def measure(program, url, requests):
    """How long each start of a run took, in milliseconds, sorted."""
    os.environ.pop("DAGSTER_URL", None)
    if url:
        os.environ["DAGSTER_URL"] = url
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        service = Service(program, Path(folder))
        try:
            admin = service.login("admin", service.admin_password)
            block = admin.post("/blocks", {"name": "a", "block_type": "model"})
            admin.post("/pipelines", {"name": "p", "blocks": [{"block_id": block["block_id"]}]})
            took = []
            for number in range(requests + 50):
                begun = time.perf_counter()
                admin.post("/pipelines/p/runs", {"parameters": {"number": number}})
                took.append((time.perf_counter() - begun) * 1000)
            return sorted(took[50:])
        finally:
            service.stop()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program", nargs="?", default=str(ROOT / "target/release/blockyard"))
    arguments.add_argument("--requests", type=int, default=400)
    given = arguments.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dagster)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    print(f"{given.requests} runs started, one after the other; milliseconds\n\n| | p50 | p95 | longest |\n|---|---:|---:|---:|")
    for what, where, seconds in (("by hand", None, 0), ("Dagster answers at once", url, 0), ("Dagster takes 10 s", url, 10)):
        Dagster.seconds = seconds
        took = measure(os.path.abspath(given.program), where, given.requests)
        print(f"| {what} | {took[len(took) // 2]:.1f} | {took[len(took) * 95 // 100]:.1f} | {took[-1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
