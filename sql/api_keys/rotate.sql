-- A new key like an old one, which ends after $6 seconds. The new one is made first, while the
-- caller's key, which may be the old one, still counts. $3 prefix, $4 digest, $5 expiry unless
-- the old one's.
with old as (
    select api_key_id, user_id, name, role, expires_at
    from api_keys
    where (select app.as_caller($1))
      and api_key_id = $2
      and is_active
      and (expires_at is null or expires_at > clock_timestamp())
      and ($7::timestamptz[] is null or updated_at = any ($7))
    for update
),
made as (
    insert into api_keys (user_id, name, key_prefix, encrypted_api_key, role, expires_at)
    select user_id, name, $3, $4, role, coalesce($5, expires_at)
    from old
    where (select app.as_caller($1))
    returning
        api_key_id, user_id, name, key_prefix, role, created_at, expires_at, is_active, last_used_at, updated_at
),
ended as (
    update api_keys
    set expires_at = least(api_keys.expires_at, clock_timestamp() + make_interval(secs => $6))
    from old, made
    where (select app.as_caller($1))
      and api_keys.api_key_id = old.api_key_id
    returning api_keys.api_key_id
)
select
    made.api_key_id, made.user_id, made.name, made.key_prefix, made.role, made.created_at, made.expires_at,
    made.is_active, made.last_used_at, made.updated_at
from made, ended
where (select app.as_caller($1))
