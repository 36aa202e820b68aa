select
    v.version_id, v.block_id, v.version_number, v.name, v.block_type, v.description, v.metadata,
    v.created_at, v.created_by, v.is_active, v.activated_at, v.withdrawn_at, v.withdrawn_by, v.withdrawn_reason,
    (select u.username from usernames u where u.user_id = v.created_by) as created_by_username,
    (select u.username from usernames u where u.user_id = v.withdrawn_by) as withdrawn_by_username
from block_versions v
where (select app.as_caller($1))
  and v.version_id = (select find_version('block', $2, $3))
