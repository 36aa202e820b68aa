select
    session_id as "session_id!", created_at as "created_at!", last_seen_at as "last_seen_at!", expires_at as "expires_at!",
    address as "address!", user_agent, is_current as "is_current!"
from app.own_console_sessions()
where (select app.as_caller($1))
