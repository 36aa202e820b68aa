-- Before there is a caller. $1 digest of the old token, $2 of the new one, $3 its seconds.
select
    outcome as "outcome!", session_id, user_id, username, email, role as "role: Role", is_active, created_at, updated_at
from app.rotate_refresh_token($1, $2, $3)
