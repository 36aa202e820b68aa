-- The list as it is asked for most: nothing filtered, newest first. Its plan is made once.
-- Of the last row seen: $2 time, $3 id; $4 rows; $5 and $6 include versions, categories.
select
    b.block_id as "block_id!", b.name as "name!", b.block_type as "block_type!", b.description, b.metadata as "metadata!",
    b.created_at as "created_at!", b.updated_at as "updated_at!", b.created_by, b.archived_at,
    b.current_version_id as "current_version_id!", b.version_number as "version_number!",
    b.latest_version_number as "latest_version_number!",
    case when $5 then b.newest_versions end as versions,
    case when $6 then b.live_categories end as categories
from app.block_details b
where (select app.as_caller($1))
  and b.archived_at is null
  and (b.created_at, b.block_id) < (coalesce($2, 'infinity'::timestamptz), coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
order by b.created_at desc, b.block_id desc
limit $4
