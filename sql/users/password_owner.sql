-- Whose password is to be set, and whether it is the caller's own.
select user_id, username, email, user_id = (select app.caller_id()) as "is_caller!", (select app.is_unnarrowed()) as "is_unnarrowed!"
from users
where (select app.as_caller($1))
  and user_id = (select app.find_id('user', $2))
