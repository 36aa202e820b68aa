"""What runs a block: its image with Dagster Pipes, a program, or a Python callable."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import dagster as dg

from .steps import Json, Runner, Step

#: Under which name a program finds its step among Dagster's extras: `PipesContext.get().get_extra("blockyard")`.
EXTRA = "blockyard"
#: The location's own, which no block needs.
_OURS = ("BLOCKYARD_API_KEY", "DAGSTER_EVENTS_SECRET")


def image_of(step: Step) -> str | None:
    """The image of a block, else that of the edges that lead to it; None of a block that has none and comes after
    nothing, for there is nothing to run: it is where the data is."""
    for images in (step.block.images, [image for input in step.inputs for image in input.edge.images]):
        references = sorted({image.reference for image in images})
        if len(references) == 1:
            return references[0]
        if references:
            raise dg.Failure(
                f"The block {step.block.name} has {len(references)} images ({', '.join(references)}): a runner with `image=` chooses.",
                allow_retries=False,
            )
    if step.inputs:
        raise dg.Failure(f"Neither the block {step.block.name} nor an edge that leads to it has an image.", allow_retries=False)
    return None


def _result(done: dg.PipesClientCompletedInvocation) -> Json | None:
    """What the program reported last by `report_custom_message`, an object; the rest went to the log."""
    objects = [message for message in done.get_custom_messages() if isinstance(message, Mapping)]
    return objects[-1] if objects else None


def _pinned(step: Step, image: str) -> None:
    if "@" not in image:
        step.context.log.warning(f"{image} is a tag: what runs is whatever it names now. Note its digest in the registry.")


def docker(
    client: Any | None = None,
    *,
    image: Callable[[Step], str | None] = image_of,
    env: Mapping[str, str] | None = None,
    container: Mapping[str, Any] | None = None,
) -> Runner:
    """Runs the block's image on the Docker engine that `DOCKER_HOST` names. Needs `dagster-blockyard[docker]`.

    `client` is a `PipesDockerClient`, such as one with a login of a registry; `container` goes to Docker's
    `containers.create` (`network`, `mem_limit`, `device_requests` …).
    """
    from dagster_docker import PipesDockerClient

    pipes = client if client is not None else PipesDockerClient()

    def run(step: Step) -> Json | None:
        if (reference := image(step)) is None:
            step.context.log.info("It has no image and comes after nothing: there is nothing to run.")
            return None
        _pinned(step, reference)
        done = pipes.run(
            context=step.context, image=reference, env=dict(env or {}), container_kwargs=dict(container or {}), extras={EXTRA: step.document()}
        )
        return _result(done)

    return run


def kubernetes(
    client: Any | None = None,
    *,
    image: Callable[[Step], str | None] = image_of,
    namespace: str | None = None,
    env: Mapping[str, str] | None = None,
    pod_spec: Mapping[str, Any] | None = None,
    pod_meta: Mapping[str, Any] | None = None,
) -> Runner:
    """Runs the block's image in a pod of its own. Needs `dagster-blockyard[kubernetes]`.

    `client` is a `PipesK8sClient`; `pod_spec` and `pod_meta` are what each pod begins with (service account, resources …).
    """
    from dagster_k8s import PipesK8sClient

    pipes = client if client is not None else PipesK8sClient()

    def run(step: Step) -> Json | None:
        if (reference := image(step)) is None:
            step.context.log.info("It has no image and comes after nothing: there is nothing to run.")
            return None
        _pinned(step, reference)
        done = pipes.run(
            context=step.context,
            image=reference,
            namespace=namespace,
            env=dict(env or {}),
            base_pod_spec=dict(pod_spec) if pod_spec else None,
            base_pod_meta=dict(pod_meta) if pod_meta else None,
            extras={EXTRA: step.document()},
        )
        return _result(done)

    return run


def subprocess(command: Sequence[str] | Callable[[Step], Sequence[str]], *, env: Mapping[str, str] | None = None, cwd: str | None = None) -> Runner:
    """Runs a program on the machine of the step. It is given no secret of the code location but what `env` says."""

    def run(step: Step) -> Json | None:
        words = list(command(step) if callable(command) else command)
        # Pipes adds to the environment that is there, so what must not go along is emptied.
        given = {name: "" for name in _OURS if name in os.environ} | dict(env or {})
        return _result(dg.PipesSubprocessClient().run(context=step.context, command=words, env=given, cwd=cwd, extras={EXTRA: step.document()}))

    return run


def named(name: str) -> tuple[Runner | None, Mapping[str, Runner]]:
    """The runner, or the runners by block, that a text names: `docker`, `kubernetes`, or `module:name`."""
    if not name:
        return None, {}
    if name == "docker":
        return docker(), {}
    if name == "kubernetes":
        return kubernetes(), {}
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise ValueError(f"BLOCKYARD_RUNNER must be docker, kubernetes or module:name, not {name!r}.")
    found = getattr(import_module(module), attribute, None)
    if isinstance(found, Mapping):
        return None, found
    if not callable(found):
        raise ValueError(f"BLOCKYARD_RUNNER: {module} has no callable or mapping {attribute}.")
    return found, {}
