insert into dependencies
    (entity_type, entity_id, dependency_type, dependency_detail, depends_on_type, depends_on_id, version_constraint)
select $2, app.owner_id($2, $3, $4), $5, coalesce($6, ''), $7, app.owner_id($7, $8, false), $9
where (select app.as_caller($1))
returning
    dependency_id, entity_type, entity_id, dependency_type, dependency_detail, depends_on_type, depends_on_id,
    version_constraint, created_at, updated_at
