-- $2 kind of owner, $3 id: what its taxonomy_filter comes to, with the categories below.
select case when v.taxonomy_filter is not null then written_out(v.taxonomy_filter) end as filter, v.updated_at as "updated_at!"
from vector_representations v
where (select app.as_caller($1))
  and v.entity_type = $2
  and v.vector_id = $3
  and is_live(v.entity_type, v.entity_id)
