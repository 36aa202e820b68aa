insert into users (username, email, role, password_hash)
select $2, $3, coalesce($4, 'viewer'), $5
where (select app.as_caller($1))
returning user_id, username, email, role, is_active, created_at, updated_at
