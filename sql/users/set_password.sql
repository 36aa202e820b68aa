update users set password_hash = $3
where (select app.as_caller($1))
  and user_id = $2
  and ($4::timestamptz[] is null or updated_at = any ($4))
returning user_id
