"""A block that is a program of its own, of whatever language: it finds its step among Dagster's extras."""

import os

from dagster_pipes import open_dagster_pipes

with open_dagster_pipes() as pipes:
    step = pipes.get_extra("blockyard")
    pipes.log.info(f"runs {step['block']['name']}")
    if step["config"].get("exit"):
        os._exit(step["config"]["exit"])
    pipes.report_custom_message("a message that is no result")
    pipes.report_custom_message(
        {
            "of": step["block"]["name"],
            "run": step["run"]["run_id"],
            "inputs": {input["edge"]["name"]: input["result"] for input in step["inputs"]},
            "parameters": step["parameters"],
            "secrets": [os.environ.get(name) for name in ("BLOCKYARD_API_KEY", "DAGSTER_EVENTS_SECRET")],
        }
    )
