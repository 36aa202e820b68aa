update taxonomy_categories set
    name = coalesce($3, name),
    parent_id = case when $4 then app.live_category($5, false) else parent_id end
where (select app.as_caller($1))
  and category_id = (select app.find_category($2))
  and archived_at is null
  and ($6::timestamptz[] is null or updated_at = any ($6))
returning
    category_id, name, parent_id, created_at, updated_at, created_by, archived_at,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username, null::timestamptz as purged_at
