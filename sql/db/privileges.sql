-- What of roles, rights, row-level security and triggers the migrations have a say in, as it is here: a row for each
-- fact, the statement that makes it so, and the one that undoes it where it should not be so. Only catalogs: nothing may be
-- assumed here. Names are written in full if search_path is pg_catalog. What other roles were given is the operator's.
with holders as (
    select oid, quote_ident(rolname) as name from pg_catalog.pg_roles
    where rolname in ('anon', 'authenticated', 'service_role', 'blockyard_api')
    union all
    select 0, 'PUBLIC'
),
relations as (
    select c.*, format('%I.%I', n.nspname, c.relname) as name,
        format('%s %I.%I', case c.relkind when 'S' then 'sequence' else 'table' end, n.nspname, c.relname) as object
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'app', 'past') and c.relkind in ('r', 'p', 'v', 'm', 'S')
),
functions as (
    select p.*, format('%s %I.%I(%s)', case p.prokind when 'p' then 'procedure' else 'function' end, n.nspname, p.proname,
        oidvectortypes(p.proargtypes)) as object
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('app', 'past') and p.prokind <> 'a'
),
objects as (
    select object, relowner as owner, coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)) as acl
    from relations
    union all
    select object, proowner, coalesce(proacl, acldefault('f', proowner)) from functions
    union all
    select 'schema ' || nspname, nspowner, coalesce(nspacl, acldefault('n', nspowner))
    from pg_catalog.pg_namespace where nspname in ('app', 'past')
),
grants as (
    select o.object, a.privilege_type as what, h.name as holder, a.is_grantable
    from objects o, aclexplode(o.acl) a
    join holders h on h.oid = a.grantee
    where a.grantee <> o.owner
    union all
    select r.object, format('%s (%I)', a.privilege_type, t.attname), h.name, a.is_grantable
    from relations r
    join pg_catalog.pg_attribute t on t.attrelid = r.oid and not t.attisdropped, aclexplode(t.attacl) a
    join holders h on h.oid = a.grantee
    where a.grantee <> r.relowner
),
service as (
    select * from pg_catalog.pg_roles where rolname = 'blockyard_api'
),
policies as (
    select r.object, r.name, p.polname,
        regexp_replace(concat_ws(' ',
            format('policy %I on %s as %s for %s to %s', p.polname, r.name,
                case when p.polpermissive then 'permissive' else 'restrictive' end,
                case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
                (select string_agg(coalesce(quote_ident(m.rolname), 'PUBLIC'), ', ' order by m.rolname)
                 from unnest(p.polroles) as role left join pg_catalog.pg_roles m on m.oid = role)),
            'using (' || pg_get_expr(p.polqual, p.polrelid) || ')',
            'with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'), '\s+', ' ', 'g') as definition
    from pg_catalog.pg_policy p
    join relations r on r.oid = p.polrelid
),
facts (object, fact, give, take) as (
    select 'role blockyard_api', 'there is a role blockyard_api', 'create role blockyard_api nologin inherit', null from service
    union all
    select 'role blockyard_api', format('blockyard_api has %s', upper(a.word)),
        format('alter role blockyard_api %s', a.word), format('alter role blockyard_api no%s', a.word)
    from service,
        lateral (values ('inherit', rolinherit), ('superuser', rolsuper), ('bypassrls', rolbypassrls),
            ('createrole', rolcreaterole), ('createdb', rolcreatedb), ('replication', rolreplication)) as a (word, is_so)
    where a.is_so
    union all
    -- Their values are the operator's; a bound on temporary files is only set where the owner may.
    select distinct on (split_part(s.entry, '=', 1)) 'role blockyard_api',
        format('blockyard_api has a setting for %s', split_part(s.entry, '=', 1)),
        format(case when s.entry like 'search\_path=%' then 'alter role blockyard_api set %I = %s' else 'alter role blockyard_api set %I = %L' end,
            split_part(s.entry, '=', 1), substr(s.entry, strpos(s.entry, '=') + 1)), null
    from service
    join (select setrole, unnest(setconfig) as entry from pg_catalog.pg_db_role_setting
          where setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))) s on s.setrole = service.oid
    where split_part(s.entry, '=', 1) <> 'temp_file_limit'
    union all
    select distinct 'role blockyard_api', format('blockyard_api is a member of %I', r.rolname),
        format('grant %I to blockyard_api', r.rolname), format('revoke %I from blockyard_api', r.rolname)
    from service
    join pg_catalog.pg_auth_members m on m.member = service.oid
    join pg_catalog.pg_roles r on r.oid = m.roleid
    union all
    -- Whoever acts through the REST API, and nobody else's.
    select 'role ' || quote_ident(r.rolname), format('%I has %s', r.rolname, upper(a.word)),
        format('alter role %I %s', r.rolname, a.word), format('alter role %I no%s', r.rolname, a.word)
    from pg_catalog.pg_roles r,
        lateral (values ('superuser', rolsuper), ('bypassrls', rolbypassrls), ('createrole', rolcreaterole),
            ('createdb', rolcreatedb), ('replication', rolreplication)) as a (word, is_so)
    where r.rolname in ('anon', 'authenticated') and a.is_so
    union all
    select distinct 'role ' || quote_ident(o.rolname), format('%I is a member of %I', o.rolname, r.rolname),
        format('grant %I to %I', r.rolname, o.rolname), format('revoke %I from %I', r.rolname, o.rolname)
    from pg_catalog.pg_roles o
    join pg_catalog.pg_auth_members m on m.member = o.oid
    join pg_catalog.pg_roles r on r.oid = m.roleid
    where o.rolname in ('anon', 'authenticated')
    union all
    select object, format('%s has the rights of its owner', object), format('alter %s security definer', object),
        format('alter %s security invoker', object)
    from functions where prosecdef
    union all
    select f.object, format('%s runs with %s', f.object, split_part(entry, '=', 1) || ' = ' || substr(entry, strpos(entry, '=') + 1)),
        format('alter %s set %s = %s', f.object, split_part(entry, '=', 1), substr(entry, strpos(entry, '=') + 1)),
        format('alter %s reset %s', f.object, split_part(entry, '=', 1))
    from functions f, unnest(f.proconfig) as entry
    union all
    select object, format('there is a %s', object), null, null from objects
    union all
    select o.object, format('%s belongs to %I', o.object, r.rolname), null,
        format('alter %s owner to %I', o.object, s.rolname)
    from objects o
    join pg_catalog.pg_roles r on r.oid = o.owner
    join pg_catalog.pg_namespace n on n.nspname = 'app' and n.nspowner <> o.owner
    join pg_catalog.pg_roles s on s.oid = n.nspowner
    union all
    select object, format('%s has %s on %s', holder, what, object),
        format('grant %s on %s to %s', what, object, holder), format('revoke %s on %s from %s', what, object, holder)
    from grants
    union all
    select object, format('%s may hand on %s on %s', holder, what, object),
        format('grant %s on %s to %s with grant option', what, object, holder),
        format('revoke grant option for %s on %s from %s', what, object, holder)
    from grants where is_grantable
    union all
    select 'schema app', format('%s gets %s on new %s of %I in schema app', h.name, a.privilege_type, k.kind, r.rolname),
        format('alter default privileges for role %I in schema app grant %s on %s to %s', r.rolname, a.privilege_type, k.kind, h.name),
        format('alter default privileges for role %I in schema app revoke %s on %s from %s', r.rolname, a.privilege_type, k.kind, h.name)
    from pg_catalog.pg_default_acl d
    join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace and n.nspname = 'app'
    join pg_catalog.pg_roles r on r.oid = d.defaclrole
    join (values ('r', 'tables'), ('S', 'sequences'), ('f', 'functions'), ('T', 'types')) as k (type, kind) on k.type = d.defaclobjtype::text,
        aclexplode(d.defaclacl) a
    join holders h on h.oid = a.grantee
    union all
    select object, format('%s has row-level security', object), format('alter %s enable row level security', object), null
    from relations where relrowsecurity
    union all
    select object, format('%s has row-level security for its owner as well', object),
        format('alter %s force row level security', object), format('alter %s no force row level security', object)
    from relations where relforcerowsecurity
    union all
    select object, format('%s has %s', object, option), format('alter %s set (%s)', object, option), null
    from relations, unnest(reloptions) as option where relkind = 'v'
    union all
    select object, format('there is a %s', definition), format('create %s', definition), format('drop policy %I on %s', polname, name)
    from policies
    union all
    select r.object, format('trigger %I of %s fires%s', t.tgname, r.object, case t.tgenabled when 'O' then '' when 'A' then ' always' else ' on replicas' end),
        format('alter %s enable%s trigger %I', r.object, case t.tgenabled when 'O' then '' when 'A' then ' always' else ' replica' end, t.tgname), null
    from pg_catalog.pg_trigger t
    join relations r on r.oid = t.tgrelid
    where not t.tgisinternal and t.tgenabled <> 'D'
    union all
    -- As pg_restore --disable-triggers leaves it when it is cut off.
    select distinct r.object, format('%s has a foreign key that is not enforced', r.object), null,
        format('alter %s enable trigger all', r.object)
    from pg_catalog.pg_trigger t
    join relations r on r.oid = t.tgrelid
    where t.tgisinternal and t.tgenabled = 'D'
)
select object as "object!", fact as "fact!", give, take
from facts
order by object not like 'role %', object collate "C", fact collate "C"
