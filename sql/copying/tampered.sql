-- What does not have the digest that it is known by, as the database itself works it out.
select found.what as "what!"
from (
    select format('the metadata of version %s', v.version_id) as what
    from (
        select version_id, metadata from public.block_versions
        union all
        select version_id, metadata from public.edge_versions) as v
    join app.metadata_digests d on d.version_id = v.version_id
    where d.digest <> app.json_digest(v.metadata)
    union all
    select format('lock %s', l.lock_digest) from public.pipeline_locks l where l.lock_digest <> app.json_digest(l.lock)
    union all
    select format('the configuration of pipeline %s', p.pipeline_id)
    from public.pipelines p
    join app.canonical_configs c on c.pipeline_id = p.pipeline_id
    where c.config <> app.canonical_json(p.dagster_pipeline_config)) as found
order by 1
limit 5
