delete from blocks
where (select app.as_caller($1))
  and block_id = (select app.find_id('block', $2))
  and ($3::timestamptz[] is null or updated_at = any ($3))
returning block_id
