create table public.edges (
    edge_id uuid not null default app.uuid_v7() constraint edges_pkey primary key,
    name text not null,
    description text,
    metadata jsonb not null default '{}',
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    created_by uuid default app.caller_id() constraint edges_created_by_fkey references public.users,
    archived_at timestamptz,
    current_version_id uuid not null,
    version_number int not null,
    latest_version_number int not null,
    name_key text collate "C" not null generated always as (lower(name)) stored,
    search tsvector generated always as (
        setweight(to_tsvector('english', name), 'A')
        || setweight(to_tsvector('english', coalesce(description, '')), 'B')) stored,
    constraint edges_name_check check (app.is_name(name)),
    constraint edges_description_check check (char_length(description) <= 10000),
    constraint edges_metadata_check check (
        jsonb_typeof(metadata) = 'object' and pg_column_size(metadata) <= 524288
        -- deeper, and ordinary JSON parsers give up
        and not jsonb_path_exists(metadata, '$.**{100}'))
);
comment on table public.edges is 'Named, versioned connections between blocks, as they are in use now. Every change of content appends to edge_versions.';
comment on column public.edges.metadata is 'Of the active version.';
comment on column public.edges.version_number is 'Of the active version.';
comment on column public.edges.latest_version_number is 'The highest number given so far; higher than version_number after a rollback.';
comment on column public.edges.updated_at is 'The revision that an ETag names; grows with every change of this row.';
comment on column public.edges.name_key is
    'By which names are found, compared and sorted: byte by byte, so that a cursor means the same in every database. '
    'A column, because an index on an expression is of no use to a condition under row-level security.';
create unique index edges_name_key on public.edges (name_key) where archived_at is null;
create index edges_name_order_idx on public.edges (name_key, edge_id);
create index edges_created_at_idx on public.edges (created_at, edge_id);
create index edges_updated_at_idx on public.edges (updated_at, edge_id);
create index edges_archived_at_idx on public.edges (archived_at, edge_id) where archived_at is not null;
create index edges_created_by_idx on public.edges (created_by);
create index edges_search_idx on public.edges using gin (search);

create table public.edge_versions (
    version_id uuid not null default app.uuid_v7() constraint edge_versions_pkey primary key,
    edge_id uuid not null constraint edge_versions_edge_id_fkey references public.edges on delete cascade,
    version_number int not null,
    name text not null,
    description text,
    metadata jsonb not null,
    created_at timestamptz not null,
    created_by uuid constraint edge_versions_created_by_fkey references public.users,
    is_active boolean not null,
    constraint edge_versions_number_key unique (edge_id, version_number),
    constraint edge_versions_version_id_edge_id_key unique (version_id, edge_id),
    constraint edge_versions_version_number_check check (version_number >= 1)
);
comment on table public.edge_versions is 'Append-only snapshots of a edge, numbered 1, 2, 3 … without gaps.';
create unique index edge_versions_active_key on public.edge_versions (edge_id) where is_active;
create index edge_versions_created_by_idx on public.edge_versions (created_by);

-- Deferred: the pointer is known before the version is written.
alter table public.edges add constraint edges_current_version_id_fkey
    foreign key (current_version_id, edge_id) references public.edge_versions (version_id, edge_id)
    deferrable initially deferred;
create index edges_current_version_id_idx on public.edges (current_version_id, edge_id);

create trigger edges_0_numbers before update of version_number, latest_version_number on public.edges
    for each row execute function app.refuse_derived();
create trigger edges_1_versions before insert or update on public.edges
    for each row execute function app.track_versions('edge');
create trigger edges_8_versions after insert or update on public.edges
    for each row execute function app.append_version('edge', 'search,name_key,updated_at,metadata,latest_version_number');
create trigger edges_9_audit after insert or delete on public.edges
    for each row execute function app.audit('edge', 'edge_id', 'edge_id', 'search,name_key,updated_at,metadata,latest_version_number');
-- A change of version is in the trail by app.append_version().
create trigger edges_9_audit_update after update on public.edges
    for each row when (new.current_version_id = old.current_version_id)
    execute function app.audit('edge', 'edge_id', 'edge_id', 'search,name_key,updated_at,metadata,latest_version_number');
create trigger edge_versions_1_guard before insert or update or delete on public.edge_versions
    for each row execute function app.guard_versions('edge');
create trigger edge_versions_no_truncate before truncate on public.edge_versions
    for each statement execute function app.refuse_truncate();

alter table public.edges enable row level security;
revoke all on public.edges from public, anon, authenticated, service_role;
grant select, insert (name, description, metadata),
      update (name, description, metadata, current_version_id, archived_at),
      delete on public.edges to authenticated;
-- Archived rows are out of sight, except for those who may restore them.
create policy edges_select on public.edges for select to authenticated
    using ((select app.caller_role()) is not null and (archived_at is null or created_by = (select app.caller_id()) or (select app.caller_role()) = 'admin'));
create policy edges_insert on public.edges for insert to authenticated
    with check ((select app.caller_role()) in ('developer', 'admin'));
create policy edges_update on public.edges for update to authenticated
    using ((select app.caller_role()) in ('developer', 'admin')) with check ((select app.caller_role()) in ('developer', 'admin'));
create policy edges_delete on public.edges for delete to authenticated
    using ((select app.caller_role()) = 'admin');

alter table public.edge_versions enable row level security;
revoke all on public.edge_versions from public, anon, authenticated, service_role;
grant select on public.edge_versions to authenticated;
-- Whoever sees an edge sees its versions (see block_versions_select).
create policy edge_versions_select on public.edge_versions for select to authenticated
    using (exists (select from public.edges e where e.edge_id = edge_versions.edge_id offset 0));
