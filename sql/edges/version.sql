select
    v.version_id, v.edge_id, v.version_number, v.name, v.description, v.metadata,
    v.created_at, v.created_by, v.is_active,
    (select u.username from usernames u where u.user_id = v.created_by) as created_by_username
from edge_versions v
where (select app.as_caller($1))
  and v.version_id = (select app.find_version('edge', $2, $3))
