-- In the transaction that has claimed the key for its caller, who is not asked for again: they may
-- have revoked their own key in it, or replaced it. $1 the key; $2 to $4 the answer.
select app.keep_answer($1, $2, $3, $4)
