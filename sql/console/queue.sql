-- What keeps pipelines from running until somebody verifies it: what most of them wait for first. $2 rows.
select
    e.edge_id as "edge_id!", e.name as "name!", v.version_number as "version_number!", v.created_at as "created_at!", v.created_by,
    (select u.username from usernames u where u.user_id = v.created_by) as created_by_username,
    s.status as "status!", q.waiting as "waiting!", q.pipelines as "pipelines!"
-- Most of what is in use has passed: only of the rest is asked who waits.
from app.unpassed_edge_versions() as u
join edges e using (edge_id)
join edge_versions v using (version_id)
join app.edge_version_statuses s using (version_id)
cross join lateral (
    select
        count(*) as waiting, sum(w.times_run) as times_run,
        (array_agg(w.name order by w.times_run desc, w.name))[1:3] as pipelines
    from (
        select distinct p.pipeline_id, p.name, p.times_run
        from app.pipeline_edge_versions pe
        join pipelines p using (pipeline_id)
        where pe.edge_id = u.edge_id and pe.version_id = u.version_id and p.archived_at is null
    ) as w
) as q
where (select app.as_caller($1))
  and e.archived_at is null
  and v.withdrawn_reason is null
  and q.waiting > 0
order by q.waiting desc, q.times_run desc, v.version_id
limit $2
