-- $2 and $3, of which one may be missing, and both may be the same.
select lock_digest, lock, created_at, app.verifiers(lock) as "usernames!"
from pipeline_locks
where (select app.as_caller($1))
  and lock_digest in ($2, $3)
