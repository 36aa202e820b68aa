"""What the reporter tells the registry: everything, at least once, whatever goes wrong on the way."""

import hashlib
import hmac
import json
import time
from typing import Any

import dagster as dg
import pytest
from conftest import Registry
from dagster_blockyard import blockyard_definitions, reporter_sensor, signature
from dagster_blockyard.reporter import FIRST_LOOK_SECONDS, OVERLAP_SECONDS, PAGE, Change, Position, pages

SECRET = "a secret of the two"
NOW = 1_800_000_000.0


def changes(*at: float) -> list[Change]:
    return [Change(f"run-{n}", "STARTED", one, f"ours-{n}") for n, one in enumerate(at)]


def told_in(position: Position, store: list[Change]) -> list[str]:
    def read(since: float, limit: int) -> list[Change]:
        return sorted((one for one in store if one.at >= since), key=lambda one: one.at)[:limit]

    return [change.dagster_run_id for page in pages(read, position, time.monotonic() + 60) for change in page]


def test_a_change_that_shows_itself_late_is_told_and_nothing_is_told_twice() -> None:
    position, store = Position(since=NOW), changes(NOW + 1, NOW + 2)
    assert told_in(position, store) == ["run-0", "run-1"]
    assert told_in(position, store) == []
    # Committed after those, and older than they are.
    store.append(Change("late", "STARTED", NOW + 1.5, "ours"))
    assert told_in(position, store) == ["late"]
    # The same run in another state.
    store.append(Change("late", "SUCCESS", NOW + 3, "ours"))
    store.remove(Change("late", "STARTED", NOW + 1.5, "ours"))
    assert told_in(position, store) == ["late"]
    assert position.since == NOW + 3


def test_what_is_kept_does_not_grow() -> None:
    position = Position(since=NOW)
    told_in(position, changes(NOW + 1))
    told_in(position, [Change("later", "STARTED", NOW + 2 + OVERLAP_SECONDS, None)])
    assert set(position.told) == {"later"}


def test_many_changes_come_in_pages_even_when_all_are_of_one_instant() -> None:
    for store in (changes(*(NOW + n / 1000 for n in range(PAGE * 3 + 1))), changes(*([NOW + 1] * (PAGE * 3 + 1))), changes(*([NOW] * PAGE))):
        told = told_in(Position(since=NOW), store)
        assert sorted(told) == sorted(one.dagster_run_id for one in store)


def test_a_page_whose_delivery_fails_is_read_again() -> None:
    position = Position(since=NOW)
    found = pages(lambda since, limit: changes(NOW + 1)[:limit], position, time.monotonic() + 60)
    assert [one.dagster_run_id for one in next(found)] == ["run-0"]
    found.close()
    assert position == Position(since=NOW)


def test_a_tick_that_takes_too_long_goes_on_in_the_next_one() -> None:
    position, store = Position(since=NOW), changes(*(NOW + n for n in range(PAGE * 2)))

    def read(since: float, limit: int) -> list[Change]:
        return [one for one in store if one.at >= since][:limit]

    first = [change for page in pages(read, position, until=0.0, clock=lambda: 1.0) for change in page]
    assert len(first) == PAGE
    assert len(first) + len(told_in(position, store)) >= PAGE * 2


def test_a_cursor_that_cannot_be_read_begins_anew() -> None:
    for cursor in (None, "", "12.5", "{}", '{"since": "x"}'):
        assert Position.read(cursor, NOW) == Position(since=NOW - FIRST_LOOK_SECONDS)
    kept = Position(since=NOW, told={"a": (NOW, "STARTED")})
    assert Position.read(kept.model_dump_json(), NOW) == kept


@dg.op
def nothing() -> None:
    pass


@dg.job
def something() -> None:
    nothing()


def tick(sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None = None) -> str | None:
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    sensor(context)
    return context.cursor


def test_the_registry_hears_of_its_own_runs_signed(registry: Registry) -> None:
    registry.answers = [(202, {}, {})]
    sensor = reporter_sensor(registry.url, SECRET)
    with dg.DagsterInstance.ephemeral() as instance:
        ours = something.execute_in_process(instance=instance, tags={"blockyard/run_id": "01a20575-84d9-79db-a493-fbb455308177"})
        something.execute_in_process(instance=instance)
        cursor = tick(sensor, instance)
        [request] = registry.requests
        assert (request.method, request.path) == ("POST", "/dagster/events")
        assert json.loads(request.body) == {
            "runs": [{"run_id": "01a20575-84d9-79db-a493-fbb455308177", "dagster_run_id": ours.run_id, "status": "SUCCESS"}]
        }
        at, mac = (part.split("=")[1] for part in request.headers["blockyard-signature"].split(","))
        assert abs(int(at) - time.time()) < 30
        assert mac == hmac.new(SECRET.encode(), f"{at}.".encode() + request.body, hashlib.sha256).hexdigest()
        assert "x-api-key" not in request.headers
        # Nothing has changed since.
        assert tick(sensor, instance, cursor) == cursor
        assert len(registry.requests) == 1


@pytest.mark.parametrize(
    "answer, told",
    [((503, {}, {}), "answered 503"), ((302, {}, {"Location": "/elsewhere"}), "answered 302"), ((401, {}, {}), "DAGSTER_EVENTS_SECRET")],
)
def test_what_the_registry_did_not_take_is_told_again(registry: Registry, answer: Any, told: str) -> None:
    registry.answers = [answer, (202, {}, {})]
    sensor = reporter_sensor(registry.url, SECRET)
    with dg.DagsterInstance.ephemeral() as instance:
        something.execute_in_process(instance=instance, tags={"blockyard/run_id": "one"})
        context = dg.build_sensor_context(instance=instance)
        with pytest.raises(dg.Failure, match=told) as failure:
            sensor(context)
        assert SECRET not in str(failure.value)
        assert context.cursor is None
        tick(sensor, instance, context.cursor)
    assert len(registry.requests) == 2
    assert {request.path for request in registry.requests} == {"/dagster/events"}


def test_the_signature_is_the_one_that_the_registry_computes() -> None:
    # printf '1800000000.{"runs": []}' | openssl dgst -sha256 -hmac 'a secret of the two'
    assert signature(SECRET, b'{"runs": []}', 1_800_000_000) == "t=1800000000,v1=48139823f572bfae5ca79d3cdf5808b6a94e47f14ab788cb1d0579241463e233"


def test_a_location_has_the_reporter_when_it_has_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(blockyard_definitions().sensors or []) == []
    monkeypatch.setenv("DAGSTER_EVENTS_SECRET", SECRET)
    with pytest.raises(ValueError, match="BLOCKYARD_URL and DAGSTER_EVENTS_SECRET"):
        blockyard_definitions()
    assert list(blockyard_definitions(reporter=False).sensors or []) == []
    monkeypatch.setenv("BLOCKYARD_URL", "http://127.0.0.1:1")
    assert [sensor.name for sensor in blockyard_definitions().sensors or []] == ["blockyard_reporter"]
