"""The client and its things. `_sync` is made of this folder by `just clients-generate`: change only this one."""

from .client import Blockyard
from .listing import Listing
from .runs import Pipeline, Run
from .things import Block, BlockVersion, Edge, EdgeVersion

__all__ = ["Block", "BlockVersion", "Blockyard", "Edge", "EdgeVersion", "Listing", "Pipeline", "Run"]
