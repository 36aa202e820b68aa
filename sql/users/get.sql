select user_id, username, email, role, is_active, created_at, updated_at
from users
where (select app.as_caller($1))
  and user_id = (select app.find_id('user', $2))
