-- Archiving: what is in use stays, and what lacks something stays away.

-- What is in use is not archived -----------------------------------------------------------------

create function app.guard_archiving() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Argument: the column of the id.
declare
    id constant uuid := (to_jsonb(new) ->> tg_argv[0])::uuid;
    users jsonb;
begin
    perform app.require_current_view();
    -- The row is locked by its UPDATE, and whoever begins to use it takes FOR SHARE on it first.
    if tg_table_name = 'blocks' then
        select jsonb_agg(u) into users from (
            select 'pipeline' as entity_type, p.pipeline_id as entity_id, p.name
            from public.pipeline_blocks pb join public.pipelines p using (pipeline_id)
            where pb.block_id = id and p.archived_at is null
            union all
            select d.entity_type::text, d.entity_id, coalesce(b.name, e.name)
            from public.dependencies d
            left join public.blocks b on b.block_id = d.block_id
            left join public.edges e on e.edge_id = d.edge_id
            where d.depends_on_block_id = id and coalesce(b.archived_at, e.archived_at) is null
            limit 20) as u;
    elsif tg_table_name = 'edges' then
        select jsonb_agg(u) into users from (
            select distinct 'pipeline' as entity_type, p.pipeline_id as entity_id, p.name
            from public.pipeline_edges pe join public.pipelines p using (pipeline_id)
            where pe.edge_id = id and p.archived_at is null
            union all
            select d.entity_type::text, d.entity_id, coalesce(b.name, e.name)
            from public.dependencies d
            left join public.blocks b on b.block_id = d.block_id
            left join public.edges e on e.edge_id = d.edge_id
            where d.depends_on_edge_id = id and coalesce(b.archived_at, e.archived_at) is null
            limit 20) as u;
    else
        select jsonb_agg(u) into users from (
            select 'taxonomy' as entity_type, c.category_id as entity_id, c.name
            from public.taxonomy_categories c
            where c.parent_id = id and c.archived_at is null
            union all
            select 'block', b.block_id, b.name
            from public.block_taxonomies bt join public.blocks b using (block_id)
            where bt.category_id = id and b.archived_at is null
            union all
            select 'vector', f.vector_id, f.vector_key from app.filters_naming(id) as f where f.is_live
            limit 20) as u;
    end if;
    if users is not null then
        raise exception 'still in use'
            using errcode = '23503', constraint = tg_table_name || '_in_use', table = tg_table_name, detail = users::text;
    end if;
    return new;
end $$;
comment on function app.guard_archiving() is 'BEFORE UPDATE: refuses to archive what something live uses; the detail lists up to 20 users as JSON.';
create trigger blocks_2_archiving before update on public.blocks
    for each row when (old.archived_at is null and new.archived_at is not null) execute function app.guard_archiving('block_id');
create trigger edges_2_archiving before update on public.edges
    for each row when (old.archived_at is null and new.archived_at is not null) execute function app.guard_archiving('edge_id');
create trigger taxonomy_categories_3_archiving before update on public.taxonomy_categories
    for each row when (old.archived_at is null and new.archived_at is not null) execute function app.guard_archiving('category_id');

-- What is missing keeps from coming back ---------------------------------------------------------

create function app.guard_restoring() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Argument: the column of the id.
declare
    id constant uuid := (to_jsonb(new) ->> tg_argv[0])::uuid;
    needed_blocks uuid[];
    needed_edges uuid[];
    needed_categories uuid[];
    missing jsonb;
begin
    perform app.require_current_view();
    if tg_table_name = 'pipelines' then
        needed_blocks := array(select pb.block_id from public.pipeline_blocks pb where pb.pipeline_id = id);
        needed_edges := array(select pe.edge_id from public.pipeline_edges pe where pe.pipeline_id = id);
    elsif tg_table_name = 'blocks' then
        needed_blocks := array(select d.depends_on_block_id from public.dependencies d where d.block_id = id);
        needed_edges := array(select d.depends_on_edge_id from public.dependencies d where d.block_id = id);
        needed_categories := array(
            select app.categories_of_filter(v.taxonomy_filter)
            from public.block_vector_representations v where v.block_id = id);
    else
        needed_blocks := array(select d.depends_on_block_id from public.dependencies d where d.edge_id = id);
        needed_edges := array(select d.depends_on_edge_id from public.dependencies d where d.edge_id = id);
        needed_categories := array(
            select app.categories_of_filter(v.taxonomy_filter)
            from public.edge_vector_representations v where v.edge_id = id);
    end if;
    -- FOR SHARE: it is not archived between this look and the commit.
    perform from public.blocks b where b.block_id = any (needed_blocks) order by b.block_id for share;
    perform from public.edges e where e.edge_id = any (needed_edges) order by e.edge_id for share;
    perform from public.taxonomy_categories c where c.category_id = any (needed_categories) order by c.category_id for share;
    select jsonb_agg(m) into missing from (
        select 'block' as entity_type, b.block_id as entity_id, b.name
        from public.blocks b where b.block_id = any (needed_blocks) and b.archived_at is not null
        union all
        select 'edge', e.edge_id, e.name
        from public.edges e where e.edge_id = any (needed_edges) and e.archived_at is not null
        union all
        select 'taxonomy', c.category_id, c.name
        from public.taxonomy_categories c where c.category_id = any (needed_categories) and c.archived_at is not null
        limit 20) as m;
    if missing is not null then
        raise exception 'what it needs is archived; restore that first'
            using errcode = '23503', constraint = tg_table_name || '_missing', table = tg_table_name, detail = missing::text;
    end if;
    return new;
end $$;
comment on function app.guard_restoring() is
    'BEFORE UPDATE: refuses to bring back what needs something archived; the detail lists up to 20 such things as JSON.';
create trigger blocks_3_restoring before update on public.blocks
    for each row when (old.archived_at is not null and new.archived_at is null) execute function app.guard_restoring('block_id');
create trigger edges_3_restoring before update on public.edges
    for each row when (old.archived_at is not null and new.archived_at is null) execute function app.guard_restoring('edge_id');
create trigger pipelines_3_restoring before update on public.pipelines
    for each row when (old.archived_at is not null and new.archived_at is null) execute function app.guard_restoring('pipeline_id');

revoke execute on all functions in schema app from public;
