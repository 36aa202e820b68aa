-- The audit trail, and how a statement gets its caller.

create table public.audit_logs (
    log_id uuid not null default app.uuid_v7(),
    user_id uuid constraint audit_logs_user_id_fkey references public.users,
    action_type public.action_type not null,
    entity_type public.audit_entity_type not null,
    entity_id uuid,
    subject_id uuid,
    "timestamp" timestamptz not null default clock_timestamp(),
    details jsonb not null default '{}',
    constraint audit_logs_pkey primary key (log_id, "timestamp")
) partition by range ("timestamp");
comment on table public.audit_logs is
    'Every significant action, written by triggers in the transaction of the change. Nobody updates or deletes it.';
comment on column public.audit_logs.user_id is 'From the verified claims; null for the owner of the database.';
comment on column public.audit_logs.entity_id is 'The row that was acted on; for reads null when it was a list.';
comment on column public.audit_logs.subject_id is
    'What the row is part of: the block of a version, the pipeline of a step; otherwise entity_id.';
comment on column public.audit_logs.details is
    'table; before and after (of an update the changed columns); request: id, method, path; api_key_id. Never a secret.';
create index audit_logs_timestamp_idx on public.audit_logs ("timestamp", log_id);
create index audit_logs_user_id_idx on public.audit_logs (user_id, "timestamp", log_id);
create index audit_logs_entity_id_idx on public.audit_logs (entity_id, "timestamp", log_id);
create index audit_logs_subject_id_idx on public.audit_logs (subject_id, "timestamp", log_id);
-- What is rare (who deleted, what became of users) is found in a trail that is mostly reads.
create index audit_logs_action_type_idx on public.audit_logs (action_type, "timestamp", log_id);
create index audit_logs_entity_type_idx on public.audit_logs (entity_type, "timestamp", log_id);

-- Partitions live in `app`: in `public` each would be a table of its own to the REST API.
create table app.audit_logs_default partition of public.audit_logs default;
comment on table app.audit_logs_default is 'Rows of months that have no partition yet: no row is ever refused for want of one.';
revoke all on app.audit_logs_default from public, anon, authenticated, service_role;

create function app.refuse_audit_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the audit trail is append-only' using errcode = '42501';
end $$;

create function app.guard_audit_partition(partition regclass) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('revoke all on table %s from public, anon, authenticated, service_role', partition);
    execute format('create trigger audit_logs_no_truncate before truncate on %s
        for each statement execute function app.refuse_audit_change()', partition);
    execute format('alter table %s enable always trigger audit_logs_no_truncate', partition);
end $$;

create trigger audit_logs_append_only before update or delete on public.audit_logs
    for each row execute function app.refuse_audit_change();
-- ALWAYS: not silenced by session_replication_role = replica.
alter table public.audit_logs enable always trigger audit_logs_append_only;
create trigger audit_logs_no_truncate before truncate on public.audit_logs
    for each statement execute function app.refuse_audit_change();
alter table public.audit_logs enable always trigger audit_logs_no_truncate;

create function app.create_audit_partitions(months int default 3) returns int
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    month date := date_trunc('month', now() at time zone 'UTC')::date;
    last_month date;
    name text;
    parked boolean := false;
    made int := 0;
begin
    last_month := (month + make_interval(months => least(greatest(months, 0), 24)))::date;
    if not exists (
        select from generate_series(month, last_month, interval '1 month') as m
        where to_regclass('app.audit_logs_' || to_char(m, 'YYYY_MM')) is null
    ) then
        return 0;
    end if;
    -- One maker at a time; a second finds the work done.
    perform pg_advisory_xact_lock(hashtextextended('app.create_audit_partitions', 0));
    -- Rows that the default partition holds would contradict the new bounds: park it, and put
    -- them back through the parent.
    if exists (select from app.audit_logs_default) then
        alter table public.audit_logs detach partition app.audit_logs_default;
        alter table app.audit_logs_default rename to audit_logs_parked;
        create table app.audit_logs_default partition of public.audit_logs default;
        perform app.guard_audit_partition('app.audit_logs_default');
        parked := true;
    end if;
    while month <= last_month loop
        name := 'audit_logs_' || to_char(month, 'YYYY_MM');
        if to_regclass('app.' || name) is null then
            execute format('create table app.%I partition of public.audit_logs for values from (%L) to (%L)',
                name, month::timestamp at time zone 'UTC',
                (month + interval '1 month')::timestamp at time zone 'UTC');
            perform app.guard_audit_partition(format('app.%I', name)::regclass);
            made := made + 1;
        end if;
        month := (month + interval '1 month')::date;
    end loop;
    if parked then
        -- It is only there now.
        execute format('insert into public.audit_logs select * from %s', to_regclass('app.audit_logs_parked'));
        drop table app.audit_logs_parked;
    end if;
    return made;
end $$;
comment on function app.create_audit_partitions(int) is
    'Makes the partitions of this month and of the coming ones that are missing; returns how many it made. The service calls it at its start and once a day.';

create function app.count_unpartitioned_audit_rows() returns bigint
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    select count(*) from (select from app.audit_logs_default limit 100000) as parked
$$;
comment on function app.count_unpartitioned_audit_rows() is
    'How many rows are in the default partition, up to 100000. Volatile, so that it sees what a function beside it has just moved.';

select app.guard_audit_partition('app.audit_logs_default');
select app.create_audit_partitions();

-- Writing it -------------------------------------------------------------------------------------

create function app.audit_context() returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
    request jsonb := nullif(current_setting('app.request', true), '')::jsonb;
begin
    if request is null and nullif(current_setting('request.path', true), '') is not null then
        -- Not the service but PostgREST, which has its own settings.
        request := jsonb_build_object(
            'id', nullif(current_setting('request.headers', true), '')::jsonb -> 'x-request-id',
            'method', nullif(current_setting('request.method', true), ''),
            'path', current_setting('request.path', true));
    end if;
    -- Anybody with SQL may set these: whatever they hold, the row stays short.
    return jsonb_strip_nulls(jsonb_build_object('request', case when request is not null then jsonb_build_object(
            'id', left(request ->> 'id', 200), 'method', left(request ->> 'method', 20), 'path', left(request ->> 'path', 2000)) end,
        'api_key_id', claims -> 'api_key_id',
        'by', case when claims ? 'console_session_id' then 'console' end));
end $$;
comment on function app.audit_context() is
    'The request behind a change, as app.as_caller() or PostgREST says it. It decides nothing.';

create function app.log_digest(log text) returns jsonb
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_build_object('bytes', octet_length(log), 'sha256', encode(sha256(convert_to(log, 'UTF8')), 'hex'))
$$;
comment on function app.log_digest(text) is 'What the audit trail keeps of a log: its length and its digest.';

create function app.changed_columns(old_row jsonb, new_row jsonb) returns jsonb
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select jsonb_build_object(
            'before', jsonb_object_agg(o.key, o.value), 'after', jsonb_object_agg(o.key, new_row -> o.key))
        from jsonb_each(old_row) as o
        where o.value <> new_row -> o.key);
end $$;
comment on function app.changed_columns(jsonb, jsonb) is '{"before", "after"}: the columns that differ between two versions of a row.';

create function app.audit() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Arguments: entity type, id column, subject column, columns that are left out (comma-separated).
declare
    secrets constant text[] := array['password_hash', 'encrypted_api_key'];
    logs constant text[] := array['build_logs', 'verification_logs'];
    skipped constant text[] := string_to_array(tg_argv[3], ',');
    log text;
    secret text;
    old_row jsonb;
    new_row jsonb;
    row jsonb;
    change jsonb;
begin
    if tg_op <> 'INSERT' then old_row := to_jsonb(old) - skipped; end if;
    if tg_op <> 'DELETE' then new_row := to_jsonb(new) - skipped; end if;
    row := coalesce(new_row, old_row);
    -- Logs may have megabytes: the trail keeps by what they are known.
    if row ?| logs then
        foreach log in array logs loop
            if jsonb_typeof(old_row -> log) = 'string' then
                old_row := old_row || jsonb_build_object(log, app.log_digest(old_row ->> log));
            end if;
            if jsonb_typeof(new_row -> log) = 'string' then
                new_row := new_row || jsonb_build_object(log, app.log_digest(new_row ->> log));
            end if;
        end loop;
    end if;
    if tg_op = 'UPDATE' then
        if new_row = old_row then return null; end if;
        change := app.changed_columns(old_row, new_row);
        change := jsonb_build_object('before', app.row_json(change -> 'before'), 'after', app.row_json(change -> 'after'));
        -- That a secret changed is worth knowing; what it was is not.
        if change -> 'before' ?| secrets then
            foreach secret in array secrets loop
                if change -> 'before' ? secret then
                    change := jsonb_set(jsonb_set(change, array['before', secret], '"redacted"'),
                        array['after', secret], '"redacted"');
                end if;
            end loop;
        end if;
    elsif tg_op = 'INSERT' then
        change := jsonb_build_object('after', app.row_json(new_row - secrets));
    else
        change := jsonb_build_object('before', app.row_json(old_row - secrets));
    end if;
    insert into public.audit_logs (user_id, action_type, entity_type, entity_id, subject_id, details)
    values (
        app.caller_id(),
        (case tg_op when 'INSERT' then 'CREATE' else tg_op end)::public.action_type,
        tg_argv[0]::public.audit_entity_type,
        (row ->> tg_argv[1])::uuid,
        (row ->> tg_argv[2])::uuid,
        app.audit_context() || jsonb_build_object('table', tg_table_name) || change
    );
    return null;
end $$;
comment on function app.audit() is 'AFTER trigger: one audit row for each changed row, in its transaction.';

create function app.audit_read(entity public.audit_entity_type, entity_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    insert into public.audit_logs (user_id, action_type, entity_type, entity_id, subject_id, details)
    values (app.caller_id(), 'READ', entity, entity_id, entity_id, app.audit_context())
$$;
comment on function app.audit_read(public.audit_entity_type, uuid) is
    'A READ row. Only the service sees reads; the reader is taken from the claims.';

-- Who is calling ----------------------------------------------------------------------------------

create function app.as_caller(context jsonb) returns boolean
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    claimed_id constant uuid := (context ->> 'sub')::uuid;
    digest constant text := context ->> 'api_key';
    caller_id uuid;
    key_id uuid;
    key_used_at timestamptz;
    session record;
    -- The settings must outlive this function: only those that its SET clause names are undone.
    setting text;
begin
    if context ? 'api_key' then
        select u.user_id, k.api_key_id, k.last_used_at into caller_id, key_id, key_used_at
        from public.api_keys k
        join public.users u using (user_id)
        where k.encrypted_api_key = digest
          and u.is_active and k.is_active
          and (k.expires_at is null or k.expires_at > clock_timestamp());
        if caller_id is null then
            raise exception 'unknown, expired or revoked API key'
                using errcode = '28000', constraint = 'caller_api_key';
        end if;
        -- Not when the statement itself may write this row: it could not write it twice.
        if (key_used_at is null or key_used_at < clock_timestamp() - interval '1 minute')
           and context ->> 'changes' is distinct from 'api_key' then
            update public.api_keys k set last_used_at = clock_timestamp()
            where k.api_key_id in (
                select s.api_key_id from public.api_keys s
                where s.api_key_id = key_id and s.last_used_at is not distinct from key_used_at
                for no key update skip locked);
        end if;
        setting := '{"role": "authenticated", "sub": "' || caller_id || '", "api_key_id": "' || key_id || '"}';
    elsif context ? 'console_session' then
        select s.session_id, s.user_id, s.last_seen_at into session
        from app.console_sessions s
        join public.users u using (user_id)
        where s.token_digest = decode(context ->> 'console_session', 'hex')
          and u.is_active
          and s.expires_at > clock_timestamp()
          and s.last_seen_at > clock_timestamp() - make_interval(secs => s.idle_seconds);
        if session.session_id is null then
            raise exception 'the session has ended'
                using errcode = '28000', constraint = 'caller_console_session';
        end if;
        if session.last_seen_at < clock_timestamp() - interval '1 minute' then
            update app.console_sessions s set last_seen_at = clock_timestamp()
            where s.session_id in (
                select o.session_id from app.console_sessions o
                where o.session_id = session.session_id and o.last_seen_at = session.last_seen_at
                for no key update skip locked);
        end if;
        setting := '{"role": "authenticated", "sub": "' || session.user_id
            || '", "console_session_id": "' || session.session_id || '"}';
    else
        select u.user_id into caller_id
        from public.users u
        where u.user_id = claimed_id and u.is_active;
        if caller_id is null then
            raise exception 'unknown or deactivated user'
                using errcode = '28000', constraint = 'caller_user';
        end if;
        setting := '{"role": "authenticated", "sub": "' || caller_id || '"}';
    end if;
    -- (Assigned: PERFORM would start a query for each.)
    setting := set_config('request.jwt.claims', setting, true);
    if context ? 'request' then
        setting := set_config('app.request', context ->> 'request', true);
    end if;
    if context ? 'reads' then
        perform app.audit_read(
            (context ->> 'reads')::public.audit_entity_type, app.find_id(context ->> 'reads', context ->> 'read_id'));
    end if;
    return true;
end $$;
comment on function app.as_caller(jsonb) is
    'Makes the rest of the statement (or transaction) act as the caller: {"sub": user id}, {"api_key": digest} or '
    '{"console_session": digest}, with '
    '"request" (id, method, path) for the audit trail, reads/read_id when the read itself is to be recorded, and '
    'changes: "api_key" when the statement writes API keys. Raises 28000 when there is no such active caller.';

create function app.find_id(entity text, reference text) returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if length(reference) = 36 and app.is_uuid(reference) then return reference::uuid; end if;
    -- Not one CASE: every look-up in an expression is set up before the first is made.
    if entity = 'block' then
        return (select block_id from public.blocks where name_key = app.name_key(reference) and archived_at is null);
    elsif entity = 'edge' then
        return (select edge_id from public.edges where name_key = app.name_key(reference) and archived_at is null);
    elsif entity = 'pipeline' then
        return (select pipeline_id from public.pipelines where name_key = app.name_key(reference) and archived_at is null);
    elsif entity = 'taxonomy' then
        return app.find_category(reference);
    elsif entity = 'user' then
        if app.name_key(reference) = 'me' then return app.caller_id(); end if;
        return (select user_id from public.users where app.name_key(username) = app.name_key(reference));
    end if;
    return null;
end $$;
comment on function app.find_id(text, text) is
    'The id behind a reference, which is an id or the name (in any form that app.name_key takes for the same) of a live block, edge, pipeline or category, or a username, or me; null when nothing has that name.';

create trigger users_9_audit after insert or update or delete on public.users
    for each row execute function app.audit('user', 'user_id', 'user_id', 'updated_at');
create trigger api_keys_9_audit after insert or update or delete on public.api_keys
    for each row execute function app.audit('api_key', 'api_key_id', 'user_id', 'updated_at,last_used_at');

-- Rights ------------------------------------------------------------------------------------------

revoke execute on all functions in schema app from public;
grant execute on function app.as_caller(jsonb), app.find_id(text, text),
    app.audit_read(public.audit_entity_type, uuid), app.is_uuid(text), app.create_audit_partitions(int),
    app.count_unpartitioned_audit_rows() to blockyard_api;

alter table public.audit_logs enable row level security;
revoke all on public.audit_logs from public, anon, authenticated, service_role;
grant select on public.audit_logs to authenticated;
create policy audit_logs_select on public.audit_logs for select to authenticated
    using ((user_id = (select app.caller_id()) and (select app.caller_role()) is not null) or (select app.is_admin()));
