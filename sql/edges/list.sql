-- Every filter and every order. PostgreSQL plans this anew for the values it gets
-- (app.plan_anew): what they make constant falls away, and the order that is left reads its index.
-- $2 name, $3 text, $4 and $5 created from and before, $6 archived instead of live, $7 order; of the
-- last row seen $8 time or $9 name, and $10 id; $11 rows; $12, $13 and $14 include versions,
-- verifications, aliases; $15 filter, $16 path that metadata satisfies.
select
    e.edge_id as "edge_id!", e.name as "name!", e.description, e.metadata as "metadata!",
    e.created_at as "created_at!", e.updated_at as "updated_at!", e.created_by, e.archived_at,
    (select u.username from usernames u where u.user_id = e.created_by) as created_by_username,
    (select x.purged_at from purged x where x.entity_id = e.edge_id) as purged_at,
    e.current_version_id as "current_version_id!", e.version_number as "version_number!",
    e.latest_version_number as "latest_version_number!", e.activation as "activation!",
    case when $12 then e.newest_versions end as versions,
    case when $14 then e.its_aliases end as aliases, null::jsonb as candidate,
    null::jsonb as used_by,
    case when $13 then e.newest_verifications end as verifications,
    case when $13 then e.verification_status end as "verification_status: _"
from edge_details e
where (select app.as_caller($1))
  and ($7::text is not null or app.plan_anew(e.edge_id))
  and case when $6 then e.archived_at is not null else e.archived_at is null end
  and ($2::text is null or e.name_key = app.name_key($2))
  and ($3::text is null or e.edge_id = any (array(select find_edges($3))))
  and ($15::jsonb is null or e.edge_id = any (array(select find_matching('edge', $15))))
  and ($16::text is null or e.metadata @@ $16::jsonpath)
  and ($4::timestamptz is null or e.created_at >= $4)
  and ($5::timestamptz is null or e.created_at < $5)
  and case
      when $10::uuid is null then true
      when $7 = '-created_at' then (e.created_at, e.edge_id) < ($8::timestamptz, $10)
      when $7 = 'created_at' then (e.created_at, e.edge_id) > ($8, $10)
      when $7 = '-updated_at' then (e.updated_at, e.edge_id) < ($8, $10)
      when $7 = 'updated_at' then (e.updated_at, e.edge_id) > ($8, $10)
      when $7 = '-name' then (e.name_key, e.edge_id) < (app.name_key($9), $10)
      when $7 = 'name' then (e.name_key, e.edge_id) > (app.name_key($9), $10)
  end
order by
    case $7 when '-created_at' then e.created_at when '-updated_at' then e.updated_at end desc,
    case $7 when 'created_at' then e.created_at when 'updated_at' then e.updated_at end,
    case $7 when '-name' then e.name_key end desc,
    case $7 when 'name' then e.name_key end,
    case when $7 like '-%' then e.edge_id end desc,
    case when $7 not like '-%' then e.edge_id end
limit $11
