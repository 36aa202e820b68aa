#!/usr/bin/env python3
"""What searches cost, and how much of what is nearest the index finds, on a PostgreSQL that has pgvector.

just bench-search --blocks 100000

Sends each kind of search over one connection, beside the plain list of as many rows; every block has an embedding.
Needs the programs of a PostgreSQL with pgvector, which BLOCKYARD_PG_BIN names (`.ci/on-postgresql` fetches them).
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles

import dataset
import load
import stage
from cluster import FILLING, ROOT, Cluster, Failed

from service import Service, Session, build, run_command

DIMENSIONS = 384
MODEL = "bench"
LIMIT = 50
# So many blocks are asked for what no index knows.
NEWEST = 100_000
# What is asked for by vectors, and how many of the ten nearest the index has to find.
QUESTIONS, NEAREST, LEAST_RECALL = 50, 10, 0.98
SEED = 7

# Of blocks and their metadata as fill/prepare.sql makes them: {what it passes: condition}.
FILTERS = {
    "0.1 %": {"metadata": {"/metrics/accuracy": {"gte": 0.999}}},
    "1 %": {"metadata": {"/metrics/accuracy": {"gte": 0.99}}},
    "6 %": {"metadata": {"/tags": {"contains": "team-3"}}},
    "33 %": {"metadata": {"/license": "mit"}},
}


def embed(cluster: Cluster, program: Path) -> None:
    """Gives the blocks of the kept data their embeddings, and those an index, unless they have them."""
    cluster.start({**FILLING, "maintenance_work_mem": "3GB"})
    try:
        if cluster.sql(dataset.FILLED, "select count(*) from pg_extension where extname = 'vector'") == "0":
            cluster.sql(dataset.FILLED, "create extension vector")
        if not cluster.sql(dataset.FILLED, f"select 1 from embedding_models where name = '{MODEL}'"):
            print("Embedding the blocks ...", file=sys.stderr, flush=True)
            cluster.sql(dataset.FILLED, file=dataset.FILL / "embeddings.sql", variables={"dimensions": DIMENSIONS})
        print("Indexing the embeddings ...", file=sys.stderr, flush=True)
        owner = {"MIGRATE_DATABASE_URL": cluster.url("postgres", dataset.FILLED)}
        run_command([str(program), "vectors", "index", "--model", MODEL], owner, cwd=cluster.folder)
        cluster.sql(dataset.FILLED, "vacuum (freeze, analyze) embeddings, block_vector_representations")
        cluster.sql(dataset.FILLED, "checkpoint")
    finally:
        cluster.stop()
    run_command(["sync"])


def questions(cluster: Cluster, database: str) -> list[list[float]]:
    """Vectors near those of some blocks, and of none."""
    rows = cluster.sql(
        database,
        f"select to_json(vector) from embeddings where entity_type = 'block' order by hashtextextended(entity_id::text, {SEED}) limit {QUESTIONS}",
    )
    chance = random.Random(SEED)
    return [[value + chance.gauss(0, 0.01) for value in json.loads(row)] for row in rows.splitlines()]


def nearest(cluster: Cluster, database: str, vector: Sequence[float], condition: str) -> list[str]:
    """The blocks that are nearest, compared one by one."""
    return cluster.sql(
        database,
        f"""
        set enable_indexscan = off;
        select e.entity_id from embeddings e join blocks b using (block_id)
        where {condition} order by e.vector::vector <=> '{list(vector)}'::vector, e.entity_id limit {NEAREST}""",
    ).splitlines()


def recall(cluster: Cluster, service: Service, session: Session, vectors: list[list[float]], name: str, condition: str) -> float:
    """The share of the nearest that a search finds; it finds ten wherever there are ten."""
    shared = wanted = 0
    for vector in vectors:
        body = {"vector": {"model": MODEL, "values": vector}, "limit": NEAREST, **({"where": FILTERS[name]} if name else {})}
        answer = service.request("POST", "/search", body, session.token)
        if answer.status != 200:
            raise Failed(f"a search by vector is answered {answer.status}: {answer.body[:200].decode(errors='replace')}")
        found = {hit["id"] for hit in json.loads(answer.body)["hits"]}
        true = nearest(cluster, service.database, vector, condition)
        if len(found) < len(true):
            raise Failed(f"of the {len(true)} nearest that pass {name or 'no'} filter, only {len(found)} are found")
        shared += len(found & set(true))
        wanted += len(true)
    return shared / wanted


def searches(vectors: list[list[float]]) -> dict[str, list[dict[str, object]]]:
    """What is sent, {what it is: bodies that take turns}."""

    def by_vector(vector: list[float], **more: object) -> dict[str, object]:
        return {"vector": {"model": MODEL, "values": vector}, **more}

    words = {"few": "zebras", "1 in 100": "penguins", "1 in 5": "forests"}
    return {
        **{f"a word that {share} have": [{"text": text}] for share, text in words.items()},
        "three words": [{"text": "resnet recordings penguins"}],
        "a word that 1 in 100 have, with five facets": [{"text": "penguins", "facets": ["kind", "block_type", "category", "verified", "pipeline"]}],
        **{f"a filter that {share} pass": [{"where": where}] for share, where in FILTERS.items()},
        "a vector": [by_vector(vector) for vector in vectors],
        **{f"a vector, and a filter that {share} pass": [by_vector(vector, where=where) for vector in vectors] for share, where in FILTERS.items()},
        "words and a vector": [by_vector(vector, text="penguins") for vector in vectors],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    stage.add_options(parser)
    parser.set_defaults(folder=ROOT / "target" / "bench-search")
    parser.add_argument("--blocks", type=int, default=100_000, help="how many blocks there are (default 100000)")
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    options.service = options.service or build()
    size = dataset.Size(options.blocks)
    program = options.service.resolve()
    embed(dataset.ensure(options.folder.resolve() / str(size.blocks), size, program), program)
    with stage.stage(options, size, in_place=size.blocks > 100_000) as (cluster, service):
        cluster.warm()
        service.start()
        session = Session(service, "bench-developer", dataset.PASSWORD)
        vectors = questions(cluster, service.database)

        print("| | p50 ms | p95 ms |\n|---|---:|---:|")

        def tell(name: str, requests: list[load.OneRequest]) -> None:
            # Once before, so that it is not the first touch of the data.
            load.one_by_one(service, requests[: len(requests) // 10 + 1], session.token)
            took, _ = load.one_by_one(service, requests, session.token)
            hundredths = quantiles(took, n=100)
            print(f"| {name} | {hundredths[49]:.1f} | {hundredths[94]:.1f} |", flush=True)

        tell(f"the newest {LIMIT} blocks", [("GET", f"/blocks?limit={LIMIT}", None)] * options.rounds)
        for name, bodies in searches(vectors).items():
            turns = itertools.islice(itertools.cycle(bodies), options.rounds)
            tell(name, [("POST", "/search", {"kinds": ["block"], "limit": LIMIT, **body}) for body in turns])

        # Of the newest only: what has to be asked of every block is not asked of more.
        newest = ""
        if size.blocks > NEWEST:
            newest = f" and b.created_at >= (select created_at from blocks order by created_at desc offset {NEWEST} limit 1)"
        conditions = {
            "": "true",
            "0.1 %": "(b.metadata #>> '{metrics,accuracy}')::numeric >= 0.999" + newest,
            "1 %": "(b.metadata #>> '{metrics,accuracy}')::numeric >= 0.99" + newest,
            "33 %": "b.metadata ->> 'license' = 'mit'",
        }
        print(f"\n| of the {NEAREST} nearest that pass | found |\n|---|---:|")
        missed = []
        for name, condition in conditions.items():
            share = recall(cluster, service, session, vectors, name, condition)
            print(f"| {name or 'no filter'} | {share:.3f} |", flush=True)
            if share < LEAST_RECALL:
                missed.append(f"{name or 'no filter'}: {share:.3f}")
        if missed:
            raise Failed(f"less than {LEAST_RECALL} of the nearest are found: {'; '.join(missed)}")


if __name__ == "__main__":
    stage.run(main)
