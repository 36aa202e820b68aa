"""Runs the pipelines of a Blockyard registry on Dagster, on exactly what their locks say."""

from .definitions import blockyard_definitions
from .lock import Block, Edge, Image, Lock, Repo, Run
from .reporter import reporter_sensor, signature
from .resource import BlockyardError, BlockyardResource
from .steps import Input, Runner, Step
from .verification import edge_check, verification_job

__all__ = [
    "Block",
    "BlockyardError",
    "BlockyardResource",
    "Edge",
    "Image",
    "Input",
    "Lock",
    "Repo",
    "Run",
    "Runner",
    "Step",
    "blockyard_definitions",
    "edge_check",
    "reporter_sensor",
    "signature",
    "verification_job",
]
