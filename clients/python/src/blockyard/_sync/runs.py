"""Pipelines and their runs."""

import time
from typing import Any, Self, Unpack

from .. import _http
from .._generated import bodies, models
from .api import Record
from .listing import Listing
from .things import Thing

OUTCOMES = ("success", "failure", "canceled")


class Run(Record, models.Run):
    """A run of a pipeline, on what its lock says."""

    @property
    def ended(self) -> bool:
        return self.status in OUTCOMES

    def reload(self) -> Self:
        """As it is now."""
        return self._api.record(type(self), "GET", self._path)

    def wait(self, timeout: float | None = None, poll: float = 1.0) -> Self:
        """The run, once it has ended; asks every `poll` seconds, later less often. `TimeoutError` after so many seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        run = self.reload()
        while not run.ended:
            if end is not None and time.monotonic() + poll > end:
                raise TimeoutError(f"The run {self.run_id} is {run.status} after {timeout} s.")
            time.sleep(poll)
            poll = min(poll * 1.5, 15.0)
            run = run.reload()
        return run

    def report(self, **body: Unpack[bodies.RunReport]) -> Self:
        """Says what became of it: `status="started"`, later `"success"`, `"failure"` or `"canceled"`."""
        return self._api.record(type(self), "PATCH", self._path, body={**body})

    def lock(self) -> models.PipelineLock:
        """On which versions it ran, and who had verified them."""
        return models.PipelineLock.model_validate(self._api.ask("GET", _http.path("locks", self.lock_digest)))


class Pipeline(Thing, models.Pipeline):
    """Blocks, and the edges that join them."""

    def update(self, **body: Unpack[bodies.PipelinePatch]) -> Self:
        """Changes it if it is still as it was read (else `Stale`), and answers it as it is then."""
        return self._change({**body})

    def readiness(self) -> models.Readiness:
        """Whether it may run now, and what is in the way."""
        return models.Readiness.model_validate(self._api.ask("GET", f"{self._path}/readiness"))

    def graph(self) -> models.PipelineGraph:
        """Its blocks and edges, with the version that each would take."""
        return models.PipelineGraph.model_validate(self._api.ask("GET", f"{self._path}/graph"))

    def run(self, **body: Any) -> Run:
        """Starts a run; `NotReady` says why it may not."""
        answer = self._api.ask("POST", f"{self._path}/runs", body=body or None)
        return self._api.attach(Run, answer, _http.path("runs", answer["run_id"]))

    def runs(self, **filters: Unpack[bodies.ListPipelineRuns]) -> Listing[Run]:
        """Its runs, newest first."""
        return Listing(self._api, f"{self._path}/runs", {**filters}, lambda said: self._api.attach(Run, said, _http.path("runs", said["run_id"])))
