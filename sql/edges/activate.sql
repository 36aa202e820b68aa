update edges set current_version_id = v.version_id
from edge_versions v
where (select app.as_caller($1))
  and v.version_id = (select app.find_version('edge', $2, $3))
  and edges.edge_id = v.edge_id
  and edges.archived_at is null
  and ($4::timestamptz[] is null or edges.updated_at = any ($4))
returning
    edges.edge_id, edges.name, edges.description, edges.metadata, edges.created_at, edges.updated_at, edges.created_by, edges.archived_at,
    (select u.username from usernames u where u.user_id = edges.created_by) as created_by_username, null::timestamptz as purged_at,
    edges.current_version_id, edges.version_number, edges.latest_version_number, edges.activation,
    null::jsonb as versions, null::jsonb as aliases, null::jsonb as candidate, null::jsonb as used_by, null::jsonb as verifications, null::text as "verification_status: _"
