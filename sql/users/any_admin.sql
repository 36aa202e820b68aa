-- By the owner of the database: whether somebody can manage the others.
select exists (select from public.users where role = 'admin' and is_active) as "exists!"
