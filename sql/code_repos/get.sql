select repo_id, entity_type, entity_id, repo_url, branch, last_updated, created_at
from code_repos
where (select app.as_caller($1))
  and repo_id = $2
  and app.is_live(entity_type, entity_id)
