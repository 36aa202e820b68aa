select
    run_id, pipeline_id, status, created_at, updated_at, created_by, started_at, ended_at, lock_digest,
    launch, parameters, failure, claimed_by, cancel_requested_at, lost_at, dagster_run_id,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username,
    (select p.name from pipelines p where p.pipeline_id = pipeline_runs.pipeline_id) as "pipeline_name!",
    app.worker_name(claimed_by) as claimed_by_name
from pipeline_runs
where (select app.as_caller($1))
  and run_id = $2
