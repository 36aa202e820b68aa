-- Edges and their versions (see 0005_versions.sql).

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
    name_key text collate "C" not null,
    search tsvector not null,
    constraint edges_name_check check (app.is_name(name)),
    constraint edges_description_check check (char_length(description) <= 10000),
    -- What else is asked of it: app.require_json().
    constraint edges_metadata_check check (jsonb_typeof(metadata) = 'object')
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
comment on table public.edge_versions is 'Append-only snapshots of an edge, numbered 1, 2, 3 … without gaps.';
create unique index edge_versions_active_key on public.edge_versions (edge_id) where is_active;
create index edge_versions_created_by_idx on public.edge_versions (created_by);

-- Deferred: the pointer is known before the version is written.
alter table public.edges add constraint edges_current_version_id_fkey
    foreign key (current_version_id, edge_id) references public.edge_versions (version_id, edge_id)
    deferrable initially deferred;
create index edges_current_version_id_idx on public.edges (current_version_id, edge_id);

-- Versions ----------------------------------------------------------------------------------------

create function app.track_edge_versions() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    target_number int;
begin
    if tg_op = 'UPDATE' and new.metadata = old.metadata then
        -- As it was written: 1.0 in the place of 1 changes nothing.
        new.metadata := old.metadata;
    elsif pg_column_size(new.metadata) >= 1000 or jsonb_typeof(new.metadata) <> 'object'
          or new.metadata::text ~ '[0-9.]{16}|[\uFDD0-\U0010FFFF]'
          or octet_length(new.metadata::text) > 200 and new.metadata @? 'strict $.**{100}' then
        -- (Small ones without long numbers and odd characters need no call, which costs more than this look.)
        perform app.require_json(new.metadata, 'edges', 'metadata');
    end if;
    if tg_op = 'INSERT' then
        new.name := app.tidy(new.name);
        new.current_version_id := app.uuid_v7();
        new.version_number := 1;
        new.latest_version_number := 1;
        new.archived_at := null;
        return new;
    end if;

    if new.name <> old.name then
        new.name := app.tidy(new.name);
    end if;
    if new.archived_at is distinct from old.archived_at then
        if app.caller_id() is not null and not app.is_admin()
           and old.created_by is distinct from app.caller_id() then
            raise exception 'only its creator or an admin archives and restores an edge'
                using errcode = '42501';
        end if;
        if new.archived_at is not null then
            new.archived_at := coalesce(old.archived_at, clock_timestamp());
        end if;
    end if;

    if (new.name, new.description, new.metadata) is distinct from (old.name, old.description, old.metadata) then
        if new.archived_at is not null then
            raise exception 'an archived edge does not change; restore it first'
                using errcode = '23514', constraint = 'edges_archived', table = 'edges';
        end if;
        if new.current_version_id <> old.current_version_id then
            raise exception 'either change an edge or activate one of its versions'
                using errcode = '23514', constraint = 'edges_change_or_activate', table = 'edges';
        end if;
        new.current_version_id := app.uuid_v7();
        new.latest_version_number := old.latest_version_number + 1;
        new.version_number := new.latest_version_number;
    elsif new.current_version_id <> old.current_version_id then
        if new.archived_at is not null then
            raise exception 'an archived edge does not change; restore it first'
                using errcode = '23514', constraint = 'edges_archived', table = 'edges';
        end if;
        -- Activation brings back everything but the name, which stays.
        select v.version_number, v.description, v.metadata
        into target_number, new.description, new.metadata
        from public.edge_versions v
        where v.version_id = new.current_version_id and v.edge_id = new.edge_id;
        if target_number is null then
            raise exception 'that version belongs to another edge'
                using errcode = '23503', constraint = 'edges_current_version_id_fkey', table = 'edges';
        end if;
        new.version_number := target_number;
    end if;

    if new.current_version_id <> old.current_version_id or new.archived_at is distinct from old.archived_at then
        new.updated_at := app.next_revision(old.updated_at);
    end if;
    return new;
end $$;
comment on function app.track_edge_versions() is 'BEFORE INSERT OR UPDATE: numbers versions, activates, archives.';

create function app.append_edge_version() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- The two audit rows of a change (the version, and the pointer that moved to it) are written here
-- and in one statement, for they are a good part of what a change costs.
declare
    unaudited constant text[] := array['search', 'name_key', 'updated_at', 'metadata', 'latest_version_number'];
    author uuid;
    version jsonb;
    context jsonb;
    change jsonb;
begin
    if tg_op = 'UPDATE' and new.current_version_id = old.current_version_id then
        return null;
    end if;
    author := app.caller_id();
    if tg_op = 'UPDATE' then
        update public.edge_versions set is_active = false where version_id = old.current_version_id;
    end if;
    if tg_op = 'INSERT' or new.latest_version_number <> old.latest_version_number then
        insert into public.edge_versions (version_id, edge_id, version_number, name, description, metadata, created_at, created_by, is_active)
        values (new.current_version_id, new.edge_id, new.version_number, new.name, new.description, new.metadata,
            new.updated_at, case when tg_op = 'INSERT' then new.created_by else author end, true)
        returning to_jsonb(edge_versions) || jsonb_build_object('created_at', app.time_text(created_at)) into version;
    else
        update public.edge_versions set is_active = true where version_id = new.current_version_id;
    end if;

    context := app.audit_context();
    if tg_op = 'UPDATE' then
        -- The ordinary change spares both rows their whole conversion to JSON.
        change := context || jsonb_build_object('table', 'edges') || case
            when (new.name, new.description, new.created_by, new.created_at)
                is not distinct from (old.name, old.description, old.created_by, old.created_at)
            then jsonb_build_object(
                'before', jsonb_build_object('current_version_id', old.current_version_id, 'version_number', old.version_number),
                'after', jsonb_build_object('current_version_id', new.current_version_id, 'version_number', new.version_number))
            else app.changed_columns(app.row_json(to_jsonb(old) - unaudited), app.row_json(to_jsonb(new) - unaudited))
            end;
    end if;
    insert into public.audit_logs (user_id, action_type, entity_type, entity_id, subject_id, details)
    select author, row.action_type, row.entity_type, row.entity_id, new.edge_id, row.details
    from (values
        ('CREATE'::public.action_type, 'metadata'::public.audit_entity_type, new.current_version_id,
            -- None is made when an older one is activated.
            case when version is not null then context || jsonb_build_object('table', 'edge_versions', 'after', version) end),
        ('UPDATE', 'edge', new.edge_id, change)
    ) as row (action_type, entity_type, entity_id, details)
    where row.details is not null;
    return null;
end $$;
comment on function app.append_edge_version() is
    'AFTER INSERT OR UPDATE: writes the snapshot, moves is_active, and puts both into the audit trail.';

create function app.guard_edge_versions() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Holds for the owner of the tables as well: what a version says about its edge must be so.
declare
    current_id uuid;
    latest_number int;
begin
    select p.current_version_id, p.latest_version_number into current_id, latest_number
    from public.edges p where p.edge_id = case when tg_op = 'DELETE' then old.edge_id else new.edge_id end;
    if tg_op = 'DELETE' then
        -- Only with its edge, which is gone by then.
        if current_id is not null then
            raise exception 'versions are append-only' using errcode = '42501';
        end if;
        return old;
    end if;
    if tg_op = 'INSERT' then
        if new.version_id is distinct from current_id
           or new.version_number is distinct from latest_number or not new.is_active then
            raise exception 'a version is appended by changing its edge' using errcode = '42501';
        end if;
        return new;
    end if;
    if new.is_active is distinct from (new.version_id = current_id) then
        raise exception 'the active version is the one that the edge points to' using errcode = '42501';
    end if;
    old.is_active := new.is_active;
    if new is distinct from old then
        raise exception 'versions are append-only' using errcode = '42501';
    end if;
    return new;
end $$;
comment on function app.guard_edge_versions() is
    'BEFORE INSERT OR UPDATE OR DELETE: append-only, numbered and active as the edge says.';

create trigger edges_0_derived before update of version_number, latest_version_number, name_key, search on public.edges
    for each row execute function app.refuse_derived();
create trigger edges_1_versions before insert or update on public.edges
    for each row execute function app.track_edge_versions();
create trigger edges_2_words before insert on public.edges
    for each row execute function app.derive_words();
create trigger edges_2_words_update before update on public.edges
    for each row when ((new.name, new.description) is distinct from (old.name, old.description))
    execute function app.derive_words();
create trigger edges_8_versions after insert or update on public.edges
    for each row execute function app.append_edge_version();
create trigger edges_9_audit after insert or delete on public.edges
    for each row execute function app.audit('edge', 'edge_id', 'edge_id', 'search,name_key,updated_at,metadata,latest_version_number');
-- A change of version is in the trail by app.append_edge_version().
create trigger edges_9_audit_update after update on public.edges
    for each row when (new.current_version_id = old.current_version_id)
    execute function app.audit('edge', 'edge_id', 'edge_id', 'search,name_key,updated_at,metadata,latest_version_number');
-- (Nobody but the owner may write here. What comes from a trigger comes from app.append_edge_version(), which
-- writes what this would ask for, or goes with its edge.)
create trigger edge_versions_1_guard before insert or update or delete on public.edge_versions
    for each row when (pg_trigger_depth() = 0) execute function app.guard_edge_versions();
create trigger edge_versions_no_truncate before truncate on public.edge_versions
    for each statement execute function app.refuse_truncate();

-- Finding and rights -----------------------------------------------------------------------

-- Text search cannot use its index under row-level security (see app.find_blocks).
create function app.find_edges(query text) returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select e.edge_id
    from public.edges e
    where e.search @@ app.search_query(query)
$$;
comment on function app.find_edges(text) is 'The ids of the edges whose name or description has these words, in the language of web searches.';

revoke execute on all functions in schema app from public;
grant execute on function app.find_edges(text) to blockyard_api;

alter table public.edges enable row level security;
revoke all on public.edges from public, anon, authenticated, service_role;
grant select, insert (name, description, metadata),
      update (name, description, metadata, current_version_id, archived_at),
      delete on public.edges to authenticated;
-- Archived rows are out of sight, except for those who may restore them.
create policy edges_select on public.edges for select to authenticated
    using ((select app.caller_role()) is not null and (archived_at is null or created_by = (select app.caller_id()) or (select app.is_admin())));
create policy edges_insert on public.edges for insert to authenticated
    with check ((select app.can_write()));
create policy edges_update on public.edges for update to authenticated
    using ((select app.can_write())) with check ((select app.can_write()));
create policy edges_delete on public.edges for delete to authenticated
    using ((select app.is_admin()));

alter table public.edge_versions enable row level security;
revoke all on public.edge_versions from public, anon, authenticated, service_role;
grant select on public.edge_versions to authenticated;
-- Whoever sees an edge sees its versions (see block_versions_select).
create policy edge_versions_select on public.edge_versions for select to authenticated
    using (exists (select from public.edges e where e.edge_id = edge_versions.edge_id offset 0));
