-- Before there is a caller. $1 digest of a refresh token.
select app.end_session($1)
