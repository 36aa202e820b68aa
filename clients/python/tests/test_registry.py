"""Against the service."""

import threading
import time
from collections.abc import Callable

import pytest
from blockyard import AsyncBlockyard, Blockyard, Conflict, Invalid, NotFound, NotReady, Refused, Stale, Unauthorized

Name = Callable[[str], str]


def test_a_block_its_versions_and_aliases(registry: Blockyard, name: Name) -> None:
    survival = name("survival/ü ?#")
    block = registry.blocks.create(name=survival, block_type="model", metadata={"layers": 3})
    assert registry.blocks[survival].metadata == {"layers": 3}
    assert registry.blocks[block.block_id].name == survival
    changed = block.update(metadata={"layers": 4})
    assert (changed.version_number, changed.metadata) == (2, {"layers": 4})
    assert changed.versions[1].metadata == {"layers": 3}
    candidate = changed.versions.append(metadata={"layers": 5})
    assert [version.version_number for version in changed.versions] == [3, 2, 1]
    changed.aliases.set("champion", candidate.version_number)
    assert changed.aliases["champion"].metadata == {"layers": 5}
    assert [alias.alias for alias in changed.aliases] == ["champion"]
    assert candidate.activate().version_number == 3
    changed.aliases.delete("champion")
    with pytest.raises(KeyError):
        changed.aliases["champion"]
    assert changed.reload().update(name=name("renamed")).reload().name == name("renamed")


def test_a_change_is_made_on_what_was_read_only(registry: Blockyard, name: Name) -> None:
    first = registry.blocks.create(name=name("shared"), block_type="dataset", metadata={})
    (listed,) = registry.blocks.list(name=name("shared"))
    first.update(metadata={"by": "me"})
    for old in (first, listed):
        with pytest.raises(Stale):
            old.update(metadata={"by": "another"})
    (listed,) = registry.blocks.list(name=name("shared"))
    assert listed.metadata == {"by": "me"}
    assert listed.update(metadata={"by": "another"}).version_number == 3


def test_refusals_are_exceptions_with_the_services_words(registry: Blockyard, name: Name) -> None:
    with pytest.raises(NotFound) as missing:
        registry.blocks[name("nobody")]
    assert (missing.value.status, missing.value.code) == (404, "not_found")
    assert not str(missing.value).startswith("'")
    registry.blocks.create(name=name("taken"), block_type="model")
    with pytest.raises(Conflict) as taken:
        registry.blocks.create(name=name("taken"), block_type="model")
    assert taken.value.code == "name_taken"
    with pytest.raises(Invalid) as invalid:
        registry.blocks.create(name="", block_type="model")
    assert "/name" in str(invalid.value)
    with Blockyard(api_key="unknown") as stranger, pytest.raises(Unauthorized):
        stranger.me()
    with pytest.raises(Refused):
        registry.request("GET", "/nowhere")


def test_from_an_edge_to_a_run(registry: Blockyard, name: Name) -> None:
    for block, kind in (("passengers", "dataset"), ("survival", "model")):
        registry.blocks.create(name=name(block), block_type="dataset" if kind == "dataset" else "model")
    edge = registry.edges.create(name=name("train"), metadata={"batch_size": 32})
    pipeline = registry.pipelines.create(
        name=name("nightly"),
        blocks=[{"block_id": name("passengers")}, {"block_id": name("survival")}],
        edges=[{"edge_id": name("train"), "source_block_id": name("passengers"), "target_block_id": name("survival")}],
    )
    with pytest.raises(NotReady) as blocked:
        pipeline.run()
    assert name("train") in str(blocked.value)
    assert not pipeline.readiness().ready
    assert edge.verify(verification_status="passed", verification_logs="12 checks").verified_by_username == "admin"
    assert edge.versions.append(metadata={"batch_size": 64}).version_number == 2
    assert [v.verification_status for v in edge.versions[1].verifications()] == ["passed"]
    assert registry.pipelines[name("nightly")].readiness().ready
    run = pipeline.run()
    with pytest.raises(TimeoutError):
        run.wait(timeout=0.1, poll=0.05)

    def work() -> None:
        time.sleep(0.2)
        registry.runs[run.run_id].report(status="started").report(status="success")

    worker = threading.Thread(target=work)
    worker.start()
    ended = run.wait(timeout=10, poll=0.1)
    worker.join()
    assert (ended.status, ended.ended) == ("success", True)
    assert {locked.name for locked in ended.lock().lock.blocks} == {name("passengers"), name("survival")}
    assert [r.run_id for r in pipeline.runs(status="success")] == [run.run_id]
    assert len(pipeline.graph().edges) == 1


def test_lists_go_over_pages_and_become_frames(registry: Blockyard, name: Name) -> None:
    category = registry.request("POST", "/taxonomy-categories", json={"name": name("many")})
    for number in range(5):
        block = registry.blocks.create(name=name(f"b{number}"), block_type="model", metadata={"accuracy": number / 10})
        registry.request("PUT", f"/blocks/{block.block_id}/categories/{category['category_id']}")
    listing = registry.blocks.list(category=name("many"), sort="name")
    # A page of two, so that there are three.
    listing._filters["limit"] = 2
    assert [block.name for block in listing] == [name(f"b{number}") for number in range(5)]
    first = listing.first()
    assert first is not None and first.name == name("b0")
    frame = listing.to_frame()
    assert list(frame["metadata.accuracy"]) == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert registry.blocks.list(category=name("many"), name=name("none")).first() is None
    assert any(log.model_dump()["entity_type"] == "block" for log in registry.items("/audit-logs", entity_type="block", limit=5))
    assert {log.username for log in block.history()} == {"admin"}


def test_archived_and_brought_back(registry: Blockyard, name: Name) -> None:
    block = registry.blocks.create(name=name("old"), block_type="model")
    block.archive()
    with pytest.raises(NotFound):
        registry.blocks[name("old")]
    assert block.restore().archived_at is None


async def test_all_of_it_awaits(aregistry: AsyncBlockyard, name: Name) -> None:
    block = await aregistry.blocks.create(name=name("survival"), block_type="model", metadata={"layers": 3})
    await block.update(metadata={"layers": 4})
    read = await aregistry.blocks[name("survival")]
    assert read.metadata == {"layers": 4}
    assert [version.version_number async for version in read.versions] == [2, 1]
    assert (await read.versions[1]).metadata == {"layers": 3}
    with pytest.raises(Stale):
        await block.update(metadata={})
    assert len(await aregistry.blocks.list(name=name("survival")).to_frame()) == 1
    assert (await aregistry.me()).role == "admin"
