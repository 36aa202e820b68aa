select
    b.block_id as "block_id!", b.name as "name!", b.block_type as "block_type!", b.description, b.metadata as "metadata!",
    b.created_at as "created_at!", b.updated_at as "updated_at!", b.created_by, b.archived_at,
    (select u.username from usernames u where u.user_id = b.created_by) as created_by_username,
    b.current_version_id as "current_version_id!", b.version_number as "version_number!",
    b.latest_version_number as "latest_version_number!", b.activation as "activation!",
    case when $4 then b.newest_versions end as versions,
    case when $5 then b.live_categories end as categories,
    case when $6 then b.its_aliases end as aliases
from app.block_details b
where (select app.as_caller($1))
  and b.block_id = (select coalesce($2, app.find_id('block', $3)))
  and b.archived_at is null
