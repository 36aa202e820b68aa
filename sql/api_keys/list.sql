-- Newest first: an admin's are all, everybody else's their own. $2 user (id or name), $3 is_active; of the last
-- row seen $4 time and $5 id; $6 rows.
select
    api_key_id, user_id, name, key_prefix, role, created_at, expires_at, is_active, last_used_at, updated_at,
    (select u.username from usernames u where u.user_id = api_keys.user_id) as "username!"
from api_keys
where (select app.as_caller($1))
  and ($6::bigint is not null or app.plan_anew(api_key_id))
  and ($2::text is null or user_id = (select app.find_id('user', $2)))
  and ($3::boolean is null or is_active = $3)
  and ($5::uuid is null or (created_at, api_key_id) < ($4::timestamptz, $5))
order by created_at desc, api_key_id desc
limit $6
