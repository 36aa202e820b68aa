-- The ground: the service's role, the enums, and the functions that need no table.
--
-- Everything here runs as Supabase's `postgres`, which is no superuser, on projects that grant
-- new tables to the API roles and on those that don't: each file revokes everything from
-- everybody and then grants exactly what is meant.
--
-- Every function pins `search_path = pg_catalog, pg_temp`. An empty one would not do: types are looked
-- up in pg_temp first unless it is named last, so a temporary domain called `jsonb` could run its
-- author's code with a definer's rights.

create schema if not exists app;
comment on schema app is
    'Blockyard''s internals: helpers, guards, secrets. Never expose it through the REST API.';
revoke all on schema app from public, anon, authenticated, service_role;

-- The login of the service. It inherits `authenticated`, so that every policy applies to it
-- without SET ROLE, and it can become nobody else. `blockyard login-role` gives it a password.
do $$
begin
    create role blockyard_api nologin inherit;
exception when duplicate_object or unique_violation then
    null; -- roles belong to the cluster: another database may have made it
end $$;
grant authenticated to blockyard_api;
grant usage on schema app to blockyard_api;
alter role blockyard_api set statement_timeout = '8s';
alter role blockyard_api set lock_timeout = '5s';
alter role blockyard_api set idle_in_transaction_session_timeout = '10s';
alter role blockyard_api set jit = 'off';

create type public.block_type as enum ('dataset', 'model');
create type public.entity_type as enum ('block', 'edge');
create type public.build_status as enum ('pending', 'success', 'failed');
create type public.dependency_type as enum ('internal', 'external');
create type public.verification_status as enum ('pending', 'passed', 'failed');
create type public.run_status as enum ('queued', 'started', 'success', 'failure', 'canceled');
create type public.action_type as enum ('CREATE', 'READ', 'UPDATE', 'DELETE');
create type public.audit_entity_type as enum (
    'block', 'edge', 'pipeline', 'taxonomy', 'metadata', 'user', 'api_key', 'code_repo',
    'docker_image', 'verification',
    -- added: tables for which none of the ten fits
    'dependency', 'vector', 'pipeline_run', 'audit_log', 'pipeline_lock'
);

comment on type public.block_type is 'What a block is.';
comment on type public.entity_type is 'What has repositories, images and dependencies.';
comment on type public.build_status is 'How the build of an image went.';
comment on type public.dependency_type is 'internal: another block or edge of this registry; external: something outside.';
comment on type public.verification_status is 'pending until it is reported, then passed or failed for good.';
comment on type public.run_status is 'queued, then started, then one of the others; never back.';
comment on type public.action_type is 'What was done, in the audit trail.';
comment on type public.audit_entity_type is 'To what it was done; metadata is a version.';

-- RFC 9562 version 7: 48 bits of milliseconds, 12 bits of the fraction of that millisecond
-- (method 3 of section 6.2), 62 random bits. PostgreSQL has uuidv7() only from 18 on.
create function app.uuid_v7() returns uuid
language plpgsql volatile parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- date_part, in binary floating point: exact to the microsecond until 2255, and a third of the
    -- price of extract, which is numeric.
    us bigint := date_part('epoch', clock_timestamp()) * 1000000;
begin
    -- A random UUID has the right variant (first bits of byte 8) already; the first eight bytes
    -- are replaced: milliseconds, version 7, fraction.
    return encode(
        int8send((us / 1000 << 16) | 28672 | us % 1000 * 4096 / 1000)
        || substring(uuid_send(gen_random_uuid()) from 9),
        'hex')::uuid;
end $$;
comment on function app.uuid_v7() is 'A time-ordered UUID (RFC 9562, version 7).';

-- Names ------------------------------------------------------------------------------------

-- (These run with most statements. PL/pgSQL keeps its plans, an SQL function that cannot be inlined is
-- parsed in every statement; a regular expression of this length costs as much as a point read.)
create function app.is_uuid(value text) returns boolean
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return value like '________-____-____-____-____________'
       and translate(value, '0123456789abcdefABCDEF', '') = '----';
end $$;
comment on function app.is_uuid(text) is 'Whether a reference (`id or name`) is an id.';

create function app.tidy(name text) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return normalize(btrim(name, U&' \0009\000A\000B\000C\000D\0085\00A0\2002\2003\2009\3000'), NFC);
end $$;
comment on function app.tidy(text) is 'A name as it is stored: trimmed, Unicode NFC.';

-- Definer, because whoever writes a row runs it, and the API roles may not look up names in `app`.
create function app.is_name(value text) returns boolean
language plpgsql immutable strict parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Checked with every change of a row: the ordinary name is through at once.
    if octet_length(value) between 1 and 35
       and translate(value, 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-', '') = '' then
        return true;
    end if;
    return char_length(value) between 1 and 200
       and value = app.tidy(value)
       -- controls, zero-width and bidirectional marks: two names that look alike
       and value !~ '[\u0001-\u001F\u007F-\u009F\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF]'
       and not app.is_uuid(value);
end $$;
comment on function app.is_name(text) is
    'Whether a text may name a thing: 1 to 200 characters, tidy, nothing invisible, not in the form of an id.';

-- Time -------------------------------------------------------------------------------------

-- PostgreSQL keeps times that no client can read: infinities, years before Christ and beyond 9999. What
-- clients write lies between these two, which the checks of such columns name.
create function app.earliest_time() returns timestamptz
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return timestamptz '2000-01-01 00:00:00+00';
end $$;
create function app.latest_time() returns timestamptz
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return timestamptz '9999-12-31 23:59:59.999999+00';
end $$;

create function app.time_text(value timestamptz) returns text
language plpgsql stable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Not as the session's time zone would have it, nor without the zeros at the end.
    return to_char(value at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
end $$;
comment on function app.time_text(timestamptz) is
    'A time as it stands in every answer: RFC 3339, UTC, six digits. No other way leads a time into JSON.';

create function app.row_json(row_as_json jsonb) returns jsonb
language plpgsql stable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- What is called so is a time, and a time is called so: tests/schema/catalog.rs.
    times constant text[] := array['created_at', 'updated_at', 'archived_at', 'started_at', 'ended_at', 'verified_at',
        'expires_at', 'last_used_at', 'last_updated'];
    named text;
begin
    -- (Without a query, which would take longer than the rest: every change of a row comes by here.)
    foreach named in array times loop
        if row_as_json ? named then
            row_as_json := row_as_json || jsonb_build_object(named, app.time_text((row_as_json ->> named)::timestamptz));
        end if;
    end loop;
    return row_as_json;
end $$;
comment on function app.row_json(jsonb) is 'A row that to_jsonb() has made JSON of, with its times as app.time_text() writes them.';

-- `updated_at` is the revision that an ETag names, so it must grow with every change, also
-- when the clock does not.
create function app.next_revision(previous timestamptz) returns timestamptz
language plpgsql volatile parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return greatest(clock_timestamp(), previous + interval '1 microsecond');
end $$;

create function app.touch() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Arguments: generated columns, which have no value yet in a BEFORE trigger. (Without any,
    -- tg_argv is null.)
    if to_jsonb(new) - coalesce(tg_argv, '{}') is distinct from to_jsonb(old) - coalesce(tg_argv, '{}') then
        new.updated_at := app.next_revision(old.updated_at);
    end if;
    return new;
end $$;
comment on function app.touch() is 'BEFORE UPDATE: a changed row gets a later updated_at.';

-- One writer at a time -----------------------------------------------------------------------

-- Rules over many rows (no cycle, at least one admin) hold only if their writers queue. The
-- queue is a row, not an advisory lock: under REPEATABLE READ the second writer then fails with
-- a serialization error instead of deciding on an old snapshot.
create table app.guards (
    guard text not null constraint guards_pkey primary key,
    passed bigint not null default 0
);
comment on table app.guards is
    'One row per rule that spans rows; its writers queue on it. `passed` counts them.';
insert into app.guards (guard) values ('taxonomy'), ('dependencies'), ('admins');
revoke all on app.guards from public, anon, authenticated, service_role;

create function app.enter_guard(which text) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$ update app.guards set passed = passed + 1 where guard = which $$;

-- What no row queues for (nothing in use is archived, no run after a revocation) is looked up under
-- locks on rows that do not change; under REPEATABLE READ that look would be at an old snapshot.
create function app.require_current_view() returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception 'this depends on what is committed now: use READ COMMITTED' using errcode = '25000';
    end if;
end $$;

-- Refusals -----------------------------------------------------------------------------------

create function app.refuse_truncate() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the table % is never truncated', tg_table_name using errcode = '42501';
end $$;

-- A guard runs before the policy of its table has been asked, and with more rights than the writer has. So
-- that it tells nobody what they may not see, two triggers come before it: one refuses whom the policy
-- would refuse (0020_lockdown.sql makes it), the other looks with the writer's own eyes.
create function app.refuse_writer() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'new row violates row-level security policy for table "%"', tg_table_name using errcode = '42501';
end $$;
comment on function app.refuse_writer() is 'BEFORE INSERT: what the policy would say, before the guards say more.';

-- Plans -----------------------------------------------------------------------------------

-- A list with optional filters and orders needs a plan for the values it gets; the one for any
-- values reads and sorts the whole table. PostgreSQL compares the estimated costs of both, and the
-- latter looks cheap as soon as children are included, because it seems to find a single row. A
-- condition `($n is not null or app.plan_anew(id))` corrects that: where $n is known it is no
-- condition at all, where it isn't it makes the plan cost more than any other.
create function app.plan_anew(id uuid) returns boolean
language plpgsql immutable cost 1000000000
set search_path = pg_catalog, pg_temp
as $$
begin
    return true;
end $$;
comment on function app.plan_anew(uuid) is 'Has a statement planned for its values each time; never runs.';

revoke execute on all functions in schema app from public;
-- Defaults and constraints run with the rights of whoever writes the row. Without USAGE on the
-- schema, `authenticated` cannot call these by name.
grant execute on function app.uuid_v7(), app.tidy(text), app.is_name(text), app.is_uuid(text),
    app.next_revision(timestamptz), app.earliest_time(), app.latest_time() to authenticated;
grant execute on function app.plan_anew(uuid), app.time_text(timestamptz), app.row_json(jsonb) to blockyard_api;
