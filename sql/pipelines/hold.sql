-- Writers of one graph queue here, so that the next statement of the transaction sees all that was
-- written before.
select pipeline_id
from pipelines
where (select app.as_caller($1))
  and pipeline_id = (select app.find_id('pipeline', $2))
  and archived_at is null
  and ($3::timestamptz[] is null or updated_at = any ($3))
for no key update
