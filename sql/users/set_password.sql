select user_id as "user_id!"
from app.set_password($2, $3, $4) as user_id
where (select app.as_caller($1))
