-- Newest first, planned anew for the values it gets, as sql/blocks/list.sql. $2 pipeline (id or name), $3 status, $4 and $5 created from and before, $6 lock;
-- of the last row seen $7 time and $8 id; $9 rows; $10 whether the pipeline must be there;
-- $11 block and $12 edge (id or name) that it ran on, in $13 version (number, latest, active or alias) or followed by $14 alias.
select
    run_id, pipeline_id, status, created_at, updated_at, created_by, started_at, ended_at, lock_digest,
    launch, parameters, failure, claimed_by, cancel_requested_at, lost_at, dagster_run_id,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username,
    (select p.name from pipelines p where p.pipeline_id = pipeline_runs.pipeline_id) as "pipeline_name!",
    app.worker_name(claimed_by) as claimed_by_name
from pipeline_runs
where (select app.as_caller($1))
  and ($9::bigint is not null or app.plan_anew(run_id))
  and ($2::text is null or pipeline_id = (
      select case when $10 then app.known_id('pipeline', $2, false) else app.find_id('pipeline', $2) end))
  and ($3::run_status is null or status = $3)
  and ($4::timestamptz is null or created_at >= $4)
  and ($5::timestamptz is null or created_at < $5)
  and ($6::text is null or lock_digest = $6)
  and ($11::text is null or lock_digest = any (array(select app.find_locks('block', $11, $13, $14))))
  and ($12::text is null or lock_digest = any (array(select app.find_locks('edge', $12, $13, $14))))
  and (created_at, run_id)
      < (case when $7::timestamptz is null then 'infinity' else $7 end,
         case when $8::uuid is null then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else $8 end)
order by created_at desc, run_id desc
limit $9
