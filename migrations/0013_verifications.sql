-- Verifications of edge versions, and who may pass one.

create table public.edge_verifications (
    verification_id uuid not null default app.uuid_v7() constraint edge_verifications_pkey primary key,
    edge_version_id uuid not null,
    verification_status public.verification_status not null default 'pending',
    verification_logs text,
    verified_at timestamptz,
    verified_by uuid constraint edge_verifications_verified_by_fkey references public.users,
    verified_with uuid,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    created_by uuid default app.caller_id() constraint edge_verifications_created_by_fkey references public.users,
    edge_id uuid not null,
    activate_when_passed boolean not null default false,
    constraint edge_verifications_edge_version_id_fkey foreign key (edge_version_id, edge_id)
        references public.edge_versions (version_id, edge_id) on delete cascade,
    constraint edge_verifications_verified_at_check check (
        (verification_status = 'pending') = (verified_at is null)),
    constraint edge_verifications_verification_logs_check check (octet_length(verification_logs) <= 10485760)
);
comment on table public.edge_verifications is
    'Proof that an edge version works. Reported once, then immutable; the newest final one counts, so a later failure revokes.';
-- Kept by the guard. By it the audit trail files a verification under its edge, and the
-- verifications of an edge are found without a join.
comment on column public.edge_verifications.edge_id is 'The edge of the version.';
comment on column public.edge_verifications.verified_with is
    'The API key that reported it; null when it was none. No reference: what was reported stays so when the key is gone.';
comment on column public.edge_verifications.activate_when_passed is
    'Whether the version is activated in the transaction that reports it passed, on behalf of whoever reports that.';
-- The question of the gate: the newest final verification of a version.
create index edge_verifications_final_idx on public.edge_verifications (edge_version_id, verified_at desc, verification_id desc);
create index edge_verifications_pending_idx on public.edge_verifications (created_at, verification_id) where verification_status = 'pending';
create index edge_verifications_edge_version_id_idx
    on public.edge_verifications (edge_version_id, edge_id, created_at, verification_id);
create index edge_verifications_edge_id_idx on public.edge_verifications (edge_id, created_at, verification_id);
create index edge_verifications_verified_by_idx on public.edge_verifications (verified_by, created_at, verification_id);
create index edge_verifications_created_by_idx on public.edge_verifications (created_by);
create index edge_verifications_created_at_idx on public.edge_verifications (created_at, verification_id);

-- Who may pass a version -------------------------------------------------------------------------

create table app.settings (
    settings_id boolean not null default true constraint settings_pkey primary key,
    require_independent_verifier boolean not null default false,
    constraint settings_settings_id_check check (settings_id)
);
comment on table app.settings is 'What an operator decides for the whole database: one row.';
comment on column app.settings.require_independent_verifier is
    'Whether the author of an edge version is kept from passing it. The service only ever switches it on; off is the owner''s to say.';
insert into app.settings default values;

create function app.refuse_settings_delete() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the row of settings stays' using errcode = '42501';
end $$;
create trigger settings_1_delete before delete or truncate on app.settings
    for each statement execute function app.refuse_settings_delete();

create function app.require_independent_verifier() returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    update app.settings set require_independent_verifier = true where not require_independent_verifier
$$;
comment on function app.require_independent_verifier() is
    'Keeps authors from passing their own edge versions from now on. There is no function for the way back.';

-- The guards --------------------------------------------------------------------------------------

create function app.guard_verifications() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    author uuid;
    newest timestamptz;
begin
    if tg_op = 'UPDATE' then
        if old.verification_status <> 'pending' then
            raise exception 'a reported verification does not change; open another'
                using errcode = '23514', constraint = 'edge_verifications_reported', table = 'edge_verifications';
        end if;
        new.edge_version_id := old.edge_version_id;
        new.edge_id := old.edge_id;
    end if;
    -- What activates a version queues on its edge first.
    if new.verification_status = 'passed' and new.activate_when_passed then
        perform from public.edges e
        where e.edge_id = (select v.edge_id from public.edge_versions v where v.version_id = new.edge_version_id) for no key update;
    end if;
    -- Reports on one version queue on its row, so that a later one is later by the clock as well
    -- and a run that is being admitted (which shares the lock) sees it or comes first.
    if new.verification_status = 'pending' then
        select v.edge_id into new.edge_id
        from public.edge_versions v where v.version_id = new.edge_version_id;
    else
        select v.edge_id, v.created_by into new.edge_id, author
        from public.edge_versions v where v.version_id = new.edge_version_id for no key update;
    end if;
    if not found then
        raise exception 'there is no such version'
            using errcode = '23503', constraint = 'edge_verifications_edge_version_id_fkey', table = 'edge_verifications';
    end if;
    if exists (select from public.edges e where e.edge_id = new.edge_id and e.archived_at is not null) then
        raise exception 'an archived edge is not verified; restore it first'
            using errcode = '23514', constraint = 'edges_archived', table = 'edges';
    end if;
    if new.verification_status = 'pending' then
        new.verified_at := null;
        new.verified_by := null;
        new.verified_with := null;
    else
        if new.verification_status = 'passed' and author = app.caller_id()
           and (select s.require_independent_verifier from app.settings s) then
            raise exception 'somebody other than its author has to pass a version'
                using errcode = '42501', constraint = 'edge_verifications_independent', table = 'edge_verifications';
        end if;
        select max(v.verified_at) into newest
        from public.edge_verifications v where v.edge_version_id = new.edge_version_id;
        new.verified_at := greatest(clock_timestamp(), newest + interval '1 microsecond');
        new.verified_by := app.caller_id();
        new.verified_with := (
            select k.api_key_id from public.api_keys k
            where k.user_id = new.verified_by and k.api_key_id::text = app.audit_context() ->> 'api_key_id');
    end if;
    if tg_op = 'UPDATE' then
        new.updated_at := case when new is distinct from old
            then app.next_revision(old.updated_at) else old.updated_at end;
    end if;
    return new;
end $$;

create function app.see_edge_version() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform from public.edge_versions v where v.version_id = new.edge_version_id;
    if not found then
        raise exception 'there is no such version'
            using errcode = '23503', constraint = 'edge_verifications_edge_version_id_fkey', table = 'edge_verifications';
    end if;
    return new;
end $$;
comment on function app.see_edge_version() is
    'BEFORE INSERT, with the rights of whoever inserts: the guard tells of an edge to those who see it.';
create trigger edge_verifications_0_seen before insert on public.edge_verifications
    for each row execute function app.see_edge_version();
create trigger edge_verifications_1_guard before insert or update on public.edge_verifications
    for each row execute function app.guard_verifications();
create trigger edge_verifications_9_audit after insert or update or delete on public.edge_verifications
    for each row execute function app.audit('verification', 'verification_id', 'edge_id', 'updated_at');

create function app.activate_passed_version() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update public.edges e set current_version_id = new.edge_version_id
    where e.edge_id = new.edge_id and e.current_version_id <> new.edge_version_id;
    return null;
end $$;
comment on function app.activate_passed_version() is
    'AFTER INSERT OR UPDATE: activates a version that has just passed and is to be activated then. Whoever may not activate it may not pass it so.';
create trigger edge_verifications_8_activate_new after insert on public.edge_verifications
    for each row when (new.activate_when_passed and new.verification_status = 'passed')
    execute function app.activate_passed_version();
create trigger edge_verifications_8_activate after update on public.edge_verifications
    for each row when (new.activate_when_passed and new.verification_status = 'passed' and old.verification_status <> 'passed')
    execute function app.activate_passed_version();

create function app.refuse_verification_delete() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Only with its version, which is gone by then.
    if exists (select from public.edge_versions v where v.version_id = old.edge_version_id) then
        raise exception 'verifications are kept' using errcode = '42501';
    end if;
    return old;
end $$;
create trigger edge_verifications_2_delete before delete on public.edge_verifications
    for each row execute function app.refuse_verification_delete();
create trigger edge_verifications_no_truncate before truncate on public.edge_verifications
    for each statement execute function app.refuse_truncate();

-- What counts ------------------------------------------------------------------------------------

create view app.edge_version_statuses with (security_invoker = true) as
select
    v.edge_id, v.version_id, v.version_number, v.created_at,
    coalesce(final.verification_status::text, case when pending.found then 'pending' else 'none' end) as status,
    case
        when final.verification_status = 'passed' and pending.found
            then 'Its newest report says passed; the verification that is pending changes nothing until it is reported.'
        when final.verification_status = 'passed' then 'Its newest report says passed.'
        when final.verification_status = 'failed' then 'Its newest report says failed, which revokes whatever was said before.'
        when pending.found then 'A verification is pending: nobody has reported its outcome.'
        else 'It was never verified.'
    end as why,
    final.verification_id, final.verified_by, final.verified_at
from public.edge_versions v
-- Pending is what has no verified_at (a check of the table); one index answers both questions.
left join lateral (
    select o.verification_id, o.verification_status, o.verified_by, o.verified_at
    from public.edge_verifications o
    where o.edge_version_id = v.version_id and o.verified_at is not null
    order by o.verified_at desc, o.verification_id desc
    limit 1
) as final on true
cross join lateral (
    select exists (
        select from public.edge_verifications o where o.edge_version_id = v.version_id and o.verified_at is null
    ) as found
) as pending;
comment on view app.edge_version_statuses is
    'Of each edge version: passed, failed, pending or none, and why. The newest final verification counts.';

-- All at once, and not one by one as the view asks: most have passed.
create function app.unpassed_edge_versions() returns table (edge_id uuid, version_id uuid)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select v.edge_id, v.version_id
    from public.edge_versions v
    left join (
        select distinct on (o.edge_version_id) o.edge_version_id, o.verification_status
        from public.edge_verifications o
        where o.verified_at is not null
        order by o.edge_version_id, o.verified_at desc, o.verification_id desc
    ) as final on final.edge_version_id = v.version_id
    where final.verification_status is distinct from 'passed'
$$;
comment on function app.unpassed_edge_versions() is
    'Ids of the edge versions that app.edge_version_statuses calls anything but passed; what the caller may see of them, their rows say.';

-- An edge with what may be shown along with it. The last columns cost nothing unless they are
-- selected.
create view app.edge_details with (security_invoker = true) as
select
    e.*,
    (
        -- At most 100, and 4 MiB of metadata: it is one value, and a row of a page.
        select coalesce(jsonb_agg(app.row_json(to_jsonb(v) - 'bytes') order by v.version_number desc), '[]')
        from (
            select v.*, sum(octet_length(v.metadata::text)) over (order by v.version_number desc) as bytes
            from (
                select v.*, (select u.username from public.usernames u where u.user_id = v.created_by) as created_by_username,
                    (select u.username from public.usernames u where u.user_id = v.withdrawn_by) as withdrawn_by_username
                from public.edge_versions v
                where v.edge_id = e.edge_id
                order by v.version_number desc
                limit 100
            ) as v
        ) as v
        where v.version_number = e.latest_version_number or v.bytes <= 4194304
    ) as newest_versions,
    (
        select coalesce(jsonb_agg(app.row_json(to_jsonb(o)) order by o.created_at desc, o.verification_id desc), '[]')
        from (
            select
                o.verification_id, o.edge_version_id, o.verification_status, o.verified_at, o.verified_by, o.verified_with,
                o.created_at, o.updated_at, o.created_by, o.edge_id, o.activate_when_passed, e.version_number,
                (select u.username from public.usernames u where u.user_id = o.verified_by) as verified_by_username,
                (select u.username from public.usernames u where u.user_id = o.created_by) as created_by_username
            from public.edge_verifications o
            where o.edge_version_id = e.current_version_id and o.edge_id = e.edge_id
            order by o.created_at desc, o.verification_id desc
            limit 100
        ) as o
    ) as newest_verifications,
    (
        select s.status from app.edge_version_statuses s where s.version_id = e.current_version_id
    ) as verification_status,
    (
        select coalesce(jsonb_agg(app.row_json(to_jsonb(a)) order by a.alias), '[]')
        from (
            select a.alias_id, a.entity_type, a.entity_id, a.alias, a.version_id, v.version_number, a.is_protected,
                a.created_at, a.updated_at, a.created_by,
                (select u.username from public.usernames u where u.user_id = a.created_by) as created_by_username
            from public.aliases a
            join public.edge_versions v using (version_id)
            where a.edge_id = e.edge_id
            order by a.alias
            limit 100
        ) as a
    ) as its_aliases
from public.edges e;
comment on view app.edge_details is
    'Edges with their newest 100 versions and their aliases, and of the active version the newest 100 verifications (without logs) and the status.';

-- A verification as the service shows it; those of archived edges are out of sight with them.
create view app.verification_details with (security_invoker = true) as
select o.*, v.version_number
from public.edge_verifications o
join public.edge_versions v on v.version_id = o.edge_version_id
join public.edges e on e.edge_id = o.edge_id
where e.archived_at is null;
comment on view app.verification_details is 'Verifications of live edges, with the number of the version.';

-- Rights ------------------------------------------------------------------------------------------

revoke execute on all functions in schema app from public;
grant execute on function app.require_independent_verifier(), app.unpassed_edge_versions() to blockyard_api;
revoke all on app.settings, app.edge_version_statuses, app.edge_details, app.verification_details
    from public, anon, authenticated, service_role;
grant select on app.edge_version_statuses, app.edge_details, app.verification_details to blockyard_api;

alter table public.edge_verifications enable row level security;
revoke all on public.edge_verifications from public, anon, authenticated, service_role;
grant select, insert (edge_version_id, verification_status, verification_logs, activate_when_passed),
      update (verification_status, verification_logs, activate_when_passed) on public.edge_verifications to authenticated;
create policy edge_verifications_select on public.edge_verifications for select to authenticated
    using (exists (select from public.edges e where e.edge_id = edge_verifications.edge_id offset 0));
create policy edge_verifications_insert on public.edge_verifications for insert to authenticated
    with check ((select app.can_write()));
create policy edge_verifications_update on public.edge_verifications for update to authenticated
    using ((select app.can_write()) and exists (select from public.edges e where e.edge_id = edge_verifications.edge_id offset 0))
    with check ((select app.can_write()));
