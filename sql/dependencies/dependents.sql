-- What depends on a block or an edge ($2 kind, $3 id or name), with $4 also what depends on that, and so
-- on. Of the last row seen $5 depth and $6 id; $7 rows.
select
    d.entity_type as "entity_type!", d.entity_id as "entity_id!", d.name as "name!", d.depth as "depth!",
    d.dependency_id as "dependency_id!", d.version_constraint, d.path as "path!"
from (select owner_id($2, $3, true) as id where (select app.as_caller($1))) as o
cross join lateral dependents($2, o.id, $4, $5, $6, $7) as d
where (select app.as_caller($1))
order by d.depth, d.entity_id
