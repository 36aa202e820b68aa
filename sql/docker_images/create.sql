insert into docker_images (entity_type, entity_id, image_tag, registry_url, image_digest, build_status, build_logs)
select $2, app.owner_id($2, $3, $4), $5, $6, $7, coalesce($8, 'pending'::build_status), $9
where (select app.as_caller($1))
returning
    image_id, entity_type, entity_id, image_tag, registry_url, image_digest, build_status,
    app.build_logs_bytes(image_id, build_logs) as "build_logs_bytes!", created_at, updated_at, null::text as build_logs
