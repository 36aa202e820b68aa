-- By the owner of the database, for somebody who has lost theirs. A trigger ends their sessions.
with sessions as (
    select count(distinct family_id) as number from app.refresh_tokens where user_id = $1
)
update public.users u set password_hash = $2
from sessions
where u.user_id = $1
returning sessions.number as "ended_sessions!"
