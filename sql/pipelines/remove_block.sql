delete from pipeline_blocks
where (select app.as_caller($1))
  and pipeline_id = (select p.pipeline_id from pipelines p where p.pipeline_id = app.find_id('pipeline', $2) and p.archived_at is null)
  and block_id = (select app.find_id('block', $3))
  and ($4::timestamptz[] is null or updated_at = any ($4))
returning pipeline_block_id
