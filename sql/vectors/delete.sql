-- From the table of its owner's kind $2.
with of_block as (
    delete from block_vector_representations
    where (select app.as_caller($1))
      and $2 = 'block'::entity_type
      and vector_id = $3
      and app.is_live('block', block_id)
      and ($4::timestamptz[] is null or updated_at = any ($4))
    returning vector_id
), of_edge as (
    delete from edge_vector_representations
    where (select app.as_caller($1))
      and $2 = 'edge'
      and vector_id = $3
      and app.is_live('edge', edge_id)
      and ($4::timestamptz[] is null or updated_at = any ($4))
    returning vector_id
)
select vector_id as "vector_id!"
from (select * from of_block union all select * from of_edge) as deleted
where (select app.as_caller($1))
