select
    dependency_id, entity_type, entity_id, dependency_type, dependency_detail, depends_on_type, depends_on_id,
    version_constraint, created_at, updated_at
from dependencies
where (select app.as_caller($1))
  and dependency_id = $2
  and is_live(entity_type, entity_id)
