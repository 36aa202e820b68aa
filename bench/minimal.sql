-- The limit of a write: what one statement costs that does no more than a change must. It updates (or makes) the row,
-- appends the version and writes one audit row, under row-level security, over tables with the same columns,
-- indexes, constraints and foreign keys, with neither a trigger nor a function of the service. The old version
-- is left as it is, and the trail gets one row where the service writes two.

set role postgres;
create schema bench;

create table bench.users (like public.users including all);
insert into bench.users select * from public.users;
create table bench.blocks (like public.blocks including all);
create table bench.block_versions (like public.block_versions including all);
create table bench.audit_logs (like public.audit_logs including all) partition by range ("timestamp");
create table bench.audit_logs_default partition of bench.audit_logs default;
insert into bench.blocks (block_id, name, block_type, description, metadata, created_at, updated_at, created_by, archived_at,
    current_version_id, version_number, latest_version_number, name_key, search, metadata_words)
select block_id, name, block_type, description, metadata, created_at, updated_at, created_by, archived_at,
    current_version_id, version_number, latest_version_number, name_key, search, metadata_words
from public.blocks
order by block_id;
insert into bench.block_versions select * from public.block_versions order by version_id;
insert into bench.audit_logs select * from public.audit_logs order by "timestamp", log_id;
-- It leaves the old version active.
drop index bench.block_versions_block_id_idx;
create index on bench.block_versions (block_id) where is_active;
alter table bench.blocks
    add foreign key (created_by) references bench.users,
    add foreign key (current_version_id, block_id) references bench.block_versions (version_id, block_id)
        deferrable initially deferred;
alter table bench.block_versions
    add foreign key (block_id) references bench.blocks on delete cascade,
    add foreign key (created_by) references bench.users;
alter table bench.audit_logs add foreign key (user_id) references bench.users;

create function bench.caller() returns uuid language sql stable
return (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;

alter table bench.users enable row level security;
alter table bench.blocks enable row level security;
alter table bench.block_versions enable row level security;
alter table bench.audit_logs enable row level security;
create policy self on bench.users for select to authenticated using (user_id = (select bench.caller()));
create policy visible on bench.blocks for select to authenticated
    using ((select u.role from bench.users u where u.user_id = bench.caller() and u.is_active) is not null);
create policy change on bench.blocks for update to authenticated
    using ((select u.role from bench.users u where u.user_id = bench.caller() and u.is_active) in ('developer', 'admin'));
create policy make on bench.blocks for insert to authenticated
    with check ((select u.role from bench.users u where u.user_id = bench.caller() and u.is_active) in ('developer', 'admin'));
create policy visible on bench.block_versions for select to authenticated using (true);
create policy append on bench.block_versions for insert to authenticated with check (created_by = (select bench.caller()));
create policy append on bench.audit_logs for insert to authenticated with check (user_id = (select bench.caller()));
grant usage on schema bench to authenticated;
grant select on bench.users to authenticated;
grant select, insert, update on bench.blocks to authenticated;
grant select, insert on bench.block_versions to authenticated;
grant insert on bench.audit_logs to authenticated;
reset role;
vacuum (freeze, analyze) bench.users, bench.blocks, bench.block_versions, bench.audit_logs;
