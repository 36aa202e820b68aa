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
    activation public.activation_mode not null default 'open',
    name_key text collate "C" not null,
    search tsvector not null,
    metadata_words tsvector not null,
    constraint edges_name_check check (app.is_name(name)),
    constraint edges_description_check check (char_length(description) <= 10000),
    -- What else is asked of it: app.require_json().
    constraint edges_metadata_check check (jsonb_typeof(metadata) = 'object')
);
comment on table public.edges is 'Named, versioned connections between blocks, as they are in use now. Every change of content appends to edge_versions.';
comment on column public.edges.metadata is 'Of the active version.';
comment on column public.edges.version_number is 'Of the active version.';
comment on column public.edges.latest_version_number is 'The highest number given so far; higher than version_number after a rollback, or while there is a candidate.';
comment on column public.edges.activation is
    'open: a change is in use at once. reviewed: it appends a candidate, which somebody other than its author activates'
    ', once it has passed.';
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
-- Whoever looks for names and descriptions only asks `search` as well.
create index edges_words_idx on public.edges using gin ((search || metadata_words));

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
    activated_at timestamptz,
    withdrawn_at timestamptz,
    withdrawn_by uuid constraint edge_versions_withdrawn_by_fkey references public.users,
    withdrawn_reason text,
    constraint edge_versions_number_key unique (edge_id, version_number),
    constraint edge_versions_version_id_edge_id_key unique (version_id, edge_id),
    constraint edge_versions_version_number_check check (version_number >= 1),
    constraint edge_versions_description_check check (char_length(description) <= 10000),
    constraint edge_versions_metadata_check check (jsonb_typeof(metadata) = 'object'),
    constraint edge_versions_activated_at_check check (activated_at is not null or not is_active),
    constraint edge_versions_withdrawn_at_check check ((withdrawn_at is null) = (withdrawn_reason is null)),
    constraint edge_versions_withdrawn_reason_check check (app.is_line(withdrawn_reason, 1000))
);
comment on table public.edge_versions is
    'Append-only snapshots of an edge, numbered 1, 2, 3 … without gaps. One that is inserted is a candidate: not in use until it is activated.';
comment on column public.edge_versions.activated_at is 'When it was first in use; null of a candidate.';
comment on column public.edge_versions.withdrawn_reason is
    'Why no pipeline may run on it; null of a version that is not withdrawn. Whoever may write sets it; whoever set it, or an admin, clears it.';
create unique index edge_versions_active_key on public.edge_versions (edge_id) where is_active;
create index edge_versions_created_by_idx on public.edge_versions (created_by);
create index edge_versions_withdrawn_by_idx on public.edge_versions (withdrawn_by) where withdrawn_by is not null;

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
    target record;
    printed text;
begin
    if tg_op = 'UPDATE' and new.metadata = old.metadata then
        -- As it was written: 1.0 in the place of 1 changes nothing.
        new.metadata := old.metadata;
    else
        -- (What is large is looked at before it is printed: a few bytes can be a gigabyte of digits.)
        if pg_column_size(new.metadata) < 1000 then
            printed := new.metadata::text;
        end if;
        -- (Small ones without long numbers and odd characters need no call, which costs more than this look.)
        if pg_column_size(new.metadata) >= 1000 or jsonb_typeof(new.metadata) <> 'object'
           or printed ~ '[0-9.]{16}|[\uFDD0-\U0010FFFF]'
           or octet_length(printed) > 200 and new.metadata @? 'strict $.**{100}' then
            perform app.require_json(new.metadata, 'edges', 'metadata');
        end if;
    end if;
    if tg_op = 'INSERT' then
        new.name := app.tidy(new.name);
        new.current_version_id := app.uuid_v7();
        new.version_number := 1;
        new.latest_version_number := 1;
        new.archived_at := null;
        new.name_key := app.name_key(new.name);
        new.search := app.search_vector(new.name, new.description);
        new.metadata_words := app.metadata_words(coalesce(printed, new.metadata::text));
        perform app.keep_spellings(new.name);
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

    if new.activation <> old.activation and app.caller_id() is not null then
        if new.activation = 'reviewed' and not app.is_admin() and old.created_by is distinct from app.caller_id() then
            raise exception 'only its creator or an admin has the changes of an edge reviewed'
                using errcode = '42501', constraint = 'edges_reviewed', table = 'edges';
        end if;
        if new.activation = 'open' and (not app.is_admin() or exists (
            select from public.edge_versions v
            where v.edge_id = old.edge_id and v.activated_at is null and v.created_by = app.caller_id())) then
            raise exception 'only an admin who wrote none of its candidates ends the review of an edge'
                using errcode = '42501', constraint = 'edges_reviewed', table = 'edges';
        end if;
    end if;
    if new.archived_at is not null and (
        (new.name, new.description, new.metadata) is distinct from (old.name, old.description, old.metadata)
        or new.current_version_id <> old.current_version_id or new.activation <> old.activation) then
        raise exception 'an archived edge does not change; restore it first'
            using errcode = '23514', constraint = 'edges_archived', table = 'edges';
    end if;

    if (new.name, new.description, new.metadata) is distinct from (old.name, old.description, old.metadata) then
        if new.current_version_id <> old.current_version_id then
            raise exception 'either change an edge or activate one of its versions'
                using errcode = '23514', constraint = 'edges_change_or_activate', table = 'edges';
        end if;
        new.latest_version_number := old.latest_version_number + 1;
        if new.activation = 'reviewed' then
            if new.name <> old.name then
                raise exception 'an edge keeps its name while its changes are reviewed: it would be another''s in every pipeline at once'
                    using errcode = '23514', constraint = 'edges_reviewed_name', table = 'edges';
            end if;
            new.updated_at := app.next_revision(old.updated_at);
            insert into public.edge_versions (version_id, edge_id, version_number, name, description, metadata, created_at, created_by, is_active)
            values (app.uuid_v7(), new.edge_id, new.latest_version_number, new.name, new.description, new.metadata,
                new.updated_at, app.caller_id(), false);
            new.description := old.description;
            new.metadata := old.metadata;
        else
            new.current_version_id := app.uuid_v7();
            new.version_number := new.latest_version_number;
        end if;
    elsif new.current_version_id <> old.current_version_id then
        select v.version_number, v.description, v.metadata, v.created_by, v.withdrawn_reason
        into target
        from public.edge_versions v
        where v.version_id = new.current_version_id and v.edge_id = new.edge_id
        -- Whoever withdraws it, or reports on it, waits, or has come first.
        for share;
        if not found then
            raise exception 'that version belongs to another edge'
                using errcode = '23503', constraint = 'edges_current_version_id_fkey', table = 'edges';
        end if;
        if target.withdrawn_reason is not null then
            raise exception 'version % is withdrawn: %', target.version_number, target.withdrawn_reason
                using errcode = '23514', constraint = 'edges_withdrawn', table = 'edges';
        end if;
        if new.activation = 'reviewed' then
            if target.created_by = app.caller_id() then
                raise exception 'somebody other than its author activates a version of an edge whose changes are reviewed'
                    using errcode = '42501', constraint = 'edges_reviewed', table = 'edges';
            end if;
            perform app.require_current_view();
            if (select s.status from app.edge_version_statuses s where s.version_id = new.current_version_id) <> 'passed' then
                raise exception 'version % has not passed: an edge whose changes are reviewed takes no other', target.version_number
                    using errcode = '23514', constraint = 'edges_unverified', table = 'edges';
            end if;
        end if;
        -- Activation brings back everything but the name, which stays.
        new.description := target.description;
        new.metadata := target.metadata;
        new.version_number := target.version_number;
    end if;

    if new.updated_at = old.updated_at and (
        new.current_version_id <> old.current_version_id or new.latest_version_number <> old.latest_version_number
        or new.archived_at is distinct from old.archived_at or new.activation <> old.activation) then
        new.updated_at := app.next_revision(old.updated_at);
    end if;
    -- Not by app.derive_words(): the condition of its trigger would be read and planned with every change of a row.
    if new.name <> old.name or new.description is distinct from old.description then
        new.name_key := app.name_key(new.name);
        new.search := app.search_vector(new.name, new.description);
        if new.name <> old.name then
            perform app.keep_spellings(new.name);
        end if;
    end if;
    if new.metadata <> old.metadata then
        new.metadata_words := app.metadata_words(coalesce(printed, new.metadata::text));
    end if;
    return new;
end $$;
comment on function app.track_edge_versions() is
    'BEFORE INSERT OR UPDATE: numbers versions, keeps what is reviewed as a candidate, activates, archives, and derives what names are found by.';

create function app.append_edge_version() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- The two audit rows of a change (the version, and the pointer that moved to it) are written here
-- and in one statement, for they are a good part of what a change costs.
declare
    unaudited constant text[] := array['search', 'metadata_words', 'name_key', 'updated_at', 'metadata', 'latest_version_number'];
    author uuid;
    version jsonb;
    context jsonb;
    change jsonb;
    made_at text;
begin
    if tg_op = 'UPDATE' and new.current_version_id = old.current_version_id then
        change := app.changed_columns(app.row_json(to_jsonb(old) - unaudited), app.row_json(to_jsonb(new) - unaudited));
        if change -> 'after' <> 'null' then
            insert into public.audit_logs (user_id, action_type, entity_type, entity_id, subject_id, details)
            values (app.caller_id(), 'UPDATE', 'edge', new.edge_id, new.edge_id, app.audit_context() || jsonb_build_object('table', 'edges') || change);
        end if;
        return null;
    end if;
    author := app.caller_id();
    if tg_op = 'UPDATE' then
        update public.edge_versions set is_active = false where version_id = old.current_version_id;
    end if;
    if tg_op = 'INSERT' or new.latest_version_number <> old.latest_version_number then
        made_at := app.time_text(new.updated_at);
        insert into public.edge_versions (version_id, edge_id, version_number, name, description, metadata, created_at, created_by, is_active, activated_at)
        values (new.current_version_id, new.edge_id, new.version_number, new.name, new.description, new.metadata,
            new.updated_at, case when tg_op = 'INSERT' then new.created_by else author end, true, new.updated_at)
        returning to_jsonb(edge_versions) || jsonb_build_object('created_at', made_at, 'activated_at', made_at) into version;
    else
        update public.edge_versions set is_active = true, activated_at = coalesce(activated_at, new.updated_at)
        where version_id = new.current_version_id;
    end if;

    context := app.audit_context();
    if tg_op = 'UPDATE' then
        -- The ordinary change spares both rows their whole conversion to JSON.
        if (new.name, new.description, new.created_by, new.created_at)
            is not distinct from (old.name, old.description, old.created_by, old.created_at)
        then
            change := context || jsonb_build_object('table', 'edges',
                'before', jsonb_build_object('current_version_id', old.current_version_id, 'version_number', old.version_number),
                'after', jsonb_build_object('current_version_id', new.current_version_id, 'version_number', new.version_number));
        else
            change := context || jsonb_build_object('table', 'edges')
                || app.changed_columns(app.row_json(to_jsonb(old) - unaudited), app.row_json(to_jsonb(new) - unaudited));
        end if;
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

create function app.append_edge_candidate() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    it record;
begin
    if num_nonnulls(new.version_number, new.name, new.created_at, new.created_by, new.is_active, new.activated_at,
        new.withdrawn_at, new.withdrawn_by, new.withdrawn_reason) > 0 then
        raise exception 'of a version only the content is said; the rest is given' using errcode = '42501';
    end if;
    -- Writers of one edge queue on its row, whatever they append.
    select p.name, p.archived_at into it
    from public.edges p where p.edge_id = new.edge_id for no key update;
    if not found then
        raise exception 'there is no such edge'
            using errcode = '23503', constraint = 'edge_versions_edge_id_fkey', table = 'edge_versions';
    end if;
    if it.archived_at is not null then
        raise exception 'an archived edge does not change; restore it first'
            using errcode = '23514', constraint = 'edges_archived', table = 'edges';
    end if;
    perform app.require_json(new.metadata, 'edge_versions', 'metadata');
    update public.edges p set latest_version_number = p.latest_version_number + 1
    where p.edge_id = new.edge_id
    returning p.latest_version_number, p.updated_at into new.version_number, new.created_at;
    new.version_id := app.uuid_v7();
    new.name := it.name;
    new.created_by := app.caller_id();
    new.is_active := false;
    return new;
end $$;
comment on function app.append_edge_candidate() is
    'BEFORE INSERT: a version that anybody inserts is the next one, has the edge''s name, and is a candidate.';

create function app.guard_edge_versions() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Holds for the owner of the tables as well: what a version says about its edge must be so.
declare
    current_id uuid;
    archived timestamptz;
begin
    if tg_op = 'DELETE' then
        -- Only with its edge, which is gone by then.
        if exists (select from public.edges p where p.edge_id = old.edge_id) then
            raise exception 'versions are append-only' using errcode = '42501';
        end if;
        return old;
    end if;
    select p.current_version_id, p.archived_at into current_id, archived from public.edges p where p.edge_id = old.edge_id;
    if new.is_active is distinct from (new.version_id = current_id) then
        raise exception 'the active version is the one that the edge points to' using errcode = '42501';
    end if;
    if new.withdrawn_reason is distinct from old.withdrawn_reason then
        if archived is not null then
            raise exception 'an archived edge does not change; restore it first'
                using errcode = '23514', constraint = 'edges_archived', table = 'edges';
        end if;
        if old.withdrawn_reason is not null and app.caller_id() is not null and not app.is_admin()
           and old.withdrawn_by is distinct from app.caller_id() then
            raise exception 'only whoever withdrew a version, or an admin, says otherwise'
                using errcode = '42501', constraint = 'edge_versions_withdrawn_by', table = 'edge_versions';
        end if;
        new.withdrawn_reason := app.trimmed(new.withdrawn_reason);
        new.withdrawn_at := case when new.withdrawn_reason is not null then clock_timestamp() end;
        new.withdrawn_by := case when new.withdrawn_reason is not null then app.caller_id() end;
    end if;
    old.is_active := new.is_active;
    old.withdrawn_at := new.withdrawn_at;
    old.withdrawn_by := new.withdrawn_by;
    old.withdrawn_reason := new.withdrawn_reason;
    if new is distinct from old then
        raise exception 'versions are append-only' using errcode = '42501';
    end if;
    return new;
end $$;
comment on function app.guard_edge_versions() is
    'BEFORE UPDATE OR DELETE: append-only, and active as the edge says; withdrawn, and back, by those who may.';

create function app.see_edge() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform from public.edges p where p.edge_id = new.edge_id;
    if not found then
        raise exception 'there is no such edge'
            using errcode = '23503', constraint = tg_table_name || '_edge_id_fkey', table = tg_table_name;
    end if;
    return new;
end $$;
comment on function app.see_edge() is
    'BEFORE INSERT, with the rights of whoever inserts: the guard tells of an edge to those who see it.';

-- (A candidate is numbered by app.append_edge_candidate(); who else would write these has no grant.)
create trigger edges_0_numbers before update of version_number, latest_version_number on public.edges
    for each row when (pg_trigger_depth() = 0) execute function app.refuse_derived();
create trigger edges_0_words before update of name_key, search, metadata_words on public.edges
    for each row execute function app.refuse_derived();
create trigger edges_1_versions before insert or update on public.edges
    for each row execute function app.track_edge_versions();
create trigger edges_8_versions after insert or update on public.edges
    for each row execute function app.append_edge_version();
-- (A change is in the trail by app.append_edge_version().)
create trigger edges_9_audit after insert or delete on public.edges
    for each row execute function app.audit('edge', 'edge_id', 'edge_id', 'search,metadata_words,name_key,updated_at,metadata,latest_version_number');
-- (What comes from a trigger of the owner's comes from app.track_edge_versions() or app.append_edge_version(), which write
-- what these would ask for, or goes with its edge. A trigger of somebody else's has their rights.)
create trigger edge_versions_0_seen before insert on public.edge_versions
    for each row when (pg_trigger_depth() = 0 or row_security_active('public.edge_versions'::regclass)) execute function app.see_edge();
create trigger edge_versions_1_append before insert on public.edge_versions
    for each row when (pg_trigger_depth() = 0 or row_security_active('public.edge_versions'::regclass))
    execute function app.append_edge_candidate();
create trigger edge_versions_1_guard before update or delete on public.edge_versions
    for each row when (pg_trigger_depth() = 0 or row_security_active('public.edge_versions'::regclass))
    execute function app.guard_edge_versions();
-- (Of a version that is in use at once, app.append_edge_version().)
create trigger edge_versions_9_audit after insert on public.edge_versions
    for each row when (not new.is_active) execute function app.audit('metadata', 'version_id', 'edge_id', '');
create trigger edge_versions_9_audit_withdrawn after update of withdrawn_reason on public.edge_versions
    for each row when (new.withdrawn_reason is distinct from old.withdrawn_reason)
    execute function app.audit('metadata', 'version_id', 'edge_id', 'metadata');
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
    where (e.search || e.metadata_words) @@ (select app.search_query(query)) and e.search @@ (select app.search_query(query))
$$;
comment on function app.find_edges(text) is 'The ids of the edges whose name or description has these words, in the language of web searches.';

revoke execute on all functions in schema app from public;
grant execute on function app.find_edges(text) to blockyard_api;

alter table public.edges enable row level security;
revoke all on public.edges from public, anon, authenticated, service_role;
grant select, insert (name, description, metadata, activation),
      update (name, description, metadata, current_version_id, archived_at, activation),
      delete on public.edges to authenticated;
-- Archived rows are out of sight, except for those who may restore them.
create policy edges_select on public.edges for select to authenticated
    using ((select app.caller_role()) is not null and (archived_at is null or created_by = (select app.caller_id()) or (select app.is_admin())));
create policy edges_insert on public.edges for insert to authenticated
    with check ((select app.can_write()));
-- (Who writes does not depend on the row, so that `using` has asked already; asking anew for the check is a part of what a
-- change costs. What it says instead is true of every row: Supabase's advisors take `true` for no policy at all.)
create policy edges_update on public.edges for update to authenticated
    using ((select app.can_write())) with check (current_version_id is not null);
create policy edges_delete on public.edges for delete to authenticated
    using ((select app.is_admin()));

alter table public.edge_versions enable row level security;
revoke all on public.edge_versions from public, anon, authenticated, service_role;
grant select, insert (edge_id, description, metadata), update (withdrawn_reason) on public.edge_versions to authenticated;
-- Whoever sees an edge sees its versions (see block_versions_select).
create policy edge_versions_select on public.edge_versions for select to authenticated
    using (exists (select from public.edges e where e.edge_id = edge_versions.edge_id offset 0));
create policy edge_versions_insert on public.edge_versions for insert to authenticated
    with check ((select app.can_write()));
create policy edge_versions_update on public.edge_versions for update to authenticated
    using ((select app.can_write()) and exists (select from public.edges e where e.edge_id = edge_versions.edge_id offset 0))
    with check ((select app.can_write()));
