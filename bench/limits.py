"""What the service is held against: the same work as one statement, sent to PostgreSQL by pgbench.

Of each there are two. `ours` is the very statement that the service sends, read from `sql/`. `minimal` is
the plainest statement under row-level security that does no more than the request needs: what somebody
would write who wanted nothing but speed. The minimal writes have neither a trigger nor a function of ours.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from pathlib import Path

from cluster import ROOT, Cluster
from dataset import BLOCK, FIRST_NUMBER, PIPELINE, Size
from load import Statement

MINIMAL = Path(__file__).resolve().parent / "minimal.sql"
COLUMNS = """block_id, name, block_type, description, metadata, created_at, updated_at, created_by, archived_at,
    current_version_id, version_number, latest_version_number"""
# Who is calling, as the service says it.
CALLER = "(:claims)::jsonb"
# pgbench's variables are numbers, so the rest of an id is put in front by PostgreSQL, in a tenth of a microsecond.
A_BLOCK = f"('{BLOCK}' || :i)"
A_PIPELINE = f"('{PIPELINE}' || :i)"
# What a PATCH writes; `wrk` sends the same.
METADATA = '{"format": "parquet", "rows": 5000000, "tags": ["bench"], "metrics": {"accuracy": 0.93}, "nonce": %d}'
NEW_METADATA = "('" + METADATA.replace("%d", "' || :r || '") + "')::jsonb"
WORDS = """jsonb_to_tsvector('english', %s, '["key", "string"]')"""
# On the tables of minimal.sql.
MINIMAL_WRITE = f"""
with changed as (
    update bench.blocks set
        metadata = {NEW_METADATA}, metadata_words = {WORDS % NEW_METADATA}, updated_at = clock_timestamp(), current_version_id = gen_random_uuid(),
        version_number = latest_version_number + 1, latest_version_number = latest_version_number + 1
    where (select set_config('request.jwt.claims', :claims, true)) is not null
      and block_id = {A_BLOCK}::uuid and archived_at is null
    returning {COLUMNS}
), version as (
    insert into bench.block_versions
        (version_id, block_id, version_number, name, block_type, description, metadata, created_at, created_by, is_active, activated_at)
    select current_version_id, block_id, version_number, name, block_type, description, metadata, updated_at, bench.caller(), true, updated_at
    from changed
), trail as (
    insert into bench.audit_logs (log_id, user_id, action_type, entity_type, entity_id, subject_id, details)
    select gen_random_uuid(), bench.caller(), 'UPDATE', 'block', block_id, block_id,
        jsonb_build_object('table', 'blocks', 'request', {CALLER} -> 'request',
            'version_id', current_version_id, 'version_number', version_number)
    from changed
)
select {COLUMNS} from changed"""
# What a POST creates: names that nothing has yet.
NEW_BLOCK = '{"name": "bench %d %d", "block_type": "dataset", "metadata": {"format": "parquet", "rows": 5000000, "tags": ["bench"]}}'
NEW_NAME = "('bench ' || :r || ' ' || :i)"
FIRST_METADATA = "'" + json.dumps(json.loads(NEW_BLOCK)["metadata"]) + "'::jsonb"
MINIMAL_CREATE = f"""
with made as (
    insert into bench.blocks (block_id, name, block_type, metadata, created_at, updated_at, created_by,
        current_version_id, version_number, latest_version_number, name_key, search, metadata_words)
    select gen_random_uuid(), {NEW_NAME}, 'dataset', {FIRST_METADATA}, clock_timestamp(), clock_timestamp(), ({CALLER} ->> 'sub')::uuid,
        gen_random_uuid(), 1, 1, lower({NEW_NAME}), to_tsvector('simple', {NEW_NAME}), {WORDS % FIRST_METADATA}
    where (select set_config('request.jwt.claims', :claims, true)) is not null
    returning {COLUMNS}
), version as (
    insert into bench.block_versions
        (version_id, block_id, version_number, name, block_type, description, metadata, created_at, created_by, is_active, activated_at)
    select current_version_id, block_id, version_number, name, block_type, description, metadata, updated_at, created_by, true, updated_at
    from made
), trail as (
    insert into bench.audit_logs (log_id, user_id, action_type, entity_type, entity_id, subject_id, details)
    select gen_random_uuid(), created_by, 'CREATE', 'block', block_id, block_id,
        jsonb_build_object('table', 'blocks', 'request', {CALLER} -> 'request',
            'version_id', current_version_id, 'version_number', version_number)
    from made
)
select {COLUMNS} from made"""
# A variable for what the service sends as false, so that PostgreSQL plans for either.
NO = "(:no)::boolean"


def statement_of(file: str, parameters: Mapping[int, str]) -> str:
    """A statement of the service with its parameters replaced.

    pgbench cannot send null, so a null stands in the statement itself.
    """
    text = re.sub(r"--.*", "", (ROOT / "sql" / file).read_text())
    return re.sub(r"\$(\d+)", lambda found: parameters[int(found[1])], text).strip()


def statements(cluster: Cluster, database: str, size: Size, user: str) -> dict[str, dict[str, Statement]]:
    """The limits of each kind of request: {read: {ours, minimal}, …}."""
    user_id = cluster.sql(database, f"select user_id from public.users where username = '{user}'")
    # As the service sends them: the request only with what the audit trail records.
    request = {"id": str(uuid.uuid4()), "method": "PATCH", "path": f"/blocks/{BLOCK}{FIRST_NUMBER}"}
    reads = {"claims": json.dumps({"sub": user_id}), "no": "false"}
    writes = {"claims": json.dumps({"sub": user_id, "request": request}), "no": "false"}

    def limit(name: str, sql: str, *, pipelines: bool = False, writing: bool = False) -> Statement:
        last = FIRST_NUMBER + (size.pipelines if pipelines else size.blocks)
        return Statement(name, sql, FIRST_NUMBER + 1, last, writes if writing else reads)

    return {
        "read": {
            "ours": limit("get.sql", statement_of("blocks/get.sql", {1: CALLER, 2: f"{A_BLOCK}::uuid", 3: A_BLOCK})),
            "minimal": limit(
                "minimal read",
                f"""
                select {COLUMNS} from blocks
                where (select app.as_caller({CALLER})) and block_id = {A_BLOCK}::uuid and archived_at is null""",
            ),
        },
        "list": {
            "ours": limit("newest.sql", statement_of("blocks/newest.sql", {1: CALLER, 2: "null::timestamptz", 3: "null::uuid", 4: "(51)"})),
            "minimal": limit(
                "minimal list",
                f"""
                select {COLUMNS} from blocks
                where (select app.as_caller({CALLER})) and archived_at is null
                order by created_at desc, block_id desc limit 51""",
            ),
        },
        "write": {
            "ours": limit(
                "update.sql",
                statement_of(
                    "blocks/update.sql",
                    {1: CALLER, 2: f"{A_BLOCK}::uuid", 3: A_BLOCK, 4: "null", 5: "null", 6: NO, 7: "null", 8: NEW_METADATA, 9: "null", 10: "null"},
                ),
                writing=True,
            ),
            "minimal": limit("minimal write", MINIMAL_WRITE, writing=True),
        },
        "create": {
            "ours": limit(
                "create.sql",
                statement_of(
                    "blocks/create.sql",
                    {1: CALLER, 2: NEW_NAME, 3: "'dataset'::block_type", 4: "null::text", 5: FIRST_METADATA, 6: "null::activation_mode"},
                ),
                writing=True,
            ),
            "minimal": limit("minimal create", MINIMAL_CREATE, writing=True),
        },
        "readiness": {
            "ours": limit(
                "readiness.sql", statement_of("pipelines/readiness.sql", {1: CALLER, 2: f"{A_PIPELINE}::uuid", 3: A_PIPELINE}), pipelines=True
            ),
        },
    }


def prepare_minimal(cluster: Cluster, database: str) -> None:
    """The tables of the minimal writes."""
    cluster.sql(database, file=MINIMAL)
