-- What a category is below, from the root on.
with recursive above as (
    select category_id, name, parent_id, created_at, updated_at, created_by, archived_at, 0 as distance
    from taxonomy_categories
    where (select app.as_caller($1))
      and category_id = (select live_category($2, true))
    union all
    select c.category_id, c.name, c.parent_id, c.created_at, c.updated_at, c.created_by, c.archived_at, a.distance + 1
    from above a
    join taxonomy_categories c on c.category_id = a.parent_id
    where (select app.as_caller($1))
)
select
    category_id as "category_id!", name as "name!", parent_id, created_at as "created_at!", updated_at as "updated_at!",
    created_by, archived_at,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username,
    (select x.purged_at from purged x where x.entity_id = category_id) as purged_at
from above
where (select app.as_caller($1))
  and distance > 0
order by distance desc
