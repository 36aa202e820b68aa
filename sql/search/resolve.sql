-- $2 what another store has found: a list of vector_db, vector_key and score. $3 a filter of categories, by id, that
-- whoever asks has.
with asked as (
    select a.place, a.hit, a.hit ->> 'vector_db' as vector_db, a.hit ->> 'vector_key' as vector_key
    from jsonb_array_elements($2::jsonb) with ordinality as a (hit, place)
), behind as (
    select a.place, a.hit || jsonb_build_object(
            'kind', 'block', 'id', b.block_id, 'name', b.name, 'block_type', b.block_type, 'current_version_id', b.current_version_id,
            'version_number', b.version_number, 'vector_id', v.vector_id, 'taxonomy_filter', v.taxonomy_filter,
            'stale', coalesce(
                (select d.is_stale from embedding_details d where d.block_id = b.block_id and v.vector_db = 'pgvector' and d.model = v.vector_key),
                v.updated_at < (select n.created_at from block_versions n where n.version_id = b.current_version_id))) as hit,
        allows(v.taxonomy_filter, b.block_id) and allows($3::jsonb, b.block_id) as is_allowed
    from asked a
    join block_vector_representations v on v.vector_key = a.vector_key and v.vector_db = a.vector_db
    join blocks b on b.block_id = v.block_id
    where b.archived_at is null
    union all
    select a.place, a.hit || jsonb_build_object(
            'kind', 'edge', 'id', e.edge_id, 'name', e.name, 'verification_status', s.status, 'current_version_id', e.current_version_id,
            'version_number', e.version_number, 'vector_id', v.vector_id, 'taxonomy_filter', v.taxonomy_filter,
            'stale', coalesce(
                (select d.is_stale from embedding_details d where d.edge_id = e.edge_id and v.vector_db = 'pgvector' and d.model = v.vector_key),
                v.updated_at < s.created_at)),
        allows(v.taxonomy_filter, null) and allows($3::jsonb, null)
    from asked a
    join edge_vector_representations v on v.vector_key = a.vector_key and v.vector_db = a.vector_db
    join edges e on e.edge_id = v.edge_id
    join edge_version_statuses s on s.version_id = e.current_version_id
    where e.archived_at is null
)
select
    coalesce((select jsonb_agg(b.hit order by b.place, b.hit ->> 'id') from behind b where b.is_allowed), '[]') as "hits!",
    coalesce((select jsonb_agg(b.hit order by b.place, b.hit ->> 'id') from behind b where not b.is_allowed), '[]') as "refused!",
    coalesce((select jsonb_agg(a.hit order by a.place) from asked a where not exists (select from behind b where b.place = a.place)), '[]') as "unknown!"
from (select) as nothing
where (select app.as_caller($1))
