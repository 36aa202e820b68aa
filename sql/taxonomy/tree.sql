-- The category $2 (id or name) and all below it, or with null the whole forest; at most $3 rows,
-- those above before those below.
with recursive tree as (
    select category_id, name, parent_id, created_at, updated_at, created_by, archived_at
    from taxonomy_categories
    where (select app.as_caller($1))
      and archived_at is null
      and case
          when $2::text is null then parent_id is null
          else category_id = (select live_category($2, true))
      end
    union all
    select c.category_id, c.name, c.parent_id, c.created_at, c.updated_at, c.created_by, c.archived_at
    from tree t
    join taxonomy_categories c on c.parent_id = t.category_id
    where (select app.as_caller($1))
      and c.archived_at is null
)
select
    category_id as "category_id!", name as "name!", parent_id, created_at as "created_at!", updated_at as "updated_at!",
    created_by, archived_at,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username,
    (select x.purged_at from purged x where x.entity_id = category_id) as purged_at
from tree
where (select app.as_caller($1))
limit $3
