-- Archiving and purging: what is in use stays, and what lacks something stays away.

-- What is in use is neither archived nor purged --------------------------------------------------

create function app.users_of(kind text, id uuid, only_live boolean) returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if kind = 'taxonomy_categories' then
        return (
            select jsonb_agg(u) from (
                select 'taxonomy' as entity_type, c.category_id as entity_id, c.name
                from public.taxonomy_categories c
                where c.parent_id = id and (c.archived_at is null or not only_live)
                union all
                -- A block that is in it keeps it from being archived; when it is purged, the block leaves it.
                select 'block', b.block_id, b.name
                from public.block_taxonomies bt join public.blocks b using (block_id)
                where only_live and bt.category_id = id and b.archived_at is null
                union all
                select 'vector', f.vector_id, f.vector_key
                from app.filters_naming(id) as f where f.is_live or not only_live
                limit 20) as u);
    end if;
    return (
        select jsonb_agg(u) from (
            select 'pipeline' as entity_type, p.pipeline_id as entity_id, p.name
            from public.pipelines p
            where p.pipeline_id in (
                    select pb.pipeline_id from public.pipeline_blocks pb where kind = 'blocks' and pb.block_id = id
                    union all
                    select pe.pipeline_id from public.pipeline_edges pe where kind = 'edges' and pe.edge_id = id)
              and (p.archived_at is null or not only_live)
            union all
            select d.entity_type::text, d.entity_id, coalesce(b.name, e.name)
            from public.dependencies d
            left join public.blocks b on b.block_id = d.block_id
            left join public.edges e on e.edge_id = d.edge_id
            where ((kind = 'blocks' and d.depends_on_block_id = id) or (kind = 'edges' and d.depends_on_edge_id = id))
              and (coalesce(b.archived_at, e.archived_at) is null or not only_live)
            limit 20) as u);
end $$;
comment on function app.users_of(text, uuid, boolean) is
    'Up to 20 things that use a block, an edge or a category, as JSON; null when nothing does.';

create function app.guard_archiving() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Argument: the column of the id.
declare
    is_purge constant boolean := tg_op = 'DELETE';
    it constant jsonb := case when is_purge then to_jsonb(old) else to_jsonb(new) end;
    users jsonb;
begin
    -- The row is locked by its UPDATE, and whoever begins to use it takes FOR SHARE on it first. What is
    -- purged is held by foreign keys besides; they cannot say by what.
    if not is_purge then
        perform app.require_current_view();
    end if;
    users := app.users_of(tg_table_name, (it ->> tg_argv[0])::uuid, not is_purge);
    if users is not null then
        raise exception 'still in use'
            using errcode = '23503', constraint = tg_table_name || '_in_use', table = tg_table_name, detail = users::text;
    end if;
    if is_purge then
        return old;
    end if;
    return new;
end $$;
comment on function app.guard_archiving() is
    'BEFORE UPDATE OR DELETE: refuses to archive what something live uses, and to purge what anything uses; the detail lists up to 20 users as JSON.';
create trigger blocks_2_archiving before update of archived_at on public.blocks
    for each row when (old.archived_at is null and new.archived_at is not null) execute function app.guard_archiving('block_id');
create trigger edges_2_archiving before update of archived_at on public.edges
    for each row when (old.archived_at is null and new.archived_at is not null) execute function app.guard_archiving('edge_id');
create trigger taxonomy_categories_3_archiving before update on public.taxonomy_categories
    for each row when (old.archived_at is null and new.archived_at is not null) execute function app.guard_archiving('category_id');
create trigger blocks_2_purge before delete on public.blocks
    for each row execute function app.guard_archiving('block_id');
create trigger edges_2_purge before delete on public.edges
    for each row execute function app.guard_archiving('edge_id');
create trigger taxonomy_categories_3_purge before delete on public.taxonomy_categories
    for each row execute function app.guard_archiving('category_id');

-- A block leaves a pipeline after the edges that join it.
create function app.guard_joined() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    users jsonb;
begin
    select jsonb_agg(u) into users from (
        select distinct 'edge' as entity_type, e.edge_id as entity_id, e.name
        from public.pipeline_edges pe join public.edges e using (edge_id)
        where pe.pipeline_id = old.pipeline_id and old.block_id in (pe.source_block_id, pe.target_block_id)
        limit 20) as u;
    if users is not null then
        raise exception 'edges of the pipeline still join the block'
            using errcode = '23503', constraint = 'pipeline_blocks_in_use', table = 'pipeline_blocks', detail = users::text;
    end if;
    return null;
end $$;
comment on function app.guard_joined() is
    'AFTER DELETE, when the whole statement is done: refuses to take a block out of a pipeline whose edges join it, and lists them.';
-- Its name comes before those of the foreign keys' own triggers, which would say less.
create trigger "0_pipeline_blocks_joined" after delete on public.pipeline_blocks
    for each row execute function app.guard_joined();

create function app.guard_user_purge() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    id constant uuid := old.user_id;
    traces jsonb;
begin
    select jsonb_agg(u) into traces from (
        select 'block' as entity_type, block_id as entity_id, name from public.blocks where created_by = id
        union all select 'edge', edge_id, name from public.edges where created_by = id
        union all select 'pipeline', pipeline_id, name from public.pipelines where created_by = id
        union all select 'taxonomy', category_id, name from public.taxonomy_categories where created_by = id
        union all select 'metadata', version_id, name from public.block_versions where created_by = id
        union all select 'metadata', version_id, name from public.edge_versions where created_by = id
        union all select 'verification', verification_id, null from public.edge_verifications where created_by = id
        union all select 'verification', verification_id, null from public.edge_verifications where verified_by = id and created_by is distinct from id
        union all select 'metadata', version_id, name from public.block_versions where withdrawn_by = id and created_by is distinct from id
        union all select 'metadata', version_id, name from public.edge_versions where withdrawn_by = id and created_by is distinct from id
        union all select 'alias', alias_id, alias from public.aliases where created_by = id
        union all select 'alias', move_id, alias from public.alias_moves where moved_by = id
        union all select 'pipeline_run', run_id, null from public.pipeline_runs where created_by = id
        union all select 'embedding_model', model_id, name from public.embedding_models where created_by = id
        union all select 'vector', embedding_id, null from public.embeddings where created_by = id
        union all select 'audit_log', log_id, null from public.audit_logs where user_id = id
        limit 20) as u;
    if traces is not null then
        raise exception 'the user has history, which is kept: deactivate them instead'
            using errcode = '23503', constraint = 'users_in_use', table = 'users', detail = traces::text;
    end if;
    return old;
end $$;
comment on function app.guard_user_purge() is 'BEFORE DELETE: a user who has history stays; the detail lists up to 20 traces of it as JSON.';
-- After the guard that keeps the last admin.
create trigger users_3_purge before delete on public.users
    for each row execute function app.guard_user_purge();

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
create trigger blocks_3_restoring before update of archived_at on public.blocks
    for each row when (old.archived_at is not null and new.archived_at is null) execute function app.guard_restoring('block_id');
create trigger edges_3_restoring before update of archived_at on public.edges
    for each row when (old.archived_at is not null and new.archived_at is null) execute function app.guard_restoring('edge_id');
create trigger pipelines_3_restoring before update on public.pipelines
    for each row when (old.archived_at is not null and new.archived_at is null) execute function app.guard_restoring('pipeline_id');

revoke execute on all functions in schema app from public;
