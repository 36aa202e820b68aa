-- In the table of its owner's kind $2.
with of_block as (
    update block_vector_representations set
        vector_db = coalesce($4, vector_db),
        vector_key = coalesce($5, vector_key),
        taxonomy_filter = case when $6 then $7 else taxonomy_filter end
    where (select app.as_caller($1))
      and $2 = 'block'::entity_type
      and vector_id = $3
      and app.is_live('block', block_id)
      and ($8::timestamptz[] is null or updated_at = any ($8))
    returning vector_id, block_id, null::uuid as edge_id, vector_db, vector_key, taxonomy_filter, created_at, updated_at
), of_edge as (
    update edge_vector_representations set
        vector_db = coalesce($4, vector_db),
        vector_key = coalesce($5, vector_key),
        taxonomy_filter = case when $6 then $7 else taxonomy_filter end
    where (select app.as_caller($1))
      and $2 = 'edge'
      and vector_id = $3
      and app.is_live('edge', edge_id)
      and ($8::timestamptz[] is null or updated_at = any ($8))
    returning vector_id, null::uuid as block_id, edge_id, vector_db, vector_key, taxonomy_filter, created_at, updated_at
)
select
    vector_id as "vector_id!", block_id, edge_id, vector_db as "vector_db!", vector_key as "vector_key!", taxonomy_filter,
    created_at as "created_at!", updated_at as "updated_at!"
from (select * from of_block union all select * from of_edge) as updated
where (select app.as_caller($1))
