-- What was done to one thing and its parts, newest first.
select
    log_id, user_id, action_type, entity_type, entity_id, subject_id, "timestamp", details,
    (select u.username from usernames u where u.user_id = audit_logs.user_id) as username
from audit_logs
where (select app.as_caller($1))
  and subject_id = (select app.known_id($2, $3, true))
  and ("timestamp", log_id)
      < (case when $4::timestamptz is null then 'infinity' else $4 end,
         case when $5::uuid is null then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else $5 end)
order by "timestamp" desc, log_id desc
limit $6
