"""Pipelines and their runs."""

import asyncio
import time
from typing import Any, Self, Unpack

from .. import _http
from .._generated import bodies, models
from .api import AsyncRecord
from .listing import AsyncListing
from .things import AsyncThing

OUTCOMES = ("success", "failure", "canceled")


class AsyncRun(AsyncRecord, models.Run):
    """A run of a pipeline, on what its lock says."""

    @property
    def ended(self) -> bool:
        return self.status in OUTCOMES

    async def reload(self) -> Self:
        """As it is now."""
        return await self._api.record(type(self), "GET", self._path)

    async def wait(self, timeout: float | None = None, poll: float = 1.0) -> Self:
        """The run, once it has ended; asks every `poll` seconds, later less often. `TimeoutError` after so many seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        run = await self.reload()
        while not run.ended:
            if end is not None and time.monotonic() + poll > end:
                raise TimeoutError(f"The run {self.run_id} is {run.status} after {timeout} s.")
            await asyncio.sleep(poll)
            poll = min(poll * 1.5, 15.0)
            run = await run.reload()
        return run

    async def report(self, **body: Unpack[bodies.RunReport]) -> Self:
        """Says what became of it: `status="started"`, later `"success"`, `"failure"` or `"canceled"`."""
        return await self._api.record(type(self), "PATCH", self._path, body={**body})

    async def lock(self) -> models.PipelineLock:
        """On which versions it ran, and who had verified them."""
        return models.PipelineLock.model_validate(await self._api.ask("GET", _http.path("locks", self.lock_digest)))


class AsyncPipeline(AsyncThing, models.Pipeline):
    """Blocks, and the edges that join them."""

    async def update(self, **body: Unpack[bodies.PipelinePatch]) -> Self:
        """Changes it if it is still as it was read (else `Stale`), and answers it as it is then."""
        return await self._change({**body})

    async def readiness(self) -> models.Readiness:
        """Whether it may run now, and what is in the way."""
        return models.Readiness.model_validate(await self._api.ask("GET", f"{self._path}/readiness"))

    async def graph(self) -> models.PipelineGraph:
        """Its blocks and edges, with the version that each would take."""
        return models.PipelineGraph.model_validate(await self._api.ask("GET", f"{self._path}/graph"))

    async def run(self, **body: Any) -> AsyncRun:
        """Starts a run; `NotReady` says why it may not."""
        answer = await self._api.ask("POST", f"{self._path}/runs", body=body or None)
        return self._api.attach(AsyncRun, answer, _http.path("runs", answer["run_id"]))

    def runs(self, **filters: Unpack[bodies.ListPipelineRuns]) -> AsyncListing[AsyncRun]:
        """Its runs, newest first."""
        return AsyncListing(
            self._api, f"{self._path}/runs", {**filters}, lambda said: self._api.attach(AsyncRun, said, _http.path("runs", said["run_id"]))
        )
