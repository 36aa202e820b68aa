-- Who this connection is and what of ours it sees. Only catalogs: nothing may be assumed here.
select
    r.rolname::text as "login!",
    r.rolsuper as "is_superuser!",
    r.rolbypassrls as "bypasses_rls!",
    exists (
        select from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('public', 'app') and c.relkind in ('r', 'p')
          and pg_catalog.pg_has_role(r.oid, c.relowner, 'member')
    ) as "owns_tables!",
    array(
        select m.rolname::text
        from pg_catalog.pg_roles m
        where pg_catalog.pg_has_role(r.oid, m.oid, 'member')
          and m.oid <> r.oid and m.rolname <> 'authenticated'
        order by 1
    ) as "other_roles!",
    exists (
        select from pg_catalog.pg_proc p
        join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where n.nspname = 'app' and p.proname = 'as_caller'
    ) as "has_schema!",
    exists (
        select from pg_catalog.pg_proc p
        join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where n.nspname = 'app' and p.proname = 'applied_migrations'
    ) as "has_record!",
    exists (
        select from pg_catalog.pg_proc p
        join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where n.nspname = 'app' and p.proname = 'as_caller'
          and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
          and pg_catalog.has_function_privilege(r.oid, p.oid, 'execute')
    ) as "may_serve!"
from pg_catalog.pg_roles r
where r.rolname = current_user
