update edges set
    name = coalesce($4, name),
    description = case when $5 then $6 else description end,
    metadata = coalesce($7, metadata),
    activation = coalesce($9, activation)
where (select app.as_caller($1))
  and edge_id = (select coalesce($2, app.find_id('edge', $3)))
  and archived_at is null
  and ($8::timestamptz[] is null or updated_at = any ($8))
returning
    edge_id, name, description, metadata, created_at, updated_at, created_by, archived_at,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username, null::timestamptz as purged_at,
    current_version_id, version_number, latest_version_number, activation,
    null::jsonb as versions, null::jsonb as aliases, null::jsonb as candidate, null::jsonb as used_by, null::jsonb as verifications, null::text as "verification_status: _"
