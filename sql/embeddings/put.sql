-- $2 kind of owner, $3 owner (id or name), $4 id or $5 name of the model, $6 vector, $7 digest of the text that was embedded, today's when
-- missing, $8 revisions.
insert into embeddings as e (entity_type, entity_id, model_id, vector, source_digest)
select $2, owner.id, m.model_id, $6, $7
from (select app.owner_id($2, $3, true) as id) as owner
join embedding_models m on m.model_id = $4 or m.name_key = app.name_key($5)
where (select app.as_caller($1))
  and ($8::timestamptz[] is null or exists (
      select from embeddings o where o.entity_type = $2 and o.entity_id = owner.id and o.model_id = m.model_id and o.updated_at = any ($8)))
on conflict (entity_type, entity_id, model_id) do update
set vector = excluded.vector, source_digest = $7
where $8::timestamptz[] is null or e.updated_at = any ($8)
returning
    e.embedding_id, e.entity_type, e.entity_id, e.model_id, (select m.name from embedding_models m where m.model_id = e.model_id) as "model!",
    e.version_id, e.source_digest, e.created_at, e.updated_at, e.created_by,
    (select u.username from usernames u where u.user_id = e.created_by) as created_by_username,
    (select text_digest(s.source_text) <> e.source_digest from embedding_sources s
     where s.entity_type = e.entity_type and s.entity_id = e.entity_id) as "is_stale!",
    e.vector as "values!", e.xmax = 0 as "is_new!"
