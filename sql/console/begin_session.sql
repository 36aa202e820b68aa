-- Before there is a caller. $1 account, $2 its hash that a password met (null: an access token was right), $3 client
-- address, $4 session, $5 digest of its token and $6 of the one that it replaces, $7 its seconds, $8 those without a
-- request, $9 browser.
select session_id as "session_id!"
from app.begin_console_session($1, $2, $3, $4, $5, $6, $7, $8, $9) as session_id
