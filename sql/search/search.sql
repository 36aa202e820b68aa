-- $2 kinds, $3 filter, $4 text, $5 model and $6 vector, $7 without stale embeddings, $8 hits at most, $9 facets, $10 whether it is explained.
-- What is found, app.find() says; the rows are those that the caller sees.
with found as materialized (
    select f.* from find($2, $3, $4, $5, $6, $7, $8, $9) as f where (select app.as_caller($1))
), hits as (
    select h.place, h.hit, h.hit ->> 'kind' as kind, (h.hit ->> 'id')::uuid as id, f.terms
    from found f cross join jsonb_array_elements(f.hits) with ordinality as h (hit, place)
), things as (
    select h.*, b.name, b.description, b.metadata, b.search || b.metadata_words as words, b.updated_at,
        jsonb_build_object('block_type', b.block_type, 'current_version_id', b.current_version_id, 'version_number', b.version_number) as more
    from hits h join blocks b on b.block_id = h.id where h.kind = 'block'
    union all
    select h.*, e.name, e.description, e.metadata, e.search || e.metadata_words, e.updated_at,
        jsonb_build_object('verification_status', (select s.status from edge_version_statuses s where s.version_id = e.current_version_id),
            'current_version_id', e.current_version_id, 'version_number', e.version_number)
    from hits h join edges e on e.edge_id = h.id where h.kind = 'edge'
    union all
    select h.*, p.name, p.description, '{}', p.search, p.updated_at, '{}'
    from hits h join pipelines p on p.pipeline_id = h.id where h.kind = 'pipeline'
)
select
    f.total as "total!", f.is_complete as "is_complete!", f.mended as spelling, f.is_exact as exact, f.facets,
    coalesce((
        select jsonb_agg(
            t.hit || t.more || jsonb_build_object('name', t.name, 'updated_at', app.time_text(t.updated_at), 'snippet', snippet(t.description, t.metadata, t.terms))
                || case when $10 then jsonb_build_object('explain', coalesce(explained(t.words, t.terms), '[]')) else '{}' end
            order by t.place)
        from things t), '[]') as "hits!"
from found f
where (select app.as_caller($1))
