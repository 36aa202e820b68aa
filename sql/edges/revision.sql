-- Why a change met no row: there is none, its revision is another, or the caller may not.
select updated_at, archived_at
from edges
where (select app.as_caller($1))
  and edge_id = (select app.find_id('edge', $2))
