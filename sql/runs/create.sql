-- The gate stands in the database: app.guard_runs.
insert into pipeline_runs (pipeline_id, launch, parameters)
select p.pipeline_id, $3, coalesce($4::jsonb, '{}')
from pipelines p
where (select app.as_caller($1))
  and p.pipeline_id = (select app.find_id('pipeline', $2))
  and p.archived_at is null
returning
    run_id, pipeline_id, status, created_at, updated_at, created_by, started_at, ended_at, lock_digest,
    launch, parameters, failure, claimed_by, cancel_requested_at, lost_at, dagster_run_id,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username,
    (select p.name from pipelines p where p.pipeline_id = pipeline_runs.pipeline_id) as "pipeline_name!",
    app.worker_name(claimed_by) as claimed_by_name
