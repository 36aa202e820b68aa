"""What every measurement stands on: data of a size, a PostgreSQL that runs on it, and the service in front."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import dataset
from cluster import ROOT, SETTINGS, Cluster, Failed

from service import Service, build

# The copy of the filled database that is measured, and thereby changed.
COPY = "measured"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--service", type=Path, metavar="PATH", help="a program that is built already, instead of building this source")
    parser.add_argument("--folder", type=Path, default=ROOT / "target" / "bench", help="where the data is kept (default target/bench)")
    parser.add_argument("--keep", action="store_true", help=f"leave the measured database ({COPY}) in the kept data, to look at")
    parser.add_argument("--markdown", action="store_true", help="also write the tables into docs/performance.md")


@contextlib.contextmanager
def stage(options: argparse.Namespace, size: dataset.Size, *, in_place: bool = False) -> Iterator[tuple[Cluster, Service]]:
    """A running PostgreSQL with the data, and the service, not yet started; everything ends with the context.

    The data is a copy, so that the kept one stays as it was filled, unless it is to be measured in place.
    """
    program = options.service.resolve() if options.service else build()
    with contextlib.ExitStack() as stack:
        cluster = dataset.ensure(options.folder.resolve() / str(size.blocks), size, program)
        stack.callback(cluster.stop)
        cluster.start(SETTINGS)
        database = dataset.FILLED
        if not in_place:
            database = COPY
            cluster.sql("postgres", f"drop database if exists {COPY}")
            cluster.sql("postgres", f"create database {COPY} owner postgres template {dataset.FILLED} strategy file_copy")
            if not options.keep:
                stack.callback(lambda: cluster.sql("postgres", f"drop database if exists {COPY} with (force)"))
        folder = Path(tempfile.mkdtemp(prefix="blockyard-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        service = Service(program, cluster, database, folder)
        stack.callback(service.stop)
        yield cluster, service


def run(main: Callable[[], None]) -> None:
    """Runs a script: what can be mended is said in a sentence, and an interruption ends everything that was started."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        main()
    except Failed as failure:
        sys.exit(f"bench: {failure}")
    except KeyboardInterrupt:
        sys.exit("bench: interrupted; everything is stopped")
