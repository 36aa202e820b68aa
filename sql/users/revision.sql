-- Why a change met no row: there is none, its revision is another, or the caller may not.
select updated_at
from users
where (select app.as_caller($1))
  and user_id = (select app.find_id('user', $2))
