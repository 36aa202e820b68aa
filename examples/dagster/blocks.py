"""What the blocks of examples/dagster/pipeline.py do: a runner for each, by the block's name.

No more than fits an example: one counts passengers, the other learns who of them lived from what the first one says.
`RUNNERS` is what BLOCKYARD_RUNNER=blocks:RUNNERS names.
"""

from collections.abc import Mapping
from typing import Any

from dagster_blockyard import Step

# Class, how many, how many lived: the Titanic's, by the British inquiry.
PASSENGERS = [("first", 325, 203), ("second", 285, 118), ("third", 706, 178)]


def passengers(step: Step) -> Mapping[str, Any]:
    classes = [row for row in PASSENGERS if row[0] not in step.config.get("without", [])]
    step.context.log.info(f"{sum(row[1] for row in classes)} passengers in {len(classes)} classes")
    return {"classes": classes}


def survival(step: Step) -> Mapping[str, Any]:
    learned = {}
    for input in step.inputs:
        step.context.log.info(f"learns from {input.edge.name}, version {input.edge.version_number}")
        for name, there, lived in input.result["classes"]:
            learned[name] = round(lived / there, 3)
    return {"survival": learned, "day": step.parameters.get("day")}


RUNNERS = {"titanic-passengers": passengers, "titanic-survival": survival}
