"""A registry that answers as it is told, over HTTP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest


class Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Registry:
    """Answers each request with the next of `answers` (status, JSON, headers; None breaks the connection off), and with
    the last one from then on."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[Any] = [(200, {}, {})]
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                registry.requests.append(Request(self.command, self.path, headers, body))
                answer = registry.answers.pop(0) if len(registry.answers) > 1 else registry.answers[0]
                if answer is None:
                    self.close_connection = True
                    return
                status, content, more = answer
                text = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **more}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = answer  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BLOCKYARD_URL", "BLOCKYARD_API_KEY", "DAGSTER_EVENTS_SECRET", "BLOCKYARD_MAX_DEPTH", "BLOCKYARD_RUNNER"):
        monkeypatch.delenv(name, raising=False)
