select session_id as "session_id!"
from app.end_own_console_session($2) as session_id
where (select app.as_caller($1))
