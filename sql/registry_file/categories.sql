-- Every live category, as the file tells of it: by its path, each name with `~` and `/` as in a JSON pointer.
with recursive tree (category_id, path, parent, updated_at) as (
    select c.category_id, substr(app.pointer_step(c.name), 2), null::text, c.updated_at
    from taxonomy_categories c
    where (select app.as_caller($1))
      and c.parent_id is null and c.archived_at is null
    union all
    select c.category_id, t.path || app.pointer_step(c.name), t.path, c.updated_at
    from tree t
    join taxonomy_categories c on c.parent_id = t.category_id
    where c.archived_at is null
)
select t.category_id as "id!", t.path as "path!", t.updated_at as "revision!", m.owner as "owner?", m.fields as "fields?"
from tree t
cross join lateral app.management(t.category_id) as m
where (select app.as_caller($1))
