-- Blocks and their versions (see 0005_versions.sql).

create table public.blocks (
    block_id uuid not null default app.uuid_v7() constraint blocks_pkey primary key,
    name text not null,
    block_type public.block_type not null,
    description text,
    metadata jsonb not null default '{}',
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    created_by uuid default app.caller_id() constraint blocks_created_by_fkey references public.users,
    archived_at timestamptz,
    current_version_id uuid not null,
    version_number int not null,
    latest_version_number int not null,
    activation public.activation_mode not null default 'open',
    name_key text collate "C" not null,
    search tsvector not null,
    metadata_words tsvector not null,
    constraint blocks_name_check check (app.is_name(name)),
    constraint blocks_description_check check (char_length(description) <= 10000),
    -- What else is asked of it: app.require_json().
    constraint blocks_metadata_check check (jsonb_typeof(metadata) = 'object')
);
comment on table public.blocks is 'Named datasets and models, as they are in use now. Every change of content appends to block_versions.';
comment on column public.blocks.metadata is 'Of the active version.';
comment on column public.blocks.version_number is 'Of the active version.';
comment on column public.blocks.latest_version_number is 'The highest number given so far; higher than version_number after a rollback, or while there is a candidate.';
comment on column public.blocks.activation is
    'open: a change is in use at once. reviewed: it appends a candidate, which somebody other than its author activates'
    '.';
comment on column public.blocks.updated_at is 'The revision that an ETag names; grows with every change of this row.';
comment on column public.blocks.name_key is
    'By which names are found, compared and sorted: byte by byte, so that a cursor means the same in every database. '
    'A column, because an index on an expression is of no use to a condition under row-level security.';
create unique index blocks_name_key on public.blocks (name_key) where archived_at is null;
create index blocks_name_order_idx on public.blocks (name_key, block_id);
create index blocks_created_at_idx on public.blocks (created_at, block_id);
create index blocks_updated_at_idx on public.blocks (updated_at, block_id);
create index blocks_archived_at_idx on public.blocks (archived_at, block_id) where archived_at is not null;
create index blocks_created_by_idx on public.blocks (created_by);
-- Whoever looks for names and descriptions only asks `search` as well.
create index blocks_words_idx on public.blocks using gin ((search || metadata_words));

create table public.block_versions (
    version_id uuid not null default app.uuid_v7() constraint block_versions_pkey primary key,
    block_id uuid not null constraint block_versions_block_id_fkey references public.blocks on delete cascade,
    version_number int not null,
    name text not null,
    block_type public.block_type not null,
    description text,
    metadata jsonb not null,
    created_at timestamptz not null,
    created_by uuid constraint block_versions_created_by_fkey references public.users,
    is_active boolean not null,
    activated_at timestamptz,
    withdrawn_at timestamptz,
    withdrawn_by uuid constraint block_versions_withdrawn_by_fkey references public.users,
    withdrawn_reason text,
    constraint block_versions_number_key unique (block_id, version_number),
    constraint block_versions_version_id_block_id_key unique (version_id, block_id),
    constraint block_versions_version_number_check check (version_number >= 1),
    constraint block_versions_description_check check (char_length(description) <= 10000),
    constraint block_versions_metadata_check check (jsonb_typeof(metadata) = 'object'),
    constraint block_versions_activated_at_check check (activated_at is not null or not is_active),
    constraint block_versions_withdrawn_at_check check ((withdrawn_at is null) = (withdrawn_reason is null)),
    constraint block_versions_withdrawn_reason_check check (app.is_line(withdrawn_reason, 1000))
);
comment on table public.block_versions is
    'Append-only snapshots of a block, numbered 1, 2, 3 … without gaps. One that is inserted is a candidate: not in use until it is activated.';
comment on column public.block_versions.activated_at is 'When it was first in use; null of a candidate.';
comment on column public.block_versions.withdrawn_reason is
    'Why no pipeline may run on it; null of a version that is not withdrawn. Whoever may write sets it; whoever set it, or an admin, clears it.';
create unique index block_versions_active_key on public.block_versions (block_id) where is_active;
create index block_versions_created_by_idx on public.block_versions (created_by);
create index block_versions_withdrawn_by_idx on public.block_versions (withdrawn_by) where withdrawn_by is not null;

-- Deferred: the pointer is known before the version is written.
alter table public.blocks add constraint blocks_current_version_id_fkey
    foreign key (current_version_id, block_id) references public.block_versions (version_id, block_id)
    deferrable initially deferred;
create index blocks_current_version_id_idx on public.blocks (current_version_id, block_id);

-- Versions ----------------------------------------------------------------------------------------

create function app.track_block_versions() returns trigger
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
            perform app.require_json(new.metadata, 'blocks', 'metadata');
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
            raise exception 'only its creator or an admin archives and restores a block'
                using errcode = '42501';
        end if;
        if new.archived_at is not null then
            new.archived_at := coalesce(old.archived_at, clock_timestamp());
        end if;
    end if;

    if new.activation <> old.activation and app.caller_id() is not null then
        if new.activation = 'reviewed' and not app.is_admin() and old.created_by is distinct from app.caller_id() then
            raise exception 'only its creator or an admin has the changes of a block reviewed'
                using errcode = '42501', constraint = 'blocks_reviewed', table = 'blocks';
        end if;
        if new.activation = 'open' and (not app.is_admin() or exists (
            select from public.block_versions v
            where v.block_id = old.block_id and v.activated_at is null and v.created_by = app.caller_id())) then
            raise exception 'only an admin who wrote none of its candidates ends the review of a block'
                using errcode = '42501', constraint = 'blocks_reviewed', table = 'blocks';
        end if;
    end if;
    if new.archived_at is not null and (
        (new.name, new.description, new.metadata, new.block_type) is distinct from (old.name, old.description, old.metadata, old.block_type)
        or new.current_version_id <> old.current_version_id or new.activation <> old.activation) then
        raise exception 'an archived block does not change; restore it first'
            using errcode = '23514', constraint = 'blocks_archived', table = 'blocks';
    end if;

    if (new.name, new.description, new.metadata, new.block_type) is distinct from (old.name, old.description, old.metadata, old.block_type) then
        if new.current_version_id <> old.current_version_id then
            raise exception 'either change a block or activate one of its versions'
                using errcode = '23514', constraint = 'blocks_change_or_activate', table = 'blocks';
        end if;
        new.latest_version_number := old.latest_version_number + 1;
        if new.activation = 'reviewed' then
            if new.name <> old.name then
                raise exception 'a block keeps its name while its changes are reviewed: it would be another''s in every pipeline at once'
                    using errcode = '23514', constraint = 'blocks_reviewed_name', table = 'blocks';
            end if;
            new.updated_at := app.next_revision(old.updated_at);
            insert into public.block_versions (version_id, block_id, version_number, name, block_type, description, metadata, created_at, created_by, is_active)
            values (app.uuid_v7(), new.block_id, new.latest_version_number, new.name, new.block_type, new.description, new.metadata,
                new.updated_at, app.caller_id(), false);
            new.description := old.description;
            new.metadata := old.metadata;
            new.block_type := old.block_type;
        else
            new.current_version_id := app.uuid_v7();
            new.version_number := new.latest_version_number;
        end if;
    elsif new.current_version_id <> old.current_version_id then
        select v.version_number, v.description, v.metadata, v.block_type, v.created_by, v.withdrawn_reason
        into target
        from public.block_versions v
        where v.version_id = new.current_version_id and v.block_id = new.block_id
        -- Whoever withdraws it waits, or has come first.
        for share;
        if not found then
            raise exception 'that version belongs to another block'
                using errcode = '23503', constraint = 'blocks_current_version_id_fkey', table = 'blocks';
        end if;
        if target.withdrawn_reason is not null then
            raise exception 'version % is withdrawn: %', target.version_number, target.withdrawn_reason
                using errcode = '23514', constraint = 'blocks_withdrawn', table = 'blocks';
        end if;
        if new.activation = 'reviewed' then
            if target.created_by = app.caller_id() then
                raise exception 'somebody other than its author activates a version of a block whose changes are reviewed'
                    using errcode = '42501', constraint = 'blocks_reviewed', table = 'blocks';
            end if;
        end if;
        -- Activation brings back everything but the name, which stays.
        new.description := target.description;
        new.metadata := target.metadata;
        new.block_type := target.block_type;
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
comment on function app.track_block_versions() is
    'BEFORE INSERT OR UPDATE: numbers versions, keeps what is reviewed as a candidate, activates, archives, and derives what names are found by.';

create function app.append_block_version() returns trigger
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
            values (app.caller_id(), 'UPDATE', 'block', new.block_id, new.block_id, app.audit_context() || jsonb_build_object('table', 'blocks') || change);
        end if;
        return null;
    end if;
    author := app.caller_id();
    if tg_op = 'UPDATE' then
        update public.block_versions set is_active = false where version_id = old.current_version_id;
    end if;
    if tg_op = 'INSERT' or new.latest_version_number <> old.latest_version_number then
        made_at := app.time_text(new.updated_at);
        insert into public.block_versions (version_id, block_id, version_number, name, block_type, description, metadata, created_at, created_by, is_active, activated_at)
        values (new.current_version_id, new.block_id, new.version_number, new.name, new.block_type, new.description, new.metadata,
            new.updated_at, case when tg_op = 'INSERT' then new.created_by else author end, true, new.updated_at)
        returning to_jsonb(block_versions) || jsonb_build_object('created_at', made_at, 'activated_at', made_at) into version;
    else
        update public.block_versions set is_active = true, activated_at = coalesce(activated_at, new.updated_at)
        where version_id = new.current_version_id;
    end if;

    context := app.audit_context();
    if tg_op = 'UPDATE' then
        -- The ordinary change spares both rows their whole conversion to JSON.
        if (new.name, new.description, new.created_by, new.created_at, new.block_type)
            is not distinct from (old.name, old.description, old.created_by, old.created_at, old.block_type)
        then
            change := context || jsonb_build_object('table', 'blocks',
                'before', jsonb_build_object('current_version_id', old.current_version_id, 'version_number', old.version_number),
                'after', jsonb_build_object('current_version_id', new.current_version_id, 'version_number', new.version_number));
        else
            change := context || jsonb_build_object('table', 'blocks')
                || app.changed_columns(app.row_json(to_jsonb(old) - unaudited), app.row_json(to_jsonb(new) - unaudited));
        end if;
    end if;
    insert into public.audit_logs (user_id, action_type, entity_type, entity_id, subject_id, details)
    select author, row.action_type, row.entity_type, row.entity_id, new.block_id, row.details
    from (values
        ('CREATE'::public.action_type, 'metadata'::public.audit_entity_type, new.current_version_id,
            -- None is made when an older one is activated.
            case when version is not null then context || jsonb_build_object('table', 'block_versions', 'after', version) end),
        ('UPDATE', 'block', new.block_id, change)
    ) as row (action_type, entity_type, entity_id, details)
    where row.details is not null;
    return null;
end $$;
comment on function app.append_block_version() is
    'AFTER INSERT OR UPDATE: writes the snapshot, moves is_active, and puts both into the audit trail.';

create function app.append_block_candidate() returns trigger
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
    -- Writers of one block queue on its row, whatever they append.
    select p.name, p.block_type, p.archived_at into it
    from public.blocks p where p.block_id = new.block_id for no key update;
    if not found then
        raise exception 'there is no such block'
            using errcode = '23503', constraint = 'block_versions_block_id_fkey', table = 'block_versions';
    end if;
    if it.archived_at is not null then
        raise exception 'an archived block does not change; restore it first'
            using errcode = '23514', constraint = 'blocks_archived', table = 'blocks';
    end if;
    perform app.require_json(new.metadata, 'block_versions', 'metadata');
    update public.blocks p set latest_version_number = p.latest_version_number + 1
    where p.block_id = new.block_id
    returning p.latest_version_number, p.updated_at into new.version_number, new.created_at;
    new.version_id := app.uuid_v7();
    new.name := it.name;
    new.block_type := coalesce(new.block_type, it.block_type);
    new.created_by := app.caller_id();
    new.is_active := false;
    return new;
end $$;
comment on function app.append_block_candidate() is
    'BEFORE INSERT: a version that anybody inserts is the next one, has the block''s name, and is a candidate.';

create function app.guard_block_versions() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Holds for the owner of the tables as well: what a version says about its block must be so.
declare
    current_id uuid;
    archived timestamptz;
begin
    if tg_op = 'DELETE' then
        -- Only with its block, which is gone by then.
        if exists (select from public.blocks p where p.block_id = old.block_id) then
            raise exception 'versions are append-only' using errcode = '42501';
        end if;
        return old;
    end if;
    select p.current_version_id, p.archived_at into current_id, archived from public.blocks p where p.block_id = old.block_id;
    if new.is_active is distinct from (new.version_id = current_id) then
        raise exception 'the active version is the one that the block points to' using errcode = '42501';
    end if;
    if new.withdrawn_reason is distinct from old.withdrawn_reason then
        if archived is not null then
            raise exception 'an archived block does not change; restore it first'
                using errcode = '23514', constraint = 'blocks_archived', table = 'blocks';
        end if;
        if old.withdrawn_reason is not null and app.caller_id() is not null and not app.is_admin()
           and old.withdrawn_by is distinct from app.caller_id() then
            raise exception 'only whoever withdrew a version, or an admin, says otherwise'
                using errcode = '42501', constraint = 'block_versions_withdrawn_by', table = 'block_versions';
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
comment on function app.guard_block_versions() is
    'BEFORE UPDATE OR DELETE: append-only, and active as the block says; withdrawn, and back, by those who may.';

create function app.see_block() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform from public.blocks p where p.block_id = new.block_id;
    if not found then
        raise exception 'there is no such block'
            using errcode = '23503', constraint = tg_table_name || '_block_id_fkey', table = tg_table_name;
    end if;
    return new;
end $$;
comment on function app.see_block() is
    'BEFORE INSERT, with the rights of whoever inserts: the guard tells of a block to those who see it.';

-- (A candidate is numbered by app.append_block_candidate(); who else would write these has no grant.)
create trigger blocks_0_numbers before update of version_number, latest_version_number on public.blocks
    for each row when (pg_trigger_depth() = 0) execute function app.refuse_derived();
create trigger blocks_0_words before update of name_key, search, metadata_words on public.blocks
    for each row execute function app.refuse_derived();
create trigger blocks_1_versions before insert or update on public.blocks
    for each row execute function app.track_block_versions();
create trigger blocks_8_versions after insert or update on public.blocks
    for each row execute function app.append_block_version();
-- (A change is in the trail by app.append_block_version().)
create trigger blocks_9_audit after insert or delete on public.blocks
    for each row execute function app.audit('block', 'block_id', 'block_id', 'search,metadata_words,name_key,updated_at,metadata,latest_version_number');
-- (What comes from a trigger of the owner's comes from app.track_block_versions() or app.append_block_version(), which write
-- what these would ask for, or goes with its block. A trigger of somebody else's has their rights.)
create trigger block_versions_0_seen before insert on public.block_versions
    for each row when (pg_trigger_depth() = 0 or row_security_active('public.block_versions'::regclass)) execute function app.see_block();
create trigger block_versions_1_append before insert on public.block_versions
    for each row when (pg_trigger_depth() = 0 or row_security_active('public.block_versions'::regclass))
    execute function app.append_block_candidate();
create trigger block_versions_1_guard before update or delete on public.block_versions
    for each row when (pg_trigger_depth() = 0 or row_security_active('public.block_versions'::regclass))
    execute function app.guard_block_versions();
-- (Of a version that is in use at once, app.append_block_version().)
create trigger block_versions_9_audit after insert on public.block_versions
    for each row when (not new.is_active) execute function app.audit('metadata', 'version_id', 'block_id', '');
create trigger block_versions_9_audit_withdrawn after update of withdrawn_reason on public.block_versions
    for each row when (new.withdrawn_reason is distinct from old.withdrawn_reason)
    execute function app.audit('metadata', 'version_id', 'block_id', 'metadata');
create trigger block_versions_no_truncate before truncate on public.block_versions
    for each statement execute function app.refuse_truncate();

-- Finding and rights -----------------------------------------------------------------------

-- Text search cannot use its index under row-level security (the operator is not leakproof). This
-- function looks past the policies, but all that leaves it are ids, which the caller's own
-- statement filters.
create function app.find_blocks(query text) returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select b.block_id
    from public.blocks b
    where (b.search || b.metadata_words) @@ (select app.search_query(query)) and b.search @@ (select app.search_query(query))
$$;
comment on function app.find_blocks(text) is 'The ids of the blocks whose name or description has these words, in the language of web searches.';

revoke execute on all functions in schema app from public;
grant execute on function app.find_blocks(text) to blockyard_api;

alter table public.blocks enable row level security;
revoke all on public.blocks from public, anon, authenticated, service_role;
grant select, insert (name, block_type, description, metadata, activation),
      update (name, block_type, description, metadata, current_version_id, archived_at, activation),
      delete on public.blocks to authenticated;
-- Archived rows are out of sight, except for those who may restore them.
create policy blocks_select on public.blocks for select to authenticated
    using ((select app.caller_role()) is not null and (archived_at is null or created_by = (select app.caller_id()) or (select app.is_admin())));
create policy blocks_insert on public.blocks for insert to authenticated
    with check ((select app.can_write()));
-- (Who writes does not depend on the row, so that `using` has asked already; asking anew for the check is a part of what a
-- change costs. What it says instead is true of every row: Supabase's advisors take `true` for no policy at all.)
create policy blocks_update on public.blocks for update to authenticated
    using ((select app.can_write())) with check (current_version_id is not null);
create policy blocks_delete on public.blocks for delete to authenticated
    using ((select app.is_admin()));

alter table public.block_versions enable row level security;
revoke all on public.block_versions from public, anon, authenticated, service_role;
grant select, insert (block_id, block_type, description, metadata), update (withdrawn_reason) on public.block_versions to authenticated;
-- Whoever sees a block sees its versions. (`offset 0`: by index, one by one; otherwise PostgreSQL may
-- hash all blocks for the sake of one page.)
create policy block_versions_select on public.block_versions for select to authenticated
    using (exists (select from public.blocks b where b.block_id = block_versions.block_id offset 0));
create policy block_versions_insert on public.block_versions for insert to authenticated
    with check ((select app.can_write()));
create policy block_versions_update on public.block_versions for update to authenticated
    using ((select app.can_write()) and exists (select from public.blocks b where b.block_id = block_versions.block_id offset 0))
    with check ((select app.can_write()));
