"""Blocks and edges, their versions and aliases."""

from collections.abc import Iterator
from typing import Any, Generic, Self, TypeVar, Unpack

from .. import _http
from .._generated import bodies, models
from .._problems import refusal
from .api import Api, Record
from .listing import Listing

V = TypeVar("V", bound=Record)


class Thing(Record):
    """What has a name, can be changed, archived and brought back."""

    def reload(self) -> Self:
        """As it is now."""
        return self._api.record(type(self), "GET", self._path)

    def archive(self) -> None:
        """Archives it; refused while something uses it."""
        self._api.ask("DELETE", self._path, etag=self._revision())

    def restore(self) -> Self:
        """Brings it back from the archive."""
        return self._api.record(type(self), "POST", f"{self._path}/restore", self._path)

    def history(self) -> Listing[models.AuditLog]:
        """Who did what, newest first."""
        return Listing(self._api, f"{self._path}/history", {}, models.AuditLog.model_validate)

    def _change(self, body: dict[str, Any]) -> Self:
        return self._api.record(type(self), "PATCH", self._path, body=body, etag=self._revision())

    def _revision(self) -> str | None:
        # Lists have no ETag of their items: whether this is what is there now is seen by when it was changed.
        if self._etag is None:
            now = self.reload()
            if getattr(now, "updated_at", None) != getattr(self, "updated_at", None):
                raise refusal(412, {"code": "stale", "title": "Stale", "detail": "It was changed since it was read."})
            self._etag = now._etag
        return self._etag


class Versions(Generic[V]):
    """The versions of a thing, newest first: `[3]`, `["latest"]`, `["active"]`, or by an alias."""

    def __init__(self, api: Api, path: str, kind: type[V]) -> None:
        self._api, self._path, self._kind = api, path, kind

    def __getitem__(self, version: int | str) -> V:
        return self._api.record(self._kind, "GET", self._path + _http.path(version))

    def list(self) -> Listing[V]:
        return Listing(self._api, self._path, {}, self._version)

    def __iter__(self) -> Iterator[V]:
        yield from self.list()

    def _append(self, body: dict[str, Any]) -> V:
        return self._version(self._api.ask("POST", self._path, body=body))

    def _version(self, said: Any) -> V:
        return self._api.attach(self._kind, said, self._path + _http.path(said["version_number"]))


class Aliases(Generic[V]):
    """The aliases of a thing; `["champion"]` is the version to which it points."""

    def __init__(self, versions: Versions[V], api: Api, path: str) -> None:
        self._versions, self._api, self._path = versions, api, path

    def __getitem__(self, alias: str) -> V:
        pointed = self._api.ask("GET", self._path + _http.path(alias))
        return self._versions[pointed["version_number"]]

    def list(self) -> Listing[models.Alias]:
        return Listing(self._api, self._path, {}, models.Alias.model_validate)

    def __iter__(self) -> Iterator[models.Alias]:
        yield from self.list()

    def set(self, alias: str, version: int | str, *, is_protected: bool | None = None) -> models.Alias:
        """Makes or moves an alias."""
        body = {"version": str(version)} | ({} if is_protected is None else {"is_protected": is_protected})
        return models.Alias.model_validate(self._api.ask("PUT", self._path + _http.path(alias), body=body))

    def delete(self, alias: str) -> None:
        self._api.ask("DELETE", self._path + _http.path(alias))


class BlockVersion(Record, models.BlockVersion):
    """A version of a block; it never changes."""

    def activate(self) -> "Block":
        """Puts it to use."""
        return self._api.record(Block, "POST", f"{self._path}/activate", _http.path("blocks", self.block_id))

    def withdraw(self, reason: str) -> Self:
        """Nothing runs on it any more, for that reason."""
        return self._api.record(type(self), "POST", f"{self._path}/withdraw", self._path, body={"reason": reason})


class EdgeVersion(Record, models.EdgeVersion):
    """A version of an edge; it never changes."""

    def activate(self) -> "Edge":
        """Puts it to use."""
        return self._api.record(Edge, "POST", f"{self._path}/activate", _http.path("edges", self.edge_id))

    def withdraw(self, reason: str) -> Self:
        """Nothing runs on it any more, for that reason."""
        return self._api.record(type(self), "POST", f"{self._path}/withdraw", self._path, body={"reason": reason})

    def verify(self, **body: Unpack[bodies.NewVerification]) -> models.Verification:
        """Reports a verification: `verification_status="passed"`, with `verification_logs`."""
        return models.Verification.model_validate(self._api.ask("POST", f"{self._path}/verifications", body={**body}))

    def verifications(self) -> Listing[models.Verification]:
        return Listing(self._api, f"{self._path}/verifications", {}, models.Verification.model_validate)


class BlockVersions(Versions[BlockVersion]):
    """The versions of a block."""

    def append(self, **body: Unpack[bodies.NewBlockVersion]) -> BlockVersion:
        """A candidate: a version that is not in use. What is not said is as in the active one."""
        return self._append({**body})


class Block(Thing, models.Block):
    """A dataset or a model, as its active version has it."""

    @property
    def versions(self) -> BlockVersions:
        return BlockVersions(self._api, f"{self._path}/versions", BlockVersion)

    @property
    def aliases(self) -> Aliases[BlockVersion]:
        return Aliases(self.versions, self._api, f"{self._path}/aliases")

    def update(self, **body: Unpack[bodies.BlockPatch]) -> Self:
        """Changes it if it is still as it was read (else `Stale`), and answers it as it is then."""
        return self._change({**body})


class EdgeVersions(Versions[EdgeVersion]):
    """The versions of an edge."""

    def append(self, **body: Unpack[bodies.NewEdgeVersion]) -> EdgeVersion:
        """A candidate: a version that is not in use. What is not said is as in the active one."""
        return self._append({**body})


class Edge(Thing, models.Edge):
    """What leads from block to block, as its active version has it."""

    @property
    def versions(self) -> EdgeVersions:
        return EdgeVersions(self._api, f"{self._path}/versions", EdgeVersion)

    @property
    def aliases(self) -> Aliases[EdgeVersion]:
        return Aliases(self.versions, self._api, f"{self._path}/aliases")

    def update(self, **body: Unpack[bodies.EdgePatch]) -> Self:
        """Changes it if it is still as it was read (else `Stale`), and answers it as it is then."""
        return self._change({**body})

    def verify(self, **body: Unpack[bodies.NewVerification]) -> models.Verification:
        """Reports a verification of the version that was read: `verification_status="passed"`, with `verification_logs`."""
        path = f"{self._path}/versions/{self.version_number}/verifications"
        return models.Verification.model_validate(self._api.ask("POST", path, body={**body}))
