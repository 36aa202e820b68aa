-- 200 users who log in elsewhere: one admin in 50, one viewer in 5, the rest developers.
set session_replication_role = replica;
insert into public.users (user_id, username, email, role, created_at, updated_at)
select bench.user_id(i), 'user-' || i, 'user-' || i || '@example.org',
    case when i % 50 = 0 then 'admin' when i % 5 = 1 then 'viewer' else 'developer' end, bench.at(0), bench.at(0)
from generate_series(1, 200) as i;
