-- What was done to one thing and its parts, newest first; no rows for a thing that is not there.
select log_id, user_id, action_type, entity_type, entity_id, subject_id, "timestamp", details
from audit_logs
where (select app.as_caller($1))
  and subject_id = (select app.find_id($2, $3))
  and ("timestamp", log_id)
      < (case when $4::timestamptz is null then 'infinity' else $4 end,
         case when $5::uuid is null then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else $5 end)
order by "timestamp" desc, log_id desc
limit $6
