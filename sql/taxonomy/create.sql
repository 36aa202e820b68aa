insert into taxonomy_categories (name, parent_id)
select $2, app.live_category($3, false)
where (select app.as_caller($1))
returning
    category_id, name, parent_id, created_at, updated_at, created_by, archived_at,
    (select u.username from usernames u where u.user_id = created_by) as created_by_username, null::timestamptz as purged_at
