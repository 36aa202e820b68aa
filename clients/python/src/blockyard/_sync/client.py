"""The registry."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, Unpack

import httpx

from .. import _http
from .._generated import bodies, models
from .._model import Model
from .api import Api
from .listing import Listing
from .runs import Pipeline, Run
from .things import Block, Edge, Thing

T = TypeVar("T", bound=Thing)


class Collection(Generic[T]):
    """All things of a kind, by name or id."""

    _kind: type[T]
    _name: str
    _id: str

    def __init__(self, api: Api) -> None:
        self._api, self._path = api, _http.path(self._name)

    def __getitem__(self, name: object) -> T:
        """By name or id; `NotFound` is a `KeyError` as well."""
        answer = self._api.send("GET", self._path + _http.path(name))
        return self._thing(answer.json(), answer.headers.get("ETag"))

    def __iter__(self) -> Iterator[T]:
        yield from self._listing({})

    def _thing(self, said: Any, etag: str | None = None) -> T:
        # By its id, so that it is found after it was renamed, too.
        return self._api.attach(self._kind, said, self._path + _http.path(said[self._id]), etag)

    def _listing(self, filters: dict[str, Any]) -> Listing[T]:
        return Listing(self._api, self._path, filters, self._thing)

    def _create(self, body: dict[str, Any]) -> T:
        answer = self._api.send("POST", self._path, body=body)
        return self._thing(answer.json(), answer.headers.get("ETag"))


class Blocks(Collection[Block]):
    """`registry.blocks["survival"]`"""

    _kind, _name, _id = Block, "blocks", "block_id"

    def create(self, **body: Unpack[bodies.NewBlock]) -> Block:
        return self._create({**body})

    def list(self, **filters: Unpack[bodies.ListBlocks]) -> Listing[Block]:
        return self._listing({**filters})


class Edges(Collection[Edge]):
    """`registry.edges["train"]`"""

    _kind, _name, _id = Edge, "edges", "edge_id"

    def create(self, **body: Unpack[bodies.NewEdge]) -> Edge:
        return self._create({**body})

    def list(self, **filters: Unpack[bodies.ListEdges]) -> Listing[Edge]:
        return self._listing({**filters})


class Pipelines(Collection[Pipeline]):
    """`registry.pipelines["nightly"]`"""

    _kind, _name, _id = Pipeline, "pipelines", "pipeline_id"

    def create(self, **body: Unpack[bodies.NewPipeline]) -> Pipeline:
        return self._create({**body})

    def list(self, **filters: Unpack[bodies.ListPipelines]) -> Listing[Pipeline]:
        return self._listing({**filters})


class Runs:
    """`registry.runs[run_id]`"""

    def __init__(self, api: Api) -> None:
        self._api = api

    def __getitem__(self, run_id: object) -> Run:
        return self._api.record(Run, "GET", _http.path("runs", run_id))

    def list(self, **filters: Unpack[bodies.ListRuns]) -> Listing[Run]:
        return Listing(self._api, "/runs", {**filters}, lambda said: self._api.attach(Run, said, _http.path("runs", said["run_id"])))

    def __iter__(self) -> Iterator[Run]:
        yield from self.list()


class Blockyard:
    """The registry at this address, which is BLOCKYARD_URL unless it is said, with BLOCKYARD_API_KEY.

    Whatever is not answered, or with 429 or 503, is sent again up to `retries` times."""

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 65.0,
        retries: int = 5,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._api = Api(url, api_key, timeout, retries, transport)
        self.blocks = Blocks(self._api)
        self.edges = Edges(self._api)
        self.pipelines = Pipelines(self._api)
        self.runs = Runs(self._api)

    def me(self) -> models.Me:
        """Who the API key belongs to, and as what role."""
        return models.Me.model_validate(self._api.ask("GET", "/auth/me"))

    def request(
        self, method: str, path: str, *, params: dict[str, Any] | None = None, json: dict[str, Any] | None = None, etag: str | None = None
    ) -> Any:
        """Any other route, with all that holds for the rest: repetitions, idempotency keys, refusals as exceptions."""
        return self._api.ask(method, path, params=params, body=json, etag=etag)

    def items(self, path: str, **filters: Any) -> Listing[Model]:
        """Any other list: `registry.items("/audit-logs", entity_type="block")`."""
        return Listing(self._api, path, filters, Model.model_validate)

    def close(self) -> None:
        """Closes its connections."""
        self._api.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
