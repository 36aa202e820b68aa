-- $2 id or $3 name, $4 revisions.
delete from embedding_models m
where (select app.as_caller($1))
  and (m.model_id = $2 or m.name_key = app.name_key($3))
  and ($4::timestamptz[] is null or m.created_at = any ($4))
returning m.model_id
