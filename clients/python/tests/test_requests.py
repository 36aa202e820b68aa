"""What goes over the line, without a service."""

from typing import Any

import httpx
import pytest
from blockyard import AsyncBlockyard, Blockyard, BlockyardError, NotFound, Refused, Unavailable, Unreachable
from httpx_retries import Retry

ME = {"user_id": "0198c0de-0000-7000-8000-000000000000", "username": "ada", "role": "admin"}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Retry, "sleep", lambda *_: None)


def served(*answers: httpx.Response | Exception) -> tuple[Blockyard, list[httpx.Request]]:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        said = answers[min(len(seen), len(answers)) - 1]
        if isinstance(said, Exception):
            raise said
        return said

    return Blockyard("http://registry/", "key", retries=2, transport=httpx.MockTransport(answer)), seen


def test_a_change_is_repeated_with_the_same_key() -> None:
    registry, seen = served(httpx.ReadError("gone"), httpx.Response(503, headers={"Retry-After": "1"}), httpx.Response(201, json={"done": True}))
    assert registry.request("POST", "/blocks", json={}) == {"done": True}
    assert len(seen) == 3
    assert len({request.headers["Idempotency-Key"] for request in seen}) == 1
    registry.request("POST", "/blocks", json={})
    assert seen[3].headers["Idempotency-Key"] != seen[0].headers["Idempotency-Key"]
    assert seen[0].headers["X-API-Key"] == "key"


def test_it_gives_up_with_what_came_last() -> None:
    registry, seen = served(httpx.Response(503, json={"title": "Unavailable", "detail": "The database is away.", "code": "unavailable"}))
    with pytest.raises(Unavailable, match="The database is away"):
        registry.request("GET", "/blocks")
    assert len(seen) == 3
    registry, seen = served(httpx.ConnectError("refused"))
    with pytest.raises(Unreachable, match="refused"):
        registry.request("GET", "/blocks")
    assert len(seen) == 3


def test_a_refusal_is_not_repeated() -> None:
    registry, seen = served(httpx.Response(404, json={"detail": "No.", "code": "not_found", "new_member": [1]}))
    with pytest.raises(NotFound) as refused:
        registry.request("DELETE", "/blocks/x")
    assert (len(seen), str(refused.value), refused.value.problem.model_dump()["new_member"]) == (1, "No.", [1])


@pytest.mark.parametrize(
    "answer", [httpx.Response(418, text="<html>"), httpx.Response(418, json=[1]), httpx.Response(418, headers={"Content-Type": "application/json"})]
)
def test_what_is_no_problem_is_told_as_it_is(answer: httpx.Response) -> None:
    registry, _ = served(answer)
    with pytest.raises(Refused, match="418"):
        registry.request("GET", "/blocks")


def test_reads_are_not_older_than_the_last_change() -> None:
    registry, seen = served(httpx.Response(200, json={}, headers={"Blockyard-Position": "0/16B3748"}))
    registry.request("PATCH", "/blocks/x", json={})
    registry.request("GET", "/blocks/x")
    assert seen[1].headers["Blockyard-Position"] == "0/16B3748"
    assert "Idempotency-Key" not in seen[1].headers


def block(**more: Any) -> dict[str, Any]:
    version = "0198c0de-0000-7000-8000-000000000001"
    at = "2026-11-22T10:00:00.000000Z"
    return {
        "block_id": version,
        "current_version_id": version,
        "name": "x",
        "block_type": "model",
        "description": None,
        "metadata": {},
        "activation": "open",
        "version_number": 1,
        "latest_version_number": 1,
        "created_at": at,
        "updated_at": at,
        "archived_at": None,
        "created_by": None,
        "created_by_username": None,
        **more,
    }


def test_what_a_newer_service_says_is_read() -> None:
    registry, _ = served(httpx.Response(200, json=block(block_type="prompt", colour={"hue": 3})))
    read = registry.blocks["x"]
    assert (read.block_type, read.model_dump()["colour"]) == ("prompt", {"hue": 3})


def test_the_address_is_said_or_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BLOCKYARD_URL", raising=False)
    with pytest.raises(BlockyardError, match="BLOCKYARD_URL"):
        Blockyard()
    with pytest.raises(BlockyardError, match="http"):
        Blockyard("registry.example.org")


@pytest.mark.parametrize("name", ["", " ", ".", ".."])
def test_what_is_no_name_asks_for_nothing_else(name: str) -> None:
    registry, seen = served(httpx.Response(200, json={"items": []}))
    with pytest.raises(NotFound, match="Nothing is called"):
        registry.blocks[name]
    assert not seen


def test_setting_a_member_changes_nothing_and_says_so() -> None:
    registry, _ = served(httpx.Response(200, json=block()))
    with pytest.raises(ValueError, match="frozen"):
        registry.blocks["x"].metadata = {"layers": 4}


async def test_the_asynchronous_one_repeats_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(*_: object) -> None: ...

    monkeypatch.setattr(Retry, "asleep", at_once)
    answers = iter([httpx.Response(429), httpx.Response(200, json=block())])
    transport = httpx.MockTransport(lambda _: next(answers))
    async with AsyncBlockyard("http://registry", transport=transport) as registry:
        assert (await registry.blocks["x"]).name == "x"
