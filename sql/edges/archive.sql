update edges set archived_at = now()
where (select app.as_caller($1))
  and edge_id = (select app.find_id('edge', $2))
  and archived_at is null
  and ($3::timestamptz[] is null or updated_at = any ($3))
returning edge_id
