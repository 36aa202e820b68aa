-- An admin sees all, everybody else themselves. $2 role, $3 is_active, $4 username, $5 email, $6 text
-- in either, $7 order; of the last row seen $8 time or $9 username, and $10 id; $11 rows.
select user_id, username, email, role, is_active, created_at, updated_at
from users
where (select app.as_caller($1))
  and ($7::text is not null or app.plan_anew(user_id))
  and ($2::text is null or role = $2)
  and ($3::boolean is null or is_active = $3)
  and ($4::text is null or app.name_key(username) = app.name_key($4))
  and ($5::text is null or app.name_key(email) = app.name_key($5))
  and ($6::text is null or strpos(app.name_key(username), app.name_key($6)) > 0 or strpos(app.name_key(email), app.name_key($6)) > 0)
  and case
      when $10::uuid is null then true
      when $7 = '-created_at' then (created_at, user_id) < ($8::timestamptz, $10)
      when $7 = 'created_at' then (created_at, user_id) > ($8, $10)
      when $7 = '-username' then (app.name_key(username) collate "C", user_id) < (app.name_key($9), $10)
      when $7 = 'username' then (app.name_key(username) collate "C", user_id) > (app.name_key($9), $10)
  end
order by
    case $7 when '-created_at' then created_at end desc,
    case $7 when 'created_at' then created_at end,
    case $7 when '-username' then app.name_key(username) collate "C" end desc,
    case $7 when 'username' then app.name_key(username) collate "C" end,
    case when $7 like '-%' then user_id end desc,
    case when $7 not like '-%' then user_id end
limit $11
