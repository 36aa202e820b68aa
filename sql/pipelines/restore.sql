update pipelines set archived_at = null
where (select app.as_caller($1))
  and pipeline_id = (select app.find_id('pipeline', $2))
  and ($3::timestamptz[] is null or updated_at = any ($3))
returning
    pipeline_id, name, description, created_at, updated_at, dagster_pipeline_config, parameters_schema, created_by, times_run,
    average_runtime, archived_at,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username, null::timestamptz as purged_at,
    null::jsonb as blocks, null::jsonb as edges, null::jsonb as runs
