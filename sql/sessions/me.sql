select
    u.user_id, u.username, u.email, u.role, u.is_active, u.created_at, u.updated_at,
    app.caller_role() as "effective_role!: Role",
    (current_setting('request.jwt.claims')::jsonb ->> 'api_key_id')::uuid as api_key_id
from users u
where (select app.as_caller($1))
  and u.user_id = (select app.caller_id())
