-- $2 kind of owner, $3 owner (id or name), $4 alias, $5 oldest first; of the last row seen $6 time and $7 id; $8 rows.
select
    m.move_id, m.alias, m.version_id, m.moved_at, m.moved_by,
    (select u.username from usernames u where u.user_id = m.moved_by) as moved_by_username,
    coalesce(
        (select v.version_number from block_versions v where v.version_id = m.version_id),
        (select v.version_number from edge_versions v where v.version_id = m.version_id)) as version_number
from alias_moves m
where (select app.as_caller($1))
  and (select app.owner_id($2::entity_type, $3, true)) is not null
  and ($5::boolean is not null or app.plan_anew(m.move_id))
  and case when $2::entity_type = 'block'
      then m.block_id = (select app.owner_id($2, $3, true)) else m.edge_id = (select app.owner_id($2, $3, true)) end
  and m.alias = $4
  and case
      when $7::uuid is null then true
      when $5 then (m.moved_at, m.move_id) > ($6::timestamptz, $7)
      else (m.moved_at, m.move_id) < ($6, $7)
  end
order by
    case when $5 then m.moved_at end,
    case when $5 then m.move_id end,
    m.moved_at desc, m.move_id desc
limit $8
