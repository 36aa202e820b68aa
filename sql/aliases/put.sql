-- Makes an alias, or moves it. $2 kind of owner, $3 owner (id or name), $4 alias, $5 version (a number, latest, active
-- or an alias), $6 protection, which stays as it is when missing, $7 revisions.
insert into aliases as a (entity_type, entity_id, alias, version_id, is_protected)
select $2, owner.id, $4, version.id, coalesce($6, false)
from (select app.owner_id($2, $3, true) as id) as owner
cross join (select app.find_version($2::text, $3, $5) as id) as version
where (select app.as_caller($1))
  and version.id is not null
  and ($7::timestamptz[] is null or exists (
      select from aliases o where o.entity_type = $2 and o.entity_id = owner.id and o.alias = $4 and o.updated_at = any ($7)))
on conflict (entity_type, entity_id, alias) do update
set version_id = excluded.version_id, is_protected = coalesce($6, a.is_protected)
where $7::timestamptz[] is null or a.updated_at = any ($7)
returning
    a.alias_id, a.entity_type, a.entity_id, a.alias, a.version_id, a.is_protected, a.created_at, a.updated_at, a.created_by,
    (select u.username from usernames u where u.user_id = a.created_by) as created_by_username,
    coalesce(
        (select v.version_number from block_versions v where v.version_id = a.version_id),
        (select v.version_number from edge_versions v where v.version_id = a.version_id)) as "version_number!",
    a.xmax = 0 as "is_new!"
