insert into embedding_models (name, dimensions, distance)
select $2, $3, coalesce($4, 'cosine'::vector_distance)
where (select app.as_caller($1))
returning model_id, name, dimensions, distance, created_at, created_by,
    (select u.username from usernames u where u.user_id = embedding_models.created_by) as created_by_username
