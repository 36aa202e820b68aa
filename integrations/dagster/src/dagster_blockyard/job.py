"""The one job that runs any pipeline: it is told the lock, and asks the registry nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from .lock import Block, Edge, LockError, Run, read, waves
from .steps import Input, Runner, Step, choose, run

JOB_NAME = "blockyard_generic"

# `dict` is any object: what is in it is held by the lock's digest, not by a schema.
_CONFIG = {
    "run": dg.Field({"run_id": str, "pipeline_id": str, "lock_digest": str}, description="Which run of the registry this is."),
    "lock": dg.Field(dict, description="Its lock, as `GET /locks/{digest}` shows it."),
    "parameters": dg.Field(dict, default_value={}, description="What the run was started with."),
    "block_config": dg.Field(dict, default_value={}, description="What each block is configured with, by its id."),
}


def _items(config: Mapping[str, Any], max_depth: int) -> list[list[dict[str, Any]]]:
    """What each step is told, wave by wave: plain JSON, which any IO manager keeps."""
    try:
        named, lock = read(config["run"], config["lock"])
        layers = waves(lock)
    except LockError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    if len(layers) > max_depth:
        raise dg.Failure(
            f"The pipeline is {len(layers)} blocks deep, and this code location goes {max_depth}: set BLOCKYARD_MAX_DEPTH.", allow_retries=False
        )
    settings = config["block_config"]
    if strangers := settings.keys() - {str(block.block_id) for block in lock.blocks}:
        raise dg.Failure(f"block_config has blocks that the lock does not have: {', '.join(sorted(strangers))}", allow_retries=False)
    return [
        [
            {
                "run": named.model_dump(mode="json"),
                "block": block.model_dump(mode="json"),
                "edges": [edge.model_dump(mode="json") for edge in lock.edges if edge.target_block_id == block.block_id],
                "config": settings.get(str(block.block_id), {}),
                "parameters": config["parameters"],
            }
            for block in layer
        ]
        for layer in layers
    ]


def _wave(layers: list[list[dict[str, Any]]], results: dict[str, Any]) -> Iterator[dg.DynamicOutput[Any] | dg.Output[Any]]:
    """A step for each block of the first wave; the other waves only if there are any: Dagster then leaves out all that follows."""
    if not layers:
        return
    for item in layers[0]:
        inputs = {edge["source_block_id"]: results[edge["source_block_id"]] for edge in item["edges"]}
        key = Block.model_validate(item["block"]).mapping_key
        yield dg.DynamicOutput({**item, "results": inputs}, mapping_key=key, output_name="blocks")
    if layers[1:]:
        yield dg.Output({"layers": layers[1:], "results": results}, output_name="rest")


def generic_job(
    runners: Mapping[str, Runner],
    runner: Runner | None,
    *,
    max_depth: int,
    step_retries: dg.RetryPolicy | None = None,
    resource_keys: frozenset[str] = frozenset(),
    executor: dg.ExecutorDefinition | None = None,
    name: str = JOB_NAME,
) -> dg.JobDefinition:
    """The job. A wave waits for all blocks of the one before it: Dagster joins mapped steps in no other way."""
    outs = {"blocks": dg.DynamicOut(dict), "rest": dg.Out(dict, is_required=False)}

    @dg.op(name="plan", config_schema=_CONFIG, out=outs)
    def plan(context: dg.OpExecutionContext) -> Iterator[dg.DynamicOutput[Any] | dg.Output[Any]]:
        """Reads the lock, checks it against its digest, and names the blocks that wait for no other."""
        yield from _wave(_items(context.op_config, max_depth), {})

    @dg.op(name="wave", out=outs, ins={"rest": dg.In(dict), "done": dg.In(list)})
    def wave(rest: dict[str, Any], done: list[dict[str, Any]]) -> Iterator[dg.DynamicOutput[Any] | dg.Output[Any]]:
        """The blocks whose sources have all come to something."""
        yield from _wave(rest["layers"], {**rest["results"], **{one["block_id"]: one["result"] for one in done}})

    @dg.op(name="block", out=dg.Out(dict), ins={"item": dg.In(dict)}, retry_policy=step_retries, required_resource_keys=set(resource_keys))
    def block(context: dg.OpExecutionContext, item: dict[str, Any]) -> dict[str, Any]:
        """Runs one block."""
        edges = [Edge.model_validate(edge) for edge in item["edges"]]
        step = Step(
            run=Run.model_validate(item["run"]),
            block=Block.model_validate(item["block"]),
            inputs=tuple(Input(edge, item["results"][str(edge.source_block_id)]) for edge in edges),
            config=item["config"],
            parameters=item["parameters"],
            context=context,
        )
        context.log.info(f"Block {step.block.name}, version {step.block.version_number}, {len(step.inputs)} inputs.")
        result = run(step, choose(step.block, runners, runner))
        context.add_output_metadata({"block": step.block.name, "version": step.block.version_number, "result": dg.MetadataValue.json(result)})
        return {"block_id": str(step.block.block_id), "result": result}

    @dg.graph(name=name)
    def pipeline() -> None:
        outputs = plan()
        for _ in range(max_depth - 1):
            done = outputs.blocks.map(block).collect()
            outputs = wave(outputs.rest, done)
        outputs.blocks.map(block)

    return pipeline.to_job(
        name=name,
        description="Runs any pipeline of the registry on exactly what its lock says. The registry launches it.",
        executor_def=executor,
    )
