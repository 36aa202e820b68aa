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
made as materialized (
    select k.*
    from old
    cross join lateral app.create_api_key(
        old.user_id, old.name, $3, $4, old.role, coalesce($5, old.expires_at)) as k
    where (select app.as_caller($1))
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
    made.api_key_id as "api_key_id!", made.user_id as "user_id!", made.name as "name!", made.key_prefix as "key_prefix!",
    made.role as "role: _", made.created_at as "created_at!", made.expires_at, made.is_active as "is_active!",
    made.last_used_at, made.updated_at as "updated_at!",
    (select u.username from usernames u where u.user_id = made.user_id) as "username!"
from made, ended
where (select app.as_caller($1))
