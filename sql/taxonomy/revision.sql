-- Why a change met no row: there is none, its revision is another, or the caller may not.
select updated_at, archived_at
from taxonomy_categories
where (select app.as_caller($1))
  and category_id = (select app.find_category($2))
