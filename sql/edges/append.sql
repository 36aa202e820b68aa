-- Appends a candidate; what the request leaves out is as in the edge. $2 id or $3 reference of the edge, $4 whether
-- $5 is its description, $6 metadata, $7 revisions of the edge.
insert into edge_versions (edge_id, description, metadata)
select e.edge_id, case when $4 then $5 else e.description end, coalesce($6, e.metadata)
from (
    select e.*
    from edges e
    where (select app.as_caller($1))
      and e.edge_id = (select coalesce($2, app.find_id('edge', $3)))
      and e.archived_at is null
      and ($7::timestamptz[] is null or e.updated_at = any ($7))
    for no key update
) as e
where (select app.as_caller($1))
returning
    version_id, edge_id, version_number, name, description, metadata,
    created_at, created_by, is_active, activated_at, withdrawn_at, withdrawn_by, withdrawn_reason,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username,
    (select u.username from usernames u where u.user_id = withdrawn_by) as withdrawn_by_username
