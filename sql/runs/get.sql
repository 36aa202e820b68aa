select
    run_id, pipeline_id, status, created_at, updated_at, created_by, started_at, ended_at, lock_digest,
    launch, parameters, failure, claimed_by, cancel_requested_at, lost_at, dagster_run_id,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username
from pipeline_runs
where (select app.as_caller($1))
  and run_id = $2
