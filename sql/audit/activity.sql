-- What one user did, newest first. $2 their id, their name or me; of the last row seen $3 time and $4 id;
-- $5 rows.
select
    log_id, user_id, action_type, entity_type, entity_id, subject_id, "timestamp", details,
    (select u.username from usernames u where u.user_id = audit_logs.user_id) as username
from audit_logs
where (select app.as_caller($1))
  and user_id = (select app.find_id('user', $2))
  and ("timestamp", log_id)
      < (case when $3::timestamptz is null then 'infinity' else $3 end,
         case when $4::uuid is null then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else $4 end)
order by "timestamp" desc, log_id desc
limit $5
