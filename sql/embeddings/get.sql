-- $2 kind of owner, $3 owner (id or name), $4 id or $5 name of the model.
select
    e.embedding_id as "embedding_id!", e.entity_type as "entity_type!", e.entity_id as "entity_id!", e.model_id as "model_id!", e.model as "model!",
    e.version_id as "version_id!", e.source_digest as "source_digest!", e.created_at as "created_at!", e.updated_at as "updated_at!", e.created_by,
    e.created_by_username, e.is_stale as "is_stale!", e.vector as "values"
from embedding_details e
where (select app.as_caller($1))
  and (select owner_id($2, $3, true)) is not null
  and e.entity_type = $2
  and e.entity_id = (select owner_id($2, $3, true))
  and e.model_id = (select m.model_id from embedding_models m where m.model_id = $4 or m.name_key = app.name_key($5))
