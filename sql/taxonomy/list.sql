-- $2 name, $3 parent (id or name), $4 only roots, $5 part of the name, $6 a block (id or name, which
-- must be there) that is in them, $7 archived instead of live, $8 order; of the last row seen $9 time
-- or $10 name, and $11 id; $12 rows.
select
    category_id, name, parent_id, created_at, updated_at, created_by, archived_at,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username,
    (select x.purged_at from purged x where x.entity_id = c.category_id) as purged_at
from taxonomy_categories c
where (select app.as_caller($1))
  and ($6::text is null or (select owner_id('block', $6, true)) is not null)
  and ($8::text is not null or app.plan_anew(c.category_id))
  and case when $7 then c.archived_at is not null else c.archived_at is null end
  and ($2::text is null or c.name_key = app.name_key($2))
  and ($3::text is null or c.parent_id = (select find_category($3)))
  and (not $4::boolean or c.parent_id is null)
  and ($5::text is null or position(app.name_key($5) in c.name_key) > 0)
  and ($6::text is null or c.category_id = any (array(
      select bt.category_id from block_taxonomies bt where bt.block_id = (select owner_id('block', $6, true)))))
  and case
      when $11::uuid is null then true
      when $8 = '-created_at' then (c.created_at, c.category_id) < ($9::timestamptz, $11)
      when $8 = 'created_at' then (c.created_at, c.category_id) > ($9, $11)
      when $8 = '-updated_at' then (c.updated_at, c.category_id) < ($9, $11)
      when $8 = 'updated_at' then (c.updated_at, c.category_id) > ($9, $11)
      when $8 = '-name' then (c.name_key, c.category_id) < (app.name_key($10), $11)
      when $8 = 'name' then (c.name_key, c.category_id) > (app.name_key($10), $11)
  end
order by
    case $8 when '-created_at' then c.created_at when '-updated_at' then c.updated_at end desc,
    case $8 when 'created_at' then c.created_at when 'updated_at' then c.updated_at end,
    case $8 when '-name' then c.name_key end desc,
    case $8 when 'name' then c.name_key end,
    case when $8 like '-%' then c.category_id end desc,
    case when $8 not like '-%' then c.category_id end
limit $12
