select
    v.version_id, v.block_id, v.version_number, v.name, v.block_type, v.description, v.metadata,
    v.created_at, v.created_by, v.is_active,
    (select u.username from usernames u where u.user_id = v.created_by) as created_by_username
from block_versions v
where (select app.as_caller($1))
  and v.version_id = (select app.find_version('block', $2, $3))
