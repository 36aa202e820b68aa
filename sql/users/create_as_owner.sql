-- By the owner of the database, who needs no caller: the first administrator comes into being here.
insert into public.users (user_id, username, email, role, password_hash)
values (coalesce($1::uuid, app.uuid_v7()), $2, $3, $4, $5)
returning user_id
