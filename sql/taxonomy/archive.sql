-- With $4 the children move up first, so that nothing is below it any more. The revision $3 is
-- looked at once, under the lock, for both.
with target as materialized (
    select category_id, parent_id
    from taxonomy_categories
    where (select app.as_caller($1))
      and category_id = (select app.find_category($2))
      and archived_at is null
      and ($3::timestamptz[] is null or updated_at = any ($3))
    for no key update
), moved as (
    update taxonomy_categories c set parent_id = t.parent_id
    from target t
    where (select app.as_caller($1))
      and $4
      and c.parent_id = t.category_id
    returning c.category_id
)
update taxonomy_categories c set archived_at = now()
from target t
where (select app.as_caller($1))
  and (select count(*) from moved) >= 0
  and c.category_id = t.category_id
returning c.category_id
