-- $2 kind of owner, $3 owner (id or name), $4 whether it must be there, $5 tag, $6 registry, $7 status of
-- the build, $8 oldest first; of the last row seen $9 time and $10 id; $11 rows. (Owners by their own
-- columns: the comparison of enums is not leakproof, so that under row-level security it uses no index.)
select
    image_id, entity_type, entity_id, image_tag, registry_url, build_status,
    coalesce(octet_length(build_logs), 0) as "build_logs_bytes!", created_at, updated_at, null::text as build_logs
from docker_images p
where (select app.as_caller($1))
  and ($3::text is null or (select app.owner_id($2, $3, $4)) is not null)
  and ($8::boolean is not null or app.plan_anew(p.image_id))
  and ($2::entity_type is null or case when $2 = 'block' then p.block_id is not null else p.edge_id is not null end)
  and ($3::text is null or $2 <> 'block' or p.block_id = (select app.owner_id($2, $3, $4)))
  and ($3::text is null or $2 <> 'edge' or p.edge_id = (select app.owner_id($2, $3, $4)))
  and app.is_live(p.entity_type, p.entity_id)
  and ($5::text is null or p.image_tag = $5)
  and ($6::text is null or p.registry_url = $6)
  and ($7::build_status is null or p.build_status = $7)
  and case
      when $10::uuid is null then true
      when $8 then (p.created_at, p.image_id) > ($9::timestamptz, $10)
      else (p.created_at, p.image_id) < ($9, $10)
  end
order by
    case when $8 then p.created_at end,
    case when $8 then p.image_id end,
    p.created_at desc, p.image_id desc
limit $11
