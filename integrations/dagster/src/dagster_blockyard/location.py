"""A code location that needs no Python of one's own: `dagster code-server start -m dagster_blockyard.location`.

`BLOCKYARD_RUNNER` says what runs a block: `docker` or `kubernetes` (its image), or `module:name` (a callable, or a
mapping from names of blocks to callables). Without it the blocks fail, and say so.
"""

import os

from .definitions import blockyard_definitions
from .runners import named

_runner, _runners = named(os.environ.get("BLOCKYARD_RUNNER", ""))
defs = blockyard_definitions(_runner, runners=_runners)
