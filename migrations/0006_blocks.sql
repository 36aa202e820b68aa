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
    name_key text collate "C" not null,
    search tsvector not null,
    constraint blocks_name_check check (app.is_name(name)),
    constraint blocks_description_check check (char_length(description) <= 10000),
    -- What else is asked of it: app.require_json().
    constraint blocks_metadata_check check (jsonb_typeof(metadata) = 'object')
);
comment on table public.blocks is 'Named datasets and models, as they are in use now. Every change of content appends to block_versions.';
comment on column public.blocks.metadata is 'Of the active version.';
comment on column public.blocks.version_number is 'Of the active version.';
comment on column public.blocks.latest_version_number is 'The highest number given so far; higher than version_number after a rollback.';
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
create index blocks_search_idx on public.blocks using gin (search);

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
    constraint block_versions_number_key unique (block_id, version_number),
    constraint block_versions_version_id_block_id_key unique (version_id, block_id),
    constraint block_versions_version_number_check check (version_number >= 1)
);
comment on table public.block_versions is 'Append-only snapshots of a block, numbered 1, 2, 3 … without gaps.';
create unique index block_versions_active_key on public.block_versions (block_id) where is_active;
create index block_versions_created_by_idx on public.block_versions (created_by);

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
    target_number int;
begin
    if tg_op = 'UPDATE' and new.metadata = old.metadata then
        -- As it was written: 1.0 in the place of 1 changes nothing.
        new.metadata := old.metadata;
    elsif pg_column_size(new.metadata) >= 1000 or jsonb_typeof(new.metadata) <> 'object'
          or new.metadata::text ~ '[0-9.]{16}|[\uFDD0-\U0010FFFF]'
          or octet_length(new.metadata::text) > 200 and new.metadata @? 'strict $.**{100}' then
        -- (Small ones without long numbers and odd characters need no call, which costs more than this look.)
        perform app.require_json(new.metadata, 'blocks', 'metadata');
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
            raise exception 'only its creator or an admin archives and restores a block'
                using errcode = '42501';
        end if;
        if new.archived_at is not null then
            new.archived_at := coalesce(old.archived_at, clock_timestamp());
        end if;
    end if;

    if (new.name, new.description, new.metadata, new.block_type) is distinct from (old.name, old.description, old.metadata, old.block_type) then
        if new.archived_at is not null then
            raise exception 'an archived block does not change; restore it first'
                using errcode = '23514', constraint = 'blocks_archived', table = 'blocks';
        end if;
        if new.current_version_id <> old.current_version_id then
            raise exception 'either change a block or activate one of its versions'
                using errcode = '23514', constraint = 'blocks_change_or_activate', table = 'blocks';
        end if;
        new.current_version_id := app.uuid_v7();
        new.latest_version_number := old.latest_version_number + 1;
        new.version_number := new.latest_version_number;
    elsif new.current_version_id <> old.current_version_id then
        if new.archived_at is not null then
            raise exception 'an archived block does not change; restore it first'
                using errcode = '23514', constraint = 'blocks_archived', table = 'blocks';
        end if;
        -- Activation brings back everything but the name, which stays.
        select v.version_number, v.description, v.metadata, v.block_type
        into target_number, new.description, new.metadata, new.block_type
        from public.block_versions v
        where v.version_id = new.current_version_id and v.block_id = new.block_id;
        if target_number is null then
            raise exception 'that version belongs to another block'
                using errcode = '23503', constraint = 'blocks_current_version_id_fkey', table = 'blocks';
        end if;
        new.version_number := target_number;
    end if;

    if new.current_version_id <> old.current_version_id or new.archived_at is distinct from old.archived_at then
        new.updated_at := app.next_revision(old.updated_at);
    end if;
    return new;
end $$;
comment on function app.track_block_versions() is 'BEFORE INSERT OR UPDATE: numbers versions, activates, archives.';

create function app.append_block_version() returns trigger
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
        update public.block_versions set is_active = false where version_id = old.current_version_id;
    end if;
    if tg_op = 'INSERT' or new.latest_version_number <> old.latest_version_number then
        insert into public.block_versions (version_id, block_id, version_number, name, block_type, description, metadata, created_at, created_by, is_active)
        values (new.current_version_id, new.block_id, new.version_number, new.name, new.block_type, new.description, new.metadata,
            new.updated_at, case when tg_op = 'INSERT' then new.created_by else author end, true)
        returning to_jsonb(block_versions) || jsonb_build_object('created_at', app.time_text(created_at)) into version;
    else
        update public.block_versions set is_active = true where version_id = new.current_version_id;
    end if;

    context := app.audit_context();
    if tg_op = 'UPDATE' then
        -- The ordinary change spares both rows their whole conversion to JSON.
        change := context || jsonb_build_object('table', 'blocks') || case
            when (new.name, new.description, new.created_by, new.created_at, new.block_type)
                is not distinct from (old.name, old.description, old.created_by, old.created_at, old.block_type)
            then jsonb_build_object(
                'before', jsonb_build_object('current_version_id', old.current_version_id, 'version_number', old.version_number),
                'after', jsonb_build_object('current_version_id', new.current_version_id, 'version_number', new.version_number))
            else app.changed_columns(app.row_json(to_jsonb(old) - unaudited), app.row_json(to_jsonb(new) - unaudited))
            end;
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

create function app.guard_block_versions() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Holds for the owner of the tables as well: what a version says about its block must be so.
declare
    current_id uuid;
    latest_number int;
begin
    select p.current_version_id, p.latest_version_number into current_id, latest_number
    from public.blocks p where p.block_id = case when tg_op = 'DELETE' then old.block_id else new.block_id end;
    if tg_op = 'DELETE' then
        -- Only with its block, which is gone by then.
        if current_id is not null then
            raise exception 'versions are append-only' using errcode = '42501';
        end if;
        return old;
    end if;
    if tg_op = 'INSERT' then
        if new.version_id is distinct from current_id
           or new.version_number is distinct from latest_number or not new.is_active then
            raise exception 'a version is appended by changing its block' using errcode = '42501';
        end if;
        return new;
    end if;
    if new.is_active is distinct from (new.version_id = current_id) then
        raise exception 'the active version is the one that the block points to' using errcode = '42501';
    end if;
    old.is_active := new.is_active;
    if new is distinct from old then
        raise exception 'versions are append-only' using errcode = '42501';
    end if;
    return new;
end $$;
comment on function app.guard_block_versions() is
    'BEFORE INSERT OR UPDATE OR DELETE: append-only, numbered and active as the block says.';

create trigger blocks_0_derived before update of version_number, latest_version_number, name_key, search on public.blocks
    for each row execute function app.refuse_derived();
create trigger blocks_1_versions before insert or update on public.blocks
    for each row execute function app.track_block_versions();
create trigger blocks_2_words before insert on public.blocks
    for each row execute function app.derive_words();
create trigger blocks_2_words_update before update on public.blocks
    for each row when ((new.name, new.description) is distinct from (old.name, old.description))
    execute function app.derive_words();
create trigger blocks_8_versions after insert or update on public.blocks
    for each row execute function app.append_block_version();
create trigger blocks_9_audit after insert or delete on public.blocks
    for each row execute function app.audit('block', 'block_id', 'block_id', 'search,name_key,updated_at,metadata,latest_version_number');
-- A change of version is in the trail by app.append_block_version().
create trigger blocks_9_audit_update after update on public.blocks
    for each row when (new.current_version_id = old.current_version_id)
    execute function app.audit('block', 'block_id', 'block_id', 'search,name_key,updated_at,metadata,latest_version_number');
-- (Nobody but the owner may write here. What comes from a trigger comes from app.append_block_version(), which
-- writes what this would ask for, or goes with its block.)
create trigger block_versions_1_guard before insert or update or delete on public.block_versions
    for each row when (pg_trigger_depth() = 0) execute function app.guard_block_versions();
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
    where b.search @@ app.search_query(query)
$$;
comment on function app.find_blocks(text) is 'The ids of the blocks whose name or description has these words, in the language of web searches.';

revoke execute on all functions in schema app from public;
grant execute on function app.find_blocks(text) to blockyard_api;

alter table public.blocks enable row level security;
revoke all on public.blocks from public, anon, authenticated, service_role;
grant select, insert (name, block_type, description, metadata),
      update (name, block_type, description, metadata, current_version_id, archived_at),
      delete on public.blocks to authenticated;
-- Archived rows are out of sight, except for those who may restore them.
create policy blocks_select on public.blocks for select to authenticated
    using ((select app.caller_role()) is not null and (archived_at is null or created_by = (select app.caller_id()) or (select app.is_admin())));
create policy blocks_insert on public.blocks for insert to authenticated
    with check ((select app.can_write()));
create policy blocks_update on public.blocks for update to authenticated
    using ((select app.can_write())) with check ((select app.can_write()));
create policy blocks_delete on public.blocks for delete to authenticated
    using ((select app.is_admin()));

alter table public.block_versions enable row level security;
revoke all on public.block_versions from public, anon, authenticated, service_role;
grant select on public.block_versions to authenticated;
-- Whoever sees a block sees its versions. (`offset 0`: by index, one by one; otherwise PostgreSQL may
-- hash all blocks for the sake of one page.)
create policy block_versions_select on public.block_versions for select to authenticated
    using (exists (select from public.blocks b where b.block_id = block_versions.block_id offset 0));
