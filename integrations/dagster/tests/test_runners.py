"""What runs a block. Programs are run; the clients of Docker and Kubernetes are stood in for, for they need an engine."""

import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_blockyard import blockyard_definitions, runners
from dagster_docker import PipesDockerClient
from dagster_k8s import PipesK8sClient
from test_job import execute, why

from locks import block, config, edge, lock

PROGRAM = [sys.executable, str(Path(__file__).parent / "program.py")]


def image(name: str, digest: str | None = None) -> dict[str, Any]:
    return {"registry_url": f"ghcr.io/acme/{name}", "image_tag": "v1", "image_digest": digest}


def results(done: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """What each block came to, by its name."""
    found = {}
    for event in done.filter_events(lambda event: event.event_type_value == "STEP_OUTPUT"):
        metadata = event.step_output_data.metadata
        if "block" in metadata:
            found[metadata["block"].value] = metadata["result"].value
    return found


def test_a_program_gets_its_step_and_tells_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOCKYARD_API_KEY", "blk_key")
    monkeypatch.setenv("DAGSTER_EVENTS_SECRET", "secret")
    data, model = block("data"), block("model")
    plan = config(lock([data, model], [edge("train", data, model)]), parameters={"day": "2026-11-28"})
    done = execute(plan, runners.subprocess(PROGRAM), reporter=False)
    assert done.success
    first = {"of": "data", "run": plan["run"]["run_id"], "inputs": {}, "parameters": {"day": "2026-11-28"}, "secrets": ["", ""]}
    assert results(done) == {"data": first, "model": first | {"of": "model", "inputs": {"train": first}}}


def test_a_program_may_differ_by_block_and_one_that_fails_fails_its_block() -> None:
    one = block("one")
    asked = []

    def command(step: Any) -> list[str]:
        asked.append(step.block.name)
        return PROGRAM

    done = execute(config(lock([one], []), block_config={one["block_id"]: {"exit": 3}}), runners.subprocess(command))
    assert asked == ["one"] and not done.success and "code 3" in why(done)


class Client:
    """Stands in for a Pipes client; keeps what it was asked."""

    def __init__(self, *messages: Any):
        self.asked: list[dict[str, Any]] = []
        self.messages = messages

    def run(self, **asked: Any) -> Any:
        self.asked.append(asked)
        messages = self.messages

        class Done:
            def get_custom_messages(self) -> Any:
                return messages

        return Done()


def test_images_are_run_by_digest_where_there_is_one() -> None:
    digest = "sha256:" + "a" * 64
    pinned, tagged = block("pinned", images=[image("pinned", digest)]), block("tagged", images=[image("tagged")])
    client = Client("not a result", {"uri": "s3://bucket/x"})
    done = execute(config(lock([pinned, tagged], [])), runners.docker(client, env={"A": "b"}, container={"network": "jobs"}))
    assert done.success and results(done) == {"pinned": {"uri": "s3://bucket/x"}, "tagged": {"uri": "s3://bucket/x"}}
    assert [asked["image"] for asked in client.asked] == [f"ghcr.io/acme/pinned@{digest}", "ghcr.io/acme/tagged:v1"]
    for asked in client.asked:
        assert asked["env"] == {"A": "b"} and asked["container_kwargs"] == {"network": "jobs"}
        assert asked["extras"]["blockyard"]["block"]["name"] in ("pinned", "tagged")


def test_a_pod_begins_with_what_the_deployment_says() -> None:
    client = Client()
    done = execute(
        config(lock([block("one", images=[image("one")])], [])),
        runners.kubernetes(client, namespace="ml", pod_spec={"serviceAccountName": "blocks"}, pod_meta={"labels": {"team": "vision"}}),
    )
    assert done.success and results(done) == {"one": {}}
    [asked] = client.asked
    assert (asked["image"], asked["namespace"]) == ("ghcr.io/acme/one:v1", "ml")
    assert (asked["base_pod_spec"], asked["base_pod_meta"]) == ({"serviceAccountName": "blocks"}, {"labels": {"team": "vision"}})


def test_what_is_asked_of_the_clients_is_what_they_take() -> None:
    import inspect

    for runner, client in ((runners.docker, PipesDockerClient), (runners.kubernetes, PipesK8sClient)):
        stand_in = Client()
        execute(config(lock([block("one", images=[image("one")])], [])), runner(stand_in))
        inspect.signature(client.run).bind(None, **stand_in.asked[0])


def test_a_block_without_an_image_runs_in_that_of_its_edge() -> None:
    data, model = block("data"), block("model")
    client = Client()
    assert execute(config(lock([data, model], [edge("train", data, model, images=[image("train")])])), runners.docker(client)).success
    # And where the data is, nothing is run.
    assert [asked["image"] for asked in client.asked] == ["ghcr.io/acme/train:v1"]


def test_what_cannot_be_decided_is_refused() -> None:
    data, model = block("data"), block("model")
    nothing = execute(config(lock([data, model], [edge("train", data, model)])), runners.docker(Client()))
    assert not nothing.success and "Neither the block model nor an edge that leads to it has an image" in why(nothing)
    several = config(lock([block("one", images=[image("a"), image("b")])], []))
    refused = execute(several, runners.docker(Client()))
    assert not refused.success and "2 images (ghcr.io/acme/a:v1, ghcr.io/acme/b:v1)" in why(refused)
    client = Client()
    assert execute(several, runners.docker(client, image=lambda step: step.block.images[1].reference)).success
    assert [asked["image"] for asked in client.asked] == ["ghcr.io/acme/b:v1"]


def test_the_environment_names_a_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    assert runners.named("") == (None, {})
    assert runners.named("location:pretend")[0] is not None
    assert runners.named("docker")[0] is not None
    for wrong in ("podman", ":x", "location:", "location:SECRET", "location:first_of_none"):
        with pytest.raises(ValueError, match="BLOCKYARD_RUNNER"):
            runners.named(wrong)
    monkeypatch.setenv("BLOCKYARD_RUNNER", "location:pretend")
    from dagster_blockyard import location

    job = location.defs.resolve_job_def("blockyard_generic")
    assert job.execute_in_process(run_config={"ops": {"plan": {"config": config(lock([block("one")], []))}}}).success
    assert blockyard_definitions().resolve_job_def("blockyard_generic").name == "blockyard_generic"
