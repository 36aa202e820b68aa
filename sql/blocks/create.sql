insert into blocks (name, block_type, description, metadata, activation)
select $2, $3, $4, coalesce($5::jsonb, '{}'), coalesce($6, 'open'::activation_mode)
where (select app.as_caller($1))
returning
    block_id, name, block_type, description, metadata, created_at, updated_at, created_by, archived_at,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username, null::timestamptz as purged_at,
    current_version_id, version_number, latest_version_number, activation,
    null::jsonb as versions, null::jsonb as categories, null::jsonb as aliases, null::jsonb as candidate, null::jsonb as used_by
