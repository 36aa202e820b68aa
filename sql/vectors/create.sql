-- Into the table of its owner's kind $2.
with of_block as (
    insert into block_vector_representations (block_id, vector_db, vector_key, taxonomy_filter)
    select app.owner_id($2, $3, $4), $5, $6, $7
    where (select app.as_caller($1)) and $2 = 'block'::entity_type
    returning vector_id, block_id, null::uuid as edge_id, vector_db, vector_key, taxonomy_filter, created_at, updated_at
), of_edge as (
    insert into edge_vector_representations (edge_id, vector_db, vector_key, taxonomy_filter)
    select app.owner_id($2, $3, $4), $5, $6, $7
    where (select app.as_caller($1)) and $2 = 'edge'
    returning vector_id, null::uuid as block_id, edge_id, vector_db, vector_key, taxonomy_filter, created_at, updated_at
)
select
    vector_id as "vector_id!", block_id, edge_id, vector_db as "vector_db!", vector_key as "vector_key!", taxonomy_filter,
    created_at as "created_at!", updated_at as "updated_at!"
from (select * from of_block union all select * from of_edge) as created
where (select app.as_caller($1))
