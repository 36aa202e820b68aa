-- $2 kind of owner, $3 owner (id or name), $4 whether it must be there, $5 model (id or name), $6 stale ones, or those that are not, $7 oldest
-- first; of the last row seen $8 time and $9 id; $10 rows.
select
    e.embedding_id as "embedding_id!", e.entity_type as "entity_type!", e.entity_id as "entity_id!", e.model_id as "model_id!", e.model as "model!",
    e.version_id as "version_id!", e.source_digest as "source_digest!", e.created_at as "created_at!", e.updated_at as "updated_at!", e.created_by,
    e.created_by_username, e.is_stale as "is_stale!", null::real[] as "values"
from embedding_details e
where (select app.as_caller($1))
  and ($3::text is null or (select owner_id($2, $3, $4)) is not null)
  and ($7::boolean is not null or app.plan_anew(e.embedding_id))
  and ($2::entity_type is null or e.entity_type = $2)
  and ($3::text is null or $2 <> 'block' or e.block_id = (select owner_id($2, $3, $4)))
  and ($3::text is null or $2 <> 'edge' or e.edge_id = (select owner_id($2, $3, $4)))
  and is_live(e.entity_type, e.entity_id)
  and ($5::text is null or e.model_id = (select model_id($5)))
  and ($6::boolean is null or e.is_stale = $6)
  and case
      when $9::uuid is null then true
      when $7 then (e.created_at, e.embedding_id) > ($8::timestamptz, $9)
      else (e.created_at, e.embedding_id) < ($8, $9)
  end
order by
    case when $7 then e.created_at end,
    case when $7 then e.embedding_id end,
    e.created_at desc, e.embedding_id desc
limit $10
