"""How many statements a request sends: counted in PostgreSQL's own log."""

from __future__ import annotations

import time
from collections.abc import Callable

from cluster import LOG_PREFIX, Cluster, Failed

from service import Service

REQUESTS = 20
# The service logs in as this, and nothing else does.
LINE = LOG_PREFIX.replace("%u", "blockyard_api") + "LOG:  "


def count(cluster: Cluster, service: Service, method: str, path: str, headers: dict[str, str], make_body: Callable[[], object]) -> float:
    """Statements for each of a few such requests, one after the other, to a service that is warm and otherwise idle."""
    answered = {service.request(method, path, make_body(), headers).status}  # its statement is prepared from now on
    _log_statements(cluster, "all")
    try:
        begin = cluster.log.stat().st_size
        for _ in range(REQUESTS):
            answered.add(service.request(method, path, make_body(), headers).status)
        time.sleep(0.2)
        with cluster.log.open("rb") as log:
            log.seek(begin)
            lines = log.read().decode(errors="replace").splitlines()
    finally:
        _log_statements(cluster, "none")
    if not answered <= {200, 201, 304}:
        raise Failed(f"{method} {path} is answered {sorted(answered)}")
    executed = [line for line in lines if line.startswith((LINE + "execute ", LINE + "statement: "))]
    return len(executed) / REQUESTS


def _log_statements(cluster: Cluster, which: str) -> None:
    cluster.sql("postgres", f"alter system set log_statement = '{which}'")
    cluster.sql("postgres", "select pg_reload_conf()")
    # Each backend hears of it on its own.
    time.sleep(0.3)
