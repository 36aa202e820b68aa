-- What every Supabase project has and this database has not: the roles to which the tables are granted first.
select name as "name!", is_needed as "is_needed!"
from (
    select format('the role %s', name) as name, name <> 'authenticator' as is_needed, position
    from unnest(array['anon', 'authenticated', 'service_role', 'authenticator']) with ordinality as role (name, position)
    where not exists (select from pg_catalog.pg_roles where rolname = name)
    union all
    select name, false, 10 + position
    from unnest(array['auth.uid()', 'auth.role()', 'auth.jwt()']) with ordinality as function (name, position)
    where to_regprocedure(name) is null
) as missing
order by position
