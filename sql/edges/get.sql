select
    edge_id, name, description, metadata, created_at, updated_at, created_by, archived_at,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username,
    (select x.purged_at from purged x where x.entity_id = edges.edge_id) as purged_at,
    current_version_id, version_number, latest_version_number, activation,
    null::jsonb as versions, null::jsonb as aliases, null::jsonb as candidate, null::jsonb as used_by, null::jsonb as verifications, null::text as "verification_status: _"
from edges
where (select app.as_caller($1))
  and edge_id = (select coalesce($2, find_id('edge', $3)))
  and archived_at is null
