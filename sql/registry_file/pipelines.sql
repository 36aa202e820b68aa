-- Pipelines as the file tells of them: those with these keys of names ($2; null: all), those of the owner $3; $4 rows.
select
    p.pipeline_id as "id!", p.name, p.updated_at as "revision!",
    jsonb_build_object(
        'description', p.description, 'config', p.dagster_pipeline_config, 'parameters_schema', p.parameters_schema,
        'blocks', (
            select coalesce(jsonb_agg(jsonb_build_object('name', b.name, 'pin', v.version_number, 'alias', pb.block_alias)), '[]')
            from pipeline_blocks pb
            join blocks b using (block_id)
            left join block_versions v on v.version_id = pb.block_version_id
            where pb.pipeline_id = p.pipeline_id),
        'edges', (
            select coalesce(jsonb_agg(jsonb_build_object('edge', e.name, 'from', s.name, 'to', t.name,
                'pin', v.version_number, 'alias', pe.edge_alias)), '[]')
            from pipeline_edges pe
            join edges e using (edge_id)
            join blocks s on s.block_id = pe.source_block_id
            join blocks t on t.block_id = pe.target_block_id
            left join edge_versions v on v.version_id = pe.edge_version_id
            where pe.pipeline_id = p.pipeline_id)) as "item!",
    m.owner as "owner?", m.fields as "fields?"
from pipelines p
cross join lateral app.management(p.pipeline_id) as m
where (select app.as_caller($1))
  and ($4::bigint is not null or app.plan_anew(p.pipeline_id))
  and p.archived_at is null
  and ($2::text[] is null or p.name_key = any ($2)
       or p.pipeline_id = any (array(select app.managed_by('pipeline', $3))))
order by p.name_key
limit $4
