"""The generic job, in this process: Dagster's own machinery, without its processes."""

import re
from typing import Any

import dagster as dg
import pytest
from dagster_blockyard import Step, blockyard_definitions
from location import pretend

from locks import block, config, diamond, edge, lock, new_id, run_config

STEP = re.compile(r".*\[([a-z0-9_]{1,40})_([0-9a-f]{32})\]")


def execute(plan: dict[str, Any], runner: Any = pretend, **options: Any) -> dg.ExecuteInProcessResult:
    job = blockyard_definitions(runner, **options).resolve_job_def("blockyard_generic")
    return job.execute_in_process(run_config={"ops": {"plan": {"config": plan}}}, raise_on_error=False)


def blocks_of(result: dg.ExecuteInProcessResult, kind: str = "STEP_SUCCESS") -> list[str]:
    """The ids of the blocks in the order of their events, as the registry reads them from the names of the steps."""
    keys = [event.step_key for event in result.filter_events(lambda event: event.event_type_value == kind) if event.step_key]
    return [found[2] for key in keys if (found := STEP.fullmatch(key))]


def why(result: dg.ExecuteInProcessResult) -> str:
    failures = result.filter_events(lambda event: event.is_step_failure)
    assert len(failures) == 1
    error = failures[0].step_failure_data.error
    assert error
    return f"{error.message} {error.cause.message if error.cause else ''} {failures[0].step_failure_data.user_failure_data}"


def test_blocks_run_after_those_that_lead_to_them_and_get_what_they_came_to() -> None:
    given, seen = diamond(), []

    def note(step: Step) -> dict[str, Any]:
        seen.append((step.block.name, sorted((one.edge.name, one.edge.version_number, one.result["from"]) for one in step.inputs)))
        assert str(step.run.pipeline_id) == given["pipeline_id"]
        assert step.parameters == {"day": "2026-11-28", "nothing": None}
        assert step.config == ({"epochs": 90, "deep": [{"rate": 0.1}, None]} if step.block.name == "left" else {})
        return {"from": step.block.name}

    left = given["blocks"][1]["block_id"]
    plan = config(given, parameters={"day": "2026-11-28", "nothing": None}, block_config={left: {"epochs": 90, "deep": [{"rate": 0.1}, None]}})
    result = execute(plan, note)
    assert result.success
    assert [name for name, _ in seen] == ["Raw Events", "left", "right/other", "Churn Model"]
    assert dict(seen) == {
        "Raw Events": [],
        "left": [("a", 1, "Raw Events")],
        "right/other": [("b", 1, "Raw Events")],
        "Churn Model": [("c", 1, "left"), ("d", 3, "right/other")],
    }
    assert blocks_of(result) == [one["block_id"].replace("-", "") for one in given["blocks"]]


def test_waves_that_a_pipeline_does_not_have_cost_no_step() -> None:
    result = execute(config(diamond()))
    helpers = [event.step_key for event in result.filter_events(lambda event: event.is_step_success) if "[" not in str(event.step_key)]
    assert result.success and helpers == ["plan", "wave", "wave_2"]


def test_a_pipeline_may_be_as_deep_as_the_location_goes_and_no_deeper() -> None:
    chain = [block(f"b{n}") for n in range(4)]
    given = lock(chain, [edge(f"e{n}", chain[n], chain[n + 1]) for n in range(3)])
    assert execute(config(given), max_depth=4).success
    refused = execute(config(given), max_depth=3)
    assert not refused.success and "4 blocks deep, and this code location goes 3: set BLOCKYARD_MAX_DEPTH" in why(refused)


def test_a_block_that_fails_keeps_those_after_it_from_running() -> None:
    given = diamond()
    left = given["blocks"][1]["block_id"]
    result = execute(config(given, block_config={left: {"fail": True}}))
    assert not result.success and "left was told to fail" in why(result)
    assert blocks_of(result, "STEP_FAILURE") == [left.replace("-", "")]
    # The other one of its wave runs; the model is never tried.
    assert blocks_of(result) == [given["blocks"][n]["block_id"].replace("-", "") for n in (0, 2)]


def test_a_block_that_fails_is_repeated_where_the_location_says_so() -> None:
    tries = []

    def second_time(step: Step) -> None:
        tries.append(step.block.name)
        if len(tries) == 1:
            raise RuntimeError("the first time")

    assert execute(config(lock([block("one")], [])), second_time, step_retries=dg.RetryPolicy(max_retries=1)).success
    assert tries == ["one", "one"]


def test_a_lock_that_is_not_the_one_of_the_run_is_refused() -> None:
    plan = config(diamond())
    plan["lock"]["blocks"][3]["version_number"] = 2
    refused = execute(plan)
    assert not refused.success and f"was admitted on the lock {plan['run']['lock_digest']}" in why(refused)
    assert blocks_of(refused) == []


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda given: given.update(format=2), "format"),
        (lambda given: given["blocks"].append(dict(given["blocks"][0])), "a block twice"),
        (lambda given: given["edges"][0].update(source_block_id=new_id()), "which the lock does not have"),
        (lambda given: given["edges"].append(edge("back", given["blocks"][3], given["blocks"][0])), "wait for one another"),
        (lambda given: given["blocks"][0].pop("version_id"), "version_id"),
    ],
)
def test_a_lock_that_makes_no_sense_is_refused_in_words(change: Any, told: str) -> None:
    given = diamond()
    change(given)
    refused = execute(config(given))
    assert not refused.success and told in why(refused)
    assert blocks_of(refused) == []


def test_configuration_of_a_block_that_is_not_there_is_refused() -> None:
    stranger = new_id()
    refused = execute(config(diamond(), block_config={stranger: {}}))
    assert not refused.success and stranger in why(refused)


def test_blocks_are_run_by_the_runner_of_their_name_else_by_the_one_for_all() -> None:
    ran: list[str] = []
    special = {"left": lambda step: ran.append(f"special {step.block.name}")}
    assert execute(config(diamond()), lambda step: ran.append(step.block.name), runners=special).success
    assert ran == ["Raw Events", "special left", "right/other", "Churn Model"]
    refused = execute(config(lock([block("one")], [])), None)
    assert not refused.success and "no runner for the block one" in why(refused)


@pytest.mark.parametrize(
    "value, told", [("text", "returned str"), ({"at": object()}, "no JSON"), ({"x": float("nan")}, "no JSON"), ({"x": "y" * 300_000}, "300")]
)
def test_a_result_that_cannot_be_handed_on_fails_the_block(value: Any, told: str) -> None:
    refused = execute(config(lock([block("one")], [])), lambda step: value)
    assert not refused.success and told in why(refused)


def test_names_of_blocks_become_names_of_steps_whatever_they_are() -> None:
    names = ["É", "x" * 200, "a__b", "_", "Ünïcode/データ", "same", "same"]
    given = lock([block(name) for name in names], [])
    result = execute(config(given))
    assert result.success and sorted(blocks_of(result)) == sorted(one["block_id"].replace("-", "") for one in given["blocks"])


def test_the_depth_of_the_environment_is_held_to_what_makes_sense(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("0", "101", "-1", "twelve", "1.5"):
        monkeypatch.setenv("BLOCKYARD_MAX_DEPTH", text)
        with pytest.raises(ValueError, match="from 1 to 100"):
            blockyard_definitions()
    monkeypatch.setenv("BLOCKYARD_MAX_DEPTH", "1")
    deep = execute(config(diamond()))
    assert not deep.success and "goes 1" in why(deep)


def test_run_config_is_valid_for_the_default_executors() -> None:
    job = blockyard_definitions(pretend).resolve_job_def("blockyard_generic")
    for execution in ({"in_process": {}}, {"multiprocess": {"max_concurrent": 2}}):
        dg.validate_run_config(job, run_config(config(diamond())) | {"execution": {"config": execution}})
