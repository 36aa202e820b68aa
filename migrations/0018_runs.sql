-- The runs of pipelines: the gate that admits them, which steps count, and how often.

create table public.pipeline_runs (
    run_id uuid not null default app.uuid_v7() constraint pipeline_runs_pkey primary key,
    pipeline_id uuid not null constraint pipeline_runs_pipeline_id_fkey references public.pipelines on delete cascade,
    status public.run_status not null default 'queued',
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    created_by uuid default app.caller_id() constraint pipeline_runs_created_by_fkey references public.users,
    started_at timestamptz,
    ended_at timestamptz,
    lock_digest text not null
        constraint pipeline_runs_lock_digest_fkey references public.pipeline_locks
        constraint pipeline_runs_lock_digest_check check (lock_digest ~ '^[0-9a-f]{64}$'),
    launch boolean not null default false,
    -- What else is asked of it: app.require_json().
    parameters jsonb not null default '{}'
        constraint pipeline_runs_parameters_check check (jsonb_typeof(parameters) = 'object'),
    failure text constraint pipeline_runs_failure_check check (char_length(failure) between 1 and 10000),
    claim text constraint pipeline_runs_claim_check check (claim is null),
    claimed_by text constraint pipeline_runs_claimed_by_check check (char_length(claimed_by) <= 210),
    cancel boolean not null default false,
    cancel_requested_at timestamptz,
    lost_at timestamptz,
    dagster_run_id text constraint pipeline_runs_dagster_run_id_check check (char_length(dagster_run_id) <= 255),
    -- One reason each, so that a refusal can say which. (That neither lies in the future says the guard.)
    constraint pipeline_runs_outcome_check check ((ended_at is not null) = (status in ('success', 'failure', 'canceled'))),
    constraint pipeline_runs_begun_check check (status <> 'started' or started_at is not null),
    constraint pipeline_runs_order_check check (ended_at >= started_at),
    constraint pipeline_runs_started_at_early_check check (started_at >= app.earliest_time()),
    constraint pipeline_runs_started_at_late_check check (started_at <= app.latest_time()),
    constraint pipeline_runs_ended_at_early_check check (ended_at >= app.earliest_time()),
    constraint pipeline_runs_ended_at_late_check check (ended_at <= app.latest_time())
);
comment on table public.pipeline_runs is 'One row for each execution of a pipeline. A row gets in only when the pipeline is ready.';
comment on column public.pipeline_runs.lock_digest is 'What it ran on. Set when the run is admitted, by nobody else.';
comment on column public.pipeline_runs.launch is 'Whether Dagster runs it (0021), and not somebody who reports by hand.';
comment on column public.pipeline_runs.parameters is 'What it was started with, beside the lock, which says on what.';
comment on column public.pipeline_runs.failure is 'Why it failed, was canceled or is lost, in words.';
comment on column public.pipeline_runs.claim is
    'Only written: the name of a worker, told with its reports where several have one key. Always null to read; claimed_by has it.';
comment on column public.pipeline_runs.claimed_by is 'Whose run it is: who reported its beginning by hand first.';
comment on column public.pipeline_runs.cancel is 'Whether somebody wants it to end; there is no way back.';
comment on column public.pipeline_runs.lost_at is 'Since when Dagster cannot say what became of it; null again once somebody has.';
comment on column public.pipeline_runs.dagster_run_id is 'What Dagster calls it; of a run that Dagster retries, the newest try.';
create index pipeline_runs_pipeline_id_idx on public.pipeline_runs (pipeline_id, created_at, run_id);
create index pipeline_runs_created_by_idx on public.pipeline_runs (created_by);
create index pipeline_runs_created_at_idx on public.pipeline_runs (created_at, run_id);
create index pipeline_runs_unfinished_idx on public.pipeline_runs (pipeline_id) where ended_at is null;
create index pipeline_runs_lock_digest_idx on public.pipeline_runs (lock_digest);
create index pipeline_runs_status_idx on public.pipeline_runs (status, created_at, run_id);

-- The gate ---------------------------------------------------------------------------------------

create function app.blockers(pipeline uuid)
returns table (code text, entity_type text, entity_id uuid, name text, version_id uuid, version_number int, detail text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select 'pipeline_archived', 'pipeline', p.pipeline_id, p.name, null::uuid, null::int,
        'The pipeline is archived: restore it.'
    from public.pipelines p where p.pipeline_id = pipeline and p.archived_at is not null
    union all
    select 'pipeline_empty', 'pipeline', p.pipeline_id, p.name, null, null,
        'The pipeline has no blocks: add some.'
    from public.pipelines p
    where p.pipeline_id = pipeline
      and not exists (select from public.pipeline_blocks pb where pb.pipeline_id = p.pipeline_id)
    union all
    select 'block_archived', 'block', b.block_id, b.name, b.current_version_id, b.version_number,
        'The block is archived: restore it, or take it out of the pipeline.'
    from public.pipeline_blocks pb
    join public.blocks b using (block_id)
    where pb.pipeline_id = pipeline and b.archived_at is not null
    union all
    select 'edge_archived', 'edge', e.edge_id, e.name, e.current_version_id, e.version_number,
        'The edge is archived: restore it, or take it out of the pipeline.'
    from (select distinct pe.edge_id from public.pipeline_edges pe where pe.pipeline_id = pipeline) as pe
    join public.edges e using (edge_id)
    where e.archived_at is not null
    union all
    select
        case s.status when 'failed' then 'edge_verification_failed' when 'pending' then 'edge_verification_pending' else 'edge_unverified' end,
        'edge', e.edge_id, e.name, v.version_id, v.version_number,
        format(case s.status
            when 'failed' then 'Version %s of the edge failed its last verification: mend the edge, or verify it anew.'
            when 'pending' then 'The verification of version %s of the edge is pending: report its outcome.'
            else 'Version %s of the edge was never verified: verify it.' end, v.version_number)
    from (select distinct pe.edge_id, pe.version_id from app.pipeline_edge_versions pe where pe.pipeline_id = pipeline) as pe
    join public.edges e using (edge_id)
    join public.edge_versions v using (version_id)
    join app.edge_version_statuses s using (version_id)
    where s.status <> 'passed' and v.withdrawn_reason is null
    union all
    select 'edge_version_withdrawn', 'edge', e.edge_id, e.name, v.version_id, v.version_number,
        format('Version %s of the edge is withdrawn: %s', v.version_number, v.withdrawn_reason)
    from (select distinct pe.edge_id, pe.version_id from app.pipeline_edge_versions pe where pe.pipeline_id = pipeline) as pe
    join public.edges e using (edge_id)
    join public.edge_versions v using (version_id)
    where v.withdrawn_reason is not null
    union all
    select 'block_version_withdrawn', 'block', b.block_id, b.name, v.version_id, v.version_number,
        format('Version %s of the block is withdrawn: %s', v.version_number, v.withdrawn_reason)
    from app.pipeline_block_versions pb
    join public.blocks b using (block_id)
    join public.block_versions v using (version_id)
    where pb.pipeline_id = pipeline and v.withdrawn_reason is not null;
end $$;
comment on function app.blockers(uuid) is 'Why a pipeline may not run now, and what to do about each reason; no rows when it may.';

create function app.warnings(pipeline uuid)
returns table (code text, entity_type text, entity_id uuid, name text, version_id uuid, version_number int, detail text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select
        'version_constraint', n.entity_type, n.entity_id, n.name, n.version_id, n.version_number,
        format('Version %s of the %s is used, and %s depends on %s: use one of those, or change the dependency.',
            n.version_number, n.entity_type, coalesce(b.name, e.name), d.version_constraint)
    from (
        select d.*
        from public.pipeline_blocks pb
        join public.dependencies d on d.block_id = pb.block_id
        where pb.pipeline_id = pipeline
        union
        select d.*
        from public.pipeline_edges pe
        join public.dependencies d on d.edge_id = pe.edge_id
        where pe.pipeline_id = pipeline
    ) as d
    left join public.blocks b on b.block_id = d.block_id
    left join public.edges e on e.edge_id = d.edge_id
    -- What the pipeline has of it, or the active version where it has none.
    cross join lateral (
        select 'block', o.block_id, o.name, v.version_id, v.version_number
        from public.blocks o
        left join app.pipeline_block_versions pb on pb.block_id = o.block_id and pb.pipeline_id = pipeline
        join public.block_versions v on v.version_id = coalesce(pb.version_id, o.current_version_id)
        where o.block_id = d.depends_on_block_id
        union
        select 'edge', o.edge_id, o.name, v.version_id, v.version_number
        from public.edges o
        left join app.pipeline_edge_versions pe on pe.edge_id = o.edge_id and pe.pipeline_id = pipeline
        join public.edge_versions v on v.version_id = coalesce(pe.version_id, o.current_version_id)
        where o.edge_id = d.depends_on_edge_id
    ) as n (entity_type, entity_id, name, version_id, version_number)
    where d.dependency_type = 'internal' and d.version_constraint is not null
      and not app.constraint_admits(d.version_constraint, n.version_id)
    union all
    select 'engine_unreachable', 'pipeline', p.pipeline_id, p.name, null, null, t.trouble
    from public.pipelines p
    cross join lateral (select app.engine_trouble()) as t (trouble)
    where p.pipeline_id = pipeline and t.trouble is not null;
end $$;
comment on function app.warnings(uuid) is 'What does not keep a pipeline from running, and should be looked at all the same.';

create function app.worker(claim text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if char_length(claim) not between 1 and 200 then
        raise exception 'a claim has 1 to 200 characters'
            using errcode = '23514', constraint = 'pipeline_runs_claim_check', table = 'pipeline_runs';
    end if;
    return coalesce(
        'claim:' || claim,
        'key:' || (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'api_key_id'),
        'user:' || app.caller_id());
end $$;
comment on function app.worker(text) is
    'Who reports: the name that a worker gives itself, or else its API key, or else its user. Null of nobody, such as the owner.';

create function app.worker_name(worker text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case split_part(worker, ':', 1)
        when 'user' then (select u.username from public.usernames u where u.user_id = substr(worker, 6)::uuid)
        when 'key' then (select k.name from public.api_keys k where k.api_key_id = substr(worker, 5)::uuid)
        else substr(worker, 7) end;
end $$;
comment on function app.worker_name(text) is
    'What whoever app.worker has told of is called; null where that is not the caller''s to know, as the names of other people''s API keys.';

create function app.guard_runs() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    outcomes constant public.run_status[] := array['success', 'failure', 'canceled']::public.run_status[];
    worker constant text := app.worker(new.claim);
    schema jsonb;
    faults jsonb;
    blocking jsonb;
    lock text;
begin
    new.claim := null;
    if tg_op = 'INSERT' then
        if new.status <> 'queued' then
            raise exception 'a run begins queued'
                using errcode = '23514', constraint = 'pipeline_runs_status_step', table = 'pipeline_runs';
        end if;
        if octet_length(new.parameters::text) > 65536 then
            raise exception 'the parameters of a run have at most 65536 bytes as they are printed'
                using errcode = '23514', constraint = 'pipeline_runs_parameters_check', table = 'pipeline_runs';
        end if;
        perform app.require_json(new.parameters, 'pipeline_runs', 'parameters');
        perform app.require_current_view();
        -- Whatever the answer rests on is held until the run is in: the pipeline and its graph,
        -- the pointers of its blocks and edges, the aliases that it follows, the versions that
        -- verifications and withdrawals queue on.
        select p.parameters_schema into schema from public.pipelines p where p.pipeline_id = new.pipeline_id for share;
        if not found then
            raise exception 'there is no such pipeline'
                using errcode = '23503', constraint = 'pipeline_runs_pipeline_id_fkey', table = 'pipeline_runs';
        end if;
        if schema is not null then
            select jsonb_agg(to_jsonb(f)) into faults
            from (select f.* from app.misfits(new.parameters, schema, '/parameters') as f limit 200) as f;
        end if;
        if faults is not null then
            raise exception 'the parameters do not fit the schema of the pipeline: %', faults -> 0 ->> 'detail'
                using errcode = '23514', constraint = 'pipeline_runs_parameters_faults', table = 'pipeline_runs',
                    column = 'parameters', detail = faults::text;
        end if;
        perform from public.blocks b
            where b.block_id in (select pb.block_id from public.pipeline_blocks pb where pb.pipeline_id = new.pipeline_id)
            order by b.block_id for share;
        perform from public.edges e
            where e.edge_id in (select pe.edge_id from public.pipeline_edges pe where pe.pipeline_id = new.pipeline_id)
            order by e.edge_id for share;
        perform from public.aliases a
            where (a.block_id, a.alias) in (
                    select pb.block_id, pb.block_alias from public.pipeline_blocks pb
                    where pb.pipeline_id = new.pipeline_id and pb.block_alias is not null)
               or (a.edge_id, a.alias) in (
                    select pe.edge_id, pe.edge_alias from public.pipeline_edges pe
                    where pe.pipeline_id = new.pipeline_id and pe.edge_alias is not null)
            order by a.alias_id for share;
        perform from public.block_versions v
            where v.version_id in (select pb.version_id from app.pipeline_block_versions pb where pb.pipeline_id = new.pipeline_id)
            order by v.version_id for share;
        perform from public.edge_versions v
            where v.version_id in (select pe.version_id from app.pipeline_edge_versions pe where pe.pipeline_id = new.pipeline_id)
            order by v.version_id for share;
        select jsonb_agg(to_jsonb(b) order by b.entity_type, b.name, b.code) into blocking
        from app.blockers(new.pipeline_id) as b;
        if blocking is not null then
            raise exception 'the pipeline may not run now'
                using errcode = '23514', constraint = 'pipeline_runs_not_ready', table = 'pipeline_runs', detail = blocking::text;
        end if;
        perform app.keep_metadata_digests(new.pipeline_id);
        lock := app.pipeline_lock(new.pipeline_id);
        new.lock_digest := app.lock_digest(lock);
        insert into public.pipeline_locks (lock_digest, lock) values (new.lock_digest, lock::jsonb) on conflict do nothing;
        new.started_at := null;
        new.ended_at := null;
        new.failure := null;
        new.claimed_by := null;
        new.cancel := false;
        new.cancel_requested_at := null;
        new.lost_at := null;
        new.dagster_run_id := null;
        return new;
    end if;
    if (new.run_id, new.pipeline_id, new.lock_digest, new.launch, new.parameters)
        is distinct from (old.run_id, old.pipeline_id, old.lock_digest, old.launch, old.parameters) then
        raise exception 'a run stays what it is' using errcode = '42501';
    end if;
    -- Asked once, and only of a run that goes on. Whom nobody but its worker runs has nobody else to be asked.
    new.cancel_requested_at := old.cancel_requested_at;
    if old.cancel or old.ended_at is not null then
        new.cancel := old.cancel;
    elsif new.cancel then
        new.cancel_requested_at := clock_timestamp();
        if not old.launch and new.status = old.status then
            new.status := 'canceled';
        end if;
    end if;
    -- One worker begins a run, and it may say so twice.
    new.claimed_by := old.claimed_by;
    if new.status = 'started' and not old.launch and old.ended_at is null and worker is not null then
        if old.claimed_by <> worker then
            raise exception 'another worker has the run'
                using errcode = '23514', constraint = 'pipeline_runs_claimed', table = 'pipeline_runs';
        end if;
        new.claimed_by := worker;
    end if;
    -- A clock may be wrong by a little; a run of the future would spoil the figures for good.
    if new.started_at > clock_timestamp() + interval '1 hour' then
        raise exception 'a run does not begin in the future'
            using errcode = '23514', constraint = 'pipeline_runs_started_at_future', table = 'pipeline_runs';
    end if;
    if new.ended_at > clock_timestamp() + interval '1 hour' then
        raise exception 'a run does not end in the future'
            using errcode = '23514', constraint = 'pipeline_runs_ended_at_future', table = 'pipeline_runs';
    end if;
    if new.status = old.status or new.status = 'queued' or (new.status = 'started' and old.status = any (outcomes)) then
        -- Said twice, or overtaken: nothing changes, but for a beginning that was not known.
        if new.status = 'started' and old.started_at is null and new.started_at <= old.ended_at then
            new.updated_at := app.next_revision(old.updated_at);
        else
            new.started_at := old.started_at;
        end if;
        new.status := old.status;
        new.ended_at := old.ended_at;
        if new.lost_at is null or old.ended_at is not null then
            new.failure := case when old.lost_at is null then old.failure end;
        end if;
        if (new.claimed_by, new.cancel, new.lost_at, new.dagster_run_id)
            is distinct from (old.claimed_by, old.cancel, old.lost_at, old.dagster_run_id) then
            new.updated_at := app.next_revision(old.updated_at);
        end if;
        return new;
    end if;
    if old.status = any (outcomes) then
        raise exception 'the run has ended already: %', old.status
            using errcode = '23514', constraint = 'pipeline_runs_status_step', table = 'pipeline_runs';
    end if;
    if new.status = 'started' then
        new.started_at := coalesce(new.started_at, clock_timestamp());
    else
        new.ended_at := coalesce(new.ended_at, clock_timestamp());
    end if;
    new.lost_at := null;
    if new.status in ('started', 'success') then
        new.failure := null;
    end if;
    new.updated_at := app.next_revision(old.updated_at);
    return new;
end $$;
comment on function app.guard_runs() is
    'BEFORE INSERT OR UPDATE: admits a run only when its pipeline is ready, and locks what it runs on; then only forward.';

create function app.see_pipeline() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform from public.pipelines p where p.pipeline_id = new.pipeline_id;
    if not found then
        raise exception 'there is no such pipeline'
            using errcode = '23503', constraint = 'pipeline_runs_pipeline_id_fkey', table = 'pipeline_runs';
    end if;
    return new;
end $$;
comment on function app.see_pipeline() is
    'BEFORE INSERT, with the rights of whoever inserts: the guard tells why a pipeline may not run to those who see it.';
create trigger pipeline_runs_0_seen before insert on public.pipeline_runs
    for each row execute function app.see_pipeline();
create trigger pipeline_runs_1_guard before insert or update on public.pipeline_runs
    for each row execute function app.guard_runs();

create function app.count_run() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Succeeded or failed, it had begun, whether or not we know when. Of its own runs Dagster knows.
    was_counted boolean := old.ended_at is not null and (old.status <> 'canceled' and not old.launch or old.started_at is not null);
    is_counted boolean := new.ended_at is not null and (new.status <> 'canceled' and not new.launch or new.started_at is not null);
    was_timed boolean := old.status = 'success' and old.started_at is not null;
    is_timed boolean := new.status = 'success' and new.started_at is not null;
begin
    if (is_counted, is_timed) = (was_counted, was_timed) then
        return null;
    end if;
    update public.pipelines p set
        times_run = p.times_run + s.counted,
        runs_succeeded = p.runs_succeeded + s.timed,
        runtime_total = p.runtime_total + s.runtime,
        average_runtime = case when p.runs_succeeded + s.timed > 0
            then extract(epoch from p.runtime_total + s.runtime)::double precision / (p.runs_succeeded + s.timed) end
    from (select is_counted::int - was_counted::int as counted,
                 is_timed::int - was_timed::int as timed,
                 case when is_timed and not was_timed then new.ended_at - new.started_at else interval '0' end as runtime) as s
    where p.pipeline_id = new.pipeline_id;
    return null;
end $$;
create trigger pipeline_runs_8_count after update on public.pipeline_runs
    for each row execute function app.count_run();

create trigger pipeline_runs_9_audit after insert or update or delete on public.pipeline_runs
    for each row execute function app.audit('pipeline_run', 'run_id', 'pipeline_id', 'updated_at');

create view app.pipeline_details with (security_invoker = true) as
select
    p.*,
    (
        select coalesce(jsonb_agg(app.row_json(to_jsonb(b) - 'pipeline_id') order by app.name_key(b.name) collate "C", b.block_id), '[]')
        from app.pipeline_block_details b
        where b.pipeline_id = p.pipeline_id
    ) as its_blocks,
    (
        select coalesce(jsonb_agg(app.row_json(to_jsonb(e) - 'pipeline_id') order by app.name_key(e.name) collate "C", e.pipeline_edge_id), '[]')
        from app.pipeline_edge_details e
        where e.pipeline_id = p.pipeline_id
    ) as its_edges,
    (
        select coalesce(jsonb_agg(app.row_json(to_jsonb(r)) order by r.created_at desc, r.run_id desc), '[]')
        from (
            select r.run_id, r.pipeline_id, r.lock_digest, r.status, r.created_at, r.updated_at, r.created_by, r.started_at, r.ended_at,
                r.launch, r.parameters, r.failure, r.claimed_by, r.cancel_requested_at, r.lost_at, r.dagster_run_id,
                (select u.username from public.usernames u where u.user_id = r.created_by) as created_by_username,
                p.name as pipeline_name, app.worker_name(r.claimed_by) as claimed_by_name
            from public.pipeline_runs r
            where r.pipeline_id = p.pipeline_id
            order by r.created_at desc, r.run_id desc
            limit 20
        ) as r
    ) as newest_runs
from public.pipelines p;
comment on view app.pipeline_details is
    'Pipelines with their blocks, their edges and their newest 20 runs; these columns cost nothing unless they are selected.';

revoke all on app.pipeline_details from public, anon, authenticated, service_role;
grant select on app.pipeline_details to blockyard_api;

revoke execute on all functions in schema app from public;
grant execute on function app.blockers(uuid), app.warnings(uuid), app.worker_name(text) to blockyard_api;

alter table public.pipeline_runs enable row level security;
revoke all on public.pipeline_runs from public, anon, authenticated, service_role;
grant select, insert (pipeline_id, launch, parameters), update (status, started_at, ended_at, failure, claim, cancel)
    on public.pipeline_runs to authenticated;
create policy pipeline_runs_select on public.pipeline_runs for select to authenticated
    using (exists (select from public.pipelines p where p.pipeline_id = pipeline_runs.pipeline_id offset 0));
create policy pipeline_runs_insert on public.pipeline_runs for insert to authenticated
    with check ((select app.can_write()));
create policy pipeline_runs_update on public.pipeline_runs for update to authenticated
    using ((select app.can_write()) and exists (select from public.pipelines p where p.pipeline_id = pipeline_runs.pipeline_id offset 0))
    with check ((select app.can_write()));
