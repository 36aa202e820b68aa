-- Why a report met no row: there is none, its revision is another, or the caller may not.
select o.updated_at as "updated_at!"
from app.verification_details o
where (select app.as_caller($1))
  and o.verification_id = $2
