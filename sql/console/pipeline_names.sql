-- $2 ids.
select pipeline_id, name
from pipelines
where (select app.as_caller($1))
  and pipeline_id = any ($2)
