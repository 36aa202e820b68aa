-- Every filter and both orders; planned anew for the values it gets.
-- $2 status, $3 edge (id or name), $4 version, $5 verified by, $6 and $7 created from and before,
-- $8 oldest first; of the last row seen $9 time and $10 id; $11 rows.
select
    o.verification_id as "verification_id!", o.edge_version_id as "edge_version_id!",
    o.verification_status as "verification_status!: _", null as verification_logs,
    o.verified_at, o.verified_by, o.created_at as "created_at!", o.updated_at as "updated_at!", o.created_by,
    o.edge_id as "edge_id!", o.version_number as "version_number!"
from app.verification_details o
where (select app.as_caller($1))
  and ($2::verification_status is null or o.verification_status = $2)
  and ($3::text is null or o.edge_id = (select app.find_id('edge', $3)))
  and ($4::uuid is null or o.edge_version_id = $4)
  and ($5::uuid is null or o.verified_by = $5)
  and ($6::timestamptz is null or o.created_at >= $6)
  and ($7::timestamptz is null or o.created_at < $7)
  and case
      when $10::uuid is null then true
      when $8 then (o.created_at, o.verification_id) > ($9::timestamptz, $10)
      else (o.created_at, o.verification_id) < ($9, $10)
  end
order by
    case when not $8 then o.created_at end desc,
    case when not $8 then o.verification_id end desc,
    case when $8 then o.created_at end,
    case when $8 then o.verification_id end
limit $11
