-- The gate's question and the lock's answer for each of these pipelines; archived ones count as they are.
select
    p.pipeline_id, p.name, l.lock::jsonb as "lock!", app.lock_digest(l.lock) as "lock_digest!", b.blockers as "blockers!",
    w.warnings as "warnings!"
from pipelines p
cross join lateral (select app.pipeline_lock(p.pipeline_id) as lock offset 0) as l
cross join lateral (
    select coalesce(jsonb_agg(to_jsonb(b) order by b.entity_type, b.name, b.code), '[]') as blockers
    from app.blockers(p.pipeline_id) as b
) as b
cross join lateral (
    select coalesce(jsonb_agg(to_jsonb(w) order by w.entity_type, w.name, w.code, w.detail), '[]') as warnings
    from app.warnings(p.pipeline_id) as w
) as w
where (select app.as_caller($1))
  and p.pipeline_id = any ($2)
order by p.name_key, p.pipeline_id
