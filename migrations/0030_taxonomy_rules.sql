-- Categories by name, how deep their tree may be, what archiving means in it; who belongs to whom.

-- Found and sorted by name under row-level security: see blocks.name_key.
alter table public.taxonomy_categories
    add column name_key text collate "C" not null generated always as (lower(name)) stored;
drop index public.taxonomy_categories_name_key;
drop index public.taxonomy_categories_lower_name_idx;
create unique index taxonomy_categories_name_key
    on public.taxonomy_categories (parent_id, name_key) nulls not distinct where archived_at is null;
create index taxonomy_categories_name_order_idx on public.taxonomy_categories (name_key, category_id);
create index taxonomy_categories_updated_at_idx on public.taxonomy_categories (updated_at, category_id);
create index block_taxonomies_created_at_idx on public.block_taxonomies (created_at, block_taxonomy_id);

drop trigger taxonomy_categories_2_touch on public.taxonomy_categories;
create trigger taxonomy_categories_2_touch before update on public.taxonomy_categories
    for each row execute function app.touch('name_key');
drop trigger taxonomy_categories_9_audit on public.taxonomy_categories;
create trigger taxonomy_categories_9_audit after insert or update or delete on public.taxonomy_categories
    for each row execute function app.audit('taxonomy', 'category_id', 'category_id', 'updated_at,name_key');

-- A category that is purged leaves its blocks, as a purged block leaves its categories.
alter table public.block_taxonomies drop constraint block_taxonomies_category_id_fkey;
alter table public.block_taxonomies add constraint block_taxonomies_category_id_fkey
    foreign key (category_id) references public.taxonomy_categories on delete cascade;

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
        where c.name_key = lower(reference) and c.archived_at is null
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

-- With the rights of the caller: what no policy shows him, is not there.
create function app.known_id(entity text, reference text, once boolean) returns uuid
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    found_id uuid := app.find_id(entity, reference);
    known boolean := case entity
        when 'block' then exists (select from public.blocks b where b.block_id = found_id)
        when 'edge' then exists (select from public.edges e where e.edge_id = found_id)
        when 'pipeline' then exists (select from public.pipelines p where p.pipeline_id = found_id)
        when 'taxonomy' then exists (select from public.taxonomy_categories c where c.category_id = found_id)
    end;
begin
    if known or (once and exists (select from public.audit_logs l where l.subject_id = found_id)) then
        return found_id;
    end if;
    raise exception 'there is no such %', entity using errcode = 'P0002',
        constraint = case entity when 'taxonomy' then 'category' else entity end || '_not_found';
end $$;
comment on function app.known_id(text, text, boolean) is
    'The id behind a reference to a block, edge, pipeline or category that the caller sees, archived or not, or with `once` that his '
    'audit trail knows; a refusal when there is none.';

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

-- What belongs to a block or an edge -------------------------------------------------------------------

create function app.is_live(kind public.entity_type, id uuid) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if kind = 'block' then
        return exists (select from public.blocks b where b.block_id = id and b.archived_at is null);
    end if;
    return exists (select from public.edges e where e.edge_id = id and e.archived_at is null);
end $$;
comment on function app.is_live(public.entity_type, uuid) is 'Whether there is such a block or edge, and not archived.';

create function app.owner_id(kind public.entity_type, reference text, in_path boolean) returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    owner uuid := app.find_id(kind::text, reference);
begin
    if in_path and not app.is_live(kind, owner) then
        raise exception 'there is no such %', kind using errcode = 'P0002', constraint = kind || '_not_found';
    end if;
    return owner;
end $$;
comment on function app.owner_id(public.entity_type, text, boolean) is
    'The id behind a reference to a block or an edge. In a path it must be a live one; elsewhere null means that nothing has that name.';

create function app.guard_owner() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Argument: the column that names the owner.
declare
    part record;
    kind public.entity_type;
    owner uuid;
begin
    if tg_op = 'DELETE' then
        part := old;
    else
        part := new;
    end if;
    if tg_argv[0] = 'entity_id' then
        kind := part.entity_type;
        owner := part.entity_id;
    elsif tg_argv[0] = 'block_id' then
        kind := 'block';
        owner := part.block_id;
    else
        kind := 'edge';
        owner := part.edge_id;
    end if;
    if tg_op <> 'INSERT' then
        if kind = 'block' then
            perform from public.blocks b where b.block_id = owner and b.archived_at is not null;
        else
            perform from public.edges e where e.edge_id = owner and e.archived_at is not null;
        end if;
        if found then
            raise exception 'what belongs to an archived % does not change; restore it first', kind
                using errcode = '23514', constraint = kind || 's_archived', table = kind || 's';
        end if;
        return part;
    end if;
    -- FOR SHARE: it is not archived between this look and the commit.
    if kind = 'block' then
        perform from public.blocks b where b.block_id = owner and b.archived_at is null for share;
    else
        perform from public.edges e where e.edge_id = owner and e.archived_at is null for share;
    end if;
    if not found then
        raise exception 'there is no such %', kind
            using errcode = '23503', constraint = tg_table_name || '_' || tg_argv[0] || '_fkey', table = tg_table_name;
    end if;
    return new;
end $$;
comment on function app.guard_owner() is
    'BEFORE INSERT OR UPDATE OR DELETE: what belongs to a block or an edge belongs to a live one, and rests with an archived one.';


create trigger block_taxonomies_0_owner before insert or update on public.block_taxonomies
    for each row execute function app.guard_owner('block_id');
-- Not when it goes with its owner, or with its category.
create trigger block_taxonomies_0_owner_kept before delete on public.block_taxonomies
    for each row when (pg_trigger_depth() = 0) execute function app.guard_owner('block_id');

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
create trigger block_taxonomies_1_guard before insert on public.block_taxonomies
    for each row execute function app.guard_block_taxonomies();

revoke execute on all functions in schema app from public;
grant execute on function app.find_category(text), app.live_category(text, boolean), app.known_id(text, text, boolean),
    app.blocks_in_category(text, boolean),
    app.is_live(public.entity_type, uuid), app.owner_id(public.entity_type, text, boolean) to blockyard_api;
