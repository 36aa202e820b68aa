-- Where the embedding of a block or an edge lives, for RAG search.

create table public.block_vector_representations (
    vector_id uuid not null default app.uuid_v7() constraint block_vector_representations_pkey primary key,
    block_id uuid not null constraint block_vector_representations_block_id_fkey references public.blocks on delete cascade,
    vector_db text not null,
    vector_key text not null,
    taxonomy_filter jsonb,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    constraint block_vector_representations_vector_db_check check (app.is_line(vector_db, 100)),
    constraint block_vector_representations_vector_key_check check (app.is_line(vector_key, 1000)),
    constraint block_vector_representations_taxonomy_filter_check check (jsonb_typeof(taxonomy_filter) = 'object'),
    constraint block_vector_representations_key unique (block_id, vector_db, vector_key)
);
-- By what other stores find.
create index block_vector_representations_vector_key_idx on public.block_vector_representations (vector_key, vector_db);
comment on table public.block_vector_representations is 'Where the embedding of a block lives; taxonomy_filter constrains RAG search.';
create index block_vector_representations_created_at_idx on public.block_vector_representations (created_at, vector_id);
-- Few have a filter, and every search asks for them.
create index block_vector_representations_filtered_idx on public.block_vector_representations (block_id) where taxonomy_filter is not null;
create index block_vector_representations_taxonomy_filter_idx
    on public.block_vector_representations using gin (taxonomy_filter jsonb_path_ops);

create table public.edge_vector_representations (
    vector_id uuid not null default app.uuid_v7() constraint edge_vector_representations_pkey primary key,
    edge_id uuid not null constraint edge_vector_representations_edge_id_fkey references public.edges on delete cascade,
    vector_db text not null,
    vector_key text not null,
    taxonomy_filter jsonb,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    constraint edge_vector_representations_vector_db_check check (app.is_line(vector_db, 100)),
    constraint edge_vector_representations_vector_key_check check (app.is_line(vector_key, 1000)),
    constraint edge_vector_representations_taxonomy_filter_check check (jsonb_typeof(taxonomy_filter) = 'object'),
    constraint edge_vector_representations_key unique (edge_id, vector_db, vector_key)
);
create index edge_vector_representations_vector_key_idx on public.edge_vector_representations (vector_key, vector_db);
comment on table public.edge_vector_representations is 'Where the embedding of an edge lives; taxonomy_filter constrains RAG search.';
create index edge_vector_representations_created_at_idx on public.edge_vector_representations (created_at, vector_id);
-- Few have a filter, and every search asks for them.
create index edge_vector_representations_filtered_idx on public.edge_vector_representations (edge_id) where taxonomy_filter is not null;
create index edge_vector_representations_taxonomy_filter_idx
    on public.edge_vector_representations using gin (taxonomy_filter jsonb_path_ops);

-- taxonomy_filter has a shape, and its categories are there.
--
--   {"any": [category, …], "all": [category, …], "none": [category, …], "recursive": boolean}
--
-- A thing passes when it is in at least one category of `any`, in every one of `all` and in no
-- one of `none`; with `recursive` what is below a category counts as in it. A category is written
-- as its id or its name, and stored as its id.
create function app.guard_taxonomy_filter() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    faults jsonb := jsonb '[]';
    resolved jsonb := jsonb '{}';
    part record;
    entry record;
    category uuid;
    categories uuid[];
    named int := 0;
begin
    if new.taxonomy_filter is null
       or (tg_op = 'UPDATE' and new.taxonomy_filter is not distinct from old.taxonomy_filter) then
        return new;
    end if;
    if jsonb_typeof(new.taxonomy_filter) <> 'object' then
        raise exception 'taxonomy_filter is no object' using errcode = '23514',
            constraint = tg_table_name || '_taxonomy_filter_check', table = tg_table_name;
    end if;
    for part in select f.key, f.value from jsonb_each(new.taxonomy_filter) as f loop
        if part.key = 'recursive' and jsonb_typeof(part.value) = 'boolean' then
            resolved := resolved || jsonb_build_object(part.key, part.value);
            continue;
        end if;
        if part.key not in ('any', 'all', 'none') or jsonb_typeof(part.value) <> 'array' or jsonb_array_length(part.value) > 100 then
            faults := faults || jsonb_build_object('pointer', '/taxonomy_filter/' || replace(replace(part.key, '~', '~0'), '/', '~1'),
                'detail', 'Is no part of a filter: any, all and none are lists of at most 100 categories, recursive is a boolean.');
            continue;
        end if;
        categories := '{}';
        for entry in select case jsonb_typeof(e.value) when 'string' then e.value #>> '{}' end as reference, e.ordinality - 1 as position
                     from jsonb_array_elements(part.value) with ordinality as e (value, ordinality) loop
            named := named + 1;
            begin
                category := app.find_category(entry.reference);
                -- FOR SHARE: it is neither archived nor purged between this look and the commit.
                perform from public.taxonomy_categories c
                    where c.category_id = category and c.archived_at is null for share;
                if found then
                    if category <> all (categories) then categories := categories || category; end if;
                else
                    faults := faults || jsonb_build_object('pointer', format('/taxonomy_filter/%s/%s', part.key, entry.position),
                        'detail', 'Names no category that is there.');
                end if;
            exception when cardinality_violation then
                faults := faults || jsonb_build_object('pointer', format('/taxonomy_filter/%s/%s', part.key, entry.position),
                    'detail', 'Several categories have that name: say which by its id.');
            end;
        end loop;
        resolved := resolved || jsonb_build_object(part.key, to_jsonb(categories));
    end loop;
    if named = 0 and faults = '[]' then
        faults := jsonb_build_array(jsonb_build_object('pointer', '/taxonomy_filter',
            'detail', 'Must name a category in any, all or none.'));
    end if;
    if faults <> '[]' then
        raise exception 'the filter has faults'
            using errcode = '23514', constraint = tg_table_name || '_taxonomy_filter_faults', table = tg_table_name, detail = faults::text;
    end if;
    new.taxonomy_filter := resolved;
    return new;
end $$;
comment on function app.guard_taxonomy_filter() is
    'BEFORE INSERT OR UPDATE: a taxonomy_filter has its shape and names live categories, which are stored by id; the detail lists all faults as JSON.';

create trigger block_vector_representations_0_owner before insert or update or delete on public.block_vector_representations
    for each row execute function app.guard_owner('block_id');
create trigger edge_vector_representations_0_owner before insert or update or delete on public.edge_vector_representations
    for each row execute function app.guard_owner('edge_id');
create function app.trim_vectors() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    new.vector_db := app.trimmed(new.vector_db);
    new.vector_key := app.trimmed(new.vector_key);
    return new;
end $$;
create trigger block_vector_representations_1_lines before insert or update on public.block_vector_representations
    for each row execute function app.trim_vectors();
create trigger edge_vector_representations_1_lines before insert or update on public.edge_vector_representations
    for each row execute function app.trim_vectors();
create trigger block_vector_representations_1_filter before insert or update on public.block_vector_representations
    for each row execute function app.guard_taxonomy_filter();
create trigger edge_vector_representations_1_filter before insert or update on public.edge_vector_representations
    for each row execute function app.guard_taxonomy_filter();
create trigger block_vector_representations_2_touch before update on public.block_vector_representations
    for each row execute function app.touch();
create trigger block_vector_representations_9_audit after insert or update or delete on public.block_vector_representations
    for each row execute function app.audit('vector', 'vector_id', 'block_id', 'updated_at');
create trigger edge_vector_representations_2_touch before update on public.edge_vector_representations
    for each row execute function app.touch();
create trigger edge_vector_representations_9_audit after insert or update or delete on public.edge_vector_representations
    for each row execute function app.audit('vector', 'vector_id', 'edge_id', 'updated_at');

create function app.categories_of_filter(filter jsonb) returns setof uuid
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select c.category::uuid
    from jsonb_array_elements_text(
        coalesce(filter -> 'any', '[]') || coalesce(filter -> 'all', '[]') || coalesce(filter -> 'none', '[]')) as c (category)
$$;
comment on function app.categories_of_filter(jsonb) is 'All categories that a taxonomy_filter names.';

create function app.filters_naming(category uuid) returns table (vector_id uuid, vector_key text, is_live boolean)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    -- By the index on the filter.
    with wanted as (
        select array[
            jsonb_build_object('any', jsonb_build_array(category)),
            jsonb_build_object('all', jsonb_build_array(category)),
            jsonb_build_object('none', jsonb_build_array(category))] as filters
    )
    select v.vector_id, v.vector_key, b.archived_at is null
    from wanted w
    join public.block_vector_representations v on v.taxonomy_filter @> w.filters[1]
        or v.taxonomy_filter @> w.filters[2] or v.taxonomy_filter @> w.filters[3]
    join public.blocks b using (block_id)
    union all
    select v.vector_id, v.vector_key, e.archived_at is null
    from wanted w
    join public.edge_vector_representations v on v.taxonomy_filter @> w.filters[1]
        or v.taxonomy_filter @> w.filters[2] or v.taxonomy_filter @> w.filters[3]
    join public.edges e using (edge_id)
$$;
comment on function app.filters_naming(uuid) is 'The vectors whose taxonomy_filter names a category, and whether they are of something live.';

create view app.vector_representations with (security_invoker = true) as
select 'block'::public.entity_type as entity_type, block_id as entity_id,
    vector_id, block_id, null::uuid as edge_id, vector_db, vector_key, taxonomy_filter, created_at, updated_at
from public.block_vector_representations
union all
select 'edge', edge_id,
    vector_id, null, edge_id, vector_db, vector_key, taxonomy_filter, created_at, updated_at
from public.edge_vector_representations;
comment on view app.vector_representations is 'Both tables of vectors, as the service reads them.';
revoke all on app.vector_representations from public, anon, authenticated, service_role;
grant select on app.vector_representations to blockyard_api;

revoke execute on all functions in schema app from public;

alter table public.block_vector_representations enable row level security;
revoke all on public.block_vector_representations from public, anon, authenticated, service_role;
grant select, delete, insert (block_id, vector_db, vector_key, taxonomy_filter), update (vector_db, vector_key, taxonomy_filter)
    on public.block_vector_representations to authenticated;
create policy block_vector_representations_select on public.block_vector_representations for select to authenticated
    using (exists (select from public.blocks b where b.block_id = block_vector_representations.block_id offset 0));
create policy block_vector_representations_insert on public.block_vector_representations for insert to authenticated
    with check ((select app.can_write()));
create policy block_vector_representations_update on public.block_vector_representations for update to authenticated
    using ((select app.can_write()) and exists (select from public.blocks b where b.block_id = block_vector_representations.block_id offset 0))
    with check ((select app.can_write()));
create policy block_vector_representations_delete on public.block_vector_representations for delete to authenticated
    using ((select app.can_write()) and exists (select from public.blocks b where b.block_id = block_vector_representations.block_id offset 0));

alter table public.edge_vector_representations enable row level security;
revoke all on public.edge_vector_representations from public, anon, authenticated, service_role;
grant select, delete, insert (edge_id, vector_db, vector_key, taxonomy_filter), update (vector_db, vector_key, taxonomy_filter)
    on public.edge_vector_representations to authenticated;
create policy edge_vector_representations_select on public.edge_vector_representations for select to authenticated
    using (exists (select from public.edges e where e.edge_id = edge_vector_representations.edge_id offset 0));
create policy edge_vector_representations_insert on public.edge_vector_representations for insert to authenticated
    with check ((select app.can_write()));
create policy edge_vector_representations_update on public.edge_vector_representations for update to authenticated
    using ((select app.can_write()) and exists (select from public.edges e where e.edge_id = edge_vector_representations.edge_id offset 0))
    with check ((select app.can_write()));
create policy edge_vector_representations_delete on public.edge_vector_representations for delete to authenticated
    using ((select app.can_write()) and exists (select from public.edges e where e.edge_id = edge_vector_representations.edge_id offset 0));
