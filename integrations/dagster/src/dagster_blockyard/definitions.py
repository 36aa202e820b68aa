"""What a code location of a registry is made of."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from .job import generic_job
from .reporter import reporter_sensor
from .resource import BlockyardResource
from .steps import Runner

MAX_DEPTH = 12


def _max_depth() -> int:
    text = os.environ.get("BLOCKYARD_MAX_DEPTH") or str(MAX_DEPTH)
    # Every wave is part of the job's plan, which Dagster makes for every run.
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100):
        raise ValueError(f"BLOCKYARD_MAX_DEPTH must be a whole number from 1 to 100, not {text!r}.")
    return int(text)


def blockyard_definitions(
    runner: Runner | None = None,
    *,
    runners: Mapping[str, Runner] | None = None,
    max_depth: int | None = None,
    step_retries: dg.RetryPolicy | None = None,
    executor: dg.ExecutorDefinition | None = None,
    reporter: bool | None = None,
    resources: Mapping[str, Any] | None = None,
    assets: Iterable[Any] = (),
    asset_checks: Iterable[dg.AssetChecksDefinition] = (),
    jobs: Iterable[dg.JobDefinition] = (),
    schedules: Iterable[Any] = (),
    sensors: Iterable[dg.SensorDefinition] = (),
) -> dg.Definitions:
    """A code location that runs the pipelines of the registry at `BLOCKYARD_URL`.

    `runner` runs each block, or the one that `runners` has for its name. Without either the blocks fail, and say so.
    `max_depth` is how many blocks may come after one another (`BLOCKYARD_MAX_DEPTH`, else 12).
    `step_retries` repeats a block that fails; `max_retries` of a pipeline repeats the run from what failed.
    `executor` is for a deployment whose steps run elsewhere (dagster-k8s, dagster-docker). By default the configuration
    of each pipeline chooses between `in_process` and `multiprocess`.
    `reporter` tells the registry what changed; by default if `DAGSTER_EVENTS_SECRET` is there.

    Every op may ask for the resource `blockyard`. What is given beside it (jobs, assets, checks …) joins the location.
    """
    url, secret = os.environ.get("BLOCKYARD_URL"), os.environ.get("DAGSTER_EVENTS_SECRET")
    if reporter is None:
        reporter = bool(secret)
    told = []
    if reporter:
        if not (url and secret):
            raise ValueError("The reporter needs BLOCKYARD_URL and DAGSTER_EVENTS_SECRET.")
        told = [reporter_sensor(url, secret)]
    given = dict(resources or {})
    generic = generic_job(
        dict(runners or {}),
        runner,
        max_depth=_max_depth() if max_depth is None else max_depth,
        step_retries=step_retries,
        resource_keys=frozenset(given),
        executor=executor,
    )
    return dg.Definitions(
        jobs=[generic, *jobs],
        sensors=[*told, *sensors],
        schedules=list(schedules),
        assets=list(assets),
        asset_checks=list(asset_checks),
        resources={"blockyard": BlockyardResource.from_environment(), **given},
    )
