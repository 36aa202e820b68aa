select
    run_id, pipeline_id, status, created_at, updated_at, created_by, started_at, ended_at, lock_digest
from pipeline_runs
where (select app.as_caller($1))
  and run_id = $2
