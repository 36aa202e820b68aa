#!/usr/bin/env python3
"""What one caller's slow requests cost another caller.

In turns: somebody reads blocks one after the other, alone, and then beside another caller who keeps asking, many
at once, whether a pipeline of 2,000 blocks may run, which is the slowest request there is. Prints how much longer
the reads take. The two load generators are processes of their own, on the machine that serves.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import time
from collections.abc import Iterator
from statistics import median, quantiles

import dataset
import load
import stage
from cluster import Failed

from service import Service, Session

SLOW = "/pipelines/giant-2000/readiness"
# Until all of them are waiting.
SECONDS_TO_FILL = 2.0


def read(service: Service, session: Session, size: dataset.Size, seconds: float) -> list[float]:
    """The milliseconds that reads of any blocks take, over one connection."""
    end = time.perf_counter() + seconds

    def reads() -> Iterator[load.OneRequest]:
        while time.perf_counter() < end:
            yield "GET", f"/blocks/{dataset.BLOCK}{dataset.FIRST_NUMBER + random.randint(1, size.blocks)}", None

    took, _ = load.one_by_one(service, reads(), session.token)
    if len(took) < 100:
        raise Failed(f"only {len(took)} blocks were read in {seconds:.0f} s: measure for longer (--seconds)")
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    stage.add_options(parser)
    parser.add_argument("--blocks", type=int, default=5000, help="how many blocks there are (default 5000)")
    parser.add_argument("--hogs", type=int, default=60, help="how many slow requests there are at once (default 60)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    size = dataset.Size(options.blocks)
    with stage.stage(options, size) as (_, service):
        service.start()
        reader = Session(service, "bench-admin", dataset.PASSWORD)
        hog = Session(service, "bench-developer", dataset.PASSWORD)
        if service.request("GET", SLOW, headers=hog.token).status != 200:
            raise Failed(f"GET {SLOW} is refused")
        read(service, reader, size, options.seconds)
        print("| round | alone: p50 ms | p95 | p99 | beside: p50 ms | p95 | p99 | p95 over p95 |\n|---|---:|---:|---:|---:|---:|---:|---:|")
        ratios = []
        for number in range(1, options.rounds + 1):
            alone = quantiles(read(service, reader, size, options.seconds), n=100)
            slow = subprocess.Popen(
                [
                    "wrk",
                    "--threads=1",
                    f"--connections={options.hogs}",
                    f"--duration={SECONDS_TO_FILL + options.seconds + 1:.0f}s",
                    "--timeout=60s",
                    *(f"--header={name}: {value}" for name, value in hog.token.items()),
                    f"http://127.0.0.1:{service.port}{SLOW}",
                ],
                stdout=subprocess.DEVNULL,
            )
            try:
                time.sleep(SECONDS_TO_FILL)
                beside = quantiles(read(service, reader, size, options.seconds), n=100)
            finally:
                slow.terminate()
                slow.wait()
            # What they have begun is still being answered.
            time.sleep(2)
            service.forget_output()
            ratios.append(beside[94] / alone[94])
            figures = (figure for part in (alone, beside) for figure in (part[49], part[94], part[98]))
            print(f"| {number} | {' | '.join(f'{figure:.2f}' for figure in figures)} | {ratios[-1]:.1f} |", flush=True)
        print(f"| median | | | | | | | {median(ratios):.1f} |")


if __name__ == "__main__":
    stage.run(main)
