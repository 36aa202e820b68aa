-- $2 pipeline, $3 block, $4 the pin as the request has it, $5 revisions of the part.
with graph as materialized (
    select pb.pipeline_block_id, g.blocks
    from pipelines p
    join pipeline_blocks pb using (pipeline_id)
    cross join lateral app.resolve_graph(
        jsonb_build_array($4::jsonb || jsonb_build_object('block_id', pb.block_id)), '[]', true) as g
    where (select app.as_caller($1))
      and p.pipeline_id = (select app.find_id('pipeline', $2))
      and p.archived_at is null
      and pb.block_id = (select app.find_id('block', $3))
), pinned as (
    update pipeline_blocks pb set block_version_id = b.block_version_id, block_alias = b.block_alias
    from graph g
    cross join lateral jsonb_to_recordset(g.blocks) as b (block_id uuid, block_version_id uuid, block_alias text)
    where (select app.as_caller($1))
      and pb.pipeline_block_id = g.pipeline_block_id
      and ($5::timestamptz[] is null or pb.updated_at = any ($5))
    returning pb.*
)
select
    a.pipeline_block_id, a.block_id, a.block_version_id, a.block_alias, a.created_at, a.updated_at, b.name, v.block_type, v.version_id,
    v.version_number
from pinned a
join blocks b using (block_id)
left join aliases n on n.block_id = a.block_id and n.alias = a.block_alias
-- Not coalesce(): PostgreSQL holds that it leaks (contain_leaked_vars), and would read every version.
join block_versions v on v.version_id = case
    when a.block_version_id is not null then a.block_version_id
    when n.version_id is not null then n.version_id
    else b.current_version_id end
where (select app.as_caller($1))
