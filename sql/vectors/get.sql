select
    vector_id as "vector_id!", block_id, edge_id, vector_db as "vector_db!", vector_key as "vector_key!", taxonomy_filter,
    created_at as "created_at!", updated_at as "updated_at!"
from app.vector_representations
where (select app.as_caller($1))
  and entity_type = $2
  and vector_id = $3
  and app.is_live(entity_type, entity_id)
