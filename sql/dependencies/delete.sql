delete from dependencies
where (select app.as_caller($1))
  and dependency_id = $2
  and app.is_live(entity_type, entity_id)
  and ($3::timestamptz[] is null or updated_at = any ($3))
returning dependency_id
