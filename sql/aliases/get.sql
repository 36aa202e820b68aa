-- $2 kind of owner, $3 owner (id or name), $4 alias.
select
    a.alias_id, a.entity_type, a.entity_id, a.alias, a.version_id, a.is_protected, a.created_at, a.updated_at, a.created_by,
    (select u.username from usernames u where u.user_id = a.created_by) as created_by_username,
    n.version_number as "version_number!"
from aliases a
cross join lateral (select coalesce(
    (select v.version_number from block_versions v where v.version_id = a.block_version_id),
    (select v.version_number from edge_versions v where v.version_id = a.edge_version_id))) as n (version_number)
where (select app.as_caller($1))
  -- Before anything is read, whatever the plan: else an empty table would not ask whether there is such an owner.
  and (select owner_id($2::entity_type, $3, true)) is not null
  and n.version_number is not null
  and case when $2::entity_type = 'block'
      then a.block_id = (select owner_id($2, $3, true)) else a.edge_id = (select owner_id($2, $3, true)) end
  and a.alias = $4
