update docker_images set
    image_tag = coalesce($3, image_tag),
    registry_url = coalesce($4, registry_url),
    image_digest = case when $5 then $6 else image_digest end,
    build_status = coalesce($7, build_status)
where (select app.as_caller($1))
  and image_id = $2
  and app.is_live(entity_type, entity_id)
  and ($8::timestamptz[] is null or updated_at = any ($8))
returning
    image_id, entity_type, entity_id, image_tag, registry_url, image_digest, build_status,
    app.build_logs_bytes(image_id, build_logs) as "build_logs_bytes!", created_at, updated_at, null::text as build_logs
