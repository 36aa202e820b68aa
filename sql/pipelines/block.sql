select
    pipeline_block_id as "pipeline_block_id!", block_id as "block_id!", block_version_id, block_alias, created_at as "created_at!",
    updated_at as "updated_at!", name as "name!", block_type as "block_type!", version_id as "version_id!", version_number as "version_number!"
from pipeline_block_details
where (select app.as_caller($1))
  and pipeline_id = (select p.pipeline_id from pipelines p where p.pipeline_id = find_id('pipeline', $2) and p.archived_at is null)
  and block_id = (select find_id('block', $3))
