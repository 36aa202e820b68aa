-- The list as it is asked for most: nothing filtered, nothing included, newest first. The inner
-- limit, the largest page and one, tells the planner how little is read, so that one plan serves
-- every call. Of the last row seen: $2 time, $3 id; $4 rows.
select
    block_id, name, block_type, description, metadata, created_at, updated_at, created_by, archived_at,
    username as "created_by_username?",
    (select x.purged_at from purged x where x.entity_id = newest.block_id) as purged_at,
    current_version_id, version_number, latest_version_number, activation,
    null::jsonb as versions, null::jsonb as categories, null::jsonb as aliases, null::jsonb as candidate, null::jsonb as used_by
from (
    select blocks.*, username
    from blocks
    left join usernames on user_id = created_by
    where (select app.as_caller($1))
      and archived_at is null
      and (created_at, block_id)
          < (case when $2::timestamptz is null then 'infinity' else $2 end,
             case when $3::uuid is null then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else $3 end)
    order by created_at desc, block_id desc
    limit 201
) as newest
order by created_at desc, block_id desc
limit $4
