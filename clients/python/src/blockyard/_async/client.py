"""The registry."""

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, Unpack

import httpx

from .. import _http
from .._generated import bodies, models
from .._model import Model
from .api import AsyncApi
from .listing import AsyncListing
from .runs import AsyncPipeline, AsyncRun
from .things import AsyncBlock, AsyncEdge, AsyncThing

T = TypeVar("T", bound=AsyncThing)


class AsyncCollection(Generic[T]):
    """All things of a kind, by name or id."""

    _kind: type[T]
    _name: str
    _id: str

    def __init__(self, api: AsyncApi) -> None:
        self._api, self._path = api, _http.path(self._name)

    async def __getitem__(self, name: object) -> T:
        """By name or id; `NotFound` is a `KeyError` as well."""
        answer = await self._api.send("GET", self._path + _http.path(name))
        return self._thing(answer.json(), answer.headers.get("ETag"))

    async def __aiter__(self) -> AsyncIterator[T]:
        async for thing in self._listing({}):
            yield thing

    def _thing(self, said: Any, etag: str | None = None) -> T:
        # By its id, so that it is found after it was renamed, too.
        return self._api.attach(self._kind, said, self._path + _http.path(said[self._id]), etag)

    def _listing(self, filters: dict[str, Any]) -> AsyncListing[T]:
        return AsyncListing(self._api, self._path, filters, self._thing)

    async def _create(self, body: dict[str, Any]) -> T:
        answer = await self._api.send("POST", self._path, body=body)
        return self._thing(answer.json(), answer.headers.get("ETag"))


class AsyncBlocks(AsyncCollection[AsyncBlock]):
    """`registry.blocks["survival"]`"""

    _kind, _name, _id = AsyncBlock, "blocks", "block_id"

    async def create(self, **body: Unpack[bodies.NewBlock]) -> AsyncBlock:
        return await self._create({**body})

    def list(self, **filters: Unpack[bodies.ListBlocks]) -> AsyncListing[AsyncBlock]:
        return self._listing({**filters})


class AsyncEdges(AsyncCollection[AsyncEdge]):
    """`registry.edges["train"]`"""

    _kind, _name, _id = AsyncEdge, "edges", "edge_id"

    async def create(self, **body: Unpack[bodies.NewEdge]) -> AsyncEdge:
        return await self._create({**body})

    def list(self, **filters: Unpack[bodies.ListEdges]) -> AsyncListing[AsyncEdge]:
        return self._listing({**filters})


class AsyncPipelines(AsyncCollection[AsyncPipeline]):
    """`registry.pipelines["nightly"]`"""

    _kind, _name, _id = AsyncPipeline, "pipelines", "pipeline_id"

    async def create(self, **body: Unpack[bodies.NewPipeline]) -> AsyncPipeline:
        return await self._create({**body})

    def list(self, **filters: Unpack[bodies.ListPipelines]) -> AsyncListing[AsyncPipeline]:
        return self._listing({**filters})


class AsyncRuns:
    """`registry.runs[run_id]`"""

    def __init__(self, api: AsyncApi) -> None:
        self._api = api

    async def __getitem__(self, run_id: object) -> AsyncRun:
        return await self._api.record(AsyncRun, "GET", _http.path("runs", run_id))

    def list(self, **filters: Unpack[bodies.ListRuns]) -> AsyncListing[AsyncRun]:
        return AsyncListing(self._api, "/runs", {**filters}, lambda said: self._api.attach(AsyncRun, said, _http.path("runs", said["run_id"])))

    async def __aiter__(self) -> AsyncIterator[AsyncRun]:
        async for run in self.list():
            yield run


class AsyncBlockyard:
    """The registry at this address, which is BLOCKYARD_URL unless it is said, with BLOCKYARD_API_KEY.

    Whatever is not answered, or with 429 or 503, is sent again up to `retries` times."""

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 65.0,
        retries: int = 5,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._api = AsyncApi(url, api_key, timeout, retries, transport)
        self.blocks = AsyncBlocks(self._api)
        self.edges = AsyncEdges(self._api)
        self.pipelines = AsyncPipelines(self._api)
        self.runs = AsyncRuns(self._api)

    async def me(self) -> models.Me:
        """Who the API key belongs to, and as what role."""
        return models.Me.model_validate(await self._api.ask("GET", "/auth/me"))

    async def request(
        self, method: str, path: str, *, params: dict[str, Any] | None = None, json: dict[str, Any] | None = None, etag: str | None = None
    ) -> Any:
        """Any other route, with all that holds for the rest: repetitions, idempotency keys, refusals as exceptions."""
        return await self._api.ask(method, path, params=params, body=json, etag=etag)

    def items(self, path: str, **filters: Any) -> AsyncListing[Model]:
        """Any other list: `registry.items("/audit-logs", entity_type="block")`."""
        return AsyncListing(self._api, path, filters, Model.model_validate)

    async def aclose(self) -> None:
        """Closes its connections."""
        await self._api.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()
