-- $2 kind of owner, $3 owner (id or name), $4 whether it must be there, $5 alias, $6 oldest first; of the last row seen
-- $7 time and $8 id; $9 rows. (Owners by their own columns: see sql/code_repos/list.sql.)
select
    a.alias_id, a.entity_type, a.entity_id, a.alias, a.version_id, a.is_protected, a.created_at, a.updated_at, a.created_by,
    (select u.username from usernames u where u.user_id = a.created_by) as created_by_username,
    n.version_number as "version_number!"
from aliases a
cross join lateral (select coalesce(
    (select v.version_number from block_versions v where v.version_id = a.block_version_id),
    (select v.version_number from edge_versions v where v.version_id = a.edge_version_id))) as n (version_number)
where (select app.as_caller($1))
  and n.version_number is not null
  and ($3::text is null or (select owner_id($2, $3, $4)) is not null)
  and ($6::boolean is not null or app.plan_anew(a.alias_id))
  and ($2::entity_type is null or case when $2 = 'block' then a.block_id is not null else a.edge_id is not null end)
  and ($3::text is null or $2 <> 'block' or a.block_id = (select owner_id($2, $3, $4)))
  and ($3::text is null or $2 <> 'edge' or a.edge_id = (select owner_id($2, $3, $4)))
  and is_live(a.entity_type, a.entity_id)
  and ($5::text is null or a.alias = $5)
  and case
      when $8::uuid is null then true
      when $6 then (a.created_at, a.alias_id) > ($7::timestamptz, $8)
      else (a.created_at, a.alias_id) < ($7, $8)
  end
order by
    case when $6 then a.created_at end,
    case when $6 then a.alias_id end,
    a.created_at desc, a.alias_id desc
limit $9
