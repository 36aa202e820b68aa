"""What a request is made of, whether it is awaited or not."""

import os
import uuid
from typing import Any
from urllib.parse import quote

import httpx
from httpx_retries import Retry

from ._problems import BlockyardError, refusal

AGENT = "blockyard-python/0.1.0"
CHANGES = ("POST", "PUT", "PATCH", "DELETE")


def settings(url: str | None, api_key: str | None) -> tuple[str, dict[str, str]]:
    """The address and the headers of every request."""
    url = url or os.environ.get("BLOCKYARD_URL")
    if not url:
        raise BlockyardError("Where is the registry? Blockyard(url, api_key), or the variable BLOCKYARD_URL.")
    if not url.startswith(("http://", "https://")):
        raise BlockyardError(f"The address of the registry begins with http:// or https://, and {url!r} does not.")
    key = api_key or os.environ.get("BLOCKYARD_API_KEY")
    return url.rstrip("/"), {"User-Agent": AGENT, "Accept": "application/json"} | ({"X-API-Key": key} if key else {})


def retry(times: int) -> Retry:
    """1 s, 2 s, 4 s … and a random part of them, or what the service asks for. Every change has an idempotency key,
    so that repeating one is safe even when it is not known whether it was made."""
    return Retry(total=times, allowed_methods=["GET", *CHANGES], status_forcelist=[429, 502, 503, 504], backoff_factor=1.0, max_backoff_wait=60.0)


def headers(method: str, etag: str | None, position: str | None) -> dict[str, str]:
    """Of one request: a change is made once and on what was read, and a read is not older than the last change."""
    if method not in CHANGES:
        return {"Blockyard-Position": position} if position else {}
    return {"Idempotency-Key": str(uuid.uuid4())} | ({"If-Match": etag} if etag else {})


def path(*parts: object) -> str:
    """A path of names, each percent-encoded."""
    for part in parts:
        # These would be another path.
        if str(part).strip() in ("", ".", ".."):
            raise refusal(404, {"code": "not_found", "detail": f"Nothing is called {str(part)!r}."})
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)


def parameters(asked: dict[str, Any]) -> dict[str, Any]:
    """A query: what is None is not asked for, a time is RFC 3339, several of `include` or `sort` have commas between."""
    plain = {name: _text(value) for name, value in asked.items() if value is not None}
    return {name: ",".join(value) if isinstance(value, list | tuple) else value for name, value in plain.items()}


def json_of(body: dict[str, Any]) -> dict[str, Any]:
    """A body: ids and times as texts."""
    return {name: _text(value) for name, value in body.items()}


def _text(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def data(answer: httpx.Response) -> Any:
    return answer.json() if answer.content else None
