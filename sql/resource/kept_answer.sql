select k.same_request, k.status, k.headers, k.body
from app.kept_answer($2, $3) as k
where (select app.as_caller($1))
