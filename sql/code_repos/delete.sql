delete from code_repos
where (select app.as_caller($1))
  and repo_id = $2
  and app.is_live(entity_type, entity_id)
  and ($3::timestamptz[] is null or last_updated = any ($3))
returning repo_id
