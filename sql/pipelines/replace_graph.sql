-- $2 pipeline, held by this transaction; $3 blocks, $4 edges, as the request has them. What stays
-- keeps its id; foreign keys and cycles are checked when all is done.
with graph as materialized (
    select g.blocks, g.edges
    from app.resolve_graph($3, $4, false) as g
    where (select app.as_caller($1))
), wanted_block as materialized (
    select b.block_id, b.block_version_id, b.block_alias
    from graph g
    cross join lateral jsonb_to_recordset(g.blocks) as b (block_id uuid, block_version_id uuid, block_alias text)
), wanted_edge as materialized (
    select e.edge_id, e.source_block_id, e.target_block_id, e.edge_version_id, e.edge_alias
    from graph g
    cross join lateral jsonb_to_recordset(g.edges)
        as e (edge_id uuid, source_block_id uuid, target_block_id uuid, edge_version_id uuid, edge_alias text)
), removed_edges as (
    delete from pipeline_edges pe
    using graph
    where (select app.as_caller($1))
      and pe.pipeline_id = $2
      and (pe.edge_id, pe.source_block_id, pe.target_block_id) not in (
          select w.edge_id, w.source_block_id, w.target_block_id from wanted_edge w)
), removed_blocks as (
    delete from pipeline_blocks pb
    using graph
    where (select app.as_caller($1))
      and pb.pipeline_id = $2
      and pb.block_id not in (select w.block_id from wanted_block w)
), pinned_blocks as (
    update pipeline_blocks pb set block_version_id = w.block_version_id, block_alias = w.block_alias
    from wanted_block w
    where (select app.as_caller($1))
      and pb.pipeline_id = $2 and pb.block_id = w.block_id
      and (pb.block_version_id, pb.block_alias) is distinct from (w.block_version_id, w.block_alias)
), pinned_edges as (
    update pipeline_edges pe set edge_version_id = w.edge_version_id, edge_alias = w.edge_alias
    from wanted_edge w
    where (select app.as_caller($1))
      and pe.pipeline_id = $2
      and (pe.edge_id, pe.source_block_id, pe.target_block_id) = (w.edge_id, w.source_block_id, w.target_block_id)
      and (pe.edge_version_id, pe.edge_alias) is distinct from (w.edge_version_id, w.edge_alias)
), added_blocks as (
    insert into pipeline_blocks (pipeline_id, block_id, block_version_id, block_alias)
    select $2, w.block_id, w.block_version_id, w.block_alias
    from wanted_block w
    where (select app.as_caller($1))
      and w.block_id not in (select pb.block_id from pipeline_blocks pb where pb.pipeline_id = $2)
    order by w.block_id
), added_edges as (
    insert into pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id, edge_version_id, edge_alias)
    select $2, w.edge_id, w.source_block_id, w.target_block_id, w.edge_version_id, w.edge_alias
    from wanted_edge w
    where (select app.as_caller($1))
      and (w.edge_id, w.source_block_id, w.target_block_id) not in (
        select pe.edge_id, pe.source_block_id, pe.target_block_id from pipeline_edges pe where pe.pipeline_id = $2)
    order by w.edge_id
)
select count(*) as "parts!" from wanted_block where (select app.as_caller($1))
