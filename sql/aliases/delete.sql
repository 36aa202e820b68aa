delete from aliases a
where (select app.as_caller($1))
  and (select app.owner_id($2, $3, true)) is not null
  and a.entity_type = $2
  and a.entity_id = (select app.owner_id($2, $3, true))
  and a.alias = $4
  and ($5::timestamptz[] is null or a.updated_at = any ($5))
returning a.alias_id
