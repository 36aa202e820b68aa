-- For the check of a password, as at a login. $1 account, $2 client address, $3 to $5 throttle.
select retry_after_seconds, password_hash
from app.password_of($1, $2, $3, $4, $5)
