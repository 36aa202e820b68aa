"""Locks as the registry writes them."""

import uuid
from typing import Any

from dagster_blockyard.lock import digest

# Ids of one minute begin alike.
_ids = iter(range(1, 10_000))


def new_id() -> str:
    return f"01a20575-84d9-79db-a493-{next(_ids):012x}"


def block(name: str, **members: Any) -> dict[str, Any]:
    return {
        "alias": None, "block_id": new_id(), "block_type": "dataset", "images": [], "metadata_digest": "0" * 64, "name": name, "repos": [],
        "version_id": new_id(), "version_number": 1,
    } | members  # fmt: skip


def edge(name: str, source: dict[str, Any], target: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {
        "alias": None, "edge_id": new_id(), "images": [], "metadata_digest": "0" * 64, "name": name, "repos": [],
        "source_block_id": source["block_id"], "target_block_id": target["block_id"],
        "verification": {"verification_id": new_id(), "verified_at": "2026-11-22T10:00:00.000000Z", "verified_by": None},
        "version_id": new_id(), "version_number": 1,
    } | members  # fmt: skip


def lock(blocks: list[dict[str, Any]], edges: list[dict[str, Any]]) -> dict[str, Any]:
    return {"blocks": blocks, "dagster_pipeline_config": {"rate": 0.1, "many": 1.0}, "edges": edges, "format": 1, "pipeline_id": new_id()}


def diamond() -> dict[str, Any]:
    """Four blocks: two that come after one, and one that comes after both."""
    raw, left, right, model = (block(name) for name in ("Raw Events", "left", "right/other", "Churn Model"))
    edges = [edge("a", raw, left), edge("b", raw, right), edge("c", left, model), edge("d", right, model, version_number=3)]
    return lock([raw, left, right, model], edges)


def config(given: dict[str, Any], **members: Any) -> dict[str, Any]:
    """The configuration of the op `plan`, as the registry fills it in."""
    run = {"run_id": str(uuid.uuid4()), "pipeline_id": given["pipeline_id"], "lock_digest": digest(given)}
    return {"run": run, "lock": given, "parameters": {}, "block_config": {}} | members


def run_config(plan: dict[str, Any]) -> dict[str, Any]:
    return {"ops": {"plan": {"config": plan}}, "execution": {"config": {"in_process": {}}}}
