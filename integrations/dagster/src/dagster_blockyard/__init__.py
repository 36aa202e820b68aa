"""Runs the pipelines of a Blockyard registry on Dagster, on exactly what their locks say."""

from .definitions import blockyard_definitions
from .lock import Block, Edge, Image, Lock, Repo, Run
from .reporter import reporter_sensor
from .resource import BlockyardError, BlockyardResource
from .steps import Input, Runner, Step

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
    "reporter_sensor",
]
