-- The roles of a Supabase project (supabase/postgres on GitHub, `roles.out` of its tests for 15 and 17).
-- Idempotent: it runs at every start, so that an older data directory gets what was added since.
-- Nobody has a password here; without one nobody can log in.

do $$
declare
    wanted record;
begin
    for wanted in
        select * from (values
            ('anon',                       'nologin'),
            ('authenticated',              'nologin'),
            ('service_role',               'nologin bypassrls'),
            ('authenticator',              'login noinherit'),
            ('postgres',                   'login createdb createrole bypassrls replication'),
            ('dashboard_user',             'nologin createdb createrole replication'),
            ('supabase_auth_admin',        'login noinherit'),
            ('supabase_storage_admin',     'login noinherit createrole'),
            ('supabase_functions_admin',   'login noinherit createrole'),
            ('supabase_realtime_admin',    'nologin noinherit'),
            ('supabase_replication_admin', 'login replication'),
            ('supabase_etl_admin',         'login replication'),
            ('supabase_read_only_user',    'login bypassrls')
        ) as role (name, attributes)
    loop
        if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
            execute format('create role %I %s', wanted.name, wanted.attributes);
        end if;
    end loop;
end
$$;

alter role supabase_admin set search_path = "$user", public, auth, extensions;
alter role postgres set search_path = "$user", public, extensions;
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role supabase_auth_admin set search_path = auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';
alter role supabase_storage_admin set search_path = storage;

-- Memberships that exist already would each send a notice.
set client_min_messages = warning;

grant anon, authenticated, service_role to authenticator;
grant authenticator to supabase_storage_admin;
grant pg_read_all_data to supabase_read_only_user;
grant anon, authenticated, service_role to postgres;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;

do $$
begin
    -- From 16 on CREATEROLE does not reach roles that somebody else made: Supabase hands out ADMIN instead,
    -- so that a migration can grant `authenticated` to a login of its own.
    if current_setting('server_version_num')::int >= 160000 then
        grant anon, authenticated, service_role to postgres with admin option;
    end if;
    if current_setting('server_version_num')::int >= 170000 then
        grant pg_create_subscription to postgres;
    end if;
end
$$;

alter database postgres owner to postgres;
