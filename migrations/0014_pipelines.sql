-- Pipelines and their parts. (Whole graphs: 0015; what runs ran on: 0016; runs: 0017.)

create table public.pipelines (
    pipeline_id uuid not null default app.uuid_v7() constraint pipelines_pkey primary key,
    name text not null,
    description text,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    dagster_pipeline_config jsonb not null default '{}',
    created_by uuid default app.caller_id() constraint pipelines_created_by_fkey references public.users,
    times_run int not null default 0,
    average_runtime double precision,
    runs_succeeded int not null default 0,
    runtime_total interval not null default '0',
    archived_at timestamptz,
    name_key text collate "C" not null generated always as (app.name_key(name)) stored,
    search tsvector generated always as (app.search_vector(name, description)) stored,
    constraint pipelines_name_check check (app.is_name(name)),
    constraint pipelines_description_check check (char_length(description) <= 10000),
    constraint pipelines_dagster_pipeline_config_check check (
        jsonb_typeof(dagster_pipeline_config) = 'object' and pg_column_size(dagster_pipeline_config) <= 524288
        and not jsonb_path_exists(dagster_pipeline_config, '$.**{100}'))
);
comment on table public.pipelines is 'Blocks joined by edges: directed acyclic graphs that run on Dagster.';
comment on column public.pipelines.times_run is 'Runs that ended after they had begun. Kept from pipeline_runs by trigger.';
comment on column public.pipelines.average_runtime is
    'Seconds, over the succeeded runs whose beginning is known; null before the first.';
comment on column public.pipelines.runs_succeeded is 'Runs that succeeded and whose beginning is known: those behind average_runtime.';
comment on column public.pipelines.runtime_total is 'Of the succeeded runs: the exact sum behind average_runtime.';
comment on column public.pipelines.name_key is
    'By which names are found, compared and sorted: byte by byte, so that a cursor means the same in every database. '
    'A column, because an index on an expression is of no use to a condition under row-level security.';
create unique index pipelines_name_key on public.pipelines (name_key) where archived_at is null;
create index pipelines_name_order_idx on public.pipelines (name_key, pipeline_id);
create index pipelines_created_at_idx on public.pipelines (created_at, pipeline_id);
create index pipelines_updated_at_idx on public.pipelines (updated_at, pipeline_id);
create index pipelines_archived_at_idx on public.pipelines (archived_at, pipeline_id) where archived_at is not null;
create index pipelines_created_by_idx on public.pipelines (created_by);
create index pipelines_search_idx on public.pipelines using gin (search);

create table public.pipeline_blocks (
    pipeline_block_id uuid not null default app.uuid_v7() constraint pipeline_blocks_pkey primary key,
    pipeline_id uuid not null constraint pipeline_blocks_pipeline_id_fkey references public.pipelines on delete cascade,
    block_id uuid not null constraint pipeline_blocks_block_id_fkey references public.blocks,
    block_version_id uuid,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    constraint pipeline_blocks_pipeline_id_block_id_key unique (pipeline_id, block_id),
    constraint pipeline_blocks_block_version_id_fkey foreign key (block_version_id, block_id)
        references public.block_versions (version_id, block_id)
);
comment on table public.pipeline_blocks is 'The blocks of a pipeline.';
comment on column public.pipeline_blocks.block_version_id is 'A pin; without one the pipeline follows the active version.';
create index pipeline_blocks_block_id_idx on public.pipeline_blocks (block_id);
create index pipeline_blocks_block_version_id_idx on public.pipeline_blocks (block_version_id, block_id);

create table public.pipeline_edges (
    pipeline_edge_id uuid not null default app.uuid_v7() constraint pipeline_edges_pkey primary key,
    pipeline_id uuid not null constraint pipeline_edges_pipeline_id_fkey references public.pipelines on delete cascade,
    edge_id uuid not null constraint pipeline_edges_edge_id_fkey references public.edges,
    source_block_id uuid not null constraint pipeline_edges_source_block_id_fkey references public.blocks,
    target_block_id uuid not null constraint pipeline_edges_target_block_id_fkey references public.blocks,
    edge_version_id uuid,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    constraint pipeline_edges_key unique (pipeline_id, edge_id, source_block_id, target_block_id),
    constraint pipeline_edges_self_check check (source_block_id <> target_block_id),
    -- The ends of an edge are blocks of its pipeline.
    constraint pipeline_edges_source_fkey foreign key (pipeline_id, source_block_id)
        references public.pipeline_blocks (pipeline_id, block_id),
    constraint pipeline_edges_target_fkey foreign key (pipeline_id, target_block_id)
        references public.pipeline_blocks (pipeline_id, block_id),
    constraint pipeline_edges_edge_version_id_fkey foreign key (edge_version_id, edge_id)
        references public.edge_versions (version_id, edge_id)
);
comment on table public.pipeline_edges is 'The edges of a pipeline, each from a source block to a target block.';
comment on column public.pipeline_edges.edge_version_id is 'A pin; without one the pipeline follows the active version.';
create index pipeline_edges_source_idx on public.pipeline_edges (pipeline_id, source_block_id);
create index pipeline_edges_target_idx on public.pipeline_edges (pipeline_id, target_block_id);
create index pipeline_edges_edge_id_idx on public.pipeline_edges (edge_id);
create index pipeline_edges_source_block_id_idx on public.pipeline_edges (source_block_id);
create index pipeline_edges_target_block_id_idx on public.pipeline_edges (target_block_id);
create index pipeline_edges_edge_version_id_idx on public.pipeline_edges (edge_version_id, edge_id);

-- Pipelines --------------------------------------------------------------------------------------

create function app.require_no_unfinished_runs(pipeline uuid) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    users jsonb;
begin
    select jsonb_agg(u) into users from (
        select 'pipeline_run' as entity_type, r.run_id as entity_id
        from public.pipeline_runs r
        where r.pipeline_id = pipeline and r.ended_at is null
        order by r.created_at, r.run_id
        limit 20) as u;
    if users is not null then
        raise exception 'the pipeline has unfinished runs'
            using errcode = '23503', constraint = 'pipelines_in_use', table = 'pipelines', detail = users::text;
    end if;
end $$;
comment on function app.require_no_unfinished_runs(uuid) is
    'Refuses to take away a pipeline that runs; the detail lists up to 20 of the runs as JSON.';

create function app.guard_pipelines() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    new.name := app.tidy(new.name);
    if tg_op = 'INSERT' then
        new.archived_at := null;
        return new;
    end if;
    if new.archived_at is distinct from old.archived_at then
        if app.caller_id() is not null and not app.is_admin() and old.created_by is distinct from app.caller_id() then
            raise exception 'only its creator or an admin archives and restores a pipeline' using errcode = '42501';
        end if;
        if new.archived_at is not null then
            new.archived_at := coalesce(old.archived_at, clock_timestamp());
            perform app.require_current_view();
            perform app.require_no_unfinished_runs(new.pipeline_id);
        end if;
    end if;
    if new.archived_at is not null and (new.name, new.description, new.dagster_pipeline_config)
        is distinct from (old.name, old.description, old.dagster_pipeline_config) then
        raise exception 'an archived pipeline does not change; restore it first'
            using errcode = '23514', constraint = 'pipelines_archived', table = 'pipelines';
    end if;
    if (new.name, new.description, new.dagster_pipeline_config, new.archived_at)
        is distinct from (old.name, old.description, old.dagster_pipeline_config, old.archived_at) then
        new.updated_at := app.next_revision(old.updated_at);
    end if;
    return new;
end $$;
create trigger pipelines_1_guard before insert or update on public.pipelines
    for each row execute function app.guard_pipelines();

create function app.guard_pipeline_purge() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.require_no_unfinished_runs(old.pipeline_id);
    return old;
end $$;
create trigger pipelines_1_purge before delete on public.pipelines
    for each row execute function app.guard_pipeline_purge();

-- A new row is revised when it is made.
create function app.date_pipeline() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    new.updated_at := new.created_at;
    return new;
end $$;
create trigger pipelines_3_date before insert on public.pipelines
    for each row execute function app.date_pipeline();
create trigger pipelines_9_audit after insert or update or delete on public.pipelines
    for each row execute function app.audit('pipeline', 'pipeline_id', 'pipeline_id',
        'search,name_key,updated_at,times_run,average_runtime,runs_succeeded,runtime_total');

-- The graph --------------------------------------------------------------------------------------

create function app.guard_pipeline_part() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'UPDATE' then
        -- Only the pin moves.
        if to_jsonb(new) - array['block_version_id', 'edge_version_id', 'updated_at']
           <> to_jsonb(old) - array['block_version_id', 'edge_version_id', 'updated_at'] then
            raise exception 'of a part of a pipeline only the pinned version changes' using errcode = '42501';
        end if;
        if new is distinct from old then
            new.updated_at := app.next_revision(old.updated_at);
        end if;
    end if;
    -- Locked as its revision below will lock it: writers of one graph queue here.
    if tg_op = 'DELETE' then
        perform from public.pipelines p where p.pipeline_id = old.pipeline_id for no key update;
        -- With its pipeline it goes in any case.
        if exists (select from public.pipelines p where p.pipeline_id = old.pipeline_id and p.archived_at is not null) then
            raise exception 'an archived pipeline does not change; restore it first'
                using errcode = '23514', constraint = 'pipelines_archived', table = 'pipelines';
        end if;
        return old;
    end if;
    perform from public.pipelines p where p.pipeline_id = new.pipeline_id and p.archived_at is null for no key update;
    if not found then
        raise exception 'there is no such pipeline'
            using errcode = '23503', constraint = tg_table_name || '_pipeline_id_fkey', table = tg_table_name;
    end if;
    if tg_op = 'INSERT' then
        -- FOR SHARE: it is not archived between this look and the commit.
        if tg_argv[0] = 'block' then
            perform from public.blocks b where b.block_id = (to_jsonb(new) ->> 'block_id')::uuid and b.archived_at is null for share;
        else
            perform from public.edges e where e.edge_id = (to_jsonb(new) ->> 'edge_id')::uuid and e.archived_at is null for share;
        end if;
        if not found then
            raise exception 'there is no such %', tg_argv[0]
                using errcode = '23503', constraint = tg_table_name || '_' || tg_argv[0] || '_id_fkey', table = tg_table_name;
        end if;
    end if;
    return new;
end $$;
create trigger pipeline_blocks_1_guard before insert or update or delete on public.pipeline_blocks
    for each row execute function app.guard_pipeline_part('block');
create trigger pipeline_edges_1_guard before insert or update or delete on public.pipeline_edges
    for each row execute function app.guard_pipeline_part('edge');

create trigger pipeline_blocks_9_audit after insert or update or delete on public.pipeline_blocks
    for each row execute function app.audit('pipeline', 'pipeline_id', 'pipeline_id', 'updated_at');
create trigger pipeline_edges_9_audit after insert or update or delete on public.pipeline_edges
    for each row execute function app.audit('pipeline', 'pipeline_id', 'pipeline_id', 'updated_at');

create function app.guard_run_figures() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'INSERT' then
        new.times_run := 0; new.average_runtime := null; new.runs_succeeded := 0; new.runtime_total := '0';
    elsif (new.times_run, new.average_runtime, new.runs_succeeded, new.runtime_total)
        is distinct from (old.times_run, old.average_runtime, old.runs_succeeded, old.runtime_total)
        and pg_trigger_depth() < 2 then
        raise exception 'the figures of runs are derived from pipeline_runs' using errcode = '42501';
    end if;
    return new;
end $$;
create trigger pipelines_2_figures before insert or update on public.pipelines
    for each row execute function app.guard_run_figures();

create function app.find_pipelines(query text) returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select p.pipeline_id
    from public.pipelines p
    where p.search @@ app.search_query(query)
$$;
comment on function app.find_pipelines(text) is 'As app.find_blocks, for pipelines.';

revoke execute on all functions in schema app from public;
grant execute on function app.find_pipelines(text) to blockyard_api;

-- Rights ---------------------------------------------------------------------------------------------

alter table public.pipelines enable row level security;
revoke all on public.pipelines from public, anon, authenticated, service_role;
grant select, insert (name, description, dagster_pipeline_config),
      update (name, description, dagster_pipeline_config, archived_at), delete on public.pipelines to authenticated;
create policy pipelines_select on public.pipelines for select to authenticated
    using ((select app.caller_role()) is not null and (archived_at is null or created_by = (select app.caller_id()) or (select app.caller_role()) = 'admin'));
create policy pipelines_insert on public.pipelines for insert to authenticated
    with check ((select app.caller_role()) in ('developer', 'admin'));
create policy pipelines_update on public.pipelines for update to authenticated
    using ((select app.caller_role()) in ('developer', 'admin')) with check ((select app.caller_role()) in ('developer', 'admin'));
create policy pipelines_delete on public.pipelines for delete to authenticated
    using ((select app.caller_role()) = 'admin');

alter table public.pipeline_blocks enable row level security;
revoke all on public.pipeline_blocks from public, anon, authenticated, service_role;
grant select, delete, insert (pipeline_id, block_id, block_version_id), update (block_version_id)
    on public.pipeline_blocks to authenticated;
create policy pipeline_blocks_select on public.pipeline_blocks for select to authenticated
    using (exists (select from public.pipelines p where p.pipeline_id = pipeline_blocks.pipeline_id offset 0));
create policy pipeline_blocks_insert on public.pipeline_blocks for insert to authenticated
    with check ((select app.caller_role()) in ('developer', 'admin'));
create policy pipeline_blocks_update on public.pipeline_blocks for update to authenticated
    using ((select app.caller_role()) in ('developer', 'admin') and exists (select from public.pipelines p where p.pipeline_id = pipeline_blocks.pipeline_id offset 0))
    with check ((select app.caller_role()) in ('developer', 'admin'));
create policy pipeline_blocks_delete on public.pipeline_blocks for delete to authenticated
    using ((select app.caller_role()) in ('developer', 'admin') and exists (select from public.pipelines p where p.pipeline_id = pipeline_blocks.pipeline_id offset 0));

alter table public.pipeline_edges enable row level security;
revoke all on public.pipeline_edges from public, anon, authenticated, service_role;
grant select, delete, insert (pipeline_id, edge_id, source_block_id, target_block_id, edge_version_id), update (edge_version_id)
    on public.pipeline_edges to authenticated;
create policy pipeline_edges_select on public.pipeline_edges for select to authenticated
    using (exists (select from public.pipelines p where p.pipeline_id = pipeline_edges.pipeline_id offset 0));
create policy pipeline_edges_insert on public.pipeline_edges for insert to authenticated
    with check ((select app.caller_role()) in ('developer', 'admin'));
create policy pipeline_edges_update on public.pipeline_edges for update to authenticated
    using ((select app.caller_role()) in ('developer', 'admin') and exists (select from public.pipelines p where p.pipeline_id = pipeline_edges.pipeline_id offset 0))
    with check ((select app.caller_role()) in ('developer', 'admin'));
create policy pipeline_edges_delete on public.pipeline_edges for delete to authenticated
    using ((select app.caller_role()) in ('developer', 'admin') and exists (select from public.pipelines p where p.pipeline_id = pipeline_edges.pipeline_id offset 0));
