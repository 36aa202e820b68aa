update api_keys set is_active = false
where (select app.as_caller($1))
  and api_key_id = $2
  and ($3::timestamptz[] is null or updated_at = any ($3))
returning api_key_id
