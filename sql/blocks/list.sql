-- Every filter and every order. PostgreSQL plans this anew for the values it gets
-- (app.plan_anew): what they make constant falls away, and the order that is left reads its index.
-- $2 block_type, $3 name, $4 category (id or name), $5 text, $6 and $7 created from and before,
-- $8 archived instead of live, $9 order; of the last row seen $10 time or $11 name, and $12 id;
-- $13 rows; $14, $15 and $17 include versions, categories, aliases; $16 with those below the category; $18 filter, $19 path that metadata satisfies.
select
    b.block_id as "block_id!", b.name as "name!", b.block_type as "block_type!", b.description, b.metadata as "metadata!",
    b.created_at as "created_at!", b.updated_at as "updated_at!", b.created_by, b.archived_at,
    (select u.username from usernames u where u.user_id = b.created_by) as created_by_username,
    (select x.purged_at from purged x where x.entity_id = b.block_id) as purged_at,
    b.current_version_id as "current_version_id!", b.version_number as "version_number!",
    b.latest_version_number as "latest_version_number!", b.activation as "activation!",
    case when $14 then b.newest_versions end as versions,
    case when $15 then b.live_categories end as categories,
    case when $17 then b.its_aliases end as aliases, null::jsonb as candidate,
    null::jsonb as used_by
from block_details b
where (select app.as_caller($1))
  and ($9::text is not null or app.plan_anew(b.block_id))
  and case when $8 then b.archived_at is not null else b.archived_at is null end
  and ($2::block_type is null or b.block_type = $2)
  and ($3::text is null or b.name_key = app.name_key($3))
  and ($4::text is null or b.block_id = any (array(select blocks_in_category($4, $16))))
  and ($5::text is null or b.block_id = any (array(select find_blocks($5))))
  and ($18::jsonb is null or b.block_id = any (array(select find_matching('block', $18))))
  and ($19::text is null or b.metadata @@ $19::jsonpath)
  and ($6::timestamptz is null or b.created_at >= $6)
  and ($7::timestamptz is null or b.created_at < $7)
  and case
      when $12::uuid is null then true
      when $9 = '-created_at' then (b.created_at, b.block_id) < ($10::timestamptz, $12)
      when $9 = 'created_at' then (b.created_at, b.block_id) > ($10, $12)
      when $9 = '-updated_at' then (b.updated_at, b.block_id) < ($10, $12)
      when $9 = 'updated_at' then (b.updated_at, b.block_id) > ($10, $12)
      when $9 = '-name' then (b.name_key, b.block_id) < (app.name_key($11), $12)
      when $9 = 'name' then (b.name_key, b.block_id) > (app.name_key($11), $12)
  end
order by
    case $9 when '-created_at' then b.created_at when '-updated_at' then b.updated_at end desc,
    case $9 when 'created_at' then b.created_at when 'updated_at' then b.updated_at end,
    case $9 when '-name' then b.name_key end desc,
    case $9 when 'name' then b.name_key end,
    case when $9 like '-%' then b.block_id end desc,
    case when $9 not like '-%' then b.block_id end
limit $13
