insert into code_repos (entity_type, entity_id, repo_url, branch)
select $2, app.owner_id($2, $3, $4), $5, coalesce($6, 'main')
where (select app.as_caller($1))
returning repo_id, entity_type, entity_id, repo_url, branch, last_updated, created_at
