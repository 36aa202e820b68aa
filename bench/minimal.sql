-- The write that somebody would write who wanted nothing but speed: one function over tables with the same
-- columns, indexes, constraints and foreign keys, but without triggers. It does what a change of a block's
-- metadata comes to: the lock, the version, the pointer, two audit rows.

set role postgres;
create schema bench;

create table bench.blocks (like public.blocks including all);
create table bench.block_versions (like public.block_versions including all);
insert into bench.blocks (block_id, name, block_type, description, metadata, created_at, updated_at, created_by, archived_at,
    current_version_id, version_number, latest_version_number)
select block_id, name, block_type, description, metadata, created_at, updated_at, created_by, archived_at,
    current_version_id, version_number, latest_version_number
from public.blocks
order by block_id;
insert into bench.block_versions select * from public.block_versions order by version_id;
alter table bench.blocks
    add foreign key (created_by) references public.users,
    add foreign key (current_version_id, block_id) references bench.block_versions (version_id, block_id)
        deferrable initially deferred;
alter table bench.block_versions
    add foreign key (block_id) references bench.blocks on delete cascade,
    add foreign key (created_by) references public.users;

create function bench.change_block(context jsonb, id uuid, data jsonb) returns bench.blocks
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    old bench.blocks;
    new bench.blocks;
    caller uuid;
begin
    perform app.as_caller(context);
    if not app.can_write() then
        raise exception 'only developers write' using errcode = '42501';
    end if;
    caller := app.caller_id();
    select * into old from bench.blocks b where b.block_id = id and b.archived_at is null for no key update;
    update bench.blocks b set
        metadata = data, updated_at = clock_timestamp(), current_version_id = app.uuid_v7(),
        version_number = old.latest_version_number + 1, latest_version_number = old.latest_version_number + 1
    where b.block_id = id
    returning * into new;
    update bench.block_versions v set is_active = false where v.version_id = old.current_version_id;
    insert into bench.block_versions
        (version_id, block_id, version_number, name, block_type, description, metadata, created_at, created_by, is_active)
    values (new.current_version_id, id, new.version_number, new.name, new.block_type, new.description, data, new.updated_at, caller, true);
    insert into public.audit_logs (user_id, action_type, entity_type, entity_id, subject_id, details)
    values
        (caller, 'UPDATE', 'block', id, id, jsonb_build_object('table', 'blocks', 'request', context -> 'request',
            'before', jsonb_build_object('current_version_id', old.current_version_id, 'version_number', old.version_number),
            'after', jsonb_build_object('current_version_id', new.current_version_id, 'version_number', new.version_number))),
        (caller, 'CREATE', 'metadata', new.current_version_id, id, jsonb_build_object('table', 'block_versions',
            'request', context -> 'request', 'after', jsonb_build_object('version_id', new.current_version_id, 'block_id', id,
                'version_number', new.version_number, 'name', new.name, 'block_type', new.block_type, 'description', new.description,
                'metadata', data, 'created_at', new.updated_at, 'created_by', caller, 'is_active', true)));
    return new;
end $$;

revoke execute on function bench.change_block(jsonb, uuid, jsonb) from public;
grant usage on schema bench to blockyard_api;
grant execute on function bench.change_block(jsonb, uuid, jsonb) to blockyard_api;
reset role;
vacuum (freeze, analyze) bench.blocks, bench.block_versions;
