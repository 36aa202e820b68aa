-- What of it counts, app.guard_runs decides.
update pipeline_runs set
    status = $3,
    started_at = coalesce($4, started_at),
    ended_at = coalesce($5, ended_at),
    failure = coalesce($7, failure),
    claim = $8
where (select app.as_caller($1))
  and run_id = $2
  and ($6::timestamptz[] is null or updated_at = any ($6))
returning
    run_id, pipeline_id, status, created_at, updated_at, created_by, started_at, ended_at, lock_digest,
    launch, parameters, failure, claimed_by, cancel_requested_at, lost_at, dagster_run_id,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username,
    (select p.name from pipelines p where p.pipeline_id = pipeline_runs.pipeline_id) as "pipeline_name!",
    app.worker_name(claimed_by) as claimed_by_name
