-- The pipelines that the changes of this transaction reach: by what the audit trail has of its request, and by what is changed yet
-- ($2). $3 rows.
-- (Of the trail everybody sees their own.)
with touched as materialized (
    select distinct l.subject_id as id
    from audit_logs l
    where (select app.as_caller($1))
      and l."timestamp" >= transaction_timestamp()
      and l.details #>> '{request,id}' = $1::jsonb #>> '{request,id}'
    union
    select unnest($2::uuid[])
)
select p.pipeline_id
from (
    select t.id as pipeline_id from touched t
    union
    select pb.pipeline_id from touched t join pipeline_blocks pb on pb.block_id = t.id
    union
    select pe.pipeline_id from touched t join pipeline_edges pe on pe.edge_id = t.id
    union
    -- What depends on certain versions of it is judged by them.
    select pb.pipeline_id
    from touched t
    join dependencies d on d.depends_on_block_id = t.id or d.depends_on_edge_id = t.id
    join pipeline_blocks pb on pb.block_id = d.block_id
    where d.version_constraint is not null
    union
    select pe.pipeline_id
    from touched t
    join dependencies d on d.depends_on_block_id = t.id or d.depends_on_edge_id = t.id
    join pipeline_edges pe on pe.edge_id = d.edge_id
    where d.version_constraint is not null
) as reached
join pipelines p using (pipeline_id)
where (select app.as_caller($1))
order by p.pipeline_id
limit $3
