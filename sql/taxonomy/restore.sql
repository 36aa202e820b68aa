update taxonomy_categories set archived_at = null
where (select app.as_caller($1))
  and category_id = (select app.find_category($2))
  and ($3::timestamptz[] is null or updated_at = any ($3))
returning
    category_id, name, parent_id, created_at, updated_at, created_by, archived_at,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username, null::timestamptz as purged_at
