"""The code location of tests: the generic job with blocks that sleep and fail as they are told, and jobs beside it."""

import time
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_blockyard import Step, blockyard_definitions


def pretend(step: Step) -> Mapping[str, Any]:
    """`sleep_seconds` and `fail` of the block's configuration say what becomes of it; it tells what it was given."""
    time.sleep(step.config.get("sleep_seconds", 0))
    if step.config.get("fail"):
        raise dg.Failure(f"{step.block.name} was told to fail")
    return {
        "block": step.block.name,
        "version": step.block.version_number,
        "from": sorted(input.result["block"] for input in step.inputs),
        "edges": sorted(f"{input.edge.name} {input.edge.version_number}" for input in step.inputs),
        "parameters": dict(step.parameters),
    }


@dg.op(config_schema={"sleep_seconds": dg.Field(float, default_value=1.0)})
def first(context: dg.OpExecutionContext) -> str:
    time.sleep(context.op_config["sleep_seconds"])
    context.log.info("slept")
    return "done"


@dg.op
def second(context: dg.OpExecutionContext, value: str) -> None:
    context.log.info(f"first said {value}")


@dg.job
def sleep_ok() -> None:
    second(first())


@dg.op
def boom() -> None:
    raise RuntimeError("this op always fails")


@dg.job
def always_fail() -> None:
    boom()


@dg.op(config_schema={"path": str})
def fails_once(context: dg.OpExecutionContext) -> None:
    """Fails unless the file is there, and makes it: what is repeated succeeds."""
    try:
        with open(context.op_config["path"], "x"):
            raise RuntimeError("the first time it fails")
    except FileExistsError:
        context.log.info("the second time it does not")


@dg.job
def flaky() -> None:
    fails_once()


defs = blockyard_definitions(pretend, jobs=[sleep_ok, always_fail, flaky])
