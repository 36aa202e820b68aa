-- $4 is the reason; null brings the version back. $5 revisions: a version is told by when it was made.
update edge_versions set withdrawn_reason = $4
where (select app.as_caller($1))
  and version_id = (select app.find_version('edge', $2, $3))
  and ($5::timestamptz[] is null or created_at = any ($5))
returning
    version_id, edge_id, version_number, name, description, metadata,
    created_at, created_by, is_active, activated_at, withdrawn_at, withdrawn_by, withdrawn_reason,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username,
    (select u.username from usernames u where u.user_id = withdrawn_by) as withdrawn_by_username
