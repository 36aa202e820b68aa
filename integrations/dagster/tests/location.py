"""The code location of tests: the generic job with blocks that sleep and fail as they are told, and jobs beside it."""

import contextlib
import time
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_blockyard import Step, blockyard_definitions


def pretend(step: Step) -> Mapping[str, Any]:
    """`sleep_seconds`, `fail` and `fail_once` (a file that is not there yet) of the block's configuration say what
    becomes of it; it tells what it was given."""
    time.sleep(step.config.get("sleep_seconds", 0))
    if path := step.config.get("fail_once"):
        first_time(path)
    if step.config.get("fail"):
        raise dg.Failure(f"{step.block.name} was told to fail")
    return {
        "block": step.block.name,
        "version": step.block.version_number,
        "from": sorted(input.result["block"] for input in step.inputs),
        "edges": sorted(f"{input.edge.name} {input.edge.version_number}" for input in step.inputs),
        "parameters": dict(step.parameters),
    }


def first_time(path: str) -> None:
    """Fails unless the file is there, and makes it: what is repeated succeeds."""
    with contextlib.suppress(FileExistsError), open(path, "x"):
        raise RuntimeError("the first time it fails")


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
    first_time(context.op_config["path"])


@dg.job
def flaky() -> None:
    fails_once()


defs = blockyard_definitions(pretend, jobs=[sleep_ok, always_fail, flaky])
