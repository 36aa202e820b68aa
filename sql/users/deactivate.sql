update users set is_active = false
where (select app.as_caller($1))
  and (select app.is_admin())
  and user_id = (select app.find_id('user', $2))
  and ($3::timestamptz[] is null or updated_at = any ($3))
returning user_id
