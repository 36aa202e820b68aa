update pipelines set
    name = coalesce($3, name),
    description = case when $4 then $5 else description end,
    dagster_pipeline_config = coalesce($6, dagster_pipeline_config),
    parameters_schema = case when $8 then $9 else parameters_schema end
where (select app.as_caller($1))
  and pipeline_id = (select app.find_id('pipeline', $2))
  and archived_at is null
  and ($7::timestamptz[] is null or updated_at = any ($7))
returning
    pipeline_id, name, description, created_at, updated_at, dagster_pipeline_config, parameters_schema, created_by, times_run,
    average_runtime, archived_at,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username, null::timestamptz as purged_at,
    null::jsonb as blocks, null::jsonb as edges, null::jsonb as runs
