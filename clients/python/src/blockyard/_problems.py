"""What the service refuses, as exceptions."""

from contextlib import suppress
from typing import Any

import httpx

from ._generated.models import Problem


class BlockyardError(Exception):
    """Whatever goes wrong between here and the registry."""


class Unreachable(BlockyardError):
    """No answer came, however often it was asked."""


class Refused(BlockyardError):
    """The service refused; the text is its own, and `problem` is all that it said (RFC 9457)."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(self))

    @property
    def status(self) -> int:
        return self.problem.status

    @property
    def code(self) -> str:
        """What it is, for programs: `name_taken`, `not_ready` and so on."""
        return self.problem.code

    def __str__(self) -> str:
        lines = [self.problem.detail or self.problem.title]
        # A refused run says what is in the way, and invalid input where it is so.
        lines += [f"  {fault.pointer}: {fault.detail}" for fault in self.problem.errors or []]
        lines += [f"  {blocker.name}: {blocker.detail}" for blocker in self.problem.blockers or []]
        return "\n".join(lines)


class Unauthorized(Refused):
    """401: no API key, or one that is unknown, expired or revoked."""


class Forbidden(Refused):
    """403: the role does not allow it, or a rule of reviews does not."""


class NotFound(Refused, KeyError):
    """404: not there, or not visible to you."""


class Conflict(Refused):
    """409: it is against what is there."""


class NotReady(Conflict):
    """409: the pipeline may not run now; `problem.blockers` says why."""


class Stale(Refused):
    """412: it was changed since it was read; `reload()` it and decide again."""


class Invalid(Refused):
    """413, 415, 422: what was sent is wrong; `problem.errors` says where."""


class TooManyRequests(Refused):
    """429, after all repetitions."""


class Unavailable(Refused):
    """503, after all repetitions."""


BY_STATUS: dict[int, type[Refused]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Stale,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: TooManyRequests,
    503: Unavailable,
}


def refusal(status: int, said: dict[str, Any]) -> Refused:
    """The exception of a problem; members that a proxy leaves out are made up for."""
    known = {"type": "about:blank", "title": f"HTTP {status}", "code": "refused", "request_id": "", "detail": ""}
    problem = Problem.model_validate(known | said | {"status": status})
    return NotReady(problem) if problem.code == "not_ready" else BY_STATUS.get(status, Refused)(problem)


def of(answer: httpx.Response) -> Refused:
    """The exception of an answer that is none of 2xx."""
    said: Any = None
    if "json" in answer.headers.get("Content-Type", ""):
        with suppress(ValueError):
            said = answer.json()
    if not isinstance(said, dict):
        asked = f"{answer.request.method} {answer.request.url}"
        said = {"detail": f"{answer.status_code} {answer.reason_phrase} of {asked}, which is no answer of Blockyard's"}
    return refusal(answer.status_code, said)
