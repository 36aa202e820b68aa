delete from pipeline_edges
where (select app.as_caller($1))
  and pipeline_id = (select p.pipeline_id from pipelines p where p.pipeline_id = app.find_id('pipeline', $2) and p.archived_at is null)
  and pipeline_edge_id = $3
  and ($4::timestamptz[] is null or updated_at = any ($4))
returning pipeline_edge_id
