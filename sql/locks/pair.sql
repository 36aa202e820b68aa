-- $2 and $3: digests, or ids of runs; they may be of the same lock.
select l.lock_digest, l.lock, l.created_at, app.verifiers(l.lock) as "usernames!"
from (values (1, $2), (2, $3)) as wanted (place, reference)
join pipeline_locks l
    on l.lock_digest = case
        when app.is_uuid(wanted.reference) then (select r.lock_digest from pipeline_runs r where r.run_id = wanted.reference::uuid)
        else wanted.reference end
where (select app.as_caller($1))
order by wanted.place
