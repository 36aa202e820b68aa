-- $2 kind of owner, $3 owner (id or name), $4 id or $5 name of the model, $6 revisions.
delete from embeddings e
where (select app.as_caller($1))
  and (select app.owner_id($2, $3, true)) is not null
  and e.entity_type = $2
  and e.entity_id = (select app.owner_id($2, $3, true))
  and e.model_id = (select m.model_id from embedding_models m where m.model_id = $4 or m.name_key = app.name_key($5))
  and ($6::timestamptz[] is null or e.updated_at = any ($6))
returning e.embedding_id
