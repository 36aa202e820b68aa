-- $2 whose key it is: the caller's when null.
insert into api_keys (user_id, name, key_prefix, encrypted_api_key, role, expires_at)
select $2, $3, $4, $5, $6, $7
where (select app.as_caller($1))
returning
    api_key_id, user_id, name, key_prefix, role, created_at, expires_at, is_active, last_used_at, updated_at
