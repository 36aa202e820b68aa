"""The registry as a resource: what is sent, what is repeated, and how a refusal reads."""

import json
from typing import Any

import dagster as dg
import pytest
import requests
from conftest import Registry
from dagster_blockyard import BlockyardError, BlockyardResource, blockyard_definitions

KEY = "blk_the_key_of_the_tests"


def resource(registry: Registry, **options: Any) -> BlockyardResource:
    return BlockyardResource(url=registry.url + "/", api_key=KEY, **{"retries": 2, **options})


def test_reads_name_what_they_read(registry: Registry) -> None:
    blockyard = resource(registry)
    for read, path in [
        (lambda: blockyard.block("acme/llama 8b"), "/blocks/acme%2Fllama%208b"),
        (lambda: blockyard.block_version("passengers", 3), "/blocks/passengers/versions/3"),
        (lambda: blockyard.block_alias("passengers", "champion"), "/blocks/passengers/aliases/champion"),
        (lambda: blockyard.edge("train"), "/edges/train"),
        (lambda: blockyard.edge_version("train", "active"), "/edges/train/versions/active"),
        (lambda: blockyard.edge_alias("train", "champion"), "/edges/train/aliases/champion"),
        (lambda: blockyard.pipeline("a?b#c"), "/pipelines/a%3Fb%23c"),
        (lambda: blockyard.run("01a2"), "/runs/01a2"),
    ]:
        read()
        request = registry.requests[-1]
        assert (request.method, request.path, request.headers["x-api-key"]) == ("GET", path, KEY)
        assert "idempotency-key" not in request.headers and "authorization" not in request.headers


@pytest.mark.parametrize("name", ["..", ".", ""])
def test_a_name_that_would_be_a_step_of_the_path_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(ValueError, match="a name of nothing"):
        resource(registry).block(name)
    assert registry.requests == []


def test_lists_are_read_to_their_end(registry: Registry) -> None:
    registry.answers = [(200, {"items": [{"name": "a"}], "next_cursor": "c1"}, {}), (200, {"items": [{"name": "b"}], "next_cursor": None}, {})]
    assert [block["name"] for block in resource(registry).blocks(category="vision")] == ["a", "b"]
    assert [request.path for request in registry.requests] == ["/blocks?category=vision", "/blocks?category=vision&cursor=c1"]


def test_a_report_is_repeated_with_its_key_until_there_is_an_answer(registry: Registry) -> None:
    registry.answers = [None, (503, {"code": "unavailable"}, {"Retry-After": "0"}), (201, {"verification_id": "v"}, {})]
    assert resource(registry).report_verification("train", 2, True, logs="12 checks") == {"verification_id": "v"}
    first, *others = registry.requests
    assert (first.method, first.path) == ("POST", "/edges/train/versions/2/verifications")
    assert json.loads(first.body) == {"verification_status": "passed", "verification_logs": "12 checks"}
    assert len(first.headers["idempotency-key"]) == 36 and len(others) == 2
    for other in others:
        assert (other.body, other.headers["idempotency-key"]) == (first.body, first.headers["idempotency-key"])
    # Another report is another one.
    resource(registry).report_verification("train", 2, False, activate_when_passed=False)
    assert registry.requests[-1].headers["idempotency-key"] != first.headers["idempotency-key"]
    assert json.loads(registry.requests[-1].body) == {"verification_status": "failed", "activate_when_passed": False}


def test_long_logs_keep_their_end(registry: Registry) -> None:
    resource(registry).report_verification("train", 2, True, logs="x" * 3_000_000 + "the end")
    logs = json.loads(registry.requests[-1].body)["verification_logs"]
    assert len(logs) == 2_000_000 and logs.endswith("the end")


def test_a_refusal_is_told_in_the_words_of_the_registry_and_not_repeated(registry: Registry) -> None:
    problem = {
        "code": "invalid", "detail": "The request has 1 fault.", "errors": [{"pointer": "/name", "detail": "Must not be empty."}], "request_id": "r1",
    }  # fmt: skip
    registry.answers = [(422, problem, {})]
    with pytest.raises(BlockyardError) as refused:
        resource(registry).block("x")
    assert str(refused.value) == "GET /blocks/x: 422 invalid: The request has 1 fault.; /name: Must not be empty. (request r1)"
    assert (refused.value.status, refused.value.code, refused.value.problem["request_id"]) == (422, "invalid", "r1")
    assert len(registry.requests) == 1


@pytest.mark.parametrize(
    "answer, code",
    [
        ((500, {"code": "internal"}, {}), "internal"),
        ((200, b"<html>", {}), "no_json"),
        ((302, {}, {"Location": "/other"}), "unknown"),
        ((200, [], {}), "unknown"),
    ],
)
def test_what_is_no_answer_of_a_registry_is_an_error(registry: Registry, answer: Any, code: str) -> None:
    registry.answers = [answer]
    with pytest.raises(BlockyardError) as refused:
        resource(registry).block("x")
    assert refused.value.code == code and len(registry.requests) == 1


def test_patience_ends(registry: Registry) -> None:
    registry.answers = [(429, {"code": "too_many_requests", "detail": "Wait."}, {"Retry-After": "0"})]
    with pytest.raises(BlockyardError, match="too_many_requests"):
        resource(registry).block("x")
    assert len(registry.requests) == 3
    with pytest.raises(requests.ConnectionError) as error:
        BlockyardResource(url="http://127.0.0.1:1", api_key=KEY, retries=1).block("x")
    assert KEY not in str(error.value)


def test_the_resource_of_a_location_reads_its_environment_when_it_runs(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.answers = [(200, {"version_number": 4}, {})]

    @dg.op
    def ask(context: dg.OpExecutionContext, blockyard: BlockyardResource) -> int:
        found: int = blockyard.block_alias("passengers", "champion")["version_number"]
        return found

    @dg.job
    def asks() -> None:
        ask()

    location = blockyard_definitions(jobs=[asks])
    monkeypatch.setenv("BLOCKYARD_URL", registry.url)
    monkeypatch.setenv("BLOCKYARD_API_KEY", KEY)
    with dg.DagsterInstance.ephemeral() as instance:
        result = location.resolve_job_def("asks").execute_in_process(instance=instance)
        assert result.output_for_node("ask") == 4
        assert registry.requests[-1].headers["x-api-key"] == KEY
        assert KEY not in "".join(str(record) for record in instance.all_logs(result.run_id))
