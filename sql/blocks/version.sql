-- $3 is a number, or null for the latest ($4) or the active version.
select
    v.version_id, v.block_id, v.version_number, v.name, v.block_type, v.description, v.metadata,
    v.created_at, v.created_by, v.is_active
from blocks b
join block_versions v
    on v.block_id = b.block_id
    and v.version_number = coalesce($3, case when $4 then b.latest_version_number else b.version_number end)
where (select app.as_caller($1))
  and b.block_id = (select app.find_id('block', $2))
  and b.archived_at is null
