-- $2 id or $3 name.
select m.model_id, m.name, m.dimensions, m.distance, m.created_at, m.created_by,
    (select u.username from usernames u where u.user_id = m.created_by) as created_by_username
from embedding_models m
where (select app.as_caller($1))
  and (m.model_id = $2 or m.name_key = app.name_key($3))
