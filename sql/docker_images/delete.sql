delete from docker_images
where (select app.as_caller($1))
  and image_id = $2
  and app.is_live(entity_type, entity_id)
  and ($3::timestamptz[] is null or updated_at = any ($3))
returning image_id
