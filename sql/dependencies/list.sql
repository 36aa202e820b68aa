-- $2 kind of owner, $3 owner (id or name), $4 whether it must be there, $5 type, $6 kind of what is
-- depended on, $7 which (id or name), $8 oldest first; of the last row seen $9 time and $10 id; $11 rows.
-- (Owners by their own columns: the comparison of enums is not leakproof, so that under row-level
-- security it uses no index.)
select
    dependency_id, entity_type, entity_id, dependency_type, dependency_detail, depends_on_type, depends_on_id,
    version_constraint, created_at, updated_at
from dependencies p
where (select app.as_caller($1))
  and ($3::text is null or (select owner_id($2, $3, $4)) is not null)
  and ($8::boolean is not null or app.plan_anew(p.dependency_id))
  and ($2::entity_type is null or case when $2 = 'block' then p.block_id is not null else p.edge_id is not null end)
  and ($3::text is null or $2 <> 'block' or p.block_id = (select owner_id($2, $3, $4)))
  and ($3::text is null or $2 <> 'edge' or p.edge_id = (select owner_id($2, $3, $4)))
  and is_live(p.entity_type, p.entity_id)
  and ($5::dependency_type is null or p.dependency_type = $5)
  and ($6::entity_type is null or p.depends_on_type = $6)
  and ($7::text is null or $6 <> 'block' or p.depends_on_block_id = (select owner_id($6, $7, false)))
  and ($7::text is null or $6 <> 'edge' or p.depends_on_edge_id = (select owner_id($6, $7, false)))
  and case
      when $10::uuid is null then true
      when $8 then (p.created_at, p.dependency_id) > ($9::timestamptz, $10)
      else (p.created_at, p.dependency_id) < ($9, $10)
  end
order by
    case when $8 then p.created_at end,
    case when $8 then p.dependency_id end,
    p.created_at desc, p.dependency_id desc
limit $11
