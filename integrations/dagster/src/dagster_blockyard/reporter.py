"""Tells the registry which of its runs have changed, so that it looks at once instead of at its next poll."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import dagster as dg
import requests
from pydantic import BaseModel, ValidationError

RUN_TAG = "blockyard/run_id"
SIGNATURE = "Blockyard-Signature"

#: A transaction of Dagster's database may show itself only after younger ones: so far back is looked again.
OVERLAP_SECONDS = 60.0
#: How far back the first look goes. What is older the registry finds by itself.
FIRST_LOOK_SECONDS = 3600.0
#: Records that are read at once. Each holds the configuration of its run.
PAGE = 100
#: Below the 60 s that Dagster gives a tick.
TICK_SECONDS = 30.0
TIMEOUT = (5.0, 10.0)


class Change(NamedTuple):
    """A run of Dagster, as it was when it was read."""

    dagster_run_id: str
    status: str
    at: float
    #: The run of the registry; None of a run that is none of its own.
    run_id: str | None


class Position(BaseModel):
    """The cursor: how far it is, and what it has told within the overlap."""

    since: float
    told: dict[str, tuple[float, str]] = {}

    @classmethod
    def read(cls, cursor: str | None, now: float) -> Position:
        """What was kept, or the first look; also where a cursor is none of ours, as after an edit in Dagster's UI."""
        if cursor:
            try:
                return cls.model_validate_json(cursor)
            except ValidationError:
                pass
        return cls(since=now - FIRST_LOOK_SECONDS)


#: Reads what changed at an instant or after it, oldest first, at most so many.
Read = Callable[[float, int], list[Change]]


def pages(read: Read, position: Position, until: float, clock: Callable[[], float] = time.monotonic) -> Iterator[list[Change]]:
    """What has not been told yet, page by page. The position moves past a page when the next one is asked for, so
    one whose delivery raises is read again."""
    at, limit = position.since - OVERLAP_SECONDS, PAGE
    while True:
        found = read(at, limit)
        fresh = [change for change in found if position.told.get(change.dagster_run_id) != (change.at, change.status)]
        if fresh:
            yield fresh
            position.told.update((change.dagster_run_id, (change.at, change.status)) for change in fresh)
        full = len(found) == limit
        if found:
            # More of one instant than fit a page: a longer page.
            limit = limit * 2 if full and found[-1].at <= at else PAGE
            at = found[-1].at
            position.since = max(position.since, at)
        if not full or clock() > until:
            break
    oldest = position.since - OVERLAP_SECONDS
    position.told = {id: told for id, told in position.told.items() if told[0] >= oldest}


def signature(secret: str, body: bytes, at: int) -> str:
    """What says that a hint comes from us, and when."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"


def tell(url: str, secret: str, changes: Iterable[Change]) -> int:
    """Sends the changes of the registry's own runs; returns how many. Raises unless the registry has them."""
    runs = [{"run_id": change.run_id, "dagster_run_id": change.dagster_run_id, "status": change.status} for change in changes if change.run_id]
    for start in range(0, len(runs), PAGE):
        body = json.dumps({"runs": runs[start : start + PAGE]}).encode()
        headers = {"Content-Type": "application/json", SIGNATURE: signature(secret, body, int(time.time()))}
        answer = requests.post(f"{url.rstrip('/')}/dagster/events", body, headers=headers, timeout=TIMEOUT, allow_redirects=False)
        if answer.status_code == 401:
            raise dg.Failure("The registry refuses the signature: DAGSTER_EVENTS_SECRET differs there, or one of the clocks is wrong.")
        if not answer.ok or answer.is_redirect:
            raise dg.Failure(f"The registry answered {answer.status_code} to what changed; it is told again.")
    return len(runs)


def _changes(instance: dg.DagsterInstance, since: float, limit: int) -> list[Change]:
    # Dagster looks for what is strictly later, and keeps microseconds.
    after = datetime.fromtimestamp(since - 0.000002, UTC)
    records = instance.get_run_records(dg.RunsFilter(updated_after=after), limit=limit, order_by="update_timestamp", ascending=True)
    return [
        Change(
            dagster_run_id=record.dagster_run.run_id,
            status=record.dagster_run.status.value,
            # Naive from some storages, and UTC then.
            at=_utc(record.update_timestamp).timestamp(),
            run_id=record.dagster_run.tags.get(RUN_TAG),
        )
        for record in records
    ]


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def reporter_sensor(url: str, secret: str, *, name: str = "blockyard_reporter", interval_seconds: int = 2) -> dg.SensorDefinition:
    """A sensor that tells the registry at `url` of every change of its runs at least once, in any order.

    Not Dagster's run status sensors: those do not come again when the registry was away. Whether or not it runs, the
    registry asks Dagster itself; this only makes it ask sooner.
    """

    @dg.sensor(
        name=name,
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the registry which of its runs have changed.",
    )
    def reporter(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        position = Position.read(context.cursor, time.time())
        before, told, seen = position.model_dump(), 0, 0

        def read(since: float, limit: int) -> list[Change]:
            return _changes(context.instance, since, limit)

        for page in pages(read, position, time.monotonic() + TICK_SECONDS):
            told += tell(url, secret, page)
            seen += len(page)
        # Only here: a tick that raises has moved nothing.
        if position.model_dump() != before:
            context.update_cursor(position.model_dump_json())
        return dg.SkipReason(f"{seen} changes, {told} of them of the registry's runs")

    return reporter
