-- Edges as the file tells of them: those with these keys of names ($2; null: all), those of the owner $3; $4 rows.
select
    e.edge_id as "id!", e.name, e.updated_at as "revision!", e.version_number, e.latest_version_number,
    jsonb_build_object(
        'description', e.description, 'metadata', e.metadata, 'activation', e.activation,
        'aliases', (
            select coalesce(jsonb_object_agg(a.alias, jsonb_build_object('version', v.version_number, 'protected', a.is_protected)), '{}')
            from aliases a join edge_versions v on v.version_id = a.edge_version_id
            where a.edge_id = e.edge_id),
        'dependencies', (
            select coalesce(jsonb_agg(jsonb_build_object('id', d.dependency_id, 'block', nb.name, 'edge', ne.name,
                'detail', d.dependency_detail, 'version_constraint', d.version_constraint) order by d.dependency_id), '[]')
            from dependencies d
            left join blocks nb on nb.block_id = d.depends_on_block_id
            left join edges ne on ne.edge_id = d.depends_on_edge_id
            where d.edge_id = e.edge_id),
        'code_repos', (
            select coalesce(jsonb_agg(jsonb_build_object('id', r.repo_id, 'repo_url', r.repo_url, 'branch', r.branch)), '[]')
            from code_repos r
            where r.edge_id = e.edge_id),
        'docker_images', (
            select coalesce(jsonb_agg(jsonb_build_object('id', i.image_id, 'registry_url', i.registry_url,
                'image_tag', i.image_tag, 'image_digest', i.image_digest)), '[]')
            from docker_images i
            where i.edge_id = e.edge_id),
        'vectors', (
            select coalesce(jsonb_agg(jsonb_build_object('id', r.vector_id, 'vector_db', r.vector_db,
                'vector_key', r.vector_key, 'taxonomy_filter', r.taxonomy_filter)), '[]')
            from edge_vector_representations r
            where r.edge_id = e.edge_id)) as "item!",
    (select jsonb_build_object('description', v.description, 'metadata', v.metadata)
     from edge_versions v
     where v.edge_id = e.edge_id and v.version_number = e.latest_version_number and v.activated_at is null) as candidate,
    m.owner as "owner?", m.fields as "fields?"
from edges e
cross join lateral app.management(e.edge_id) as m
where (select app.as_caller($1))
  and ($4::bigint is not null or app.plan_anew(e.edge_id))
  and e.archived_at is null
  and ($2::text[] is null or e.name_key = any ($2)
       or e.edge_id = any (array(select app.managed_by('edge', $3))))
order by e.name_key
limit $4
