-- Before there is a caller. $1 account, $2 its hash that the password met, $3 client address,
-- $4 session, $5 digest of the refresh token, $6 its seconds.
select
    user_id as "user_id!", username as "username!", email as "email!", role as "role!: Role", is_active as "is_active!",
    created_at as "created_at!", updated_at as "updated_at!"
from app.finish_login($1, $2, $3, $4, $5, $6)
