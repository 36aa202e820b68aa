update edge_verifications set
    verification_status = coalesce($3, verification_status),
    verification_logs = case when $4 then $5 else verification_logs end,
    activate_when_passed = coalesce($7, activate_when_passed)
where (select app.as_caller($1))
  and verification_id = $2
  and exists (select from edges e where e.edge_id = edge_verifications.edge_id and e.archived_at is null)
  and ($6::timestamptz[] is null or updated_at = any ($6))
returning
    verification_id, edge_version_id, verification_status as "verification_status: _", verification_logs,
    verified_at, verified_by, verified_with, created_at, updated_at, created_by, edge_id, activate_when_passed,
    (select u.username from usernames u where u.user_id = verified_by) as verified_by_username,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username,
    (select v.version_number from edge_versions v where v.version_id = edge_version_id) as "version_number!"
