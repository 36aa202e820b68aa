"""What a step of a run is given, and what runs it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from .lock import Block, Edge, Run

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Input:
    """An edge that leads to the block, and what the block at its other end came to."""

    edge: Edge
    result: Json


@dataclass(frozen=True)
class Step:
    """One block of one run."""

    run: Run
    block: Block
    inputs: tuple[Input, ...]
    #: What the pipeline configures this block with.
    config: Json
    #: What the run was started with.
    parameters: Json
    #: Dagster's, to log to and for Pipes.
    context: dg.OpExecutionContext

    def document(self) -> dict[str, Any]:
        """The step as JSON, for a program that is no Python of this process."""
        return {
            "run": self.run.model_dump(mode="json"),
            "block": self.block.model_dump(mode="json"),
            "inputs": [{"edge": input.edge.model_dump(mode="json"), "result": dict(input.result)} for input in self.inputs],
            "config": dict(self.config),
            "parameters": dict(self.parameters),
        }


#: Runs a step. What it returns (a JSON object, such as where its output is) is given to the steps after it; what it
#: raises fails the step.
Runner = Callable[[Step], Json | None]

#: Dagster keeps results and hands them on: they say where the data is, they are not the data.
RESULT_BYTES = 256 * 1024


def run(step: Step, runner: Runner) -> dict[str, Any]:
    """Runs a step, and holds its result to what can be handed on."""
    result = runner(step)
    if result is None:
        return {}
    if not isinstance(result, Mapping):
        raise dg.Failure(f"The runner of {step.block.name} returned {type(result).__name__} instead of a JSON object or None.", allow_retries=False)
    try:
        text = json.dumps(dict(result), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise dg.Failure(f"What the runner of {step.block.name} returned is no JSON: {error}", allow_retries=False) from error
    if len(text) > RESULT_BYTES:
        raise dg.Failure(
            f"The runner of {step.block.name} returned {len(text)} bytes, more than {RESULT_BYTES}: return where the data is.", allow_retries=False
        )
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def choose(block: Block, runners: Mapping[str, Runner], runner: Runner | None) -> Runner:
    """What runs a block: the runner of its name, else the one for all."""
    chosen = runners.get(block.name, runner)
    if chosen is None:
        raise dg.Failure(
            f"This code location has no runner for the block {block.name}: name one in blockyard_definitions(runner=…, runners={{…}}).",
            allow_retries=False,
        )
    return chosen
