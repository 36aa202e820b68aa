-- What a change of a thing ($2 kind, $3 id or name) reaches, up to $4 arcs away, with $5 (number, latest, active or alias)
-- by that version; of the last one seen $6 distance and $7 id; $8 rows.
with reached as materialized (
    select r.*, root.id as root_id, root.version_id as root_version_id
    from (
        select node_id($2, $3, false) as id, known_version($2, $3, $5) as version_id
        where (select app.as_caller($1))
    ) as root
    cross join lateral lineage($2, root.id, 'down', $4, false, true, root.version_id, $6, 'down', $7, $8) as r
)
select
    r.entity_type as "entity_type!", r.entity_id as "entity_id!", t.name as "name!", r.distance as "distance!",
    case r.arc
        when 'pipeline_edge' then 'downstream'
        when 'member' then case
            when r.distance > 1 then 'has_reached_part'
            when part.is_pinned then 'pinned'
            when part.alias is not null then 'follows_alias'
            else 'follows_active' end
        when 'dependency' then case when c.is_met then 'depends_on' else 'constraint_unmet' end
        else r.arc end as "code!",
    case r.arc
        when 'alias' then format('The alias points to version %s.', coalesce(a.block_version_number, a.edge_version_number))
        when 'pipeline_edge' then format('Comes after %s in the pipeline %s, by the edge %s.', n.name, p.name, e.name)
        when 'output' then format('The edge %s leads to it in the pipeline %s.', e.name, p.name)
        when 'member' then case
            when r.distance > 1 then format('Has the %s %s, which is reached.', r.near_type, n.name)
            when part.is_pinned then format('Is pinned to version %s: a new version does not reach it, withdrawing that one does.', part.version_number)
            when part.alias is not null then format('Follows the alias %s.', part.alias)
            else 'Follows the active version.' end
        else format(case
            when d.version_constraint is null then 'Depends on the %s %s.'
            when c.is_met then 'Depends on the %s %s, on versions %s.'
            else 'Depends on the %s %s, on versions %s, which the active one is not.' end, r.near_type, n.name, d.version_constraint)
        end as "detail!",
    case when r.arc <> 'member' then r.pipeline_id end as pipeline_id, r.edge_id, r.dependency_id,
    (
        select jsonb_agg(jsonb_build_object(
            'entity_type', s.type, 'entity_id', s.id,
            'name', case s.type
                when 'block' then (select b.name from blocks b where b.block_id = s.id)
                when 'edge' then (select e.name from edges e where e.edge_id = s.id)
                when 'pipeline' then (select p.name from pipelines p where p.pipeline_id = s.id)
                else (select a.alias from aliases a where a.alias_id = s.id)
            end) order by s.ordinality)
        from unnest(r.path_types, r.path_ids) with ordinality as s (type, id, ordinality)
    ) as "path!"
from reached r
-- Lateral, so that each is looked up by its id, and in the past no table is read whole.
left join lateral (
    select
        a.alias,
        (select v.version_number from block_versions v where v.version_id = a.block_version_id) as block_version_number,
        (select v.version_number from edge_versions v where v.version_id = a.edge_version_id) as edge_version_number
    from aliases a
    where r.entity_type = 'alias' and a.alias_id = r.entity_id
    offset 0
) as a on true
left join lateral (select p.name from pipelines p where p.pipeline_id = r.pipeline_id offset 0) as p on true
left join lateral (select e.name from edges e where e.edge_id = r.edge_id offset 0) as e on true
left join lateral (select d.version_constraint from dependencies d where d.dependency_id = r.dependency_id offset 0) as d on true
left join lateral (
    select b.name, b.current_version_id from blocks b where r.near_type = 'block' and b.block_id = r.near_id
    union all
    select e.name, e.current_version_id from edges e where r.near_type = 'edge' and e.edge_id = r.near_id
) as n on true
left join lateral (select constraint_admits(d.version_constraint, n.current_version_id) as is_met) as c on r.arc = 'dependency'
left join lateral (
    select coalesce(
        case r.entity_type
            when 'block' then (select b.name from blocks b where b.block_id = r.entity_id)
            when 'edge' then (select e.name from edges e where e.edge_id = r.entity_id)
        end, p.name, a.alias) as name
) as t on true
-- By what the pipeline has it: what follows the active version is reached before what is pinned.
left join lateral (
    select pb.block_version_id is not null as is_pinned, pb.block_alias as alias, v.version_number
    from pipeline_blocks pb
    left join block_versions v on v.version_id = pb.block_version_id
    where r.near_type = 'block' and pb.pipeline_id = r.entity_id and pb.block_id = r.near_id
    union all
    (
        select pe.edge_version_id is not null, pe.edge_alias, v.version_number
        from pipeline_edges pe
        join pipeline_edge_versions x using (pipeline_id, edge_id, source_block_id, target_block_id)
        left join edge_versions v on v.version_id = pe.edge_version_id
        where r.near_type = 'edge' and pe.pipeline_id = r.entity_id and pe.edge_id = r.near_id
          and (r.root_version_id is null or x.version_id = r.root_version_id)
        order by pe.edge_version_id is not null, pe.edge_alias is not null
        limit 1
    )
) as part on r.arc = 'member' and r.distance = 1
where (select app.as_caller($1)) and r.is_new
order by r.distance, r.entity_id
