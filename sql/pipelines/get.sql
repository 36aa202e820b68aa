select
    p.pipeline_id as "pipeline_id!", p.name as "name!", p.description, p.created_at as "created_at!", p.updated_at as "updated_at!",
    p.dagster_pipeline_config as "dagster_pipeline_config!", p.parameters_schema, p.created_by, p.times_run as "times_run!", p.average_runtime, p.archived_at,
    (select u.username from usernames u where u.user_id = p.created_by) as created_by_username,
    (select x.purged_at from purged x where x.entity_id = p.pipeline_id) as purged_at,
    case when $4 then p.its_blocks end as blocks,
    case when $5 then p.its_edges end as edges,
    case when $6 then p.newest_runs end as runs
from pipeline_details p
where (select app.as_caller($1))
  and p.pipeline_id = (select coalesce($2, find_id('pipeline', $3)))
  and p.archived_at is null
