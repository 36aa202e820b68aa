insert into edge_verifications (edge_version_id, verification_status, verification_logs, activate_when_passed)
select v.version_id, $4, $5, $6
from edge_versions v
where (select app.as_caller($1))
  and v.version_id = (select app.find_version('edge', $2, $3))
returning
    verification_id, edge_version_id, verification_status as "verification_status: _", verification_logs,
    verified_at, verified_by, verified_with, created_at, updated_at, created_by, edge_id, activate_when_passed,
    (select u.username from usernames u where u.user_id = verified_by) as verified_by_username,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username,
    (select v.version_number from edge_versions v where v.version_id = edge_version_id) as "version_number!"
