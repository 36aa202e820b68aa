-- $2 pipeline, $3 the block as the request has it, $4 revisions of the pipeline.
with graph as materialized (
    select p.pipeline_id, g.blocks
    from pipelines p
    cross join lateral app.resolve_graph(jsonb_build_array($3::jsonb), '[]', true) as g
    where (select app.as_caller($1))
      and p.pipeline_id = (select app.find_id('pipeline', $2))
      and p.archived_at is null
      and ($4::timestamptz[] is null or p.updated_at = any ($4))
), added as (
    insert into pipeline_blocks (pipeline_id, block_id, block_version_id, block_alias)
    select g.pipeline_id, b.block_id, b.block_version_id, b.block_alias
    from graph g
    cross join lateral jsonb_to_recordset(g.blocks) as b (block_id uuid, block_version_id uuid, block_alias text)
    where (select app.as_caller($1))
    returning *
)
select
    a.pipeline_block_id, a.block_id, a.block_version_id, a.block_alias, a.created_at, a.updated_at, b.name, v.block_type, v.version_id,
    v.version_number
from added a
join blocks b using (block_id)
left join aliases n on n.block_id = a.block_id and n.alias = a.block_alias
-- Not coalesce(): PostgreSQL holds that it leaks (contain_leaked_vars), and would read every version.
join block_versions v on v.version_id = case
    when a.block_version_id is not null then a.block_version_id
    when n.version_id is not null then n.version_id
    else b.current_version_id end
where (select app.as_caller($1))
