-- By the owner of the database: the account of a name, an address or an id.
select user_id, username, email, is_active, password_hash is not null as "has_password!"
from public.users
where app.name_key(username) = app.name_key($1) or app.name_key(email) = app.name_key($1) or user_id::text = lower($1)
