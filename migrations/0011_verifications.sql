create table public.edge_verifications (
    verification_id uuid not null default app.uuid_v7() constraint edge_verifications_pkey primary key,
    edge_version_id uuid not null constraint edge_verifications_edge_version_id_fkey references public.edge_versions on delete cascade,
    verification_status public.verification_status not null default 'pending',
    verification_logs text,
    verified_at timestamptz,
    verified_by uuid constraint edge_verifications_verified_by_fkey references public.users,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    created_by uuid default app.caller_id() constraint edge_verifications_created_by_fkey references public.users,
    constraint edge_verifications_verified_at_check check (
        (verification_status = 'pending') = (verified_at is null)),
    constraint edge_verifications_verification_logs_check check (octet_length(verification_logs) <= 10485760)
);
comment on table public.edge_verifications is
    'Proof that an edge version works. Reported once, then immutable; the newest final one counts, so a later failure revokes.';
-- The question of the gate: the newest final verification of a version.
create index edge_verifications_final_idx on public.edge_verifications (edge_version_id, verified_at desc, verification_id desc);
create index edge_verifications_pending_idx on public.edge_verifications (created_at, verification_id) where verification_status = 'pending';
create index edge_verifications_verified_by_idx on public.edge_verifications (verified_by);
create index edge_verifications_created_by_idx on public.edge_verifications (created_by);
create index edge_verifications_created_at_idx on public.edge_verifications (created_at, verification_id);

create function app.guard_verifications() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    newest timestamptz;
begin
    if tg_op = 'UPDATE' then
        if old.verification_status <> 'pending' then
            raise exception 'a reported verification does not change; open another'
                using errcode = '23514', constraint = 'edge_verifications_reported', table = 'edge_verifications';
        end if;
        new.edge_version_id := old.edge_version_id;
        new.updated_at := case when new is distinct from old
            then app.next_revision(old.updated_at) else old.updated_at end;
    end if;
    if new.verification_status = 'pending' then
        new.verified_at := null;
        new.verified_by := null;
        return new;
    end if;
    -- Reports on one version queue on its row, so that a later one is later by the clock as well
    -- and a run that is being admitted (which shares the lock) sees it or comes first.
    perform from public.edge_versions v where v.version_id = new.edge_version_id for no key update;
    select max(v.verified_at) into newest from public.edge_verifications v where v.edge_version_id = new.edge_version_id;
    new.verified_at := greatest(clock_timestamp(), newest + interval '1 microsecond');
    new.verified_by := app.caller_id();
    return new;
end $$;
create trigger edge_verifications_1_guard before insert or update on public.edge_verifications
    for each row execute function app.guard_verifications();
create trigger edge_verifications_9_audit after insert or update or delete on public.edge_verifications
    for each row execute function app.audit('verification', 'verification_id', 'edge_version_id', 'updated_at');

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

create function app.clearance(edge_version uuid) returns public.edge_verifications
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select v from public.edge_verifications v
    where v.edge_version_id = edge_version and v.verified_at is not null
    order by v.verified_at desc, v.verification_id desc
    limit 1
$$;
comment on function app.clearance(uuid) is 'The newest final verification of an edge version: the one that counts.';

revoke execute on all functions in schema app from public;

alter table public.edge_verifications enable row level security;
revoke all on public.edge_verifications from public, anon, authenticated, service_role;
grant select, insert (edge_version_id, verification_status, verification_logs),
      update (verification_status, verification_logs) on public.edge_verifications to authenticated;
create policy edge_verifications_select on public.edge_verifications for select to authenticated
    using ((select app.can_read()));
create policy edge_verifications_insert on public.edge_verifications for insert to authenticated
    with check ((select app.can_write()));
create policy edge_verifications_update on public.edge_verifications for update to authenticated
    using ((select app.can_write())) with check ((select app.can_write()));
