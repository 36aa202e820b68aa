-- Categories: a tree, the blocks in it, and how both are found.

create table public.taxonomy_categories (
    category_id uuid not null default app.uuid_v7() constraint taxonomy_categories_pkey primary key,
    name text not null,
    parent_id uuid constraint taxonomy_categories_parent_id_fkey references public.taxonomy_categories,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    created_by uuid default app.caller_id() constraint taxonomy_categories_created_by_fkey references public.users,
    archived_at timestamptz,
    -- Found and sorted by name under row-level security: see blocks.name_key.
    name_key text collate "C" not null generated always as (app.name_key(name)) stored,
    constraint taxonomy_categories_name_check check (app.is_name(name)),
    constraint taxonomy_categories_parent_id_check check (parent_id <> category_id)
);
comment on table public.taxonomy_categories is 'A tree of categories; a name is unique among its siblings.';
create unique index taxonomy_categories_name_key
    on public.taxonomy_categories (parent_id, name_key) nulls not distinct where archived_at is null;
create index taxonomy_categories_parent_id_idx on public.taxonomy_categories (parent_id);
create index taxonomy_categories_name_order_idx on public.taxonomy_categories (name_key, category_id);
create index taxonomy_categories_created_by_idx on public.taxonomy_categories (created_by);
create index taxonomy_categories_created_at_idx on public.taxonomy_categories (created_at, category_id);
create index taxonomy_categories_updated_at_idx on public.taxonomy_categories (updated_at, category_id);

-- Whoever moves, archives or restores a category enters the guard, so that a look at its parent holds
-- until the commit. (Locking the parent instead would let two that move meet in a deadlock: each has
-- locked the row that it moves.)
create function app.guard_taxonomy() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    deepest constant int := 64;
    levels int;
    cyclic boolean;
begin
    if tg_op = 'INSERT' then
        new.name := app.tidy(new.name);
        new.archived_at := null;
    else
        if new.name <> old.name then
            new.name := app.tidy(new.name);
        end if;
        if new.archived_at is distinct from old.archived_at then
            perform app.enter_guard('taxonomy');
            if app.caller_id() is not null and not app.is_admin() and old.created_by is distinct from app.caller_id() then
                raise exception 'only its creator or an admin archives and restores a category' using errcode = '42501';
            end if;
            if new.archived_at is not null then
                new.archived_at := coalesce(old.archived_at, clock_timestamp());
            end if;
        end if;
        if new.archived_at is not null and new.name <> old.name then
            raise exception 'an archived category does not change; restore it first'
                using errcode = '23514', constraint = 'taxonomy_categories_archived', table = 'taxonomy_categories';
        end if;
        if old.archived_at is not null and new.archived_at is null and new.parent_id is not distinct from old.parent_id
           and old.parent_id is not null then
            perform from public.taxonomy_categories c where c.category_id = new.parent_id and c.archived_at is null;
            if not found then
                raise exception 'the category above it is archived; restore that first'
                    using errcode = '23514', constraint = 'taxonomy_categories_archived', table = 'taxonomy_categories';
            end if;
        end if;
    end if;
    if new.parent_id is null or (tg_op = 'UPDATE' and new.parent_id is not distinct from old.parent_id) then
        return new;
    end if;
    perform app.enter_guard('taxonomy');
    perform from public.taxonomy_categories c where c.category_id = new.parent_id and c.archived_at is null;
    if not found then
        raise exception 'there is no such parent category'
            using errcode = '23503', constraint = 'taxonomy_categories_parent_id_fkey', table = 'taxonomy_categories';
    end if;
    with recursive above (category_id, parent_id) as (
        select c.category_id, c.parent_id from public.taxonomy_categories c where c.category_id = new.parent_id
        union
        select c.category_id, c.parent_id
        from above a join public.taxonomy_categories c on c.category_id = a.parent_id
    )
    select count(*), bool_or(a.category_id = new.category_id) into levels, cyclic from above a;
    if cyclic then
        raise exception 'a category cannot be below itself'
            using errcode = '23514', constraint = 'taxonomy_categories_cycle', table = 'taxonomy_categories';
    end if;
    with recursive below (category_id, level) as (
        select new.category_id, 1
        union all
        select c.category_id, b.level + 1
        from below b join public.taxonomy_categories c on c.parent_id = b.category_id
    )
    select levels + max(b.level) into levels from below b;
    if levels > deepest then
        raise exception 'the tree would be % levels deep; % are the most', levels, deepest
            using errcode = '23514', constraint = 'taxonomy_categories_too_deep', table = 'taxonomy_categories';
    end if;
    return new;
end $$;
create trigger taxonomy_categories_1_guard before insert or update on public.taxonomy_categories
    for each row execute function app.guard_taxonomy();
create trigger taxonomy_categories_2_touch before update on public.taxonomy_categories
    for each row execute function app.touch('name_key');
create trigger taxonomy_categories_9_audit after insert or update or delete on public.taxonomy_categories
    for each row execute function app.audit('taxonomy', 'category_id', 'category_id', 'updated_at,name_key');

create table public.block_taxonomies (
    block_taxonomy_id uuid not null default app.uuid_v7() constraint block_taxonomies_pkey primary key,
    block_id uuid not null constraint block_taxonomies_block_id_fkey references public.blocks on delete cascade,
    category_id uuid not null constraint block_taxonomies_category_id_fkey references public.taxonomy_categories on delete cascade,
    created_at timestamptz not null default clock_timestamp(),
    constraint block_taxonomies_block_id_category_id_key unique (block_id, category_id)
);
comment on table public.block_taxonomies is 'Which block is in which category.';
create index block_taxonomies_category_id_idx on public.block_taxonomies (category_id, block_id);
create index block_taxonomies_created_at_idx on public.block_taxonomies (created_at, block_taxonomy_id);

create function app.guard_block_taxonomies() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform from public.taxonomy_categories c where c.category_id = new.category_id and c.archived_at is null for share;
    if not found then
        raise exception 'there is no such category'
            using errcode = '23503', constraint = 'block_taxonomies_category_id_fkey', table = 'block_taxonomies';
    end if;
    return new;
end $$;
create trigger block_taxonomies_0_owner before insert or update on public.block_taxonomies
    for each row execute function app.guard_owner('block_id');
create function app.keep_archived_links() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- When it goes with its block or its category, that is gone by now. (Not that a trigger is under way:
    -- anybody may have one on a temporary table.)
    if exists (select from public.taxonomy_categories c where c.category_id = old.category_id)
        and exists (select from public.blocks b where b.block_id = old.block_id and b.archived_at is not null) then
        raise exception 'what belongs to an archived block does not change; restore it first'
            using errcode = '23514', constraint = 'blocks_archived', table = 'blocks';
    end if;
    return old;
end $$;
create trigger block_taxonomies_0_owner_kept before delete on public.block_taxonomies
    for each row execute function app.keep_archived_links();
create trigger block_taxonomies_1_guard before insert on public.block_taxonomies
    for each row execute function app.guard_block_taxonomies();
create trigger block_taxonomies_9_audit after insert or update or delete on public.block_taxonomies
    for each row execute function app.audit('taxonomy', 'category_id', 'block_id', '');

-- A block with what may be shown along with it. The last two columns cost nothing unless they are
-- selected.
create view app.block_details with (security_invoker = true) as
select
    b.*,
    (
        -- At most 100, and 4 MiB of metadata: it is one value, and a row of a page.
        select coalesce(jsonb_agg(app.row_json(to_jsonb(v) - 'bytes') order by v.version_number desc), '[]')
        from (
            select v.*, sum(octet_length(v.metadata::text)) over (order by v.version_number desc) as bytes
            from (
                select v.*, (select u.username from public.usernames u where u.user_id = v.created_by) as created_by_username,
                    (select u.username from public.usernames u where u.user_id = v.withdrawn_by) as withdrawn_by_username
                from public.block_versions v
                where v.block_id = b.block_id
                order by v.version_number desc
                limit 100
            ) as v
        ) as v
        where v.version_number = b.latest_version_number or v.bytes <= 4194304
    ) as newest_versions,
    (
        select coalesce(jsonb_agg(
            jsonb_build_object('category_id', c.category_id, 'name', c.name, 'parent_id', c.parent_id)
            order by c.name_key, c.category_id), '[]')
        from public.block_taxonomies bt
        join public.taxonomy_categories c using (category_id)
        where bt.block_id = b.block_id and c.archived_at is null
    ) as live_categories,
    (
        select coalesce(jsonb_agg(app.row_json(to_jsonb(a)) order by a.alias), '[]')
        from (
            select a.alias_id, a.entity_type, a.entity_id, a.alias, a.version_id, v.version_number, a.is_protected,
                a.created_at, a.updated_at, a.created_by,
                (select u.username from public.usernames u where u.user_id = a.created_by) as created_by_username
            from public.aliases a
            join public.block_versions v using (version_id)
            where a.block_id = b.block_id
            order by a.alias
            limit 100
        ) as a
    ) as its_aliases
from public.blocks b;
comment on view app.block_details is 'Blocks with their newest 100 versions, their categories and aliases, as the service shows them.';
revoke all on app.block_details from public, anon, authenticated, service_role;
grant select on app.block_details to blockyard_api;

-- Finding -------------------------------------------------------------------------------------------

create function app.find_category(reference text) returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    found uuid[];
begin
    if app.is_uuid(reference) then return reference::uuid; end if;
    found := array(
        select c.category_id from public.taxonomy_categories c
        where c.name_key = app.name_key(reference) and c.archived_at is null
        order by c.category_id limit 20);
    if cardinality(found) > 1 then
        raise exception 'several categories have that name: say which by its id'
            using errcode = '21000', constraint = 'taxonomy_categories_ambiguous', table = 'taxonomy_categories',
                detail = (select jsonb_agg(jsonb_build_object('category_id', c.category_id, 'name', c.name, 'parent_id', c.parent_id)
                              order by c.category_id)
                          from public.taxonomy_categories c where c.category_id = any (found))::text;
    end if;
    return found[1];
end $$;
comment on function app.find_category(text) is
    'The id behind a reference: an id, or a name that one live category has; null when none has it. Refuses a name that several have.';

create function app.live_category(reference text, in_path boolean) returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    found uuid;
begin
    select c.category_id into found
    from public.taxonomy_categories c
    where c.category_id = app.find_category(reference) and c.archived_at is null;
    if found is not null or reference is null then return found; end if;
    if in_path then
        raise exception 'there is no such category' using errcode = 'P0002', constraint = 'category_not_found';
    end if;
    raise exception 'there is no such category'
        using errcode = '23503', constraint = 'taxonomy_categories_parent_id_fkey', table = 'taxonomy_categories';
end $$;
comment on function app.live_category(text, boolean) is
    'The id of a live category, or a refusal: that of a path (not found), or that of a parent_id.';

-- Past the policies, as app.find_blocks(): all that leaves it are ids, which the caller's own
-- statement filters.
create function app.blocks_in_category(category text, deep boolean) returns setof uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    root uuid := app.find_category(category);
begin
    return query
        with recursive within (category_id) as (
            select c.category_id from public.taxonomy_categories c
            where c.category_id = root and c.archived_at is null
            union
            select c.category_id
            from within w join public.taxonomy_categories c on c.parent_id = w.category_id
            where deep and c.archived_at is null
        )
        select distinct bt.block_id from within join public.block_taxonomies bt using (category_id);
end $$;
comment on function app.blocks_in_category(text, boolean) is
    'The ids of the blocks in a category (id or name), and with `deep` in those below it.';

revoke execute on all functions in schema app from public;
grant execute on function app.find_category(text), app.live_category(text, boolean),
    app.blocks_in_category(text, boolean) to blockyard_api;

alter table public.taxonomy_categories enable row level security;
revoke all on public.taxonomy_categories from public, anon, authenticated, service_role;
grant select, insert (name, parent_id), update (name, parent_id, archived_at), delete
    on public.taxonomy_categories to authenticated;
create policy taxonomy_categories_select on public.taxonomy_categories for select to authenticated
    using ((select app.caller_role()) is not null and (archived_at is null or created_by = (select app.caller_id()) or (select app.is_admin())));
create policy taxonomy_categories_insert on public.taxonomy_categories for insert to authenticated
    with check ((select app.can_write()));
create policy taxonomy_categories_update on public.taxonomy_categories for update to authenticated
    using ((select app.can_write())) with check ((select app.can_write()));
create policy taxonomy_categories_delete on public.taxonomy_categories for delete to authenticated
    using ((select app.is_admin()));

alter table public.block_taxonomies enable row level security;
revoke all on public.block_taxonomies from public, anon, authenticated, service_role;
grant select, insert (block_id, category_id), delete on public.block_taxonomies to authenticated;
-- Whoever sees both sees the link.
create policy block_taxonomies_select on public.block_taxonomies for select to authenticated
    using (exists (select from public.blocks b where b.block_id = block_taxonomies.block_id offset 0)
        and exists (select from public.taxonomy_categories c where c.category_id = block_taxonomies.category_id offset 0));
create policy block_taxonomies_insert on public.block_taxonomies for insert to authenticated
    with check ((select app.can_write()));
create policy block_taxonomies_delete on public.block_taxonomies for delete to authenticated
    using ((select app.can_write())
        and exists (select from public.blocks b where b.block_id = block_taxonomies.block_id offset 0)
        and exists (select from public.taxonomy_categories c where c.category_id = block_taxonomies.category_id offset 0));
