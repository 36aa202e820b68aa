-- $2 name, $3 oldest first; of the last row seen $4 time and $5 id; $6 rows.
select m.model_id, m.name, m.dimensions, m.distance, m.created_at, m.created_by,
    (select u.username from usernames u where u.user_id = m.created_by) as created_by_username
from embedding_models m
where (select app.as_caller($1))
  and ($3::boolean is not null or app.plan_anew(m.model_id))
  and ($2::text is null or m.name_key = app.name_key($2))
  and case
      when $5::uuid is null then true
      when $3 then (m.created_at, m.model_id) > ($4::timestamptz, $5)
      else (m.created_at, m.model_id) < ($4, $5)
  end
order by
    case when $3 then m.created_at end,
    case when $3 then m.model_id end,
    m.created_at desc, m.model_id desc
limit $6
