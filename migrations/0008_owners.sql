-- What belongs to a block or an edge, and the ids behind references to them.

-- With the rights of the caller: what no policy shows them, is not there.
create function app.known_id(entity text, reference text, once boolean) returns uuid
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    found_id uuid := app.find_id(entity, reference);
    known boolean := case entity
        when 'block' then exists (select from public.blocks b where b.block_id = found_id)
        when 'edge' then exists (select from public.edges e where e.edge_id = found_id)
        when 'pipeline' then exists (select from public.pipelines p where p.pipeline_id = found_id)
        when 'taxonomy' then exists (select from public.taxonomy_categories c where c.category_id = found_id)
    end;
begin
    if known or (once and exists (select from public.audit_logs l where l.subject_id = found_id)) then
        return found_id;
    end if;
    raise exception 'there is no such %', entity using errcode = 'P0002',
        constraint = case entity when 'taxonomy' then 'category' else entity end || '_not_found';
end $$;
comment on function app.known_id(text, text, boolean) is
    'The id behind a reference to a block, edge, pipeline or category that the caller sees, archived or not, or with `once` that their '
    'audit trail knows; a refusal when there is none.';

create function app.is_live(kind public.entity_type, id uuid) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if kind = 'block' then
        return exists (select from public.blocks b where b.block_id = id and b.archived_at is null);
    end if;
    return exists (select from public.edges e where e.edge_id = id and e.archived_at is null);
end $$;
comment on function app.is_live(public.entity_type, uuid) is 'Whether there is such a block or edge, and not archived.';

create function app.owner_id(kind public.entity_type, reference text, in_path boolean) returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    owner uuid := app.find_id(kind::text, reference);
begin
    if in_path and not app.is_live(kind, owner) then
        raise exception 'there is no such %', kind using errcode = 'P0002', constraint = kind || '_not_found';
    end if;
    return owner;
end $$;
comment on function app.owner_id(public.entity_type, text, boolean) is
    'The id behind a reference to a block or an edge. In a path it must be a live one; elsewhere null means that nothing has that name.';

create function app.require_awake(kind public.entity_type, owner uuid) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if kind = 'block' then
        perform from public.blocks b where b.block_id = owner and b.archived_at is not null;
    else
        perform from public.edges e where e.edge_id = owner and e.archived_at is not null;
    end if;
    if found then
        raise exception 'what belongs to an archived % does not change; restore it first', kind
            using errcode = '23514', constraint = kind || 's_archived', table = kind || 's';
    end if;
end $$;
comment on function app.require_awake(public.entity_type, uuid) is
    'Refuses a change of what belongs to an archived block or edge.';

create function app.guard_owner() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Argument: the column that names the owner.
declare
    part constant jsonb := case when tg_op = 'DELETE' then to_jsonb(old) else to_jsonb(new) end;
    owner constant uuid := (part ->> tg_argv[0])::uuid;
    kind constant public.entity_type := case tg_argv[0]
        when 'entity_id' then part ->> 'entity_type'
        when 'block_id' then 'block'
        else 'edge' end::public.entity_type;
begin
    if tg_op <> 'INSERT' then
        perform app.require_awake(kind, owner);
        if tg_op = 'DELETE' then
            return old;
        end if;
        return new;
    end if;
    -- FOR SHARE: it is not archived between this look and the commit.
    if kind = 'block' then
        perform from public.blocks b where b.block_id = owner and b.archived_at is null for share;
    else
        perform from public.edges e where e.edge_id = owner and e.archived_at is null for share;
    end if;
    if not found then
        raise exception 'there is no such %', kind
            using errcode = '23503', constraint = tg_table_name || '_' || tg_argv[0] || '_fkey', table = tg_table_name;
    end if;
    return new;
end $$;
comment on function app.guard_owner() is
    'BEFORE INSERT OR UPDATE OR DELETE: what belongs to a block or an edge belongs to a live one, and rests with an archived one.';

revoke execute on all functions in schema app from public;
grant execute on function app.known_id(text, text, boolean), app.is_live(public.entity_type, uuid),
    app.owner_id(public.entity_type, text, boolean) to blockyard_api;
