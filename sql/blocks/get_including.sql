select
    b.block_id as "block_id!", b.name as "name!", b.block_type as "block_type!", b.description, b.metadata as "metadata!",
    b.created_at as "created_at!", b.updated_at as "updated_at!", b.created_by, b.archived_at,
    (select u.username from usernames u where u.user_id = b.created_by) as created_by_username,
    (select x.purged_at from purged x where x.entity_id = b.block_id) as purged_at,
    b.current_version_id as "current_version_id!", b.version_number as "version_number!",
    b.latest_version_number as "latest_version_number!", b.activation as "activation!",
    case when $4 then b.newest_versions end as versions,
    case when $5 then b.live_categories end as categories,
    case when $6 then b.its_aliases end as aliases, null::jsonb as candidate,
    case when $7 then (
        select coalesce(jsonb_agg(to_jsonb(u) order by app.name_key(u.name), u.pipeline_id, u.version_number), '[]')
        from (
            select distinct on (p.name_key, p.pipeline_id, v.version_number, u.block_version_id, u.block_alias)
                p.pipeline_id, p.name, v.version_id, v.version_number,
                case when u.block_version_id is not null then 'pin' when u.block_alias is not null then 'alias' else 'active' end as by,
                u.block_alias as alias
            from pipeline_blocks u
            join pipelines p using (pipeline_id)
            left join aliases a on a.block_id = u.block_id and a.alias = u.block_alias
            -- Not coalesce(): PostgreSQL holds that it leaks (contain_leaked_vars), and would read every version.
            join block_versions v on v.version_id = case
                when u.block_version_id is not null then u.block_version_id
                when a.version_id is not null then a.version_id
                else b.current_version_id end
            where u.block_id = b.block_id and p.archived_at is null
            order by p.name_key, p.pipeline_id, v.version_number, u.block_version_id, u.block_alias
            limit 100
        ) as u) end as used_by
from block_details b
where (select app.as_caller($1))
  and b.block_id = (select coalesce($2, find_id('block', $3)))
  and b.archived_at is null
