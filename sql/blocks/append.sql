-- Appends a candidate; what the request leaves out is as in the block. $2 id or $3 reference of the block, $4 type,
-- $5 whether $6 is its description, $7 metadata, $8 revisions of the block.
insert into block_versions (block_id, block_type, description, metadata)
select b.block_id, coalesce($4, b.block_type), case when $5 then $6 else b.description end, coalesce($7, b.metadata)
from (
    select b.*
    from blocks b
    where (select app.as_caller($1))
      and b.block_id = (select coalesce($2, app.find_id('block', $3)))
      and b.archived_at is null
      and ($8::timestamptz[] is null or b.updated_at = any ($8))
    for no key update
) as b
where (select app.as_caller($1))
returning
    version_id, block_id, version_number, name, block_type, description, metadata,
    created_at, created_by, is_active, activated_at, withdrawn_at, withdrawn_by, withdrawn_reason,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username,
    (select u.username from usernames u where u.user_id = withdrawn_by) as withdrawn_by_username
