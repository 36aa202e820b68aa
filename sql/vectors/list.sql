-- $2 kind of owner, $3 owner (id or name), $4 whether it must be there, $5 database, $6 key, $7 oldest
-- first; of the last row seen $8 time and $9 id; $10 rows.
select
    vector_id as "vector_id!", block_id, edge_id, vector_db as "vector_db!", vector_key as "vector_key!", taxonomy_filter,
    created_at as "created_at!", updated_at as "updated_at!"
from app.vector_representations p
where (select app.as_caller($1))
  and ($3::text is null or (select app.owner_id($2, $3, $4)) is not null)
  and ($7::boolean is not null or app.plan_anew(p.vector_id))
  and p.entity_type = $2
  and ($3::text is null or p.entity_id = (select app.owner_id($2, $3, $4)))
  and app.is_live(p.entity_type, p.entity_id)
  and ($5::text is null or p.vector_db = $5)
  and ($6::text is null or p.vector_key = $6)
  and case
      when $9::uuid is null then true
      when $7 then (p.created_at, p.vector_id) > ($8::timestamptz, $9)
      else (p.created_at, p.vector_id) < ($8, $9)
  end
order by
    case when $7 then p.created_at end,
    case when $7 then p.vector_id end,
    p.created_at desc, p.vector_id desc
limit $10
