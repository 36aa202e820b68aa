update blocks set
    name = coalesce($4, name),
    block_type = coalesce($5, block_type),
    description = case when $6 then $7 else description end,
    metadata = coalesce($8, metadata),
    activation = coalesce($10, activation)
where (select app.as_caller($1))
  and block_id = (select coalesce($2, app.find_id('block', $3)))
  and archived_at is null
  and ($9::timestamptz[] is null or updated_at = any ($9))
returning
    block_id, name, block_type, description, metadata, created_at, updated_at, created_by, archived_at,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username, null::timestamptz as purged_at,
    current_version_id, version_number, latest_version_number, activation,
    null::jsonb as versions, null::jsonb as categories, null::jsonb as aliases, null::jsonb as candidate, null::jsonb as used_by
