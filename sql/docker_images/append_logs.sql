update docker_images set appended_logs = $3
where (select app.as_caller($1))
  and image_id = $2
  and app.is_live(entity_type, entity_id)
  and ($4::timestamptz[] is null or updated_at = any ($4))
returning
    image_id, entity_type, entity_id, image_tag, registry_url, image_digest, build_status,
    app.build_logs_bytes(image_id, build_logs) as "build_logs_bytes!", created_at, updated_at, null::text as build_logs
