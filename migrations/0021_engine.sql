-- Dagster, which runs what shall be launched: what it is to be told (the outbox), and what it says.
-- Nothing here speaks with it; the service does, between these functions and never inside a transaction.

create table app.engine (
    engine_id boolean not null default true constraint engine_pkey primary key,
    locations text[],
    sends_lineage boolean not null default false,
    leader uuid,
    leads_until timestamptz,
    unreachable_since timestamptz,
    unreachable_reason text,
    constraint engine_engine_id_check check (engine_id)
);
comment on table app.engine is 'What the service knows of Dagster, for all its instances: one row.';
comment on column app.engine.locations is 'The code locations that runs may be launched in, the first for pipelines that name none; null without a Dagster.';
comment on column app.engine.sends_lineage is 'Whether somebody takes the OpenLineage events of runs from the outbox.';
comment on column app.engine.leader is 'The instance that follows the runs, for as long as it says so again.';
insert into app.engine default values;

create table app.outbox (
    task_id uuid not null default app.uuid_v7() constraint outbox_pkey primary key,
    run_id uuid not null constraint outbox_run_id_fkey references public.pipeline_runs on delete cascade,
    task text not null,
    event jsonb,
    created_at timestamptz not null default clock_timestamp(),
    due_at timestamptz not null default clock_timestamp(),
    attempts int not null default 0,
    lease uuid,
    leased_until timestamptz,
    unknown_since timestamptz,
    last_error text,
    traceparent text,
    constraint outbox_task_check check (task in ('launch', 'cancel', 'lineage')),
    constraint outbox_event_check check ((event is not null) = (task = 'lineage'))
);
comment on table app.outbox is 'What others are to be told, written in the transaction that gives the reason and taken by any instance.';
comment on column app.outbox.lease is 'Who has it; another takes it when the lease is over.';
comment on column app.outbox.unknown_since is 'Of a launch: when somebody tried it last without learning what came of it. It is looked up before it is tried again.';
comment on column app.outbox.traceparent is 'Of a launch and a cancellation: the span of the request that asked for it. It decides nothing.';
create unique index outbox_run_id_task_key on app.outbox (run_id, task) where task <> 'lineage';
create index outbox_due_at_idx on app.outbox (due_at);
create index outbox_run_id_idx on app.outbox (run_id, created_at, task_id);

revoke all on app.engine, app.outbox from public, anon, authenticated, service_role;

-- Admission ----------------------------------------------------------------------------------------

create function app.launch_fault(config jsonb) returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allowed constant text[] := (select e.locations from app.engine e);
    location constant text := coalesce(config ->> 'repository_location_name', allowed[1]);
begin
    return case
        when allowed is null then 'this registry has no Dagster'
        when location <> all (allowed) then format('the code location %s is not one of those that runs are launched in', location)
        when config ->> 'mode' = 'job' and config -> 'job_name' is null
            then 'dagster_pipeline_config has the mode job and names no job_name' end;
end $$;
comment on function app.launch_fault(jsonb) is 'Why a pipeline with this configuration cannot be launched; null when it can.';

create function app.guard_launches() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    fault constant text := app.launch_fault(
        (select p.dagster_pipeline_config from public.pipelines p where p.pipeline_id = new.pipeline_id));
begin
    if fault is not null then
        raise exception '%', fault
            using errcode = '23514', constraint = 'pipeline_runs_launchable', table = 'pipeline_runs';
    end if;
    return new;
end $$;
comment on function app.guard_launches() is 'BEFORE INSERT of a run to be launched, after the gate.';
create trigger pipeline_runs_2_launch before insert on public.pipeline_runs
    for each row when (new.launch) execute function app.guard_launches();

create function app.refuse_by_hand() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'Dagster reports on this run; it is settled by hand only once it is lost'
        using errcode = '23514', constraint = 'pipeline_runs_of_dagster', table = 'pipeline_runs';
end $$;
-- The functions below act with the rights of the owner, whom row-level security does not bind.
create trigger pipeline_runs_0_by_hand before update on public.pipeline_runs
    for each row when (
        old.launch and old.lost_at is null and row_security_active('public.pipeline_runs'::regclass)
        and (old.status, old.started_at, old.ended_at, old.failure)
            is distinct from (new.status, new.started_at, new.ended_at, new.failure))
    execute function app.refuse_by_hand();

create function app.cancel_unlaunched() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    delete from app.outbox o where o.run_id = new.run_id and o.task = 'launch' and o.attempts = 0;
    if found then
        new.status := 'canceled';
        new.failure := 'Canceled before it was launched.';
    end if;
    return new;
end $$;
comment on function app.cancel_unlaunched() is 'BEFORE UPDATE: what nobody has begun to launch is canceled by the wish alone.';
create trigger pipeline_runs_0_cancel before update on public.pipeline_runs
    for each row when (old.launch and old.status = 'queued' and not old.cancel and new.cancel)
    execute function app.cancel_unlaunched();

create function app.fill_outbox() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    traceparent constant text := left(nullif(current_setting('app.request', true), '')::jsonb ->> 'traceparent', 55);
begin
    if tg_op = 'INSERT' then
        if new.launch then
            insert into app.outbox (run_id, task, traceparent) values (new.run_id, 'launch', traceparent);
        end if;
        return null;
    end if;
    if new.ended_at is not null and old.ended_at is null then
        delete from app.outbox o where o.run_id = new.run_id and o.task in ('launch', 'cancel');
    elsif new.launch and new.ended_at is null and new.cancel and not old.cancel then
        insert into app.outbox (run_id, task, traceparent) values (new.run_id, 'cancel', traceparent) on conflict do nothing;
    end if;
    if new.status <> old.status and (select e.sends_lineage from app.engine e) then
        -- Of a run whose beginning nobody reported, it is told with its end.
        insert into app.outbox (run_id, task, event)
        select new.run_id, 'lineage', jsonb_build_object('type', e.type, 'time', app.time_text(e.time))
        from (values
            (1, 'START', coalesce(new.started_at, new.ended_at), old.status = 'queued'),
            (2, case new.status when 'success' then 'COMPLETE' when 'failure' then 'FAIL' else 'ABORT' end, new.ended_at,
                new.ended_at is not null)) as e (number, type, time, is_told)
        where e.is_told
        order by e.number;
    end if;
    return null;
end $$;
comment on function app.fill_outbox() is 'AFTER INSERT OR UPDATE of runs: what Dagster and the takers of lineage are to be told, in the same transaction.';
create trigger pipeline_runs_8_outbox after insert or update on public.pipeline_runs
    for each row execute function app.fill_outbox();

-- What the service asks, for nobody ---------------------------------------------------------------

create function app.use_engine(allowed text[], takes_lineage boolean) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    update app.engine e set
        locations = coalesce(allowed, e.locations),
        sends_lineage = e.sends_lineage or takes_lineage
    where (allowed is not null and allowed is distinct from e.locations)
       or (takes_lineage and not e.sends_lineage)
$$;
comment on function app.use_engine(text[], boolean) is
    'Says at the start of an instance that it has a Dagster, and which code locations are allowed. One without says nothing of the others''.';

create function app.lead_engine(who uuid, seconds int) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update app.engine e set leader = who, leads_until = clock_timestamp() + make_interval(secs => seconds)
    where e.leader = who or e.leads_until is null or e.leads_until < clock_timestamp();
    return found;
end $$;
comment on function app.lead_engine(uuid, int) is
    'Makes an instance the one that follows the runs, for so long. A lease and no advisory lock: it holds over a pooler of transactions as well.';

create function app.note_engine(trouble text) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    update app.engine e set
        unreachable_since = case when trouble is not null then coalesce(e.unreachable_since, clock_timestamp()) end,
        unreachable_reason = left(trouble, 1000)
    where (e.unreachable_reason is null) <> (trouble is null)
$$;
comment on function app.note_engine(text) is 'Notes that Dagster does not answer, and why, or with null that it does.';

create function app.take_task(tasks text[], seconds int)
returns table (
    task_id uuid, lease uuid, run_id uuid, task text, attempts int, is_unknown boolean, unknown_seconds double precision,
    age_seconds double precision, dagster_run_id text, event jsonb, traceparent text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    update app.outbox o set
        attempts = o.attempts + 1,
        -- Whoever had it has not come back.
        unknown_since = case when o.lease is not null and o.task = 'launch' then coalesce(o.leased_until, clock_timestamp()) else o.unknown_since end,
        lease = gen_random_uuid(),
        leased_until = clock_timestamp() + make_interval(secs => seconds)
    from public.pipeline_runs r
    where r.run_id = o.run_id
      and o.task_id = (
        select t.task_id
        from app.outbox t
        where t.task = any (tasks) and t.due_at <= clock_timestamp()
          and (t.leased_until is null or t.leased_until < clock_timestamp())
          -- Events of a run come one after the other.
          and (t.task <> 'lineage' or not exists (
              select from app.outbox b
              where b.run_id = t.run_id and b.task = 'lineage' and (b.created_at, b.task_id) < (t.created_at, t.task_id)))
        order by t.due_at
        limit 1
        for update of t skip locked)
    returning o.task_id, o.lease, o.run_id, o.task, o.attempts, o.unknown_since is not null,
        extract(epoch from clock_timestamp() - o.unknown_since)::double precision,
        extract(epoch from clock_timestamp() - o.created_at)::double precision, r.dagster_run_id, o.event, o.traceparent;
end $$;
comment on function app.take_task(text[], int) is 'Takes what is due first, for so long. Nobody waits for who has taken something else.';

create function app.put_off_task(of_task uuid, of_lease uuid, seconds double precision, error text, certainty text) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    update app.outbox o set
        lease = null, leased_until = null, last_error = left(error, 1000),
        due_at = clock_timestamp() + make_interval(secs => seconds),
        unknown_since = case certainty when 'unknown' then clock_timestamp() when 'certain' then null else o.unknown_since end
    where o.task_id = of_task and o.lease = of_lease
$$;
comment on function app.put_off_task(uuid, uuid, double precision, text, text) is
    'Gives a task back for later: `certain` that nothing came of the try, `unknown` what did, or `waiting` still to learn it.';

create function app.finish_task(of_task uuid, of_lease uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    delete from app.outbox where task_id = of_task and lease = of_lease
$$;

create function app.revocations(lock jsonb) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- As the admission of a run: what would revoke or withdraw them waits, or has come first.
    perform from public.block_versions v
        where v.version_id in (select (b ->> 'version_id')::uuid from jsonb_array_elements(lock -> 'blocks') as b)
        order by v.version_id for share;
    perform from public.edge_versions v
        where v.version_id in (select (e ->> 'version_id')::uuid from jsonb_array_elements(lock -> 'edges') as e)
        order by v.version_id for share;
    return (
        select string_agg(r.reason, ' ' order by r.reason)
        from (
            select distinct format('Version %s of the edge %s is no longer verified.', v.version_number, v.name) as reason
            from jsonb_array_elements(lock -> 'edges') as e
            join public.edge_versions v on v.version_id = (e ->> 'version_id')::uuid
            join app.edge_version_statuses s on s.version_id = v.version_id
            where s.status <> 'passed'
            union
            select format('Version %s of the edge %s is withdrawn: %s', v.version_number, v.name, v.withdrawn_reason)
            from jsonb_array_elements(lock -> 'edges') as e
            join public.edge_versions v on v.version_id = (e ->> 'version_id')::uuid
            where v.withdrawn_reason is not null
            union
            select format('Version %s of the block %s is withdrawn: %s', v.version_number, v.name, v.withdrawn_reason)
            from jsonb_array_elements(lock -> 'blocks') as b
            join public.block_versions v on v.version_id = (b ->> 'version_id')::uuid
            where v.withdrawn_reason is not null
        ) as r);
end $$;
comment on function app.revocations(jsonb) is 'What of a lock may not run any more; null when all of it may.';

create function app.admit_launch(of_task uuid, of_lease uuid, seconds int)
returns table (lock jsonb, lock_digest text, pipeline_id uuid, parameters jsonb)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    run public.pipeline_runs;
    content jsonb;
    reason text;
begin
    select r.* into run
    from public.pipeline_runs r
    where r.run_id = (select o.run_id from app.outbox o where o.task_id = of_task and o.lease = of_lease)
    for no key update;
    update app.outbox o set leased_until = clock_timestamp() + make_interval(secs => seconds)
    where o.task_id = of_task and o.lease = of_lease;
    if run.run_id is null or not found then return; end if;
    select l.lock into content from public.pipeline_locks l where l.lock_digest = run.lock_digest;
    reason := case when run.cancel then 'Canceled before it was launched.' else app.revocations(content) end;
    if reason is not null then
        update public.pipeline_runs r set status = 'canceled', failure = left(reason, 10000) where r.run_id = run.run_id;
        return;
    end if;
    return query select content, run.lock_digest, run.pipeline_id, run.parameters;
end $$;
comment on function app.admit_launch(uuid, uuid, int) is
    'The last look before a launch: what is to be launched, or nothing, and the run is canceled with the reason.';

create function app.note_launch(of_task uuid, launched text) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    of_run uuid;
    known text;
begin
    select o.run_id into of_run from app.outbox o where o.task_id = of_task;
    update public.pipeline_runs r set dagster_run_id = coalesce(r.dagster_run_id, launched)
    where r.run_id = of_run and r.ended_at is null
    returning r.dagster_run_id into known;
    delete from app.outbox o where o.task_id = of_task;
    return known;
end $$;
comment on function app.note_launch(uuid, text) is
    'Notes that Dagster has a run, whoever has launched it, and returns what counts as it: null when it ended meanwhile.';

create function app.refuse_launch(of_task uuid, of_lease uuid, reason text) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    update public.pipeline_runs r set status = 'failure', failure = left(reason, 10000)
    where r.run_id = (select o.run_id from app.outbox o where o.task_id = of_task and o.lease = of_lease)
$$;
comment on function app.refuse_launch(uuid, uuid, text) is 'Ends a run that Dagster will never take.';

create function app.open_runs()
returns table (
    run_id uuid, dagster_run_id text, status public.run_status, max_runtime_seconds int, is_lost boolean, is_to_be_canceled boolean,
    started_seconds double precision)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select r.run_id, r.dagster_run_id, r.status, (l.lock #>> '{dagster_pipeline_config,max_runtime_seconds}')::int, r.lost_at is not null,
        r.cancel, extract(epoch from clock_timestamp() - r.started_at)::double precision
    from public.pipeline_runs r
    join public.pipeline_locks l using (lock_digest)
    where r.launch and r.ended_at is null and r.dagster_run_id is not null
    order by r.created_at
$$;
comment on function app.open_runs() is 'The runs that Dagster has and that go on, as far as we know.';
create index pipeline_runs_open_idx on public.pipeline_runs (created_at) where launch and ended_at is null;

create function app.see_run(
    run uuid, dagster_run text, seen public.run_status, started double precision, ended double precision, why text) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- A clock that is ahead moves a run, and leaves it as long as it was.
    ahead constant double precision := greatest(coalesce(ended, started) - extract(epoch from clock_timestamp())::double precision, 0);
    shift constant double precision := case when ahead > 3600 then ahead else 0 end;
begin
    update public.pipeline_runs r set
        dagster_run_id = dagster_run,
        status = case when r.status = 'started' and seen = 'queued' then r.status else seen end,
        started_at = case when started is not null then to_timestamp(started - shift) else r.started_at end,
        ended_at = case when ended is not null then to_timestamp(greatest(ended, started) - shift) end,
        lost_at = null,
        failure = left(coalesce(why, r.failure), 10000)
    where r.run_id = run and r.ended_at is null
      and (r.status <> seen and seen <> 'queued' or r.dagster_run_id is distinct from dagster_run or r.lost_at is not null);
    return found;
end $$;
comment on function app.see_run(uuid, text, public.run_status, double precision, double precision, text) is
    'What Dagster says of a run, by its clock. What is known already, or was overtaken, changes nothing.';

create function app.lose_run(run uuid, why text) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update public.pipeline_runs r set lost_at = clock_timestamp(), failure = left(why, 10000)
    where r.run_id = run and r.launch and r.ended_at is null and r.lost_at is null;
    return found;
end $$;
comment on function app.lose_run(uuid, text) is 'Marks a run of which Dagster will not say what becomes of it; from then on it may be settled by hand.';

create function app.end_overdue_run(run uuid) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update public.pipeline_runs r set cancel = true
    where r.run_id = run and r.launch and r.ended_at is null and not r.cancel;
    return found;
end $$;
comment on function app.end_overdue_run(uuid) is 'Has a run canceled that has run for longer than its pipeline allows.';

create function app.lineage_of(run uuid) returns table (pipeline_name text, lock jsonb, lock_digest text, failure text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select p.name, l.lock, l.lock_digest, r.failure
    from public.pipeline_runs r
    join public.pipelines p using (pipeline_id)
    join public.pipeline_locks l using (lock_digest)
    where r.run_id = run
$$;
comment on function app.lineage_of(uuid) is 'What an OpenLineage event says of a run.';

create function app.engine_figures()
returns table (open bigint, queued bigint, lost bigint, waiting bigint, oldest_queued double precision, oldest_task double precision)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select
        count(*), count(*) filter (where r.status = 'queued'), count(*) filter (where r.lost_at is not null),
        (select count(*) from app.outbox),
        coalesce(extract(epoch from clock_timestamp() - min(r.created_at) filter (where r.status = 'queued')), 0)::double precision,
        coalesce((select extract(epoch from clock_timestamp() - min(o.created_at)) from app.outbox o), 0)::double precision
    from public.pipeline_runs r
    where r.launch and r.ended_at is null
$$;
comment on function app.engine_figures() is 'What is counted of runs that Dagster has or is to have: numbers and nothing else.';

create function app.engine_trouble() returns text
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select format('Dagster does not answer since %s (%s): runs that are started now wait.', app.time_text(e.unreachable_since), e.unreachable_reason)
    from app.engine e where e.unreachable_since is not null and e.locations is not null
$$;
comment on function app.engine_trouble() is 'What keeps runs from being launched now; null when nothing does.';

revoke execute on all functions in schema app from public;
grant execute on function
    app.use_engine(text[], boolean), app.lead_engine(uuid, int), app.note_engine(text), app.take_task(text[], int),
    app.put_off_task(uuid, uuid, double precision, text, text), app.finish_task(uuid, uuid), app.admit_launch(uuid, uuid, int),
    app.note_launch(uuid, text), app.refuse_launch(uuid, uuid, text), app.open_runs(),
    app.see_run(uuid, text, public.run_status, double precision, double precision, text), app.lose_run(uuid, text),
    app.end_overdue_run(uuid), app.lineage_of(uuid), app.engine_figures() to blockyard_api;
