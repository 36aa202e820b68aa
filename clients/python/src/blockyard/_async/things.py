"""Blocks and edges, their versions and aliases."""

from collections.abc import AsyncIterator
from typing import Any, Generic, Self, TypeVar, Unpack

from .. import _http
from .._generated import bodies, models
from .._problems import refusal
from .api import AsyncApi, AsyncRecord
from .listing import AsyncListing

V = TypeVar("V", bound=AsyncRecord)


class AsyncThing(AsyncRecord):
    """What has a name, can be changed, archived and brought back."""

    async def reload(self) -> Self:
        """As it is now."""
        return await self._api.record(type(self), "GET", self._path)

    async def archive(self) -> None:
        """Archives it; refused while something uses it."""
        await self._api.ask("DELETE", self._path, etag=await self._revision())

    async def restore(self) -> Self:
        """Brings it back from the archive."""
        return await self._api.record(type(self), "POST", f"{self._path}/restore", self._path)

    def history(self) -> AsyncListing[models.AuditLog]:
        """Who did what, newest first."""
        return AsyncListing(self._api, f"{self._path}/history", {}, models.AuditLog.model_validate)

    async def _change(self, body: dict[str, Any]) -> Self:
        return await self._api.record(type(self), "PATCH", self._path, body=body, etag=await self._revision())

    async def _revision(self) -> str | None:
        # Lists have no ETag of their items: whether this is what is there now is seen by when it was changed.
        if self._etag is None:
            now = await self.reload()
            if getattr(now, "updated_at", None) != getattr(self, "updated_at", None):
                raise refusal(412, {"code": "stale", "title": "Stale", "detail": "It was changed since it was read."})
            self._etag = now._etag
        return self._etag


class AsyncVersions(Generic[V]):
    """The versions of a thing, newest first: `[3]`, `["latest"]`, `["active"]`, or by an alias."""

    def __init__(self, api: AsyncApi, path: str, kind: type[V]) -> None:
        self._api, self._path, self._kind = api, path, kind

    async def __getitem__(self, version: int | str) -> V:
        return await self._api.record(self._kind, "GET", self._path + _http.path(version))

    def list(self) -> AsyncListing[V]:
        return AsyncListing(self._api, self._path, {}, self._version)

    async def __aiter__(self) -> AsyncIterator[V]:
        async for version in self.list():
            yield version

    async def _append(self, body: dict[str, Any]) -> V:
        return self._version(await self._api.ask("POST", self._path, body=body))

    def _version(self, said: Any) -> V:
        return self._api.attach(self._kind, said, self._path + _http.path(said["version_number"]))


class AsyncAliases(Generic[V]):
    """The aliases of a thing; `["champion"]` is the version to which it points."""

    def __init__(self, versions: AsyncVersions[V], api: AsyncApi, path: str) -> None:
        self._versions, self._api, self._path = versions, api, path

    async def __getitem__(self, alias: str) -> V:
        pointed = await self._api.ask("GET", self._path + _http.path(alias))
        return await self._versions[pointed["version_number"]]

    def list(self) -> AsyncListing[models.Alias]:
        return AsyncListing(self._api, self._path, {}, models.Alias.model_validate)

    async def __aiter__(self) -> AsyncIterator[models.Alias]:
        async for alias in self.list():
            yield alias

    async def set(self, alias: str, version: int | str, *, is_protected: bool | None = None) -> models.Alias:
        """Makes or moves an alias."""
        body = {"version": str(version)} | ({} if is_protected is None else {"is_protected": is_protected})
        return models.Alias.model_validate(await self._api.ask("PUT", self._path + _http.path(alias), body=body))

    async def delete(self, alias: str) -> None:
        await self._api.ask("DELETE", self._path + _http.path(alias))


class AsyncBlockVersion(AsyncRecord, models.BlockVersion):
    """A version of a block; it never changes."""

    async def activate(self) -> "AsyncBlock":
        """Puts it to use."""
        return await self._api.record(AsyncBlock, "POST", f"{self._path}/activate", _http.path("blocks", self.block_id))

    async def withdraw(self, reason: str) -> Self:
        """Nothing runs on it any more, for that reason."""
        return await self._api.record(type(self), "POST", f"{self._path}/withdraw", self._path, body={"reason": reason})


class AsyncEdgeVersion(AsyncRecord, models.EdgeVersion):
    """A version of an edge; it never changes."""

    async def activate(self) -> "AsyncEdge":
        """Puts it to use."""
        return await self._api.record(AsyncEdge, "POST", f"{self._path}/activate", _http.path("edges", self.edge_id))

    async def withdraw(self, reason: str) -> Self:
        """Nothing runs on it any more, for that reason."""
        return await self._api.record(type(self), "POST", f"{self._path}/withdraw", self._path, body={"reason": reason})

    async def verify(self, **body: Unpack[bodies.NewVerification]) -> models.Verification:
        """Reports a verification: `verification_status="passed"`, with `verification_logs`."""
        return models.Verification.model_validate(await self._api.ask("POST", f"{self._path}/verifications", body={**body}))

    def verifications(self) -> AsyncListing[models.Verification]:
        return AsyncListing(self._api, f"{self._path}/verifications", {}, models.Verification.model_validate)


class AsyncBlockVersions(AsyncVersions[AsyncBlockVersion]):
    """The versions of a block."""

    async def append(self, **body: Unpack[bodies.NewBlockVersion]) -> AsyncBlockVersion:
        """A candidate: a version that is not in use. What is not said is as in the active one."""
        return await self._append({**body})


class AsyncBlock(AsyncThing, models.Block):
    """A dataset or a model, as its active version has it."""

    @property
    def versions(self) -> AsyncBlockVersions:
        return AsyncBlockVersions(self._api, f"{self._path}/versions", AsyncBlockVersion)

    @property
    def aliases(self) -> AsyncAliases[AsyncBlockVersion]:
        return AsyncAliases(self.versions, self._api, f"{self._path}/aliases")

    async def update(self, **body: Unpack[bodies.BlockPatch]) -> Self:
        """Changes it if it is still as it was read (else `Stale`), and answers it as it is then."""
        return await self._change({**body})


class AsyncEdgeVersions(AsyncVersions[AsyncEdgeVersion]):
    """The versions of an edge."""

    async def append(self, **body: Unpack[bodies.NewEdgeVersion]) -> AsyncEdgeVersion:
        """A candidate: a version that is not in use. What is not said is as in the active one."""
        return await self._append({**body})


class AsyncEdge(AsyncThing, models.Edge):
    """What leads from block to block, as its active version has it."""

    @property
    def versions(self) -> AsyncEdgeVersions:
        return AsyncEdgeVersions(self._api, f"{self._path}/versions", AsyncEdgeVersion)

    @property
    def aliases(self) -> AsyncAliases[AsyncEdgeVersion]:
        return AsyncAliases(self.versions, self._api, f"{self._path}/aliases")

    async def update(self, **body: Unpack[bodies.EdgePatch]) -> Self:
        """Changes it if it is still as it was read (else `Stale`), and answers it as it is then."""
        return await self._change({**body})

    async def verify(self, **body: Unpack[bodies.NewVerification]) -> models.Verification:
        """Reports a verification of the version that was read: `verification_status="passed"`, with `verification_logs`."""
        path = f"{self._path}/versions/{self.version_number}/verifications"
        return models.Verification.model_validate(await self._api.ask("POST", path, body={**body}))
