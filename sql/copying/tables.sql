-- Of these tables, what a copy has to know, from the catalogue: a new column is in the next copy by itself. Partitions come with
-- their table, and what is generated is generated again.
select
    t.name as "name!",
    array(
        select a.attname::text from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum) as "columns!",
    array(
        select a.attname::text from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.atttypid = 'pg_catalog.uuid'::pg_catalog.regtype
        order by a.attnum) as "ids!",
    array(
        select a.attname::text
        from pg_catalog.pg_index i
        cross join lateral unnest(i.indkey) with ordinality as k (attnum, place)
        join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary order by k.place) as "key!",
    array(
        select distinct format('%I.%I', n.nspname, r.relname)
        from pg_catalog.pg_constraint f
        join pg_catalog.pg_class r on r.oid = f.confrelid
        join pg_catalog.pg_namespace n on n.oid = r.relnamespace
        where f.conrelid = c.oid and f.contype = 'f' and not f.condeferred and f.confrelid <> c.oid and not r.relispartition) as "needs!",
    (
        select a.attname::text from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and a.attidentity <> '') as identity
from unnest($1::text[]) as t (name)
join pg_catalog.pg_class c on c.oid = to_regclass(t.name)
where c.relkind in ('r', 'p') and not c.relispartition
order by t.name
