#!/usr/bin/env python3
"""What pages of the console cost: the milliseconds of each beside those of the reads that it tells with curl, its bytes, and memory.

just bench-console --blocks 100000
"""

from __future__ import annotations

import argparse
import gzip
import html
import http.client
import re
from statistics import quantiles
from urllib.parse import urlencode, urlsplit

import dataset
import load
import stage
from cluster import Failed

from service import Service, Session

PAGES = [
    "",
    "/pipelines",
    "/blocks",
    "/edges",
    "/verify",
    "/runs",
    "/search?q=block",
    "/taxonomy",
    "/audit",
    "/account",
]
MOST_MS, MOST_BYTES, MOST_MB = 50, 40_000, 10


def sign_in(service: Service, session: Session) -> dict[str, str]:
    """A browser's cookie."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    connection.request("POST", "/console/sign-in", urlencode(session.login), headers)
    response = connection.getresponse()
    cookie = response.headers.get("Set-Cookie", "").split(";")[0]
    if response.status != 303 or not cookie:
        raise Failed(f"signing in is answered {response.status}")
    return {"Cookie": cookie}


def timed(service: Service, paths: list[str], headers: dict[str, str], rounds: int) -> tuple[list[float], bytes]:
    """The milliseconds that the paths take together, each round, and the last answer."""
    took, body = load.one_by_one(service, [("GET", path, None) for path in paths] * rounds, headers)
    return [sum(took[i : i + len(paths)]) for i in range(0, len(took), max(1, len(paths)))], body


def told(page: bytes) -> list[str]:
    """The reads of the API that a page says it is made of."""
    urls = re.findall(r"<code>curl [^<]*?'([^']*)'", html.unescape(page.decode()))
    return ["{0.path}?{0.query}".format(urlsplit(url)) for url in urls]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    stage.add_options(parser)
    parser.add_argument("--blocks", type=int, default=100_000, help="how many blocks there are (default 100000)")
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    size = dataset.Size(options.blocks)
    with stage.stage(options, size) as (_, service):
        service.start()
        admin = Session(service, "bench-admin", dataset.PASSWORD)
        some = dataset.FIRST_NUMBER + size.blocks // 2
        pages = [
            *PAGES,
            f"/blocks/{dataset.BLOCK}{some}",
            f"/lineage?node=block:{dataset.BLOCK}{some}",
            f"/pipelines/{dataset.PIPELINE}{dataset.FIRST_NUMBER + 1}",
        ]
        cookie = sign_in(service, admin)
        # Both ways once, so that what is compared is the console and not the first touch of the data.
        reads = {page: told(timed(service, [f"/console{page}"], cookie, 1)[1]) for page in pages}
        for paths in reads.values():
            timed(service, paths, admin.token, options.rounds // 10)
        before = service.memory()["rss"]
        over = []
        print("| page | p50 ms | p95 ms | its reads: p50 ms | p95 ms | reads | bytes | gzip |\n|---|---:|---:|---:|---:|---:|---:|---:|")
        for page in pages:
            took, body = timed(service, [f"/console{page}"], cookie, options.rounds)
            alone, _ = timed(service, reads[page], admin.token, options.rounds) if reads[page] else ([0.0] * 2, b"")
            ours, theirs, small = quantiles(took, n=100), quantiles(alone, n=100), len(gzip.compress(body))
            figures = " | ".join(f"{figure:.1f}" for figure in (ours[49], ours[94], theirs[49], theirs[94]))
            shown = page.replace(str(some), "…")
            print(f"| `/console{shown}` | {figures} | {len(reads[page])} | {len(body)} | {small} |", flush=True)
            if ours[94] - theirs[94] > MOST_MS:
                over.append(f"{page}: {ours[94] - theirs[94]:.0f} ms beside its reads")
            if small > MOST_BYTES:
                over.append(f"{page}: {small} bytes")
        grown = service.memory()["rss"] - before
        print(f"\nMemory: {before:.0f} MB before, {grown:+.0f} MB after.")
        if grown > MOST_MB:
            over.append(f"{grown:.0f} MB more memory")
        if over:
            raise Failed("over the bound: " + "; ".join(over))


if __name__ == "__main__":
    stage.run(main)
