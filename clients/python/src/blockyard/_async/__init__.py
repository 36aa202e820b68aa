"""The client and its things. `_sync` is made of this folder by `just clients-generate`: change only this one."""

from .client import AsyncBlockyard
from .listing import AsyncListing
from .runs import AsyncPipeline, AsyncRun
from .things import AsyncBlock, AsyncBlockVersion, AsyncEdge, AsyncEdgeVersion

__all__ = ["AsyncBlock", "AsyncBlockVersion", "AsyncBlockyard", "AsyncEdge", "AsyncEdgeVersion", "AsyncListing", "AsyncPipeline", "AsyncRun"]
