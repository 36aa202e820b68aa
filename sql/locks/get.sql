select lock_digest, lock, created_at, app.verifiers(lock) as "usernames!"
from pipeline_locks
where (select app.as_caller($1))
  and lock_digest = $2
