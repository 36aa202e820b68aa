select
    e.edge_id as "edge_id!", e.name as "name!", e.description, e.metadata as "metadata!",
    e.created_at as "created_at!", e.updated_at as "updated_at!", e.created_by, e.archived_at,
    (select u.username from usernames u where u.user_id = e.created_by) as created_by_username,
    e.current_version_id as "current_version_id!", e.version_number as "version_number!",
    e.latest_version_number as "latest_version_number!", e.activation as "activation!",
    case when $4 then e.newest_versions end as versions,
    case when $6 then e.its_aliases end as aliases,
    case when $5 then e.newest_verifications end as verifications,
    case when $5 then e.verification_status end as "verification_status: _"
from app.edge_details e
where (select app.as_caller($1))
  and e.edge_id = (select coalesce($2, app.find_id('edge', $3)))
  and e.archived_at is null
