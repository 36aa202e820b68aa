-- Versioning, written once for blocks and edges.
--
-- A block (or edge) row is what is in use now. Changing its content appends a version: the
-- BEFORE trigger numbers it, under the lock that UPDATE takes on the row, so that RETURNING
-- already shows it; the AFTER trigger writes the snapshot. Pointing current_version_id at an
-- older version activates that one. There is no other way to make or move a version, for
-- whatever client.

create function app.track_versions() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    target_number int;
begin
    if tg_op = 'INSERT' or new.name <> old.name then
        new.name := app.tidy(new.name);
    end if;
    if tg_op = 'INSERT' then
        new.current_version_id := app.uuid_v7();
        new.version_number := 1;
        new.latest_version_number := 1;
        new.archived_at := null;
        return new;
    end if;

    if new.archived_at is distinct from old.archived_at then
        if app.caller_id() is not null and not app.is_admin()
           and old.created_by is distinct from app.caller_id() then
            raise exception 'only its creator or an admin archives and restores a %', tg_argv[0]
                using errcode = '42501';
        end if;
        if new.archived_at is not null then
            new.archived_at := coalesce(old.archived_at, clock_timestamp());
        end if;
    end if;

    if (new.name, new.description, new.metadata) is distinct from (old.name, old.description, old.metadata)
       or (tg_argv[0] = 'block' and to_jsonb(new) -> 'block_type' <> to_jsonb(old) -> 'block_type') then
        if new.archived_at is not null then
            raise exception 'an archived % does not change; restore it first', tg_argv[0]
                using errcode = '23514', constraint = tg_table_name || '_archived', table = tg_table_name;
        end if;
        if new.current_version_id <> old.current_version_id then
            raise exception 'either change a % or activate one of its versions', tg_argv[0]
                using errcode = '23514', constraint = tg_table_name || '_change_or_activate', table = tg_table_name;
        end if;
        new.current_version_id := app.uuid_v7();
        new.latest_version_number := old.latest_version_number + 1;
        new.version_number := new.latest_version_number;
    elsif new.current_version_id <> old.current_version_id then
        if new.archived_at is not null then
            raise exception 'an archived % does not change; restore it first', tg_argv[0]
                using errcode = '23514', constraint = tg_table_name || '_archived', table = tg_table_name;
        end if;
        -- Activation brings back the metadata and the description; the name stays.
        if tg_argv[0] = 'block' then
            select v.version_number, v.description, v.metadata, v.block_type
            into target_number, new.description, new.metadata, new.block_type
            from public.block_versions v
            where v.version_id = new.current_version_id and v.block_id = new.block_id;
        else
            select v.version_number, v.description, v.metadata
            into target_number, new.description, new.metadata
            from public.edge_versions v
            where v.version_id = new.current_version_id and v.edge_id = new.edge_id;
        end if;
        if target_number is null then
            raise exception 'that version belongs to another %', tg_argv[0]
                using errcode = '23503', constraint = tg_table_name || '_current_version_id_fkey', table = tg_table_name;
        end if;
        new.version_number := target_number;
    end if;

    if new.current_version_id <> old.current_version_id or new.archived_at is distinct from old.archived_at then
        new.updated_at := app.next_revision(old.updated_at);
    end if;
    return new;
end $$;
comment on function app.track_versions() is 'BEFORE INSERT OR UPDATE on blocks and edges: numbers versions, activates, archives.';

create function app.append_version() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Arguments: block or edge; columns that the audit trail leaves out (comma-separated).
--
-- The two audit rows of a change (the version, and the pointer that moved to it) are written here
-- and in one statement, for they are a good part of what a change costs.
declare
    author uuid;
    parent_id uuid;
    version jsonb;
    context jsonb;
    change jsonb;
    only_metadata boolean := true;
begin
    if tg_op = 'UPDATE' and new.current_version_id = old.current_version_id then
        return null;
    end if;
    author := app.caller_id();
    if tg_argv[0] = 'block' then
        parent_id := new.block_id;
        if tg_op = 'UPDATE' then
            only_metadata := new.block_type = old.block_type;
            update public.block_versions set is_active = false where version_id = old.current_version_id;
        end if;
        if tg_op = 'INSERT' or new.latest_version_number <> old.latest_version_number then
            insert into public.block_versions (version_id, block_id, version_number, name, block_type, description, metadata, created_at, created_by, is_active)
            values (new.current_version_id, new.block_id, new.version_number, new.name, new.block_type, new.description, new.metadata,
                new.updated_at, case when tg_op = 'INSERT' then new.created_by else author end, true)
            returning to_jsonb(block_versions) into version;
        else
            update public.block_versions set is_active = true where version_id = new.current_version_id;
        end if;
    else
        parent_id := new.edge_id;
        if tg_op = 'UPDATE' then
            update public.edge_versions set is_active = false where version_id = old.current_version_id;
        end if;
        if tg_op = 'INSERT' or new.latest_version_number <> old.latest_version_number then
            insert into public.edge_versions (version_id, edge_id, version_number, name, description, metadata, created_at, created_by, is_active)
            values (new.current_version_id, new.edge_id, new.version_number, new.name, new.description, new.metadata,
                new.updated_at, case when tg_op = 'INSERT' then new.created_by else author end, true)
            returning to_jsonb(edge_versions) into version;
        else
            update public.edge_versions set is_active = true where version_id = new.current_version_id;
        end if;
    end if;

    context := app.audit_context();
    if tg_op = 'UPDATE' then
        only_metadata := only_metadata and (new.name, new.description, new.created_by, new.created_at)
            is not distinct from (old.name, old.description, old.created_by, old.created_at);
        -- The ordinary change spares both rows their whole conversion to JSON.
        change := context || jsonb_build_object('table', tg_table_name) || case when only_metadata
            then jsonb_build_object(
                'before', jsonb_build_object('current_version_id', old.current_version_id, 'version_number', old.version_number),
                'after', jsonb_build_object('current_version_id', new.current_version_id, 'version_number', new.version_number))
            else app.changed_columns(
                to_jsonb(old) - string_to_array(tg_argv[1], ','), to_jsonb(new) - string_to_array(tg_argv[1], ','))
            end;
    end if;
    insert into public.audit_logs (user_id, action_type, entity_type, entity_id, subject_id, details)
    select author, row.action_type, row.entity_type, row.entity_id, parent_id, row.details
    from (values
        ('CREATE'::public.action_type, 'metadata'::public.audit_entity_type, new.current_version_id,
            context || jsonb_build_object('table', tg_argv[0] || '_versions', 'after', version)),
        ('UPDATE', tg_argv[0]::public.audit_entity_type, parent_id, change)
    ) as row (action_type, entity_type, entity_id, details)
    where row.details is not null;
    return null;
end $$;
comment on function app.append_version() is
    'AFTER INSERT OR UPDATE on blocks and edges: writes the snapshot, moves is_active, and puts both into the audit trail.';

create function app.guard_versions() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Holds for the owner of the tables as well: what a version says about its parent must be so.
declare
    parent record;
begin
    if tg_argv[0] = 'block' then
        select b.current_version_id, b.latest_version_number into parent
        from public.blocks b where b.block_id = (case when tg_op = 'DELETE' then old.block_id else new.block_id end);
    else
        select e.current_version_id, e.latest_version_number into parent
        from public.edges e where e.edge_id = (case when tg_op = 'DELETE' then old.edge_id else new.edge_id end);
    end if;
    if tg_op = 'DELETE' then
        -- Only with its parent, which is gone by then.
        if parent.current_version_id is not null then
            raise exception 'versions are append-only' using errcode = '42501';
        end if;
        return old;
    end if;
    if tg_op = 'INSERT' then
        if new.version_id is distinct from parent.current_version_id
           or new.version_number is distinct from parent.latest_version_number or not new.is_active then
            raise exception 'a version is appended by changing its %', tg_argv[0] using errcode = '42501';
        end if;
        return new;
    end if;
    if new.is_active is distinct from (new.version_id = parent.current_version_id) then
        raise exception 'the active version is the one that the % points to', tg_argv[0] using errcode = '42501';
    end if;
    old.is_active := new.is_active;
    if new is distinct from old then
        raise exception 'versions are append-only' using errcode = '42501';
    end if;
    return new;
end $$;
comment on function app.guard_versions() is 'BEFORE INSERT OR UPDATE OR DELETE on versions: append-only, numbered and active as the parent says.';

create function app.refuse_derived() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the numbers of versions are given, not set' using errcode = '42501';
end $$;
comment on function app.refuse_derived() is 'BEFORE UPDATE OF the numbers: fires only for a statement that names them, the owner''s included.';

revoke execute on all functions in schema app from public;
