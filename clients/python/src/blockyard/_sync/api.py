"""Requests, as the service wants them."""

from typing import Any, TypeVar

import httpx
from httpx_retries import RetryTransport
from pydantic import PrivateAttr

from .. import _http, _problems
from .._model import Model


class Record(Model):
    """An answer that knows where it came from, and on which revision it is."""

    _api: "Api" = PrivateAttr()
    _path: str = PrivateAttr(default="")
    _etag: str | None = PrivateAttr(default=None)


R = TypeVar("R", bound=Record)


class Api:
    """Sends requests: repeats them, keeps to revisions, and raises what is refused."""

    def __init__(self, url: str | None, api_key: str | None, timeout: float, retries: int, transport: httpx.BaseTransport | None) -> None:
        base_url, headers = _http.settings(url, api_key)
        inner = transport or httpx.HTTPTransport()
        self.http = httpx.Client(
            base_url=base_url, headers=headers, timeout=timeout, transport=RetryTransport(transport=inner, retry=_http.retry(retries))
        )
        self.position: str | None = None

    def send(
        self, method: str, path: str, *, params: dict[str, Any] | None = None, body: dict[str, Any] | None = None, etag: str | None = None
    ) -> httpx.Response:
        """One request, and its answer if it is none of the refusals."""
        try:
            answer = self.http.request(
                method,
                path,
                params=_http.parameters(params or {}),
                json=None if body is None else _http.json_of(body),
                headers=_http.headers(method, etag, self.position),
            )
        except httpx.TransportError as error:
            raise _problems.Unreachable(f"{self.http.base_url} does not answer: {str(error) or type(error).__name__}") from error
        self.position = answer.headers.get("Blockyard-Position", self.position)
        if not answer.is_success:
            raise _problems.of(answer)
        return answer

    def ask(
        self, method: str, path: str, *, params: dict[str, Any] | None = None, body: dict[str, Any] | None = None, etag: str | None = None
    ) -> Any:
        """What the answer says, as it is."""
        return _http.data(self.send(method, path, params=params, body=body, etag=etag))

    def record(
        self, kind: type[R], method: str, path: str, at: str | None = None, *, body: dict[str, Any] | None = None, etag: str | None = None
    ) -> R:
        """What the answer says, as a thing that lives at a path of its own."""
        answer = self.send(method, path, body=body, etag=etag)
        return self.attach(kind, answer.json(), at or path, answer.headers.get("ETag"))

    def attach(self, kind: type[R], said: Any, path: str, etag: str | None = None) -> R:
        record = kind.model_validate(said)
        record._api, record._path, record._etag = self, path, etag
        return record
