update blocks set current_version_id = v.version_id
from block_versions v
where (select app.as_caller($1))
  and v.version_id = (select app.find_version('block', $2, $3))
  and blocks.block_id = v.block_id
  and blocks.archived_at is null
  and ($4::timestamptz[] is null or blocks.updated_at = any ($4))
returning
    blocks.block_id, blocks.name, blocks.block_type, blocks.description, blocks.metadata, blocks.created_at, blocks.updated_at, blocks.created_by, blocks.archived_at,
    (select u.username from usernames u where u.user_id = blocks.created_by) as created_by_username, null::timestamptz as purged_at,
    blocks.current_version_id, blocks.version_number, blocks.latest_version_number, blocks.activation,
    null::jsonb as versions, null::jsonb as categories, null::jsonb as aliases, null::jsonb as candidate, null::jsonb as used_by
