select
    o.verification_id as "verification_id!", o.edge_version_id as "edge_version_id!",
    o.verification_status as "verification_status!: _", o.verification_logs,
    o.verified_at, o.verified_by, o.verified_with, o.created_at as "created_at!", o.updated_at as "updated_at!", o.created_by,
    o.edge_id as "edge_id!", o.activate_when_passed as "activate_when_passed!", o.version_number as "version_number!",
    (select u.username from usernames u where u.user_id = o.verified_by) as verified_by_username,
    (select u.username from usernames u where u.user_id = o.created_by) as created_by_username
from app.verification_details o
where (select app.as_caller($1))
  and o.verification_id = $2
