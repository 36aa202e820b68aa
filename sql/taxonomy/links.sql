-- $2 block, $3 category (ids or names), $4 oldest first; of the last row seen $5 time and $6 id; $7 rows.
select bt.block_taxonomy_id, bt.block_id, bt.category_id, bt.created_at
from block_taxonomies bt
where (select app.as_caller($1))
  and ($4::boolean is not null or app.plan_anew(bt.block_taxonomy_id))
  and ($2::text is null or bt.block_id = (select find_id('block', $2)))
  and ($3::text is null or bt.category_id = (select find_category($3)))
  and is_live('block', bt.block_id)
  and exists (select from taxonomy_categories c where c.category_id = bt.category_id and c.archived_at is null)
  and case
      when $6::uuid is null then true
      when $4 then (bt.created_at, bt.block_taxonomy_id) > ($5::timestamptz, $6)
      else (bt.created_at, bt.block_taxonomy_id) < ($5, $6)
  end
order by
    case when $4 then bt.created_at end,
    case when $4 then bt.block_taxonomy_id end,
    bt.created_at desc, bt.block_taxonomy_id desc
limit $7
