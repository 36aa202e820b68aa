select
    s.edge_id as "edge_id!", s.version_id as "version_id!", s.version_number as "version_number!",
    s.created_at as "created_at!", s.status as "status!: _", s.why as "why!",
    s.verification_id as "verification_id?", s.verified_by as "verified_by?", s.verified_at as "verified_at?",
    (select u.username from usernames u where u.user_id = s.verified_by) as verified_by_username
from edge_version_statuses s
where (select app.as_caller($1))
  and s.version_id = (select find_version('edge', $2, $3))
