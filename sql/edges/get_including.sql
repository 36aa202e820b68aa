select
    e.edge_id as "edge_id!", e.name as "name!", e.description, e.metadata as "metadata!",
    e.created_at as "created_at!", e.updated_at as "updated_at!", e.created_by, e.archived_at,
    (select u.username from usernames u where u.user_id = e.created_by) as created_by_username,
    (select x.purged_at from purged x where x.entity_id = e.edge_id) as purged_at,
    e.current_version_id as "current_version_id!", e.version_number as "version_number!",
    e.latest_version_number as "latest_version_number!", e.activation as "activation!",
    case when $4 then e.newest_versions end as versions,
    case when $6 then e.its_aliases end as aliases, null::jsonb as candidate,
    case when $7 then (
        select coalesce(jsonb_agg(to_jsonb(u) order by app.name_key(u.name), u.pipeline_id, u.version_number), '[]')
        from (
            select distinct on (p.name_key, p.pipeline_id, v.version_number, u.edge_version_id, u.edge_alias)
                p.pipeline_id, p.name, v.version_id, v.version_number,
                case when u.edge_version_id is not null then 'pin' when u.edge_alias is not null then 'alias' else 'active' end as by,
                u.edge_alias as alias
            from pipeline_edges u
            join pipelines p using (pipeline_id)
            left join aliases a on a.edge_id = u.edge_id and a.alias = u.edge_alias
            -- Not coalesce(): PostgreSQL holds that it leaks (contain_leaked_vars), and would read every version.
            join edge_versions v on v.version_id = case
                when u.edge_version_id is not null then u.edge_version_id
                when a.version_id is not null then a.version_id
                else e.current_version_id end
            where u.edge_id = e.edge_id and p.archived_at is null
            order by p.name_key, p.pipeline_id, v.version_number, u.edge_version_id, u.edge_alias
            limit 100
        ) as u) end as used_by,
    case when $5 then e.newest_verifications end as verifications,
    case when $5 then e.verification_status end as "verification_status: _"
from edge_details e
where (select app.as_caller($1))
  and e.edge_id = (select coalesce($2, find_id('edge', $3)))
  and e.archived_at is null
