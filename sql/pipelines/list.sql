-- Every filter and every order, planned anew for the values it gets, as sql/blocks/list.sql.
-- $2 name, $3 text, $4 creator (id or name), $5 block and $6 edge (id or name), $7 archived instead of live, $8 order;
-- of the last row seen $9 time or $10 name, and $11 id; $12 rows; $13 and $14 include blocks, edges;
-- $15 version of the block or edge (number, latest, active or alias) that a run would take; $16 whether they may run now; $17 filter.
select
    p.pipeline_id as "pipeline_id!", p.name as "name!", p.description, p.created_at as "created_at!", p.updated_at as "updated_at!",
    p.dagster_pipeline_config as "dagster_pipeline_config!", p.parameters_schema, p.created_by, p.times_run as "times_run!", p.average_runtime, p.archived_at,
    (select u.username from usernames u where u.user_id = p.created_by) as created_by_username,
    (select x.purged_at from purged x where x.entity_id = p.pipeline_id) as purged_at,
    case when $13 then p.its_blocks end as blocks,
    case when $14 then p.its_edges end as edges,
    null::jsonb as runs
from pipeline_details p
where (select app.as_caller($1))
  and ($8::text is not null or app.plan_anew(p.pipeline_id))
  and case when $7 then p.archived_at is not null else p.archived_at is null end
  and ($2::text is null or p.name_key = app.name_key($2))
  and ($3::text is null or p.pipeline_id = any (array(select find_pipelines($3))))
  and ($17::jsonb is null or p.pipeline_id = any (array(select find_matching('pipeline', $17))))
  and ($4::text is null or p.created_by = (select find_id('user', $4)))
  and ($5::text is null or p.pipeline_id = any (array(
      select pb.pipeline_id from pipeline_blocks pb where pb.block_id = (select find_id('block', $5)))))
  and ($6::text is null or p.pipeline_id = any (array(
      select pe.pipeline_id from pipeline_edges pe where pe.edge_id = (select find_id('edge', $6)))))
  and ($15::text is null or $5 is null or p.pipeline_id = any (array(
      select pb.pipeline_id from pipeline_block_versions pb
      where pb.block_id = (select find_id('block', $5)) and pb.version_id = (select find_version('block', $5, $15)))))
  and ($15::text is null or $6 is null or p.pipeline_id = any (array(
      select pe.pipeline_id from pipeline_edge_versions pe
      where pe.edge_id = (select find_id('edge', $6)) and pe.version_id = (select find_version('edge', $6, $15)))))
  and ($16::boolean is null or $16 <> exists (select from blockers(p.pipeline_id)))
  and case
      when $11::uuid is null then true
      when $8 = '-created_at' then (p.created_at, p.pipeline_id) < ($9::timestamptz, $11)
      when $8 = 'created_at' then (p.created_at, p.pipeline_id) > ($9, $11)
      when $8 = '-updated_at' then (p.updated_at, p.pipeline_id) < ($9, $11)
      when $8 = 'updated_at' then (p.updated_at, p.pipeline_id) > ($9, $11)
      when $8 = '-name' then (p.name_key, p.pipeline_id) < (app.name_key($10), $11)
      when $8 = 'name' then (p.name_key, p.pipeline_id) > (app.name_key($10), $11)
  end
order by
    case $8 when '-created_at' then p.created_at when '-updated_at' then p.updated_at end desc,
    case $8 when 'created_at' then p.created_at when 'updated_at' then p.updated_at end,
    case $8 when '-name' then p.name_key end desc,
    case $8 when 'name' then p.name_key end,
    case when $8 like '-%' then p.pipeline_id end desc,
    case when $8 not like '-%' then p.pipeline_id end
limit $12
