-- What depends on a block or an edge ($2 kind, $3 id or name), with $4 also what depends on that, and so
-- on. Each once, at its least depth, with the path to it; level by level, so that many ways to one
-- thing do not multiply. Of the last row seen $5 depth and $6 id; $7 rows.
with recursive reached (depth, entity_type, entity_id, block_id, edge_id, name, dependency_id, version_constraint, path) as (
    select 0, $2::entity_type, o.id, case when $2 = 'block' then o.id end, case when $2 = 'edge' then o.id end,
        null::text, null::uuid, null::text, '[]'::jsonb
    from (select app.owner_id($2, $3, true) as id where (select app.as_caller($1))) as o
    union all
    select level.*
    from (
        select distinct on (d.entity_type, d.entity_id)
            r.depth + 1, d.entity_type, d.entity_id, d.block_id, d.edge_id, coalesce(b.name, e.name),
            d.dependency_id, d.version_constraint,
            r.path || jsonb_build_object('entity_type', d.entity_type, 'entity_id', d.entity_id, 'name', coalesce(b.name, e.name))
        from reached r
        join dependencies d on d.depends_on_block_id = r.block_id or d.depends_on_edge_id = r.edge_id
        left join blocks b on b.block_id = d.block_id and b.archived_at is null
        left join edges e on e.edge_id = d.edge_id and e.archived_at is null
        where (select app.as_caller($1))
          and (r.depth = 0 or $4)
          and coalesce(b.name, e.name) is not null
        order by d.entity_type, d.entity_id, d.dependency_id
    ) as level
), nearest as (
    select distinct on (entity_type, entity_id) *
    from reached
    where depth > 0
    order by entity_type, entity_id, depth
)
select
    entity_type as "entity_type!", entity_id as "entity_id!", name as "name!", depth as "depth!",
    dependency_id as "dependency_id!", version_constraint, path as "path!"
from nearest
where (select app.as_caller($1))
  and ($6::uuid is null or (depth, entity_id) > ($5::int, $6))
order by depth, entity_id
limit $7
