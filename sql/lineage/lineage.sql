-- What a thing ($2 kind, $3 id or name) feeds or is fed by: $4 direction, up to $5 arcs away, with $6 also what is
-- archived. Of the last one seen $7 distance, $8 direction, $9 id; $10 things. And the arcs among all seen so far
-- of which an end is new.
with root as materialized (
    select node_id($2, $3, $6) as id where (select app.as_caller($1))
), reached as materialized (
    select r.*, count(*) filter (where r.is_new) over (order by r.distance, r.way, r.entity_id) as nth
    from root
    cross join lateral lineage($2, root.id, $4, $5, $6, false, null, $7, $8, $9, $10::bigint + 1) as r
), known as materialized (
    select $2 as entity_type, root.id as entity_id, null as way, 0 as distance, $9::uuid is null as is_new from root
    union all
    select r.entity_type, r.entity_id, r.way, r.distance, r.is_new from reached r where r.nth <= $10
), thing as materialized (
    -- Lateral, so that each is looked up by its id, and in the past no table is read whole.
    select k.*, it.*
    from known k
    left join lateral (
        select b.name, b.block_type, b.current_version_id as version_id, b.version_number, null::text as verification_status, b.archived_at
        from blocks b
        where k.entity_type = 'block' and b.block_id = k.entity_id
        union all
        select e.name, null, e.current_version_id, e.version_number,
            (select s.status from edge_version_statuses s where s.version_id = e.current_version_id), e.archived_at
        from edges e
        where k.entity_type = 'edge' and e.edge_id = k.entity_id
        union all
        select p.name, null, null, null, null, p.archived_at from pipelines p where k.entity_type = 'pipeline' and p.pipeline_id = k.entity_id
    ) as it on true
    where k.is_new or k.distance = 0
), near as (
    select
        array_agg(k.entity_id) filter (where k.entity_type = 'block') as blocks,
        array_agg(k.entity_id) filter (where k.entity_type = 'edge') as edges,
        array_agg(k.entity_id) filter (where k.entity_type = 'pipeline') as pipelines
    from known k
    where k.is_new
      -- What was reached the other way before has its arcs already.
      and not exists (select from known o where not o.is_new and o.entity_id = k.entity_id and o.entity_type = k.entity_type)
), arc as materialized (
    select
        a.kind, a.source_type, a.source_id, a.target_type, a.target_id, a.edge_id, a.dependency_id,
        array_agg(distinct a.pipeline_id) filter (where a.kind not in ('member', 'dependency')) as pipeline_ids
    from (
        select n.kind, n.near_type as source_type, n.near_id as source_id, n.far_type as target_type, n.far_id as target_id,
            n.pipeline_id, n.edge_id, n.dependency_id
        from near
        cross join root
        cross join lateral neighbours(
            true, near.blocks, near.edges, near.pipelines, case $2 when 'edge' then root.id end, $6,
            array(select k.entity_id from known k)) as n
        where (n.far_type, n.far_id) in (select k.entity_type, k.entity_id from known k)
        union all
        select n.kind, n.far_type, n.far_id, n.near_type, n.near_id, n.pipeline_id, n.edge_id, n.dependency_id
        from near
        cross join root
        cross join lateral neighbours(
            false, near.blocks, near.edges, near.pipelines, case $2 when 'edge' then root.id end, $6,
            array(select k.entity_id from known k)) as n
        where (n.far_type, n.far_id) in (select k.entity_type, k.entity_id from known k)
    ) as a
    group by a.kind, a.source_type, a.source_id, a.target_type, a.target_id, a.edge_id, a.dependency_id
    order by a.source_id, a.target_id, a.kind, a.edge_id
    limit 5001
)
select
    coalesce((
        select jsonb_agg(jsonb_build_object(
            'entity_type', t.entity_type, 'entity_id', t.entity_id, 'name', t.name, 'block_type', t.block_type,
            'version_id', t.version_id, 'version_number', t.version_number, 'verification_status', t.verification_status,
            'archived_at', app.time_text(t.archived_at), 'direction', t.way, 'distance', t.distance)
            order by t.distance, t.way, t.entity_id)
        from thing t), '[]') as "nodes!: _",
    coalesce((
        select jsonb_agg(jsonb_build_object(
            'kind', a.kind, 'source_type', a.source_type, 'source_id', a.source_id, 'target_type', a.target_type, 'target_id', a.target_id,
            'edge_id', a.edge_id, 'edge_name', e.name, 'verification_status', e.status,
            'dependency_id', a.dependency_id, 'version_constraint', d.version_constraint,
            'pipeline_count', coalesce(cardinality(a.pipeline_ids), 0),
            'pipelines', coalesce((
                select jsonb_agg(jsonb_build_object('pipeline_id', p.pipeline_id, 'name', p.name) order by p.pipeline_id)
                from pipelines p where p.pipeline_id = any (a.pipeline_ids[1:20])), '[]'))
            order by a.source_id, a.target_id, a.kind, a.edge_id)
        from (select * from arc limit 5000) as a
        left join lateral (
            select e.name, (select s.status from edge_version_statuses s where s.version_id = e.current_version_id) as status
            from edges e
            where e.edge_id = a.edge_id
            offset 0
        ) as e on true
        left join lateral (select d.version_constraint from dependencies d where d.dependency_id = a.dependency_id offset 0) as d on true), '[]') as "edges!: _",
    exists (select from reached r where r.nth > $10) as "more!",
    (select count(*) > 5000 from arc) as "crowded!"
from root
where (select app.as_caller($1))
