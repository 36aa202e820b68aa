-- What one user did, newest first. $2 his id, his name or me; of the last row seen $3 time and $4 id;
-- $5 rows.
select log_id, user_id, action_type, entity_type, entity_id, subject_id, "timestamp", details
from audit_logs
where (select app.as_caller($1))
  and user_id = (select app.find_id('user', $2))
  and ("timestamp", log_id) < (coalesce($3, 'infinity'::timestamptz), coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
order by "timestamp" desc, log_id desc
limit $5
