-- Every filter and both orders; planned anew for the values it gets (app.plan_anew).
-- $2 status, $3 edge (id or name) and $4 its version (a number, latest or active), $5 version by id,
-- $6 verified by (id or name), $7 and $8 created from and before, $9 order; of the last row seen $10 time and
-- $11 id; $12 rows.
select
    o.verification_id as "verification_id!", o.edge_version_id as "edge_version_id!",
    o.verification_status as "verification_status!: _", null as verification_logs,
    o.verified_at, o.verified_by, o.verified_with, o.created_at as "created_at!", o.updated_at as "updated_at!", o.created_by,
    o.edge_id as "edge_id!", o.activate_when_passed as "activate_when_passed!", o.version_number as "version_number!",
    (select u.username from usernames u where u.user_id = o.verified_by) as verified_by_username,
    (select u.username from usernames u where u.user_id = o.created_by) as created_by_username
from app.verification_details o
where (select app.as_caller($1))
  and ($9::text is not null or app.plan_anew(o.verification_id))
  and ($2::verification_status is null or o.verification_status = $2)
  and ($3::text is null or o.edge_id = (select app.find_id('edge', $3)))
  and ($4::text is null or o.edge_version_id = (select app.find_version('edge', $3, $4)))
  and ($5::uuid is null or o.edge_version_id = $5)
  and ($6::text is null or o.verified_by = (select app.find_id('user', $6)))
  and ($7::timestamptz is null or o.created_at >= $7)
  and ($8::timestamptz is null or o.created_at < $8)
  and case
      when $11::uuid is null then true
      when $9 = '-created_at' then (o.created_at, o.verification_id) < ($10::timestamptz, $11)
      when $9 = 'created_at' then (o.created_at, o.verification_id) > ($10, $11)
  end
order by
    case $9 when '-created_at' then o.created_at end desc,
    case $9 when '-created_at' then o.verification_id end desc,
    case $9 when 'created_at' then o.created_at end,
    case $9 when 'created_at' then o.verification_id end
limit $12
