-- Which file manages what: who prunes a thing, and whose word counts for each of its members.
--
-- Written by `POST /apply` alone. It keeps files from undoing one another; it keeps nobody from changing a thing by another way, which the
-- next apply of its file shows and puts back. So it is no rule about the data, and stands outside `public`.

insert into app.guards (guard) values ('apply');

create function app.enter_apply() returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$ select app.enter_guard('apply') $$;
comment on function app.enter_apply() is
    'Applies queue here, so that each sees what the one before it has made, and who manages it.';

create function app.are_owners(fields jsonb) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_typeof(fields) = 'object' and not exists (
        select from jsonb_each(case jsonb_typeof(fields) when 'object' then fields else '{}' end) as f
        where jsonb_typeof(f.value) <> 'string' or not app.is_line(f.value #>> '{}', 100))
$$;

create table app.managed (
    entity_id uuid not null constraint managed_pkey primary key,
    entity_type public.audit_entity_type not null,
    owner text not null,
    fields jsonb not null,
    block_id uuid generated always as (case when entity_type = 'block' then entity_id end) stored
        constraint managed_block_id_fkey references public.blocks on delete cascade,
    edge_id uuid generated always as (case when entity_type = 'edge' then entity_id end) stored
        constraint managed_edge_id_fkey references public.edges on delete cascade,
    pipeline_id uuid generated always as (case when entity_type = 'pipeline' then entity_id end) stored
        constraint managed_pipeline_id_fkey references public.pipelines on delete cascade,
    category_id uuid generated always as (case when entity_type = 'taxonomy' then entity_id end) stored
        constraint managed_category_id_fkey references public.taxonomy_categories on delete cascade,
    constraint managed_entity_type_check check (entity_type in ('block', 'edge', 'pipeline', 'taxonomy')),
    constraint managed_owner_check check (app.is_line(owner, 100)),
    constraint managed_fields_check check (app.are_owners(fields))
);
comment on table app.managed is 'Which file manages what.';
comment on column app.managed.owner is 'Whose file the thing is of: pruning with it archives the thing when the file names it no more.';
comment on column app.managed.fields is 'Whose word counts for each member, by the JSON pointer of the member in the file: {"/metadata": "team-fraud"}.';
create index managed_owner_idx on app.managed (owner, entity_type);
create unique index managed_block_id_key on app.managed (block_id);
create unique index managed_edge_id_key on app.managed (edge_id);
create unique index managed_pipeline_id_key on app.managed (pipeline_id);
create unique index managed_category_id_key on app.managed (category_id);

create function app.audit_takeover() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    before jsonb;
    after jsonb;
begin
    select jsonb_object_agg(o.key, o.value), jsonb_object_agg(n.key, n.value) into before, after
    from jsonb_each(old.fields || jsonb_build_object('', old.owner)) as o
    join jsonb_each(new.fields || jsonb_build_object('', new.owner)) as n using (key)
    where o.value <> n.value;
    if before is not null then
        insert into public.audit_logs (user_id, action_type, entity_type, entity_id, subject_id, details)
        values (app.caller_id(), 'UPDATE', new.entity_type, new.entity_id, new.entity_id,
            app.audit_context() || jsonb_build_object('table', 'managed', 'before', before, 'after', after));
    end if;
    return null;
end $$;
comment on function app.audit_takeover() is
    'AFTER UPDATE: what passes from one file to another is in the trail, by the pointers of the members; the empty one is the thing.';
create trigger managed_9_audit after update on app.managed
    for each row execute function app.audit_takeover();

-- By the thing, for what the caller's own statement has found.
create function app.management(thing uuid, out owner text, out fields jsonb)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    select m.owner, m.fields into management.owner, management.fields from app.managed m where m.entity_id = thing;
end $$;
comment on function app.management(uuid) is 'Whose file a thing is of, and whose word counts for each member; nulls of what no file manages.';

create function app.managed_by(kind public.audit_entity_type, whose text) returns setof uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query select m.entity_id from app.managed m where m.owner = whose and m.entity_type = kind;
end $$;
comment on function app.managed_by(public.audit_entity_type, text) is
    'The ids of what an owner manages, which the caller''s own statement filters.';

create function app.manage(claims jsonb) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if not app.can_write() then
        raise exception 'only who may write manages what is written' using errcode = '42501';
    end if;
    insert into app.managed (entity_id, entity_type, owner, fields)
    select c.entity_id, c.entity_type, c.owner, c.fields
    from jsonb_to_recordset(claims) as c (entity_id uuid, entity_type public.audit_entity_type, owner text, fields jsonb)
    on conflict (entity_id) do update set owner = excluded.owner, fields = excluded.fields;
end $$;
comment on function app.manage(jsonb) is 'Notes who manages what: objects of entity_id, entity_type, owner and fields.';

revoke execute on all functions in schema app from public;
grant execute on function app.enter_apply(), app.management(uuid), app.managed_by(public.audit_entity_type, text), app.manage(jsonb),
    app.pointer_step(text)
    to blockyard_api;
revoke all on app.managed from public, anon, authenticated, service_role;
