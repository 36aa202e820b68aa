-- The password was right. $1 account, $2 client address.
select app.forgive_attempts($1, $2)
