-- $2 kind of owner, $3 owner (id or name), $4 whether it must be there, $5 URL, $6 branch, $7 oldest first; of the
-- last row seen $8 time and $9 id; $10 rows. (Owners by their own columns: the comparison of
-- enums is not leakproof, so that under row-level security it uses no index.)
select
    repo_id, entity_type, entity_id, repo_url, branch, last_updated, created_at
from code_repos p
where (select app.as_caller($1))
  and ($3::text is null or (select app.owner_id($2, $3, $4)) is not null)
  and ($7::boolean is not null or app.plan_anew(p.repo_id))
  and ($2::entity_type is null or case when $2 = 'block' then p.block_id is not null else p.edge_id is not null end)
  and ($3::text is null or $2 <> 'block' or p.block_id = (select app.owner_id($2, $3, $4)))
  and ($3::text is null or $2 <> 'edge' or p.edge_id = (select app.owner_id($2, $3, $4)))
  and app.is_live(p.entity_type, p.entity_id)
  and ($5::text is null or p.repo_url = $5)
  and ($6::text is null or p.branch = $6)
  and case
      when $9::uuid is null then true
      when $7 then (p.created_at, p.repo_id) > ($8::timestamptz, $9)
      else (p.created_at, p.repo_id) < ($8, $9)
  end
order by
    case when $7 then p.created_at end,
    case when $7 then p.repo_id end,
    p.created_at desc, p.repo_id desc
limit $10
