-- $2 pipeline, $3 edge of the pipeline, $4 the pin as the request has it, $5 revisions of the part.
with graph as materialized (
    select pe.pipeline_edge_id, g.edges
    from pipelines p
    join pipeline_edges pe using (pipeline_id)
    cross join lateral app.resolve_graph(
        (select jsonb_agg(jsonb_build_object('block_id', b)) from unnest(array[pe.source_block_id, pe.target_block_id]) as b),
        jsonb_build_array($4::jsonb || jsonb_build_object(
            'edge_id', pe.edge_id, 'source_block_id', pe.source_block_id, 'target_block_id', pe.target_block_id)), true) as g
    where (select app.as_caller($1))
      and p.pipeline_id = (select app.find_id('pipeline', $2))
      and p.archived_at is null
      and pe.pipeline_edge_id = $3
), pinned as (
    update pipeline_edges pe set edge_version_id = e.edge_version_id, edge_alias = e.edge_alias
    from graph g
    cross join lateral jsonb_to_recordset(g.edges) as e (edge_id uuid, edge_version_id uuid, edge_alias text)
    where (select app.as_caller($1))
      and pe.pipeline_edge_id = g.pipeline_edge_id
      and ($5::timestamptz[] is null or pe.updated_at = any ($5))
    returning pe.*
)
select
    a.pipeline_edge_id, a.edge_id, a.source_block_id, a.target_block_id, a.edge_version_id, a.edge_alias, a.created_at, a.updated_at,
    e.name, v.version_id as "version_id!", v.version_number as "version_number!", v.verification_status::text as verification_status
from pinned a
join edges e using (edge_id)
left join aliases n on n.edge_id = a.edge_id and n.alias = a.edge_alias
-- Not coalesce(): PostgreSQL holds that it leaks (contain_leaked_vars), and would read every version.
join app.checked_edge_versions v on v.version_id = case
    when a.edge_version_id is not null then a.edge_version_id
    when n.version_id is not null then n.version_id
    else e.current_version_id end
where (select app.as_caller($1))
