"""What a run runs on: the lock that the registry sent along, checked against its name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal
from uuid import UUID

import rfc8785
from pydantic import BaseModel, ConfigDict, ValidationError


class LockError(ValueError):
    """The configuration of a run is not what the registry sends."""


class _Locked(BaseModel):
    # Members that a newer registry adds are no reason to refuse; a form that means something else has another `format`.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Image(_Locked):
    """An image that a version runs in."""

    registry_url: str
    image_tag: str
    image_digest: str | None

    @property
    def reference(self) -> str:
        """What to pull: by digest where the registry knows it, for a tag can be moved."""
        return f"{self.registry_url}@{self.image_digest}" if self.image_digest else f"{self.registry_url}:{self.image_tag}"


class Repo(_Locked):
    """A repository that a version is built from."""

    repo_url: str
    branch: str


class Block(_Locked):
    """The exact version of a block."""

    block_id: UUID
    block_type: str
    name: str
    version_id: UUID
    version_number: int
    alias: str | None
    metadata_digest: str
    images: tuple[Image, ...]
    repos: tuple[Repo, ...]

    @property
    def mapping_key(self) -> str:
        """How Dagster names the step of this block. The registry reads the id from it, so it is there whole."""
        slug = re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_")[:40].rstrip("_") or "block"
        return f"{slug}_{self.block_id.hex}"


class Edge(_Locked):
    """The exact version of an edge, from one block of the pipeline to another."""

    edge_id: UUID
    name: str
    version_id: UUID
    version_number: int
    alias: str | None
    metadata_digest: str
    source_block_id: UUID
    target_block_id: UUID
    images: tuple[Image, ...]
    repos: tuple[Repo, ...]


class Lock(_Locked):
    """All that a run runs on."""

    format: Literal[1]
    pipeline_id: UUID
    blocks: tuple[Block, ...]
    edges: tuple[Edge, ...]


class Run(_Locked):
    """Which run of the registry this is."""

    run_id: UUID
    pipeline_id: UUID
    lock_digest: str


def digest(lock: Mapping[str, Any]) -> str:
    """The name of a lock: SHA-256 of its canonical form (RFC 8785), in hex."""
    try:
        return hashlib.sha256(rfc8785.dumps(dict(lock))).hexdigest()
    except rfc8785.CanonicalizationError as error:
        raise LockError(f"The lock is no I-JSON: {error}") from error


def read(run: Mapping[str, Any], lock: Mapping[str, Any]) -> tuple[Run, Lock]:
    """The run and its lock. Refuses a lock that is not the one by whose digest the run was admitted."""
    try:
        named, locked = Run.model_validate(run), Lock.model_validate(lock)
    except ValidationError as error:
        # Without the input: a lock holds what a deployment may not want in its logs twice.
        raise LockError(f"The lock cannot be read: {error.errors(include_url=False, include_input=False)}") from error
    if (found := digest(lock)) != named.lock_digest:
        raise LockError(f"The run {named.run_id} was admitted on the lock {named.lock_digest}, and was given {found}.")
    if locked.pipeline_id != named.pipeline_id:
        raise LockError(f"The lock is of the pipeline {locked.pipeline_id}, not of {named.pipeline_id}.")
    return named, locked


def waves(lock: Lock) -> list[list[Block]]:
    """The blocks by their depth in the graph: each comes after all that lead to it."""
    blocks = {block.block_id: block for block in lock.blocks}
    if len(blocks) != len(lock.blocks):
        raise LockError("The lock has a block twice.")
    sources: dict[UUID, set[UUID]] = {id: set() for id in blocks}
    for edge in lock.edges:
        for end in (edge.source_block_id, edge.target_block_id):
            if end not in blocks:
                raise LockError(f"The edge {edge.name} joins the block {end}, which the lock does not have.")
        sources[edge.target_block_id].add(edge.source_block_id)
    sorter = TopologicalSorter(sources)
    try:
        sorter.prepare()
    except CycleError as error:
        names = " -> ".join(blocks[id].name for id in error.args[1])
        raise LockError(f"The blocks of the lock wait for one another: {names}") from error
    layers: list[list[Block]] = []
    while sorter.is_active():
        ready = sorter.get_ready()
        # In the order of the lock, whatever the sorter's.
        layers.append([block for id, block in blocks.items() if id in ready])
        sorter.done(*ready)
    return layers
