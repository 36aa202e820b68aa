-- As archive.sql, for good, and for archived ones as well.
with target as materialized (
    select category_id, parent_id
    from taxonomy_categories
    where (select app.as_caller($1))
      and category_id = (select app.find_category($2))
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
delete from taxonomy_categories c
using target t
where (select app.as_caller($1))
  and (select count(*) from moved) >= 0
  and c.category_id = t.category_id
returning c.category_id
