-- :pipelines pipelines of 20 blocks and 24 edges, and one each of 200 and of 2,000 blocks (`giant-200`,
-- `giant-2000`); every edge leads from an earlier block to a later one. As in blocks.sql.
-- :stride shares no factor with :blocks, so blocks of one pipeline differ.
set session_replication_role = replica;

create temporary view pipeline as
select i, bench.at(0.8 + 0.15 * (i - 1) / :pipelines) as created_at, 'pipeline-' || i as name, 20 as size, i * 20 as first
from generate_series(1::bigint, :pipelines::bigint) as i
union all
select :pipelines + o, bench.at(0.96), 'giant-' || size, size, 0
from (values (1, 200), (2, 2000)) as giant (o, size);

insert into public.pipelines (pipeline_id, name, description, created_at, updated_at, dagster_pipeline_config, created_by, name_key, search)
select bench.pipeline_id(i), name, 'Trains ' || bench.description(i, 1), created_at, created_at,
    jsonb_build_object('job_name', 'registry_generic', 'tags', jsonb_build_object('team', 'team-' || i % 17)),
    bench.user_id(5 * bench.pick(:seed, i, 40) + 2 + bench.pick(:seed, i + 1, 3)),
    app.name_key(name), app.search_vector(name, 'Trains ' || bench.description(i, 1))
from pipeline;

create temporary view part as
select p.i, p.created_at, p.size, k, 1 + (p.first + k) * :stride % :blocks as block
from pipeline p
cross join lateral generate_series(0, p.size - 1) as k;

-- One block in ten is pinned, to its first version.
insert into public.pipeline_blocks (pipeline_block_id, pipeline_id, block_id, block_version_id, created_at, updated_at)
select bench.id(7, i * 10000 + k), bench.pipeline_id(i), bench.block_id(block),
    case when k % 10 = 3 then bench.block_version_id(block, 1) end, created_at, created_at
from part;

-- A chain, and over every fourth block a bridge.
insert into public.pipeline_edges (pipeline_edge_id, pipeline_id, edge_id, source_block_id, target_block_id,
    edge_version_id, created_at, updated_at)
select bench.id(8, s.i * 10000 + s.k * 2 + hop), bench.pipeline_id(s.i),
    bench.edge_id(e.edge), bench.block_id(s.block), bench.block_id(t.block),
    case when s.k % 10 = 7 then bench.edge_version_id(e.edge) end, s.created_at, s.created_at
from part s
cross join generate_series(0, 1) as hop
join part t on t.i = s.i and t.k = s.k + 1 + hop
cross join lateral (select 1 + (s.i * 24 + s.k * 2 + hop) * 7919 % :edges as edge) as e
where hop = 0 or s.k % 4 = 0;
