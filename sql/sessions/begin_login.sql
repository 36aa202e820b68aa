-- Before there is a caller. $1 username or email address, $2 client address, $3 to $5 throttle.
select retry_after_seconds, user_id, password_hash
from app.begin_login($1, $2, $3, $4, $5)
