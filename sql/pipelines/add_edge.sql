-- $2 pipeline, $3 the edge as the request has it, $4 revisions of the pipeline.
with graph as materialized (
    select p.pipeline_id, g.edges
    from pipelines p
    cross join lateral app.resolve_graph(
        (select coalesce(jsonb_agg(jsonb_build_object('block_id', pb.block_id)), '[]')
         from pipeline_blocks pb where pb.pipeline_id = p.pipeline_id),
        jsonb_build_array($3::jsonb), true) as g
    where (select app.as_caller($1))
      and p.pipeline_id = (select app.find_id('pipeline', $2))
      and p.archived_at is null
      and ($4::timestamptz[] is null or p.updated_at = any ($4))
), added as (
    insert into pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id, edge_version_id, edge_alias)
    select g.pipeline_id, e.edge_id, e.source_block_id, e.target_block_id, e.edge_version_id, e.edge_alias
    from graph g
    cross join lateral jsonb_to_recordset(g.edges)
        as e (edge_id uuid, source_block_id uuid, target_block_id uuid, edge_version_id uuid, edge_alias text)
    where (select app.as_caller($1))
    returning *
)
select
    a.pipeline_edge_id, a.edge_id, a.source_block_id, a.target_block_id, a.edge_version_id, a.edge_alias, a.created_at, a.updated_at,
    e.name, v.version_id as "version_id!", v.version_number as "version_number!", v.verification_status::text as verification_status
from added a
join edges e using (edge_id)
left join aliases n on n.edge_id = a.edge_id and n.alias = a.edge_alias
-- Not coalesce(): PostgreSQL holds that it leaks (contain_leaked_vars), and would read every version.
join app.checked_edge_versions v on v.version_id = case
    when a.edge_version_id is not null then a.edge_version_id
    when n.version_id is not null then n.version_id
    else e.current_version_id end
where (select app.as_caller($1))
