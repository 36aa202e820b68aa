"""An asset whose check verifies the edge `titanic-train` in the registry.

    dagster asset materialize --select '*' -f examples/dagster/checks.py

with BLOCKYARD_URL and BLOCKYARD_API_KEY in the environment; it is a code location as well.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_blockyard import blockyard_definitions, edge_check

from blocks import PASSENGERS, RUNNERS


@dg.asset
def titanic_survival() -> dict[str, float]:
    return {name: lived / there for name, there, lived in PASSENGERS}


@edge_check(asset=titanic_survival, edge="titanic-train")
def lives_are_counted(version: Mapping[str, Any]) -> dg.AssetCheckResult:
    """Nobody lives who was not there, and the edge counts."""
    total = sum(lived for _, _, lived in PASSENGERS)
    passed = version["metadata"].get("method") == "count" and all(0 <= lived <= there for _, there, lived in PASSENGERS)
    return dg.AssetCheckResult(passed=passed, description=f"{total} passengers lived", metadata={"lived": total})


defs = blockyard_definitions(runners=RUNNERS, assets=[titanic_survival], asset_checks=[lives_are_counted])
