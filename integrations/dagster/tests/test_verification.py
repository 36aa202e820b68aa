"""Checks of Dagster as verifications of edge versions."""

import json
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pytest
from conftest import Registry
from dagster_blockyard import BlockyardError, BlockyardResource, edge_check, verification_job

EDGE = "01a20575-84d9-79db-a493-fbb455308177"
VERSION = {"edge_id": EDGE, "version_number": 7, "metadata": {"epochs": 90}}


@dg.asset
def survival() -> int:
    return 1


def report(status: str) -> dict[str, Any]:
    return {"verification_id": "v1", "version_number": 7, "verification_status": status}


def blockyard(registry: Registry) -> BlockyardResource:
    return BlockyardResource(url=registry.url, api_key="key", retries=0)


def evaluate(registry: Registry, check: dg.AssetChecksDefinition) -> dg.ExecuteInProcessResult:
    return dg.materialize([survival, check], resources={"blockyard": blockyard(registry)}, raise_on_error=False)


@pytest.mark.parametrize("passed, status", [(True, "passed"), (False, "failed")])
def test_an_asset_check_reports_the_version_that_it_checked(registry: Registry, passed: bool, status: str) -> None:
    registry.answers = [(200, VERSION, {}), (201, report(status), {})]
    seen = []

    @edge_check(asset=survival, edge="train")
    def accuracy(version: Mapping[str, Any]) -> dg.AssetCheckResult:
        """Accuracy on what was held back."""
        seen.append(version["metadata"])
        return dg.AssetCheckResult(passed=passed, description="0.93 of 1,000", metadata={"accuracy": 0.93})

    result = evaluate(registry, accuracy)
    [evaluation] = result.get_asset_check_evaluations()
    assert result.success and evaluation.passed is passed and evaluation.check_name == "accuracy"
    assert seen == [{"epochs": 90}]
    assert {name: value.value for name, value in evaluation.metadata.items()} == {
        "accuracy": 0.93, "blockyard/edge": "train", "blockyard/version": 7, "blockyard/verification_id": "v1", "blockyard/status": status,
    }  # fmt: skip
    # By the number of what was looked up, for `active` may have moved.
    assert [(request.method, request.path) for request in registry.requests] == [
        ("GET", "/edges/train/versions/active"), ("POST", f"/edges/{EDGE}/versions/7/verifications"),
    ]  # fmt: skip
    body = json.loads(registry.requests[1].body)
    assert body["verification_status"] == status
    assert body["verification_logs"].splitlines()[1:] == ["0.93 of 1,000", "accuracy: 0.93"]


def test_a_check_that_raises_is_no_verdict(registry: Registry) -> None:
    registry.answers = [(200, VERSION, {})]

    @edge_check(asset=survival, edge="train")
    def broken(version: Mapping[str, Any]) -> bool:
        raise RuntimeError("no data")

    assert not evaluate(registry, broken).success
    assert [request.method for request in registry.requests] == ["GET"]


def test_a_refused_report_fails_the_check(registry: Registry) -> None:
    registry.answers = [(200, VERSION, {}), (403, {"code": "own_version", "detail": "Somebody other than its author."}, {})]

    @edge_check(asset=survival, edge="train")
    def fine(version: Mapping[str, Any]) -> bool:
        return True

    result = evaluate(registry, fine)
    assert not result.success and result.get_asset_check_evaluations() == []


def test_a_job_verifies_the_version_that_it_is_told(registry: Registry) -> None:
    registry.answers = [(200, VERSION, {}), (201, report("passed"), {})]
    job = verification_job(lambda version: version["metadata"]["epochs"] == 90)
    config = {"ops": {"verify": {"config": {"edge": "train", "version": "latest", "activate_when_passed": True}}}}
    done = job.execute_in_process(run_config=config, resources={"blockyard": blockyard(registry)})
    assert done.success
    assert registry.requests[0].path == "/edges/train/versions/latest"
    assert json.loads(registry.requests[1].body).items() >= {"verification_status": "passed", "activate_when_passed": True}.items()


def test_a_job_whose_verdict_is_no_says_so_and_succeeds(registry: Registry) -> None:
    registry.answers = [(200, VERSION, {}), (201, report("failed"), {})]
    config = {"ops": {"verify": {"config": {"edge": "train", "activate_when_passed": True}}}}
    done = verification_job(lambda version: False).execute_in_process(run_config=config, resources={"blockyard": blockyard(registry)})
    assert done.success
    body = json.loads(registry.requests[1].body)
    assert body["verification_status"] == "failed" and "activate_when_passed" not in body


def test_a_job_that_may_not_report_fails_with_the_reason(registry: Registry) -> None:
    registry.answers = [(200, VERSION, {}), (403, {"code": "own_version", "detail": "Somebody other than its author."}, {})]
    with pytest.raises(BlockyardError, match="own_version"):
        verification_job(lambda version: True).execute_in_process(
            run_config={"ops": {"verify": {"config": {"edge": "train"}}}}, resources={"blockyard": blockyard(registry)}
        )
