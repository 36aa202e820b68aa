update code_repos set
    repo_url = coalesce($3, repo_url),
    branch = coalesce($4, branch)
where (select app.as_caller($1))
  and repo_id = $2
  and app.is_live(entity_type, entity_id)
  and ($5::timestamptz[] is null or last_updated = any ($5))
returning repo_id, entity_type, entity_id, repo_url, branch, last_updated, created_at
