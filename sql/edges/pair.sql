-- Two versions, $3 and $4, of the same edge, in this order; those of them that are there.
select
    v.version_id, v.edge_id, v.version_number, v.name, v.description, v.metadata,
    v.created_at, v.created_by, v.is_active, v.activated_at, v.withdrawn_at, v.withdrawn_by, v.withdrawn_reason,
    (select u.username from usernames u where u.user_id = v.created_by) as created_by_username,
    (select u.username from usernames u where u.user_id = v.withdrawn_by) as withdrawn_by_username
from (values (1, find_version('edge', $2, $3)), (2, find_version('edge', $2, $4))) as wanted (place, version_id)
join edge_versions v using (version_id)
where (select app.as_caller($1))
order by wanted.place
