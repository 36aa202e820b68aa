"""Serves MLflow's own application on the loopback, with SQLite in a folder: mlflow-server.py PORT FOLDER.

`mlflow server` starts four programs and wants the whole package for one of them, which runs jobs.
"""

import os
import sys

port, folder = sys.argv[1:]
os.environ |= {
    "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder}/mlflow.db",
    "_MLFLOW_SERVER_ARTIFACT_ROOT": f"{folder}/artifacts",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}

from mlflow.server import app  # noqa: E402
from werkzeug.serving import run_simple  # noqa: E402

run_simple("127.0.0.1", int(port), app, threaded=True)
