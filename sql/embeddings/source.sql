-- $2 kind of owner, $3 owner (id or name).
select s.entity_type as "entity_type!", s.entity_id as "entity_id!", s.version_id as "version_id!", s.version_number as "version_number!",
    s.source_text as "text!", text_digest(s.source_text) as "digest!"
from embedding_sources s
where (select app.as_caller($1))
  and (select owner_id($2, $3, true)) is not null
  and s.entity_type = $2
  and s.entity_id = (select owner_id($2, $3, true))
