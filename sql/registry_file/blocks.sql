-- Blocks as the file tells of them: those with these keys of names ($2; null: all), those of the owner $3, those in the category
-- $4 (id or name) or below it; $5 rows. Categories are told by their ids: the paths are known already.
select
    b.block_id as "id!", b.name, b.updated_at as "revision!", b.version_number, b.latest_version_number,
    jsonb_build_object(
        'type', b.block_type, 'description', b.description, 'metadata', b.metadata, 'activation', b.activation,
        'categories', (
            select coalesce(jsonb_agg(bt.category_id), '[]') from block_taxonomies bt where bt.block_id = b.block_id),
        'aliases', (
            select coalesce(jsonb_object_agg(a.alias, jsonb_build_object('version', v.version_number, 'protected', a.is_protected)), '{}')
            from aliases a join block_versions v on v.version_id = a.block_version_id
            where a.block_id = b.block_id),
        'dependencies', (
            select coalesce(jsonb_agg(jsonb_build_object('id', d.dependency_id, 'block', nb.name, 'edge', ne.name,
                'detail', d.dependency_detail, 'version_constraint', d.version_constraint) order by d.dependency_id), '[]')
            from dependencies d
            left join blocks nb on nb.block_id = d.depends_on_block_id
            left join edges ne on ne.edge_id = d.depends_on_edge_id
            where d.block_id = b.block_id),
        'code_repos', (
            select coalesce(jsonb_agg(jsonb_build_object('id', r.repo_id, 'repo_url', r.repo_url, 'branch', r.branch)), '[]')
            from code_repos r
            where r.block_id = b.block_id),
        'docker_images', (
            select coalesce(jsonb_agg(jsonb_build_object('id', i.image_id, 'registry_url', i.registry_url,
                'image_tag', i.image_tag, 'image_digest', i.image_digest)), '[]')
            from docker_images i
            where i.block_id = b.block_id),
        'vectors', (
            select coalesce(jsonb_agg(jsonb_build_object('id', r.vector_id, 'vector_db', r.vector_db,
                'vector_key', r.vector_key, 'taxonomy_filter', r.taxonomy_filter)), '[]')
            from block_vector_representations r
            where r.block_id = b.block_id)) as "item!",
    (select jsonb_build_object('type', v.block_type, 'description', v.description, 'metadata', v.metadata)
     from block_versions v
     where v.block_id = b.block_id and v.version_number = b.latest_version_number and v.activated_at is null) as candidate,
    m.owner as "owner?", m.fields as "fields?"
from blocks b
cross join lateral app.management(b.block_id) as m
where (select app.as_caller($1))
  and ($5::bigint is not null or app.plan_anew(b.block_id))
  and b.archived_at is null
  and ($2::text[] is null or b.name_key = any ($2)
       or b.block_id = any (array(select app.managed_by('block', $3))))
  and ($4::text is null or b.block_id = any (array(select app.blocks_in_category($4, true))))
order by b.name_key
limit $5
