-- Newest first; planned anew for the values it gets (app.plan_anew). An admin reads all; everybody
-- else their own rows, which have an index: the policy alone would search the whole trail for them.
-- $2 user (id or name), $3 action, $4 entity type, $5 entity or what it is part of, $6 and $7 time from and
-- before; of the last row seen $8 time and $9 id; $10 rows.
with filtered as not materialized (
    select log_id, user_id, action_type, entity_type, entity_id, subject_id, "timestamp", details
    from audit_logs
    where ($10::bigint is not null or app.plan_anew(log_id))
      and ($2::text is null or user_id = (select app.find_id('user', $2)))
      and ($3::action_type is null or action_type = $3)
      and ($4::audit_entity_type is null or entity_type = $4)
      and ($5::uuid is null or subject_id = $5 or entity_id = $5)
      and ($6::timestamptz is null or "timestamp" >= $6)
      and ($7::timestamptz is null or "timestamp" < $7)
      and ($9::uuid is null or ("timestamp", log_id) < ($8::timestamptz, $9))
)
select
    log_id as "log_id!", user_id, action_type as "action_type!", entity_type as "entity_type!", entity_id, subject_id,
    "timestamp" as "timestamp!", details as "details!",
    (select u.username from usernames u where u.user_id = page.user_id) as username
from (
    (select * from filtered
     where (select app.is_admin())
     order by "timestamp" desc, log_id desc limit $10)
    union all
    (select * from filtered
     where not (select app.is_admin()) and user_id = (select app.caller_id())
     order by "timestamp" desc, log_id desc limit $10)
) as page
where (select app.as_caller($1))
order by "timestamp" desc, log_id desc
