-- The candidate that the change at $3 has appended: versions bear the time of their edge's revision, which stays
-- when nothing changes. So it has to be the caller's own, and have the content that was asked for.
select
    v.version_id, v.edge_id, v.version_number, v.name, v.description, v.metadata,
    v.created_at, v.created_by, v.is_active, v.activated_at, v.withdrawn_at, v.withdrawn_by, v.withdrawn_reason,
    (select u.username from usernames u where u.user_id = v.created_by) as created_by_username,
    (select u.username from usernames u where u.user_id = v.withdrawn_by) as withdrawn_by_username
from edge_versions v
where (select app.as_caller($1))
  and v.edge_id = $2
  and v.created_at = $3
  and not v.is_active
  and v.created_by is not distinct from app.caller_id()
  and ($4::jsonb is null or v.metadata = $4)
  and (not $5::boolean or v.description is not distinct from $6)
