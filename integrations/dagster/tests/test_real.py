"""On a real Dagster: three processes of it, the code location of the tests, and a registry that is stood in for."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Registry

from locks import block, config, diamond, lock, run_config

HERE = Path(__file__).parent
LAUNCH = """mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
  ... on LaunchRunSuccess { run { runId } } ... on RunConfigValidationInvalid { errors { message } } ... on PythonError { message } } }"""
RUN = """query Run($id: ID!) { runOrError(runId: $id) { ... on Run { status runConfig stepStats { stepKey status } tags { key value } } } }"""
SECRET = "the secret of the tests"


def wait_for(what: Callable[[], Any], seconds: float = 120) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s")


@pytest.fixture(scope="module")
def told() -> Iterator[Registry]:
    registry = Registry()
    registry.answers = [(202, {}, {})]
    yield registry
    registry.server.shutdown()


@pytest.fixture(scope="module")
def rig(told: Registry) -> Iterator[Any]:
    sys.path.insert(0, str(HERE.parent))
    from rig import Rig

    with Rig(environment={"BLOCKYARD_URL": told.url, "DAGSTER_EVENTS_SECRET": SECRET}) as rig:
        yield rig


def launch(rig: Any, job: str, config: dict[str, Any], **tags: str) -> str:
    selector = {"repositoryLocationName": "blockyard", "repositoryName": "__repository__", "jobName": job}
    params = {
        "selector": selector,
        "runConfigData": config,
        "executionMetadata": {"tags": [{"key": f"blockyard/{key}", "value": value} for key, value in tags.items()]},
    }
    answer = rig.ask(LAUNCH, {"params": params})["data"]["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    run_id: str = answer["run"]["runId"]
    return run_id


def ended(rig: Any, run_id: str) -> Any:
    def over() -> Any:
        run = rig.ask(RUN, {"id": run_id})["data"]["runOrError"]
        return run if run["status"] in ("SUCCESS", "FAILURE", "CANCELED") else None

    return wait_for(over)


@pytest.mark.parametrize("executor", ["in_process", "multiprocess"])
def test_a_pipeline_runs_and_the_registry_hears_of_it(rig: Any, told: Registry, executor: str) -> None:
    given = diamond()
    plan = config(given, parameters={"day": "2026-11-28"})
    run_id = launch(rig, "blockyard_generic", run_config(plan) | {"execution": {"config": {executor: {}}}}, **plan["run"])
    run = ended(rig, run_id)
    assert run["status"] == "SUCCESS"
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    assert tags["blockyard/lock_digest"] == plan["run"]["lock_digest"] and tags["blockyard/run_id"] == plan["run"]["run_id"]
    steps = {step["stepKey"].split("[")[1][-33:-1]: step["status"] for step in run["stepStats"] if "[" in step["stepKey"]}
    assert steps == {one["block_id"].replace("-", ""): "SUCCESS" for one in given["blocks"]}

    def heard() -> bool:
        runs = [run for request in told.requests for run in json.loads(request.body)["runs"]]
        return {"run_id": plan["run"]["run_id"], "dagster_run_id": run_id, "status": "SUCCESS"} in runs

    wait_for(heard)


def test_a_block_that_fails_fails_the_run(rig: Any) -> None:
    one = block("one")
    plan = config(lock([one], []), block_config={one["block_id"]: {"fail": True}})
    assert ended(rig, launch(rig, "blockyard_generic", run_config(plan)))["status"] == "FAILURE"


def test_what_a_test_breaks_comes_back(rig: Any, capsys: pytest.CaptureFixture[str]) -> None:
    one = block("one")
    plan = config(lock([one], []), block_config={one["block_id"]: {"sleep_seconds": 60}})
    run_id = launch(rig, "blockyard_generic", run_config(plan))
    [worker] = wait_for(rig.workers)
    os.kill(worker, signal.SIGKILL)
    assert ended(rig, run_id)["status"] == "FAILURE"
    for order in ("kill web", "start web", "stop code", "start code", "nonsense"):
        rig.obey(order)
    kinds = [list(json.loads(line)) for line in capsys.readouterr().out.splitlines()]
    assert kinds == [["kill"], ["start", "pid"], ["stop"], ["start", "pid"], ["error"]]
    assert ended(rig, launch(rig, "sleep_ok", {"ops": {"first": {"config": {"sleep_seconds": 0.0}}}}))["status"] == "SUCCESS"


def test_it_ends_with_whoever_started_it_even_before_it_has_started() -> None:
    command = [sys.executable, str(HERE.parent / "rig.py")]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert started.stdin and started.stdout
    line = json.loads(started.stdout.readline())
    assert line["location"] == "blockyard" and "blockyard_generic" in line["jobs"]
    started.stdin.close()
    assert started.wait(30) == 0
    for pid in line["pids"].values():
        with pytest.raises(ProcessLookupError):
            os.killpg(pid, 0)
    assert not Path(line["home"]).exists()
    early = subprocess.Popen(command, stdin=subprocess.PIPE)
    time.sleep(3)
    early.terminate()
    assert early.wait(30) == 0
