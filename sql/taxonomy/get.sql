select
    category_id, name, parent_id, created_at, updated_at, created_by, archived_at,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username,
    (select x.purged_at from purged x where x.entity_id = category_id) as purged_at
from taxonomy_categories
where (select app.as_caller($1))
  and category_id = (select find_category($2))
  and archived_at is null
