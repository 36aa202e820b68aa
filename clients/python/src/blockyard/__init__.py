"""A client of Blockyard, the registry of ML blocks, edges and pipelines.

registry = Blockyard("http://127.0.0.1:8000", api_key)
registry.blocks["survival"].metadata
"""

from ._async import AsyncBlock, AsyncBlockVersion, AsyncBlockyard, AsyncEdge, AsyncEdgeVersion, AsyncListing, AsyncPipeline, AsyncRun
from ._generated import models
from ._problems import (
    BlockyardError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotReady,
    Refused,
    Stale,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from ._sync import Block, BlockVersion, Blockyard, Edge, EdgeVersion, Listing, Pipeline, Run

__all__ = [
    "AsyncBlock",
    "AsyncBlockVersion",
    "AsyncBlockyard",
    "AsyncEdge",
    "AsyncEdgeVersion",
    "AsyncListing",
    "AsyncPipeline",
    "AsyncRun",
    "Block",
    "BlockVersion",
    "Blockyard",
    "BlockyardError",
    "Conflict",
    "Edge",
    "EdgeVersion",
    "Forbidden",
    "Invalid",
    "Listing",
    "NotFound",
    "NotReady",
    "Pipeline",
    "Refused",
    "Run",
    "Stale",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
    "models",
]
