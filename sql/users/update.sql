update users set
    username = coalesce($3, username),
    email = coalesce($4, email),
    role = coalesce($5, role),
    is_active = coalesce($6, is_active)
where (select app.as_caller($1))
  and user_id = (select app.find_id('user', $2))
  and ($7::timestamptz[] is null or updated_at = any ($7))
returning user_id, username, email, role, is_active, created_at, updated_at
