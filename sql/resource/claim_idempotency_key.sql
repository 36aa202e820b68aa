select c.claimed, c.same_request, c.status, c.headers, c.body
from app.claim_idempotency_key($2, $3) as c
where (select app.as_caller($1))
