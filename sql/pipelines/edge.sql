select
    pipeline_edge_id as "pipeline_edge_id!", edge_id as "edge_id!", source_block_id as "source_block_id!",
    target_block_id as "target_block_id!", edge_version_id, edge_alias, created_at as "created_at!", updated_at as "updated_at!",
    name as "name!", version_id as "version_id!", version_number as "version_number!", verification_status::text
from pipeline_edge_details
where (select app.as_caller($1))
  and pipeline_id = (select p.pipeline_id from pipelines p where p.pipeline_id = find_id('pipeline', $2) and p.archived_at is null)
  and pipeline_edge_id = $3
