-- Why a change met no row: there is none, its revision is another, or the caller may not.
select updated_at, archived_at
from pipelines
where (select app.as_caller($1))
  and pipeline_id = (select app.find_id('pipeline', $2))
