-- Lineage and impact: what feeds a thing, and what it feeds.
--
-- Arcs, each from what feeds to what is fed:
--   pipeline_edge  the source block of an edge in a pipeline → the target block
--   output         an edge → the blocks that it leads to
--   input          the blocks that it comes from → an edge; only of the edge that is asked about, since of any
--                  other it would join blocks that share an edge and no pipeline
--   dependency     what is depended on → what depends on it
--   member         a block or an edge → the pipeline that has it

create function app.neighbours(
    downward boolean, blocks uuid[], edges uuid[], pipelines uuid[], root_edge uuid, with_archived boolean, among uuid[])
returns table (
    kind text, near_type text, near_id uuid, far_type text, far_id uuid,
    pipeline_id uuid, edge_id uuid, dependency_id uuid)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- As the policies have it: what is archived, its creator and admins see.
    me constant uuid := case when with_archived then app.caller_id() end;
    sees_all constant boolean := with_archived and app.is_admin();
begin
    if downward then
        return query
        select 'pipeline_edge', 'block', pe.source_block_id, 'block', pe.target_block_id, pe.pipeline_id, pe.edge_id, null::uuid
        from public.pipeline_edges pe
        join public.pipelines p using (pipeline_id)
        join public.edges e using (edge_id)
        join public.blocks b on b.block_id = pe.target_block_id
        where pe.source_block_id = any (blocks)
          and (among is null or pe.target_block_id = any (among))
          and (p.archived_at is null or sees_all or p.created_by = me)
          and (e.archived_at is null or sees_all or e.created_by = me)
          and (b.archived_at is null or sees_all or b.created_by = me)
        union all
        select 'input', 'block', pe.source_block_id, 'edge', pe.edge_id, pe.pipeline_id, pe.edge_id, null
        from public.pipeline_edges pe
        join public.pipelines p using (pipeline_id)
        where pe.edge_id = root_edge and pe.source_block_id = any (blocks)
          and (among is null or pe.edge_id = any (among))
          and (p.archived_at is null or sees_all or p.created_by = me)
        union all
        select 'output', 'edge', pe.edge_id, 'block', pe.target_block_id, pe.pipeline_id, pe.edge_id, null
        from public.pipeline_edges pe
        join public.pipelines p using (pipeline_id)
        join public.blocks b on b.block_id = pe.target_block_id
        where pe.edge_id = any (edges)
          and (among is null or pe.target_block_id = any (among))
          and (p.archived_at is null or sees_all or p.created_by = me)
          and (b.archived_at is null or sees_all or b.created_by = me)
        union all
        select 'member', 'block', pb.block_id, 'pipeline', pb.pipeline_id, pb.pipeline_id, null, null
        from public.pipeline_blocks pb
        join public.pipelines p using (pipeline_id)
        where pb.block_id = any (blocks)
          and (among is null or pb.pipeline_id = any (among))
          and (p.archived_at is null or sees_all or p.created_by = me)
        union all
        select 'member', 'edge', pe.edge_id, 'pipeline', pe.pipeline_id, pe.pipeline_id, null, null
        from public.pipeline_edges pe
        join public.pipelines p using (pipeline_id)
        where pe.edge_id = any (edges)
          and (among is null or pe.pipeline_id = any (among))
          and (p.archived_at is null or sees_all or p.created_by = me)
        union all
        select 'dependency', d.depends_on_type::text, d.depends_on_id, d.entity_type::text, d.entity_id, null, null, d.dependency_id
        from (
            select * from public.dependencies d where d.depends_on_block_id = any (blocks)
            union all
            select * from public.dependencies d where d.depends_on_edge_id = any (edges)
        ) as d
        left join public.blocks b on b.block_id = d.block_id
        left join public.edges e on e.edge_id = d.edge_id
        where (coalesce(b.archived_at, e.archived_at) is null or sees_all or coalesce(b.created_by, e.created_by) = me)
          and (among is null or d.entity_id = any (among));
        return;
    end if;
    return query
    select 'pipeline_edge', 'block', pe.target_block_id, 'block', pe.source_block_id, pe.pipeline_id, pe.edge_id, null::uuid
    from public.pipeline_edges pe
    join public.pipelines p using (pipeline_id)
    join public.edges e using (edge_id)
    join public.blocks b on b.block_id = pe.source_block_id
    where pe.target_block_id = any (blocks)
      and (among is null or pe.source_block_id = any (among))
      and (p.archived_at is null or sees_all or p.created_by = me)
      and (e.archived_at is null or sees_all or e.created_by = me)
      and (b.archived_at is null or sees_all or b.created_by = me)
    union all
    select 'input', 'edge', pe.edge_id, 'block', pe.source_block_id, pe.pipeline_id, pe.edge_id, null
    from public.pipeline_edges pe
    join public.pipelines p using (pipeline_id)
    join public.blocks b on b.block_id = pe.source_block_id
    where pe.edge_id = root_edge and pe.edge_id = any (edges)
      and (among is null or pe.source_block_id = any (among))
      and (p.archived_at is null or sees_all or p.created_by = me)
      and (b.archived_at is null or sees_all or b.created_by = me)
    union all
    select 'output', 'block', pe.target_block_id, 'edge', pe.edge_id, pe.pipeline_id, pe.edge_id, null
    from public.pipeline_edges pe
    join public.pipelines p using (pipeline_id)
    join public.edges e using (edge_id)
    where pe.target_block_id = any (blocks)
      and (among is null or pe.edge_id = any (among))
      and (p.archived_at is null or sees_all or p.created_by = me)
      and (e.archived_at is null or sees_all or e.created_by = me)
    union all
    select 'member', 'pipeline', pb.pipeline_id, 'block', pb.block_id, pb.pipeline_id, null, null
    from public.pipeline_blocks pb
    join public.blocks b using (block_id)
    where pb.pipeline_id = any (pipelines)
      and (among is null or pb.block_id = any (among))
      and (b.archived_at is null or sees_all or b.created_by = me)
    union all
    select 'member', 'pipeline', pe.pipeline_id, 'edge', pe.edge_id, pe.pipeline_id, null, null
    from public.pipeline_edges pe
    join public.edges e using (edge_id)
    where pe.pipeline_id = any (pipelines)
      and (among is null or pe.edge_id = any (among))
      and (e.archived_at is null or sees_all or e.created_by = me)
    union all
    select 'dependency', d.entity_type::text, d.entity_id, d.depends_on_type::text, d.depends_on_id, null, null, d.dependency_id
    from (
        select * from public.dependencies d where d.block_id = any (blocks)
        union all
        select * from public.dependencies d where d.edge_id = any (edges)
    ) as d
    left join public.blocks b on b.block_id = d.depends_on_block_id
    left join public.edges e on e.edge_id = d.depends_on_edge_id
    where d.dependency_type = 'internal'
      and (among is null or d.depends_on_id = any (among))
      and (coalesce(b.archived_at, e.archived_at) is null or sees_all or coalesce(b.created_by, e.created_by) = me);
end $$;
comment on function app.neighbours(boolean, uuid[], uuid[], uuid[], uuid, boolean, uuid[]) is
    'The arcs that lead from these things to what they feed, or to what feeds them: to live things, or with_archived also to those that the caller sees; only to those `among` these, if it is not null.';

create function app.is_run_on(kind text, root uuid, version uuid, pipeline uuid, target uuid) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if kind = 'block' then
        return exists (
            select from app.pipeline_block_versions pb
            where pb.pipeline_id = pipeline and pb.block_id = root and pb.version_id = version);
    end if;
    return exists (
        select from app.pipeline_edge_versions pe
        where pe.pipeline_id = pipeline and pe.edge_id = root and pe.version_id = version
          and (target is null or pe.target_block_id = target));
end $$;
comment on function app.is_run_on(text, uuid, uuid, uuid, uuid) is
    'Whether a run of the pipeline would take this version of the block or edge; of an edge also whether it would before this block.';

-- Breadth first, as app.dependents(): a thing is reached once in each direction, by its nearest way.
create function app.lineage(
    root_type text, root uuid, direction text, max_depth int, with_archived boolean, is_impact boolean, version uuid,
    seen_distance int, seen_direction text, seen_id uuid, wanted bigint)
returns table (
    entity_type text, entity_id uuid, way text, distance int, is_new boolean,
    arc text, near_type text, near_id uuid, pipeline_id uuid, edge_id uuid, dependency_id uuid,
    path_types text[], path_ids uuid[])
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    root_edge constant uuid := case when root_type = 'edge' and not is_impact then root end;
    -- All that was reached, level after level, by its place; `via` is the place from which it was.
    types text[] := array[root_type];
    ids uuid[] := array[root];
    ways text[] := array[null::text];
    via int[] := array[null::int];
    arcs text[] := array[null::text];
    pipelines uuid[] := array[null::uuid];
    edges uuid[] := array[null::uuid];
    needs uuid[] := array[null::uuid];
    -- The level that was reached last, and how many of a level are behind what the caller has seen.
    level int := 0;
    first int := 1;
    last int := 1;
    behind bigint := 0;
    step int;
    found record;
begin
    while first <= last and level < max_depth and behind < wanted loop
        select array_agg(n.far_type) as types, array_agg(n.far_id) as ids, array_agg(n.way) as ways, array_agg(n.place) as via,
            array_agg(n.kind) as arcs, array_agg(n.pipeline_id) as pipelines, array_agg(n.edge_id) as edges, array_agg(n.dependency_id) as needs
        into found
        from (
            select distinct on (n.way, n.far_id, n.far_type)
                n.far_type, n.far_id, n.way, l.place, n.kind, n.pipeline_id, n.edge_id, n.dependency_id
            from (
                select w.way, a.*
                from (values ('down'), ('up')) as w (way)
                cross join lateral (
                    select
                        array_agg(l.id) filter (where l.type = 'block') as blocks,
                        array_agg(l.id) filter (where l.type = 'edge') as edges,
                        array_agg(l.id) filter (where l.type = 'pipeline') as pipelines
                    from unnest(types[first:last], ids[first:last], ways[first:last]) as l (type, id, way)
                    where l.way = w.way or l.way is null
                ) as l
                cross join lateral app.neighbours(w.way = 'down', l.blocks, l.edges, l.pipelines, root_edge, with_archived, null) as a
                where direction in (w.way, 'both')
                union all
                select 'down', 'alias', root_type, root, 'alias', a.alias_id, null, null, null
                from public.aliases a
                where is_impact and level = 0 and root_type in ('block', 'edge')
                  and a.entity_type::text = root_type and a.entity_id = root and (version is null or a.version_id = version)
            ) as n
            join (
                select l.type, l.id, l.way, first - 1 + l.ordinality::int as place
                from unnest(types[first:last], ids[first:last], ways[first:last]) with ordinality as l (type, id, way, ordinality)
            ) as l on l.id = n.near_id and l.type = n.near_type and (l.way = n.way or l.way is null)
            where not exists (
                    select from unnest(types, ids, ways) as r (type, id, way)
                    where r.id = n.far_id and r.type = n.far_type and (r.way = n.way or r.way is null))
              -- Only the first step asks for the version: what that reaches, it reaches as a whole.
              and (version is null or level > 0 or case n.kind
                  when 'alias' then true
                  when 'dependency' then (
                      select app.constraint_admits(d.version_constraint, version)
                      from public.dependencies d where d.dependency_id = n.dependency_id)
                  else app.is_run_on(root_type, root, version, n.pipeline_id, case n.kind when 'output' then n.far_id end)
                  end)
            order by n.way, n.far_id, n.far_type, l.place, n.kind, n.pipeline_id, n.edge_id, n.dependency_id
        ) as n;
        types := types || found.types;
        ids := ids || found.ids;
        ways := ways || found.ways;
        via := via || found.via;
        arcs := arcs || found.arcs;
        pipelines := pipelines || found.pipelines;
        edges := edges || found.edges;
        needs := needs || found.needs;
        level := level + 1;
        first := last + 1;
        last := cardinality(ids);
        for place in first .. last loop
            exit when behind >= wanted;
            is_new := seen_id is null or (level, ways[place], ids[place]) > (seen_distance, seen_direction, seen_id);
            behind := behind + is_new::int;
            path_types := '{}';
            path_ids := '{}';
            if is_new then
                step := place;
                while step is not null loop
                    path_types := types[step] || path_types;
                    path_ids := ids[step] || path_ids;
                    step := via[step];
                end loop;
            end if;
            entity_type := types[place];
            entity_id := ids[place];
            way := ways[place];
            distance := level;
            arc := arcs[place];
            near_type := types[via[place]];
            near_id := ids[via[place]];
            pipeline_id := pipelines[place];
            edge_id := edges[place];
            dependency_id := needs[place];
            return next;
        end loop;
    end loop;
end $$;
comment on function app.lineage(text, uuid, text, int, boolean, boolean, uuid, int, text, uuid, bigint) is
    'What a block, an edge or a pipeline feeds and is fed by, up to max_depth arcs away: each once in each direction, the nearest first, with the '
    'arc and the path by which it is reached; all that the caller has seen, and `wanted` behind that (is_new). With is_impact also aliases, and '
    'with a version what the first step reaches by that version only.';

-- With the rights of the caller, as app.known_id().
create function app.node_id(entity text, reference text, with_archived boolean) returns uuid
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    found_id constant uuid := app.known_id(entity, reference, false);
begin
    if not with_archived and (case entity
        when 'block' then exists (select from public.blocks b where b.block_id = found_id and b.archived_at is not null)
        when 'edge' then exists (select from public.edges e where e.edge_id = found_id and e.archived_at is not null)
        else exists (select from public.pipelines p where p.pipeline_id = found_id and p.archived_at is not null)
        end)
    then
        raise exception 'the % is archived', entity using errcode = 'P0002', constraint = entity || '_not_found';
    end if;
    return found_id;
end $$;
comment on function app.node_id(text, text, boolean) is
    'The id behind a reference to a live block, edge or pipeline, with_archived also to one that is archived and the caller sees; a refusal when there is none.';

create function app.known_version(entity text, reference text, version text) returns uuid
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    found_id constant uuid := app.find_version(entity, reference, version);
begin
    if version is not null and found_id is null then
        raise exception 'there is no such version' using errcode = 'P0002', constraint = 'version_not_found';
    end if;
    return found_id;
end $$;
comment on function app.known_version(text, text, text) is
    'As app.find_version(), and a refusal when there is none; null when none is asked for.';

revoke execute on all functions in schema app from public;
grant execute on function
    app.node_id(text, text, boolean), app.known_version(text, text, text),
    app.neighbours(boolean, uuid[], uuid[], uuid[], uuid, boolean, uuid[]),
    app.lineage(text, uuid, text, int, boolean, boolean, uuid, int, text, uuid, bigint) to blockyard_api;
