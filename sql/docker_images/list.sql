-- $2 kind of owner, $3 owner (id or name), $4 whether it must be there, $5 tag, $6 registry, $7 digest, $8 status of
-- the build, $9 oldest first; of the last row seen $10 time and $11 id; $12 rows. (Owners by their own
-- columns: the comparison of enums is not leakproof, so that under row-level security it uses no index.)
select
    image_id, entity_type, entity_id, image_tag, registry_url, image_digest, build_status,
    app.build_logs_bytes(image_id, build_logs) as "build_logs_bytes!", created_at, updated_at, null::text as build_logs
from docker_images p
where (select app.as_caller($1))
  and ($3::text is null or (select app.owner_id($2, $3, $4)) is not null)
  and ($9::boolean is not null or app.plan_anew(p.image_id))
  and ($2::entity_type is null or case when $2 = 'block' then p.block_id is not null else p.edge_id is not null end)
  and ($3::text is null or $2 <> 'block' or p.block_id = (select app.owner_id($2, $3, $4)))
  and ($3::text is null or $2 <> 'edge' or p.edge_id = (select app.owner_id($2, $3, $4)))
  and app.is_live(p.entity_type, p.entity_id)
  and ($5::text is null or p.image_tag = $5)
  and ($6::text is null or p.registry_url = $6)
  and ($7::text is null or p.image_digest = $7)
  and ($8::build_status is null or p.build_status = $8)
  and case
      when $11::uuid is null then true
      when $9 then (p.created_at, p.image_id) > ($10::timestamptz, $11)
      else (p.created_at, p.image_id) < ($10, $11)
  end
order by
    case when $9 then p.created_at end,
    case when $9 then p.image_id end,
    p.created_at desc, p.image_id desc
limit $12
