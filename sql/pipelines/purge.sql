delete from pipelines
where (select app.as_caller($1))
  and pipeline_id = (select app.find_id('pipeline', $2))
  and ($3::timestamptz[] is null or updated_at = any ($3))
returning pipeline_id
