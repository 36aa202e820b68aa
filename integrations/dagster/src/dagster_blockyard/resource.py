"""The registry, for ops, assets, checks and scripts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import dagster as dg
import requests
from pydantic import Field, PrivateAttr
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.util.retry import Retry

Answer = dict[str, Any]


class BlockyardError(Exception):
    """What the registry refused, in its own words."""

    def __init__(self, method: str, path: str, status: int, problem: Mapping[str, Any]):
        self.status = status
        #: A word that never changes, such as `not_ready`.
        self.code = str(problem.get("code", "unknown"))
        #: The rest of the refusal: `errors`, `blockers`, `request_id` …
        self.problem = dict(problem)
        detail = problem.get("detail") or "no explanation"
        faults = "".join(f"; {fault.get('pointer') or fault.get('parameter') or ''}: {fault.get('detail')}" for fault in problem.get("errors", []))
        request = f" (request {problem['request_id']})" if "request_id" in problem else ""
        super().__init__(f"{method} {path}: {status} {self.code}: {detail}{faults}{request}")


class _Key(AuthBase):
    # As `auth` it is not sent along a redirect, and no .netrc gives a second identity.
    def __init__(self, key: str):
        self.key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["X-API-Key"] = self.key
        return request


class BlockyardResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A Blockyard registry.

    Every change has an Idempotency-Key, so whatever is repeated is made once. Repeated is what may come to something:
    no connection, one that broke off, 429 and 503, after `Retry-After` or a growing pause.
    """

    url: str = Field(description="Where the registry is, such as https://blockyard.example.org.")
    api_key: str = Field(description="A key of POST /api-keys.")
    connect_timeout_seconds: float = Field(default=5.0, gt=0)
    read_timeout_seconds: float = Field(default=30.0, gt=0)
    retries: int = Field(default=6, ge=0, description="How often a request is repeated: 6 are half a minute, or what the registry asks for.")

    _session: requests.Session | None = PrivateAttr(default=None)

    @classmethod
    def from_environment(cls) -> BlockyardResource:
        """The registry at `BLOCKYARD_URL`, with the key `BLOCKYARD_API_KEY`, which Dagster reads when a run needs them."""
        return cls(url=dg.EnvVar("BLOCKYARD_URL"), api_key=dg.EnvVar("BLOCKYARD_API_KEY"))

    # Reading

    def block(self, block: str) -> Answer:
        """A block (id or name) as it is in use now."""
        return self._get("blocks", block)

    def blocks(self, **filters: Any) -> Iterator[Answer]:
        """The blocks, page by page; filters as `GET /blocks` has them: `name`, `category`, `q` …"""
        return self._list(["blocks"], filters)

    def block_version(self, block: str, version: int | str) -> Answer:
        """A version of a block: a number, `latest`, `active` or an alias. What has a number never changes."""
        return self._get("blocks", block, "versions", str(version))

    def edge(self, edge: str) -> Answer:
        """An edge (id or name) as it is in use now."""
        return self._get("edges", edge)

    def edge_version(self, edge: str, version: int | str) -> Answer:
        """A version of an edge: a number, `latest`, `active` or an alias. What has a number never changes."""
        return self._get("edges", edge, "versions", str(version))

    def block_alias(self, block: str, alias: str) -> Answer:
        """Where an alias of a block points: `version_number`, `version_id`."""
        return self._get("blocks", block, "aliases", alias)

    def edge_alias(self, edge: str, alias: str) -> Answer:
        """Where an alias of an edge points: `version_number`, `version_id`."""
        return self._get("edges", edge, "aliases", alias)

    def pipeline(self, pipeline: str) -> Answer:
        """A pipeline (id or name)."""
        return self._get("pipelines", pipeline)

    def run(self, run_id: str) -> Answer:
        """A run."""
        return self._get("runs", run_id)

    # Writing

    def report_verification(
        self, edge: str, version: int | str, passed: bool, *, logs: str | None = None, activate_when_passed: bool | None = None
    ) -> Answer:
        """Says that a version of an edge has passed its verification, or has not."""
        body: Answer = {"verification_status": "passed" if passed else "failed"}
        if logs:
            # Its end says most.
            body["verification_logs"] = logs[-LOG_CHARACTERS:]
        if activate_when_passed is not None:
            body["activate_when_passed"] = activate_when_passed
        return self._send("POST", _path("edges", edge, "versions", str(version), "verifications"), body=body)

    # How

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        self._session = self._connect()

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        if self._session:
            self._session.close()
            self._session = None

    def _connect(self) -> requests.Session:
        session = requests.Session()
        session.auth = _Key(self.api_key)
        retry = Retry(
            total=self.retries,
            # What is no answer and what asks for patience: docs/api.md, "When to send it again". POST and PATCH as well,
            # for they have a key.
            allowed_methods=None,
            status_forcelist=(429, 503),
            redirect=0,
            retry_after_max=60,
            backoff_factor=0.5,
            backoff_jitter=1.0,
            raise_on_status=False,
        )
        session.mount("http://", HTTPAdapter(max_retries=retry))
        session.mount("https://", HTTPAdapter(max_retries=retry))
        return session

    def _send(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Answer | None = None) -> Answer:
        session = self._session = self._session or self._connect()
        headers = {} if method == "GET" else {"Idempotency-Key": str(uuid.uuid4())}
        answer = session.request(
            method,
            self.url.rstrip("/") + path,
            params=query,
            json=body,
            headers=headers,
            timeout=(self.connect_timeout_seconds, self.read_timeout_seconds),
            allow_redirects=False,
        )
        try:
            read = answer.json()
        except requests.JSONDecodeError:
            read = {"code": "no_json", "detail": "The answer is no JSON: is BLOCKYARD_URL a Blockyard?"}
            raise BlockyardError(method, path, answer.status_code, read) from None
        if not 200 <= answer.status_code < 300 or not isinstance(read, dict):
            raise BlockyardError(method, path, answer.status_code, read if isinstance(read, dict) else {})
        return read

    def _get(self, *parts: str) -> Answer:
        return self._send("GET", _path(*parts))

    def _list(self, parts: list[str], filters: Mapping[str, Any]) -> Iterator[Answer]:
        query = dict(filters)
        while True:
            page = self._send("GET", _path(*parts), query=query)
            yield from page["items"]
            if not page["next_cursor"]:
                return
            query["cursor"] = page["next_cursor"]


#: The registry keeps 10 MiB; a character has at most 4 bytes.
LOG_CHARACTERS = 2_000_000


def _path(*parts: str) -> str:
    # Percent-encoded or not, they would be taken for steps of the path.
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{'/'.join(parts)}: a name of nothing in the registry")
    return "".join("/" + quote(part, safe="") for part in parts)
