-- Aliases: movable names for versions of blocks and edges, and where each has pointed.

-- Definer, because whoever writes a row runs it, and the API roles may not look up names in `app`.
create function app.is_alias(value text) returns boolean
language plpgsql immutable strict parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return value ~ '^[a-z][a-z0-9_-]{0,62}$' and value not in ('latest', 'active') and value !~ '^v[0-9]';
end $$;
comment on function app.is_alias(text) is
    'Whether a text may be an alias: 1 to 63 small letters, digits, `_` and `-`, a letter first, and nothing that could be taken for a number, `latest` or `active`.';

create table public.aliases (
    alias_id uuid not null default app.uuid_v7() constraint aliases_pkey primary key,
    entity_type public.entity_type not null,
    entity_id uuid not null,
    alias text collate "C" not null,
    version_id uuid not null,
    is_protected boolean not null default false,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    created_by uuid default app.caller_id() constraint aliases_created_by_fkey references public.users,
    block_id uuid generated always as (case when entity_type = 'block' then entity_id end) stored
        constraint aliases_block_id_fkey references public.blocks on delete cascade,
    edge_id uuid generated always as (case when entity_type = 'edge' then entity_id end) stored
        constraint aliases_edge_id_fkey references public.edges on delete cascade,
    block_version_id uuid generated always as (case when entity_type = 'block' then version_id end) stored,
    edge_version_id uuid generated always as (case when entity_type = 'edge' then version_id end) stored,
    constraint aliases_alias_check check (app.is_alias(alias)),
    constraint aliases_entity_key unique (entity_type, entity_id, alias),
    -- What pipelines follow.
    constraint aliases_block_id_alias_key unique (block_id, alias),
    constraint aliases_edge_id_alias_key unique (edge_id, alias),
    constraint aliases_block_version_id_fkey foreign key (block_version_id, block_id)
        references public.block_versions (version_id, block_id) on delete cascade,
    constraint aliases_edge_version_id_fkey foreign key (edge_version_id, edge_id)
        references public.edge_versions (version_id, edge_id) on delete cascade
);
comment on table public.aliases is 'Movable names for versions of blocks and edges, such as champion.';
comment on column public.aliases.is_protected is
    'Whether the author of a version is kept from pointing the alias to it. Admins are not, and only they take the protection away.';
create index aliases_block_version_id_idx on public.aliases (block_version_id, block_id);
create index aliases_edge_version_id_idx on public.aliases (edge_version_id, edge_id);
create index aliases_created_by_idx on public.aliases (created_by);
create index aliases_created_at_idx on public.aliases (created_at, alias_id);

create table public.alias_moves (
    move_id uuid not null default app.uuid_v7() constraint alias_moves_pkey primary key,
    entity_type public.entity_type not null,
    entity_id uuid not null,
    alias text collate "C" not null,
    version_id uuid,
    moved_at timestamptz not null default clock_timestamp(),
    moved_by uuid constraint alias_moves_moved_by_fkey references public.users,
    block_id uuid generated always as (case when entity_type = 'block' then entity_id end) stored
        constraint alias_moves_block_id_fkey references public.blocks on delete cascade,
    edge_id uuid generated always as (case when entity_type = 'edge' then entity_id end) stored
        constraint alias_moves_edge_id_fkey references public.edges on delete cascade,
    constraint alias_moves_alias_check check (app.is_alias(alias))
);
comment on table public.alias_moves is 'Where each alias has pointed: append-only, and kept when the alias is removed.';
comment on column public.alias_moves.version_id is 'Where it pointed from then on; null when it was removed.';
create index alias_moves_block_id_idx on public.alias_moves (block_id, alias, moved_at, move_id);
create index alias_moves_edge_id_idx on public.alias_moves (edge_id, alias, moved_at, move_id);
create index alias_moves_moved_by_idx on public.alias_moves (moved_by);

-- The guards --------------------------------------------------------------------------------------

create function app.guard_aliases() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    version record;
    users jsonb;
begin
    if tg_op = 'DELETE' then
        -- With its owner it goes in any case.
        if not app.is_live(old.entity_type, old.entity_id) then
            return old;
        end if;
        if old.is_protected and app.caller_id() is not null and not app.is_admin() then
            raise exception 'only an admin removes a protected alias'
                using errcode = '42501', constraint = 'aliases_protected', table = 'aliases';
        end if;
        perform app.require_current_view();
        select jsonb_agg(u) into users from (
            select distinct 'pipeline' as entity_type, p.pipeline_id as entity_id, p.name
            from (
                select pb.pipeline_id from public.pipeline_blocks pb where pb.block_id = old.block_id and pb.block_alias = old.alias
                union all
                select pe.pipeline_id from public.pipeline_edges pe where pe.edge_id = old.edge_id and pe.edge_alias = old.alias
            ) as part
            join public.pipelines p using (pipeline_id)
            limit 20) as u;
        if users is not null then
            raise exception 'pipelines follow the alias'
                using errcode = '23503', constraint = 'aliases_in_use', table = 'aliases', detail = users::text;
        end if;
        return old;
    end if;
    if tg_op = 'UPDATE' then
        if (new.alias_id, new.entity_type, new.entity_id, new.alias) is distinct from (old.alias_id, old.entity_type, old.entity_id, old.alias) then
            raise exception 'of an alias only the version and the protection change' using errcode = '42501';
        end if;
        if (new.version_id, new.is_protected) is not distinct from (old.version_id, old.is_protected) then
            return new;
        end if;
        if old.is_protected and not new.is_protected and app.caller_id() is not null and not app.is_admin() then
            raise exception 'only an admin takes the protection of an alias away'
                using errcode = '42501', constraint = 'aliases_protected', table = 'aliases';
        end if;
        new.updated_at := app.next_revision(old.updated_at);
    end if;
    -- FOR SHARE: it is not withdrawn between this look and the commit.
    if new.entity_type = 'block' then
        select v.version_number, v.created_by, v.withdrawn_reason into version
        from public.block_versions v where v.version_id = new.version_id and v.block_id = new.entity_id for share;
    else
        select v.version_number, v.created_by, v.withdrawn_reason into version
        from public.edge_versions v where v.version_id = new.version_id and v.edge_id = new.entity_id for share;
    end if;
    if not found then
        raise exception 'there is no such version'
            using errcode = '23503', constraint = 'aliases_version_id_fkey', table = 'aliases';
    end if;
    if version.withdrawn_reason is not null and (tg_op = 'INSERT' or new.version_id <> old.version_id) then
        raise exception 'version % is withdrawn: %', version.version_number, version.withdrawn_reason
            using errcode = '23514', constraint = 'aliases_withdrawn', table = 'aliases';
    end if;
    if new.is_protected and version.created_by = app.caller_id() and not app.is_admin() then
        raise exception 'somebody other than its author points a protected alias to a version'
            using errcode = '42501', constraint = 'aliases_protected', table = 'aliases';
    end if;
    return new;
end $$;
comment on function app.guard_aliases() is
    'BEFORE INSERT OR UPDATE OR DELETE: an alias points to a version of its owner that is not withdrawn; a protected one is moved by others than the author.';

create function app.keep_alias_move() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'DELETE' then
        insert into public.alias_moves (entity_type, entity_id, alias, moved_by)
        select old.entity_type, old.entity_id, old.alias, app.caller_id()
        where exists (select from public.blocks b where b.block_id = old.entity_id)
           or exists (select from public.edges e where e.edge_id = old.entity_id);
        return null;
    end if;
    insert into public.alias_moves (entity_type, entity_id, alias, version_id, moved_at, moved_by)
    values (new.entity_type, new.entity_id, new.alias, new.version_id, new.updated_at, app.caller_id());
    return null;
end $$;
comment on function app.keep_alias_move() is 'AFTER INSERT, DELETE OR UPDATE of the version: adds to the history.';

create function app.refuse_alias_history() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Only with its owner, which is gone by then.
    if tg_op = 'DELETE' and not exists (select from public.blocks b where b.block_id = old.entity_id)
       and not exists (select from public.edges e where e.edge_id = old.entity_id) then
        return old;
    end if;
    raise exception 'the history of aliases is append-only' using errcode = '42501';
end $$;

create function app.date_alias() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    new.updated_at := new.created_at;
    return new;
end $$;
comment on function app.date_alias() is 'BEFORE INSERT: a new row is revised when it is made.';

create trigger aliases_0_owner before insert or update or delete on public.aliases
    for each row execute function app.guard_owner('entity_id');
create trigger aliases_1_guard before insert or update or delete on public.aliases
    for each row execute function app.guard_aliases();
create trigger aliases_2_date before insert on public.aliases
    for each row execute function app.date_alias();
create trigger aliases_8_moved after insert or delete on public.aliases
    for each row execute function app.keep_alias_move();
create trigger aliases_8_moved_on after update on public.aliases
    for each row when (new.version_id <> old.version_id) execute function app.keep_alias_move();
create trigger aliases_9_audit after insert or update or delete on public.aliases
    for each row execute function app.audit('alias', 'alias_id', 'entity_id', 'updated_at,block_id,edge_id,block_version_id,edge_version_id');
create trigger alias_moves_1_guard before update or delete on public.alias_moves
    for each row execute function app.refuse_alias_history();
create trigger alias_moves_no_truncate before truncate on public.alias_moves
    for each statement execute function app.refuse_truncate();

-- Rights ------------------------------------------------------------------------------------------

revoke execute on all functions in schema app from public;
grant execute on function app.is_alias(text) to authenticated;

alter table public.aliases enable row level security;
revoke all on public.aliases from public, anon, authenticated, service_role;
grant select, delete, insert (entity_type, entity_id, alias, version_id, is_protected), update (version_id, is_protected)
    on public.aliases to authenticated;
create policy aliases_select on public.aliases for select to authenticated
    using (exists (select from public.blocks b where b.block_id = aliases.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = aliases.edge_id offset 0));
create policy aliases_insert on public.aliases for insert to authenticated
    with check ((select app.can_write()));
create policy aliases_update on public.aliases for update to authenticated
    using ((select app.can_write()) and (exists (select from public.blocks b where b.block_id = aliases.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = aliases.edge_id offset 0)))
    with check ((select app.can_write()));
create policy aliases_delete on public.aliases for delete to authenticated
    using ((select app.can_write()) and (exists (select from public.blocks b where b.block_id = aliases.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = aliases.edge_id offset 0)));

alter table public.alias_moves enable row level security;
revoke all on public.alias_moves from public, anon, authenticated, service_role;
grant select on public.alias_moves to authenticated;
create policy alias_moves_select on public.alias_moves for select to authenticated
    using (exists (select from public.blocks b where b.block_id = alias_moves.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = alias_moves.edge_id offset 0));
