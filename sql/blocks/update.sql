update blocks set
    name = coalesce($3, name),
    block_type = coalesce($4, block_type),
    description = case when $5 then $6 else description end,
    metadata = coalesce($7, metadata)
where (select app.as_caller($1))
  and block_id = (select app.find_id('block', $2))
  and archived_at is null
  and ($8::timestamptz[] is null or updated_at = any ($8))
returning
    block_id, name, block_type, description, metadata, created_at, updated_at, created_by, archived_at,
    current_version_id, version_number, latest_version_number,
    null::jsonb as versions, null::jsonb as categories
