-- Newest first. Of the last row seen: $4 time, $5 id; $6 rows.
select
    o.verification_id as "verification_id!", o.edge_version_id as "edge_version_id!",
    o.verification_status as "verification_status!: _", null as verification_logs,
    o.verified_at, o.verified_by, o.created_at as "created_at!", o.updated_at as "updated_at!", o.created_by,
    o.edge_id as "edge_id!", o.version_number as "version_number!"
from app.verification_details o
where (select app.as_caller($1))
  and o.edge_version_id = (select app.find_version('edge', $2, $3))
  and (o.created_at, o.verification_id)
      < (coalesce($4, 'infinity'::timestamptz), coalesce($5, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
order by o.created_at desc, o.verification_id desc
limit $6
