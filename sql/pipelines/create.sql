-- $2 name, $3 description, $4 dagster_pipeline_config, $5 blocks, $6 edges, as the request has them, $7 parameters_schema.
-- The answer has no parts: what this statement has put in, it does not see itself.
-- The trigger of each part sees what was inserted before it: the pipeline, then blocks, then edges.
with graph as materialized (
    select g.blocks, g.edges
    from app.resolve_graph($5, $6, false) as g
    where (select app.as_caller($1))
), pipeline as (
    insert into pipelines (name, description, dagster_pipeline_config, parameters_schema)
    select $2, $3, coalesce($4::jsonb, '{}'), $7::jsonb
    from graph
    where (select app.as_caller($1))
    returning *
), new_blocks as (
    insert into pipeline_blocks (pipeline_id, block_id, block_version_id, block_alias)
    select p.pipeline_id, b.block_id, b.block_version_id, b.block_alias
    from pipeline p
    cross join graph g
    cross join lateral jsonb_to_recordset(g.blocks) as b (block_id uuid, block_version_id uuid, block_alias text)
    where (select app.as_caller($1))
), new_edges as (
    insert into pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id, edge_version_id, edge_alias)
    select p.pipeline_id, e.edge_id, e.source_block_id, e.target_block_id, e.edge_version_id, e.edge_alias
    from pipeline p
    cross join graph g
    cross join lateral jsonb_to_recordset(g.edges)
        as e (edge_id uuid, source_block_id uuid, target_block_id uuid, edge_version_id uuid, edge_alias text)
    where (select app.as_caller($1))
)
select
    pipeline_id, name, description, created_at, updated_at, dagster_pipeline_config, parameters_schema, created_by, times_run,
    average_runtime, archived_at,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username, null::timestamptz as purged_at,
    '[]'::jsonb as blocks, '[]'::jsonb as edges, null::jsonb as runs
from pipeline
where (select app.as_caller($1))
