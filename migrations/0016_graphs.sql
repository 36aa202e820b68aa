-- The graph of a pipeline: written as a whole, read with what each part stands for.

create function app.find_cycle(sources uuid[], targets uuid[]) returns uuid[]
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
-- Kahn's algorithm: a block that nothing leads to is on no cycle and goes, with its edges, until all
-- are gone or something leads to each that is left. Blocks are numbered, to be places of arrays.
declare
    blocks uuid[] := array(select distinct unnest(sources || targets));
    edge_sources int[];
    edge_targets int[];
    first_edges int[] := array_fill(null::int, array[cardinality(blocks)]);
    incoming int[] := array_fill(0, array[cardinality(blocks)]);
    gone int[] := array[]::int[];
    visited int := 0;
    befores int[] := first_edges;
    block int;
    edge int;
    path int[];
begin
    select array_agg(s.number order by s.number, t.number), array_agg(t.number order by s.number, t.number)
    into edge_sources, edge_targets
    from unnest(sources, targets) as e (source, target)
    join unnest(blocks) with ordinality as s (id, number) on s.id = e.source
    join unnest(blocks) with ordinality as t (id, number) on t.id = e.target;
    for edge in reverse cardinality(sources) .. 1 loop
        first_edges[edge_sources[edge]] := edge;
        incoming[edge_targets[edge]] := incoming[edge_targets[edge]] + 1;
    end loop;
    for block in 1 .. cardinality(blocks) loop
        if incoming[block] = 0 then
            gone := gone || block;
        end if;
    end loop;
    while visited < cardinality(gone) loop
        visited := visited + 1;
        edge := first_edges[gone[visited]];
        while edge_sources[edge] = gone[visited] loop
            block := edge_targets[edge];
            incoming[block] := incoming[block] - 1;
            if incoming[block] = 0 then
                gone := gone || block;
            end if;
            edge := edge + 1;
        end loop;
    end loop;
    if visited = cardinality(blocks) then
        return null;
    end if;
    -- Backwards from any that is left, until one comes again.
    for edge in 1 .. cardinality(sources) loop
        if incoming[edge_sources[edge]] > 0 then
            befores[edge_targets[edge]] := edge_sources[edge];
            path := array[edge_sources[edge]];
        end if;
    end loop;
    loop
        block := befores[path[1]];
        exit when block = any (path);
        path := block || path;
    end loop;
    path := block || path[:array_position(path, block)];
    return array(select blocks[p.number] from unnest(path) with ordinality as p (number, place) order by p.place);
end $$;
comment on function app.find_cycle(uuid[], uuid[]) is
    'A cycle among the edges source → target, beginning and ending with the same block; null when there is none.';

create function app.path_in_names(path uuid[]) returns text
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(b.name, ' → ' order by p.ordinality)
    from unnest(path) with ordinality as p (block_id, ordinality)
    join public.blocks b using (block_id)
$$;

create function app.guard_pipeline_graph() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- What is drawn, checked before each run and locked is bounded; so are whole graphs in requests.
    most constant int := case tg_table_name when 'pipeline_blocks' then 500 else 2000 end;
    touched uuid[];
    cycle uuid[];
begin
    select array_agg(distinct c.pipeline_id order by c.pipeline_id) into touched from changed c;
    if touched is null then return null; end if;
    -- The pipeline is revised when its graph is; its row is also where writers of the graph queue.
    perform from public.pipelines p where p.pipeline_id = any (touched) order by p.pipeline_id for no key update;
    -- One that this very transaction has made, and nobody has seen, is at its first revision.
    update public.pipelines p set updated_at = app.next_revision(p.updated_at)
    where p.pipeline_id = any (touched)
      and not (p.updated_at = p.created_at
               and p.xmin::text = (pg_current_xact_id()::text::numeric % 4294967296)::text);
    if tg_op = 'INSERT' and (
        tg_table_name = 'pipeline_blocks' and exists (
            select from public.pipeline_blocks p where p.pipeline_id = any (touched)
            group by p.pipeline_id having count(*) > most)
        or tg_table_name = 'pipeline_edges' and exists (
            select from public.pipeline_edges p where p.pipeline_id = any (touched)
            group by p.pipeline_id having count(*) > most)) then
        raise exception 'a pipeline has at most % %', most, case tg_table_name when 'pipeline_blocks' then 'blocks' else 'edges' end
            using errcode = '23514', constraint = tg_table_name || '_too_many', table = tg_table_name;
    end if;
    if tg_op = 'INSERT' and tg_table_name = 'pipeline_edges' then
        select app.find_cycle(array_agg(e.source_block_id), array_agg(e.target_block_id)) into cycle
        from public.pipeline_edges e
        where e.pipeline_id = any (touched)
        group by e.pipeline_id
        having app.find_cycle(array_agg(e.source_block_id), array_agg(e.target_block_id)) is not null
        limit 1;
        if cycle is not null then
            raise exception 'the edges of a pipeline form no cycle: %', app.path_in_names(cycle)
                using errcode = '23514', constraint = 'pipeline_edges_cycle', table = 'pipeline_edges';
        end if;
    end if;
    return null;
end $$;
create trigger pipeline_blocks_2_inserted after insert on public.pipeline_blocks
    referencing new table as changed for each statement execute function app.guard_pipeline_graph();
create trigger pipeline_blocks_2_updated after update on public.pipeline_blocks
    referencing new table as changed for each statement execute function app.guard_pipeline_graph();
create trigger pipeline_blocks_2_deleted after delete on public.pipeline_blocks
    referencing old table as changed for each statement execute function app.guard_pipeline_graph();
create trigger pipeline_edges_2_inserted after insert on public.pipeline_edges
    referencing new table as changed for each statement execute function app.guard_pipeline_graph();
create trigger pipeline_edges_2_updated after update on public.pipeline_edges
    referencing new table as changed for each statement execute function app.guard_pipeline_graph();
create trigger pipeline_edges_2_deleted after delete on public.pipeline_edges
    referencing old table as changed for each statement execute function app.guard_pipeline_graph();

-- What a request says of a graph ------------------------------------------------------------------

create function app.resolve_graph(given_blocks jsonb, given_edges jsonb, one_part boolean, out blocks jsonb, out edges jsonb)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    faults jsonb;
begin
    with given_block as (
        select g.ordinality - 1 as at, b.block_id, v.version_id,
            coalesce(g.value ->> 'block_version_id', g.value ->> 'version_number') as pin,
            case when g.value ->> 'block_version_id' is null then 'version_number' else 'block_version_id' end as pin_field
        from jsonb_array_elements(given_blocks) with ordinality as g
        left join public.blocks b on b.block_id = app.find_id('block', g.value ->> 'block_id') and b.archived_at is null
        left join public.block_versions v on v.block_id = b.block_id
            and (v.version_id = (g.value ->> 'block_version_id')::uuid or v.version_number = (g.value ->> 'version_number')::int)
    ), given_edge as (
        select g.ordinality - 1 as at, e.edge_id, v.version_id,
            s.block_id as source_block_id, t.block_id as target_block_id,
            coalesce(g.value ->> 'edge_version_id', g.value ->> 'version_number') as pin,
            case when g.value ->> 'edge_version_id' is null then 'version_number' else 'edge_version_id' end as pin_field
        from jsonb_array_elements(given_edges) with ordinality as g
        left join public.edges e on e.edge_id = app.find_id('edge', g.value ->> 'edge_id') and e.archived_at is null
        left join public.edge_versions v on v.edge_id = e.edge_id
            and (v.version_id = (g.value ->> 'edge_version_id')::uuid or v.version_number = (g.value ->> 'version_number')::int)
        left join public.blocks s on s.block_id = app.find_id('block', g.value ->> 'source_block_id') and s.archived_at is null
        left join public.blocks t on t.block_id = app.find_id('block', g.value ->> 'target_block_id') and t.archived_at is null
    ), cycle as (
        select app.find_cycle(array_agg(e.source_block_id), array_agg(e.target_block_id)) as path
        from given_edge e
        where e.source_block_id is not null and e.target_block_id is not null and e.source_block_id <> e.target_block_id
    ), fault (pointer, detail) as (
        select format('/blocks/%s/block_id', b.at), 'Names no block that is there.'
        from given_block b where b.block_id is null
        union all
        select format('/blocks/%s/block_id', b.at), 'Is in the list already.'
        from given_block b join given_block o on o.block_id = b.block_id and o.at < b.at
        union
        select format('/blocks/%s/%s', b.at, b.pin_field), 'Names no version of this block.'
        from given_block b where b.block_id is not null and b.pin is not null and b.version_id is null
        union all
        select format('/edges/%s/edge_id', e.at), 'Names no edge that is there.'
        from given_edge e where e.edge_id is null
        union all
        select format('/edges/%s/%s', e.at, e.pin_field), 'Names no version of this edge.'
        from given_edge e where e.edge_id is not null and e.pin is not null and e.version_id is null
        union all
        select format('/edges/%s/source_block_id', e.at),
            case when e.source_block_id is null then 'Names no block that is there.' else 'Is no block of the pipeline.' end
        from given_edge e
        where e.source_block_id is null or not exists (select from given_block b where b.block_id = e.source_block_id)
        union all
        select format('/edges/%s/target_block_id', e.at),
            case when e.target_block_id is null then 'Names no block that is there.' else 'Is no block of the pipeline.' end
        from given_edge e
        where e.target_block_id is null or not exists (select from given_block b where b.block_id = e.target_block_id)
        union all
        select format('/edges/%s/target_block_id', e.at), 'Is the source as well.'
        from given_edge e where e.source_block_id = e.target_block_id
        union
        select format('/edges/%s', e.at), 'Is in the list already, between the same blocks.'
        from given_edge e
        join given_edge o using (edge_id, source_block_id, target_block_id)
        where o.at < e.at
        union all
        select '/edges', format('The edges form a cycle: %s.', app.path_in_names(c.path))
        from cycle c where c.path is not null
    )
    select
        (select coalesce(jsonb_agg(jsonb_build_object('block_id', b.block_id, 'block_version_id', b.version_id)
            order by b.block_id), '[]') from given_block b),
        (select coalesce(jsonb_agg(jsonb_build_object('edge_id', e.edge_id, 'source_block_id', e.source_block_id,
            'target_block_id', e.target_block_id, 'edge_version_id', e.version_id) order by e.edge_id, e.at), '[]') from given_edge e),
        -- `/blocks/2` before `/blocks/10`
        (select jsonb_agg(jsonb_build_object('detail', f.detail,
                'pointer', case when one_part then regexp_replace(f.pointer, '^/(blocks|edges)/\d+', '') else f.pointer end)
            order by split_part(f.pointer, '/', 2), nullif(split_part(f.pointer, '/', 3), '')::int, f.pointer)
         from fault f
         -- One edge alone comes with the blocks of its pipeline, which are not the caller's fault.
         where not (one_part and given_edges <> '[]' and f.pointer like '/blocks/%'))
    into resolve_graph.blocks, resolve_graph.edges, faults;
    if faults is not null then
        raise exception 'the graph has faults'
            using errcode = '23514', constraint = 'pipelines_graph_faults', table = 'pipelines', detail = faults::text;
    end if;
end $$;
comment on function app.resolve_graph(jsonb, jsonb, boolean) is
    'The ids behind a graph as requests write it (ids or names, pins by id or number), in the order in which rows are locked. '
    'Raises pipelines_graph_faults with everything that is wrong with it, by JSON pointer: into a whole graph, or into its one part.';

-- What is shown along with a pipeline -------------------------------------------------------------

create view app.pipeline_block_details with (security_invoker = true) as
select
    pb.pipeline_block_id, pb.pipeline_id, pb.block_id, pb.block_version_id, pb.created_at, pb.updated_at,
    coalesce(b.name, v.name) as name, v.block_type, v.version_id, v.version_number
from public.pipeline_blocks pb
-- The active version is the one marked so: the block itself may be archived, and out of sight. Each
-- of the two has its index.
join lateral (
    select * from public.block_versions v where pb.block_version_id is null and v.block_id = pb.block_id and v.is_active
    union all
    select * from public.block_versions v where v.version_id = pb.block_version_id
) as v on true
left join public.blocks b on b.block_id = pb.block_id;
comment on view app.pipeline_block_details is
    'The blocks of pipelines: block_version_id is the pin, version_id the version that a run would take.';

create view app.checked_edge_versions with (security_invoker = true) as
select
    v.version_id, v.edge_id, v.version_number, v.name, v.is_active,
    (
        select o.verification_status
        from public.edge_verifications o
        where o.edge_version_id = v.version_id and o.verified_at is not null
        order by o.verified_at desc, o.verification_id desc
        limit 1
    ) as verification_status
from public.edge_versions v;
comment on view app.checked_edge_versions is 'Versions of edges, and how the last check of each ended.';

create view app.pipeline_edge_details with (security_invoker = true) as
select
    pe.pipeline_edge_id, pe.pipeline_id, pe.edge_id, pe.source_block_id, pe.target_block_id, pe.edge_version_id,
    pe.created_at, pe.updated_at,
    coalesce(e.name, v.name) as name, v.version_id, v.version_number, v.verification_status
from public.pipeline_edges pe
join lateral (
    select * from app.checked_edge_versions v where pe.edge_version_id is null and v.edge_id = pe.edge_id and v.is_active
    union all
    select * from app.checked_edge_versions v where v.version_id = pe.edge_version_id
) as v on true
left join public.edges e on e.edge_id = pe.edge_id;
comment on view app.pipeline_edge_details is
    'The edges of pipelines: edge_version_id is the pin, version_id the version that a run would take, verification_status how its last check ended.';

revoke all on app.checked_edge_versions, app.pipeline_block_details, app.pipeline_edge_details
    from public, anon, authenticated, service_role;
grant select on app.checked_edge_versions, app.pipeline_block_details, app.pipeline_edge_details to blockyard_api;

revoke execute on all functions in schema app from public;
grant execute on function app.resolve_graph(jsonb, jsonb, boolean) to blockyard_api;
