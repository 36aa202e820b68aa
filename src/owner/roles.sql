-- What the migrations and policies expect of a Supabase project, on a PostgreSQL that is none. Only what is
-- missing: on a project nothing is. Nobody can log in as any of these.
do $$
declare
    -- Up to 15 only a superuser hands it out.
    may_bypass constant boolean := (
        select rolsuper or (rolbypassrls and current_setting('server_version_num')::int >= 160000)
        from pg_catalog.pg_roles where rolname = current_user);
    wanted record;
begin
    for wanted in
        select * from (values
            ('anon', 'nologin'),
            ('authenticated', 'nologin'),
            ('service_role', case when may_bypass then 'nologin bypassrls' else 'nologin' end)
        ) as role (name, attributes)
    loop
        if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
            execute format('create role %I %s', wanted.name, wanted.attributes);
        end if;
    end loop;
    if not exists (select from pg_catalog.pg_roles where rolname = 'authenticator') then
        create role authenticator nologin noinherit;
        grant anon, authenticated, service_role to authenticator;
    end if;

    if to_regnamespace('auth') is null then
        create schema auth;
        grant usage on schema auth to anon, authenticated, service_role;
    end if;
    -- supabase/auth, migrations 20220224 and 20220531.
    if to_regprocedure('auth.uid()') is null then
        create function auth.uid() returns uuid language sql stable as $f$
    select coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
    )::uuid
$f$;
    end if;
    if to_regprocedure('auth.role()') is null then
        create function auth.role() returns text language sql stable as $f$
    select coalesce(
        nullif(current_setting('request.jwt.claim.role', true), ''),
        (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
    )::text
$f$;
    end if;
    if to_regprocedure('auth.jwt()') is null then
        create function auth.jwt() returns jsonb language sql stable as $f$
    select coalesce(
        nullif(current_setting('request.jwt.claim', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')
    )::jsonb
$f$;
    end if;
end $$;
