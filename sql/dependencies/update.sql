-- Of what is depended on: $6 and $7 another kind, $8 and $9 another thing, by id or name.
update dependencies set
    dependency_type = coalesce($3, dependency_type),
    dependency_detail = case when $4 then coalesce($5, '') else dependency_detail end,
    depends_on_type = case when $6 then $7 else depends_on_type end,
    depends_on_id = case
        when $8 then app.owner_id(case when $6 then $7 else depends_on_type end, $9, false)
        else depends_on_id
    end,
    version_constraint = case when $10 then $11 else version_constraint end
where (select app.as_caller($1))
  and dependency_id = $2
  and app.is_live(entity_type, entity_id)
  and ($12::timestamptz[] is null or updated_at = any ($12))
returning
    dependency_id, entity_type, entity_id, dependency_type, dependency_detail, depends_on_type, depends_on_id,
    version_constraint, created_at, updated_at
