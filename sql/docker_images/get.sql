-- With $3 also the logs.
select
    image_id, entity_type, entity_id, image_tag, registry_url, image_digest, build_status,
    app.build_logs_bytes(image_id, build_logs) as "build_logs_bytes!", created_at, updated_at, case when $3 then app.build_logs(image_id, build_logs) end as build_logs
from docker_images
where (select app.as_caller($1))
  and image_id = $2
  and app.is_live(entity_type, entity_id)
