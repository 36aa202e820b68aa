-- The gate's question and the lock's answer, of one snapshot.
select
    p.pipeline_id, p.name, l.lock::json as "lock!: _", app.lock_digest(l.lock) as "lock_digest!", b.blockers as "blockers!: _", w.warnings as "warnings!: _",
    app.verifiers(l.lock::jsonb) as "usernames!"
from pipelines p
cross join lateral (select pipeline_lock(p.pipeline_id) as lock offset 0) as l
cross join lateral (
    select coalesce(jsonb_agg(to_jsonb(b) order by b.entity_type, b.name, b.code), '[]') as blockers
    from blockers(p.pipeline_id) as b
) as b
cross join lateral (
    select coalesce(jsonb_agg(to_jsonb(w) order by w.entity_type, w.name, w.code), '[]') as warnings
    from warnings(p.pipeline_id) as w
) as w
-- For the next who ask.
cross join lateral (select app.keep_metadata_digests(p.pipeline_id) offset 0) as kept
where (select app.as_caller($1))
  and p.pipeline_id = (select coalesce($2, find_id('pipeline', $3)))
  and p.archived_at is null
