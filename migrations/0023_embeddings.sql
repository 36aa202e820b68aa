-- Embeddings of blocks and edges, and what is found by them.
--
-- Vectors are arrays of plain numbers, so that the tables are the same everywhere. Where the database has pgvector, distances are computed
-- by it, and `blockyard vectors index` gives a model an index of its own; without, they are computed here, among fewer vectors.

create type public.vector_distance as enum ('cosine', 'l2', 'inner_product');
comment on type public.vector_distance is 'How far apart two embeddings of a model are.';

create table public.embedding_models (
    model_id uuid not null default app.uuid_v7() constraint embedding_models_pkey primary key,
    name text not null,
    dimensions int not null,
    distance public.vector_distance not null default 'cosine',
    created_at timestamptz not null default clock_timestamp(),
    created_by uuid default app.caller_id() constraint embedding_models_created_by_fkey references public.users,
    -- Found and sorted by name under row-level security: see blocks.name_key.
    name_key text collate "C" not null generated always as (app.name_key(name)) stored,
    constraint embedding_models_name_check check (app.is_name(name)),
    constraint embedding_models_dimensions_check check (dimensions between 1 and 4000)
);
comment on table public.embedding_models is 'Models that make embeddings: what is fixed for all vectors of one. Never changed.';
create unique index embedding_models_name_key on public.embedding_models (name_key);
create index embedding_models_created_at_idx on public.embedding_models (created_at, model_id);
create index embedding_models_created_by_idx on public.embedding_models (created_by);

create table public.embeddings (
    embedding_id uuid not null default app.uuid_v7() constraint embeddings_pkey primary key,
    entity_type public.entity_type not null,
    entity_id uuid not null,
    model_id uuid not null constraint embeddings_model_id_fkey references public.embedding_models,
    vector real[] not null,
    length double precision not null,
    version_id uuid not null,
    source_digest text not null,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    created_by uuid default app.caller_id() constraint embeddings_created_by_fkey references public.users,
    block_id uuid generated always as (case when entity_type = 'block' then entity_id end) stored
        constraint embeddings_block_id_fkey references public.blocks on delete cascade,
    edge_id uuid generated always as (case when entity_type = 'edge' then entity_id end) stored
        constraint embeddings_edge_id_fkey references public.edges on delete cascade,
    constraint embeddings_source_digest_check check (source_digest ~ '^sha256:[0-9a-f]{64}$'),
    constraint embeddings_entity_key unique (entity_type, entity_id, model_id)
);
comment on table public.embeddings is 'The embedding of a block or an edge by a model: one at most.';
comment on column public.embeddings.length is 'Of the vector: distances divide by it.';
comment on column public.embeddings.version_id is 'The version that was active when it was written.';
comment on column public.embeddings.source_digest is 'Of the text that was embedded (app.embedding_text): another one than today''s makes it stale.';
-- Random numbers do not compress.
alter table public.embeddings alter column vector set storage external;
create index embeddings_block_id_idx on public.embeddings (block_id);
create index embeddings_edge_id_idx on public.embeddings (edge_id);
create index embeddings_model_id_idx on public.embeddings (model_id, embedding_id);
create index embeddings_created_by_idx on public.embeddings (created_by);
create index embeddings_created_at_idx on public.embeddings (created_at, embedding_id);

-- What is embedded --------------------------------------------------------------------------------

create function app.embedding_text(name text, description text, metadata jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return concat_ws(E'\n', name, description, case when metadata <> '{}' then left(metadata::text, 8000) end);
end $$;
comment on function app.embedding_text(text, text, jsonb) is
    'The text to embed of a thing: its name, its description and, as it is printed, the first 8,000 characters of its metadata, a line each.';

create function app.text_digest(value text) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return 'sha256:' || encode(sha256(convert_to(value, 'UTF8')), 'hex');
end $$;
comment on function app.text_digest(text) is 'By what a text is known: the SHA-256 of its UTF-8.';

create view app.embedding_sources with (security_invoker = true) as
select 'block'::public.entity_type as entity_type, b.block_id as entity_id, b.name, b.current_version_id as version_id, b.version_number,
    app.embedding_text(b.name, b.description, b.metadata) as source_text, b.archived_at
from public.blocks b
union all
select 'edge', e.edge_id, e.name, e.current_version_id, e.version_number, app.embedding_text(e.name, e.description, e.metadata), e.archived_at
from public.edges e;
comment on view app.embedding_sources is 'What there is to embed: of each block and edge the text of its active version.';
revoke all on app.embedding_sources from public, anon, authenticated, service_role;
grant select on app.embedding_sources to blockyard_api;

create view app.embedding_details with (security_invoker = true) as
select e.*, m.name as model,
    not exists (
        select from app.embedding_sources s
        where s.entity_type = e.entity_type and s.entity_id = e.entity_id and s.version_id = e.version_id
          and app.text_digest(s.source_text) = e.source_digest) as is_stale,
    (select u.username from public.usernames u where u.user_id = e.created_by) as created_by_username
from public.embeddings e
join public.embedding_models m using (model_id);
comment on view app.embedding_details is 'Embeddings, and whether each is stale: of another version, or another text, than there is today.';
revoke all on app.embedding_details from public, anon, authenticated, service_role;
grant select on app.embedding_details to blockyard_api;

-- The guards ----------------------------------------------------------------------------------------

create function app.refuse_model_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if new is distinct from old then
        raise exception 'an embedding model never changes: its vectors would mean something else' using errcode = '42501';
    end if;
    return new;
end $$;
create function app.tidy_model() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    new.name := app.tidy(new.name);
    return new;
end $$;

create function app.vector_length(vector real[]) returns double precision
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return (select sqrt(sum(v::double precision * v)) from unnest(vector) as v);
end $$;
comment on function app.vector_length(real[]) is 'The Euclidean length of a vector.';

create function app.vector_fault(vector real[], dimensions int) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if array_ndims(vector) is distinct from 1 or cardinality(vector) <> dimensions then
        return format('Has %s values; the model has %s dimensions.', coalesce(cardinality(vector), 0), dimensions);
    end if;
    if array_position(vector, null) is not null or exists (select from unnest(vector) as v where not abs(v) <= 10000) then
        return 'Has a value that is no number between -10000 and 10000.';
    end if;
    -- In half precision, which an index has, less would be nothing.
    if app.vector_length(vector) < 0.01 then
        return 'Is zero, or nearly: its length must be at least 0.01.';
    end if;
    return null;
end $$;
comment on function app.vector_fault(real[], int) is 'What is wrong with a vector of so many dimensions; null when nothing is.';

create function app.guard_embeddings() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    fault text;
    source record;
begin
    if tg_op = 'UPDATE' and (new.embedding_id, new.entity_type, new.entity_id, new.model_id) is distinct from
        (old.embedding_id, old.entity_type, old.entity_id, old.model_id) then
        raise exception 'an embedding stays with its thing and its model' using errcode = '42501';
    end if;
    select app.vector_fault(new.vector, m.dimensions) into fault from public.embedding_models m where m.model_id = new.model_id;
    if not found then
        raise exception 'there is no such embedding model'
            using errcode = '23503', constraint = 'embeddings_model_id_fkey', table = 'embeddings';
    end if;
    if fault is not null then
        raise exception '%', fault using errcode = '23514', constraint = 'embeddings_vector_fault', table = 'embeddings';
    end if;
    select s.version_id, app.text_digest(s.source_text) as digest into source
    from app.embedding_sources s where s.entity_type = new.entity_type and s.entity_id = new.entity_id;
    new.length := app.vector_length(new.vector);
    new.version_id := source.version_id;
    new.source_digest := coalesce(new.source_digest, source.digest);
    if tg_op = 'INSERT' then
        new.updated_at := new.created_at;
    elsif (new.vector, new.version_id, new.source_digest) is distinct from (old.vector, old.version_id, old.source_digest) then
        new.updated_at := app.next_revision(old.updated_at);
    end if;
    return new;
end $$;
comment on function app.guard_embeddings() is
    'BEFORE INSERT OR UPDATE: a vector is one of its model, and is of the active version and, unless another is named, of its text.';

-- Where embeddings live is told in one place, whoever keeps them.
create function app.keep_representation() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    model constant text := (select m.name from public.embedding_models m where m.model_id = coalesce(new.model_id, old.model_id));
begin
    if tg_op = 'DELETE' then
        delete from public.block_vector_representations v where v.block_id = old.block_id and v.vector_db = 'pgvector' and v.vector_key = model;
        delete from public.edge_vector_representations v where v.edge_id = old.edge_id and v.vector_db = 'pgvector' and v.vector_key = model;
    elsif new.entity_type = 'block' then
        insert into public.block_vector_representations (block_id, vector_db, vector_key) values (new.entity_id, 'pgvector', model)
        on conflict on constraint block_vector_representations_key do nothing;
    else
        insert into public.edge_vector_representations (edge_id, vector_db, vector_key) values (new.entity_id, 'pgvector', model)
        on conflict on constraint edge_vector_representations_key do nothing;
    end if;
    return null;
end $$;
comment on function app.keep_representation() is
    'AFTER INSERT OR UPDATE OR DELETE: an embedding is among the vector representations, as pgvector''s with the name of its model.';

create trigger embedding_models_1_guard before update on public.embedding_models
    for each row execute function app.refuse_model_change();
create trigger embedding_models_1_tidy before insert on public.embedding_models
    for each row execute function app.tidy_model();
create trigger embedding_models_9_audit after insert or update or delete on public.embedding_models
    for each row execute function app.audit('embedding_model', 'model_id', 'model_id', 'name_key');
create trigger embeddings_0_owner before insert or update or delete on public.embeddings
    for each row execute function app.guard_owner('entity_id');
create trigger embeddings_1_guard before insert or update on public.embeddings
    for each row execute function app.guard_embeddings();
create trigger embeddings_8_representation after insert or update or delete on public.embeddings
    for each row execute function app.keep_representation();
create trigger embeddings_9_audit after insert or update or delete on public.embeddings
    for each row execute function app.audit('vector', 'embedding_id', 'entity_id', 'vector,length,updated_at,block_id,edge_id');

-- Near --------------------------------------------------------------------------------------------

create function app.allows(filter jsonb, block uuid) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    has uuid[];
begin
    if filter is null then return true; end if;
    has := array(
        with recursive its (category_id, parent_id) as (
            select c.category_id, c.parent_id
            from public.block_taxonomies bt join public.taxonomy_categories c using (category_id)
            where bt.block_id = block and c.archived_at is null
            union
            select c.category_id, c.parent_id
            from its join public.taxonomy_categories c on c.category_id = its.parent_id
            where (filter ->> 'recursive')::boolean and c.archived_at is null
        )
        select its.category_id from its);
    return (coalesce(jsonb_array_length(filter -> 'any'), 0) = 0
            or exists (select from jsonb_array_elements_text(filter -> 'any') as c where c::uuid = any (has)))
       and not exists (select from jsonb_array_elements_text(filter -> 'all') as c where c::uuid <> all (has))
       and not exists (select from jsonb_array_elements_text(filter -> 'none') as c where c::uuid = any (has));
end $$;
comment on function app.allows(jsonb, uuid) is
    'Whether a block is in the categories that a stored taxonomy_filter asks for. (An edge, or null, is in none.)';

create function app.written_out(filter jsonb) returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    part record;
    below jsonb;
    written jsonb := jsonb '{"any": [], "all": [], "none": []}';
begin
    for part in
        select f.key, c.category::uuid as category
        from jsonb_each(filter) as f cross join jsonb_array_elements_text(case jsonb_typeof(f.value) when 'array' then f.value else '[]' end) as c (category)
    loop
        below := (
            with recursive within (category_id) as (
                select part.category
                union
                select c.category_id from within w join public.taxonomy_categories c on c.parent_id = w.category_id
                where (filter ->> 'recursive')::boolean and c.archived_at is null
            )
            select jsonb_agg(w.category_id order by w.category_id) from within w);
        written := jsonb_set(written, array[part.key], (written -> part.key) || case part.key when 'all' then jsonb_build_array(below) else below end);
    end loop;
    return written;
end $$;
comment on function app.written_out(jsonb) is
    'A stored taxonomy_filter with the categories below those that it names, if they count: a list of ids for any and for none, and one for each of all.';

create function app.model_id(reference text) returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    found uuid := (
        select m.model_id from public.embedding_models m
        where m.model_id::text = lower(reference) or m.name_key = app.name_key(reference)
        order by m.model_id::text = lower(reference) desc limit 1);
begin
    if found is null then
        raise exception 'There is no such embedding model. %', (
            select coalesce('There are: ' || string_agg(m.name, ', ' order by m.name_key) || '.', 'There are none.')
            from (select m.name, m.name_key from public.embedding_models m order by m.name_key limit 20) as m)
            using errcode = '22023', constraint = 'embedding_model_unknown';
    end if;
    return found;
end $$;
comment on function app.model_id(text) is 'The id behind an id or the name of an embedding model; what there is not, it refuses.';

create function app.vector_index(model uuid) returns name
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select ('embeddings_' || replace(model::text, '-', '') || '_hnsw')::name
$$;
comment on function app.vector_index(uuid) is 'How the index on the vectors of a model is called.';

create function app.index_vectors(model uuid) returns name
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    it record;
begin
    select m.model_id, m.dimensions, m.distance, n.nspname as place, app.vector_index(m.model_id) as index into it
    from public.embedding_models m, pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid = e.extnamespace
    where m.model_id = model and e.extname = 'vector';
    if not found then
        raise exception 'the database has no pgvector: create extension vector' using errcode = '0A000', constraint = 'vectors_unavailable';
    end if;
    if to_regclass(format('public.%I', it.index)) is null then
        execute format('create index %1$I on public.embeddings using hnsw ((vector::%2$I.halfvec(%3$s)) %2$I.%4$I) with (m = 24, ef_construction = 200) where model_id = %5$L',
            it.index, it.place, it.dimensions,
            case it.distance when 'cosine' then 'halfvec_cosine_ops' when 'l2' then 'halfvec_l2_ops' else 'halfvec_ip_ops' end, it.model_id);
    end if;
    return it.index;
end $$;
comment on function app.index_vectors(uuid) is
    'Gives the vectors of a model their index (HNSW, in half precision), unless they have it. For the owner; writers of embeddings wait meanwhile.';

create function app.vector_near(vector real[], way int) returns real[]
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    step constant double precision := 0.5 * app.vector_length(vector) / sqrt(cardinality(vector));
begin
    if way = 0 then return vector; end if;
    -- Half of its length away, always in the same direction.
    return array(
        select (v.x + case when hashint4(v.place::int * 7 + way) & 1 = 0 then step else - step end)::real
        from unnest(vector) with ordinality as v (x, place) order by v.place);
end $$;
comment on function app.vector_near(real[], int) is 'A vector (way 0), or one near it.';

-- Among few that pass a filter, or without an index, every vector is compared. Otherwise the index gives more than are wanted, in the
-- order of half precision; these are compared in full. Of many that pass a filter, those are compared that are among the nearest: the
-- index is asked for ever more of these, until enough pass. (A filter is asked about all of them at once: that costs hardly more than about one.)
create function app.nearest(model uuid, query real[], kinds text[], filter jsonb, fresh boolean, wanted int)
returns table (kind text, id uuid, distance double precision, is_stale boolean, is_exact boolean)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    few constant int := 20000;
    its record;
    pgvector constant name := (
        select n.nspname from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname = 'vector');
    most constant int := case when pgvector is null then 5000 else 100000 end;
    types constant public.entity_type[] := array(select k::public.entity_type from unnest(kinds) as k where k <> 'pipeline');
    indexed boolean;
    among uuid[];
    reached uuid[];
    passed_by_many boolean := false;
    depth int := greatest(4 * wanted, 400);
    apart text;
    candidates text;
    in_order text;
begin
    select m.model_id, m.name, m.dimensions, m.distance, app.vector_fault(query, m.dimensions) as fault, app.vector_length(query) as length
    into strict its from public.embedding_models m where m.model_id = model;
    if its.fault is not null then
        raise exception '%', its.fault using errcode = '22023', constraint = 'search_vector_fault';
    end if;
    if filter <> '{}' then
        among := array(select m.id from app.matching(kinds, filter, null, null, few + 1) as m);
        passed_by_many := cardinality(among) > few;
    end if;
    indexed := pgvector is not null and to_regclass(format('public.%I', app.vector_index(its.model_id))) is not null
        and (among is null or passed_by_many);
    if not indexed and (among is null or passed_by_many or pgvector is null and cardinality(among) > most)
        and (select count(*) from (select from public.embeddings e where e.model_id = its.model_id limit most + 1) as e) > most then
        raise exception 'Without an index at most % vectors are compared: `blockyard vectors index` makes one%.', most,
            case when pgvector is null then ', where the database has pgvector' else '' end
            using errcode = '0A000', constraint = 'vectors_unavailable';
    end if;

    if pgvector is null then
        apart := case its.distance
            when 'cosine' then '1 - d.dot / (c.length * $8)'
            when 'l2' then 'sqrt(greatest(0, c.length * c.length + $8 * $8 - 2 * d.dot))'
            else '- d.dot' end;
        apart := format('(select %s from (select sum(v.a::double precision * v.b) as dot from unnest(c.vector, $2) as v (a, b)) as d)', apart);
    else
        apart := format('(c.vector::%I.vector operator(%1$I.%s) $2::%1$I.vector)', pgvector,
            case its.distance when 'cosine' then '<=>' when 'l2' then '<->' else '<#>' end);
    end if;
    candidates := format($f$
        select e.entity_type, e.entity_id, e.vector, e.length, e.version_id, e.source_digest
        from public.embeddings e
        left join public.blocks b on b.block_id = e.block_id and b.archived_at is null
        left join public.edges d on d.edge_id = e.edge_id and d.archived_at is null
        where e.model_id = %L and (b.block_id is not null or d.edge_id is not null) and e.entity_type = any ($10)
          and not exists (
              select from public.block_vector_representations v
              where v.block_id = e.block_id and v.vector_db = 'pgvector' and v.vector_key = $7 and v.taxonomy_filter is not null
                and not app.allows(v.taxonomy_filter, v.block_id))
          and not exists (
              select from public.edge_vector_representations v
              where v.edge_id = e.edge_id and v.vector_db = 'pgvector' and v.vector_key = $7 and v.taxonomy_filter is not null
                and not app.allows(v.taxonomy_filter, null))
          and (not $5 or exists (
              select from app.embedding_sources s
              where s.entity_type = e.entity_type and s.entity_id = e.entity_id and s.version_id = e.version_id
                and app.text_digest(s.source_text) = e.source_digest))
        $f$, its.model_id);
    if indexed then
        -- Going on for as long as what is archived, stale or not allowed comes first.
        perform set_config('hnsw.iterative_scan', 'strict_order', true);
        perform set_config('hnsw.max_scan_tuples', '100000', true);
        -- The order shall come from the index, whatever else seems cheaper.
        perform set_config('enable_sort', 'off', true);
        in_order := format('select array(select c.entity_id from (%s order by e.vector::%2$I.halfvec(%3$s) operator(%2$I.%4$s) $2::%2$I.halfvec(%3$s) limit $11) as c)',
            candidates, pgvector, its.dimensions, case its.distance when 'cosine' then '<=>' when 'l2' then '<->' else '<#>' end);
        loop
            among := '{}';
            -- From three places near each other: where vectors lie in tight clusters, one way through the index may end in the wrong one.
            -- (The last is from where is asked for, and says whether there is more.)
            for way in reverse 2..0 loop
                perform set_config('hnsw.ef_search', case way when 0 then '400' else '100' end, true);
                execute in_order into reached
                    using not indexed, app.vector_near(query, way), kinds, among, fresh, wanted, its.name, its.length, filter, types,
                        case way when 0 then depth else depth / 4 end;
                among := among || reached;
            end loop;
            among := array(select distinct r.id from unnest(among) as r (id));
            exit when not passed_by_many;
            among := array(select m.id from app.matching(kinds, filter, null, among, null) as m);
            exit when cardinality(among) >= wanted or cardinality(reached) < depth or depth = 100000;
            depth := least(4 * depth, 100000);
        end loop;
        perform set_config('enable_sort', 'on', true);
    elsif passed_by_many then
        -- The filter is asked about all that the model has.
        execute format('select array(select c.entity_id from (%s) as c)', candidates)
            into reached using not indexed, query, kinds, among, fresh, wanted, its.name, its.length, filter, types;
        among := array(select m.id from app.matching(kinds, filter, null, reached, null) as m);
    end if;
    candidates := candidates || case when among is not null then ' and e.entity_id = any ($4)' else '' end;
    for kind, id, distance, is_stale, is_exact in execute format($f$
        select n.entity_type::text, n.entity_id, n.apart,
            not exists (
                select from app.embedding_sources s
                where s.entity_type = n.entity_type and s.entity_id = n.entity_id and s.version_id = n.version_id
                  and app.text_digest(s.source_text) = n.source_digest),
            $1
        from (select c.*, %s as apart from (%s) as c order by apart, c.entity_id limit $6) as n
        $f$, apart, candidates)
        using not indexed, query, kinds, among, fresh, wanted, its.name, its.length, filter, types
    loop
        return next;
    end loop;
end $$;
comment on function app.nearest(uuid, real[], text[], jsonb, boolean, int) is
    'The blocks and edges whose embeddings by a model are nearest to a vector, of those that pass the filter and whose taxonomy_filter allows them; '
    'with `fresh` none that is stale.';

-- Search ------------------------------------------------------------------------------------------

create function app.find(kinds text[], filter jsonb, query text, model text, vector real[], fresh boolean, wanted int, counted text[])
returns table (total int, is_complete boolean, mended text, terms tsquery, is_exact boolean, hits jsonb, facets jsonb)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    most constant bigint := 10000;
    -- How deep two rankings are looked into before they become one.
    deep constant int := greatest(50, wanted);
    key constant text := app.name_key(query);
    named uuid[];
    ids uuid[];
    kinds_found text[];
    scores real[];
    newest jsonb;
    near record;
begin
    is_complete := true;
    if query is null and filter ? 'metadata' and not (filter ->> 'indexed')::boolean and not filter ?| array['used_by', 'alias']
        and coalesce(jsonb_array_length(filter -> 'taxonomy' -> 'any'), 0) + coalesce(jsonb_array_length(filter -> 'taxonomy' -> 'all'), 0) = 0 then
        -- All rows would be read for the few that pass: the newest of each kind are.
        select jsonb_object_agg(n.kind, n.since) into newest
        from (values
            ('block', (select b.created_at from public.blocks b where 'block' = any (kinds) order by b.created_at desc offset 100000 limit 1)),
            ('edge', (select e.created_at from public.edges e where 'edge' = any (kinds) order by e.created_at desc offset 100000 limit 1))
        ) as n (kind, since)
        where n.since > coalesce((filter ->> 'created_after')::timestamptz, '-infinity');
        if newest is not null then
            filter := filter || jsonb_build_object('newest', newest);
            is_complete := false;
        end if;
    end if;

    if query is not null then
        named := array(
            select s.id from app.searchable s
            where s.kind = any (kinds) and (s.name_key = key or s.id = case when app.is_uuid(query) then query::uuid end));
        terms := app.search_terms(query);
    end if;
    if query is not null or vector is null then
        for attempt in 1..2 loop
            select array_agg(m.id), array_agg(m.kind), array_agg(m.score)
            into ids, kinds_found, scores
            from (
                select m.id, m.kind, case when m.id = any (named) then 2 else m.score + case when starts_with(m.name_key, key) then 0.5 else 0 end end::real as score
                from (
                    select m.* from app.matching(kinds, filter, terms, null, most + 1) as m
                    where (terms is null or numnode(terms) > 0) and (named is null or m.id <> all (named))
                    union all
                    select m.* from app.matching(kinds, filter, null, named, most) as m where cardinality(named) > 0
                ) as m
                order by (m.id = any (named)) desc nulls last, score desc nulls last, m.id desc
            ) as m;
            -- (A vector knows what is meant, however it is spelled.)
            exit when ids is not null or query is null or vector is not null or mended is not null;
            mended := app.mended(query);
            exit when mended is null;
            terms := app.search_terms(mended);
        end loop;
        if ids is null then mended := null; end if;
        is_complete := is_complete and coalesce(cardinality(ids), 0) <= most;
    end if;

    with by_words as (
        select w.id, w.kind, w.score, w.place
        from unnest(ids, kinds_found, scores) with ordinality as w (id, kind, score, place)
        where w.place <= most
    ), by_vector as (
        select n.*, row_number() over (order by n.distance, n.id) as place
        from app.nearest(app.model_id(model), vector, kinds, filter, fresh, deep) as n
        where vector is not null
    ), fused as (
        select coalesce(w.id, v.id) as id, coalesce(w.kind, v.kind) as kind, v.is_exact,
            coalesce(w.id = any (named), false) as is_named,
            (case when vector is null then w.score
                else coalesce(1.0 / (60 + w.place), 0) + coalesce(1.0 / (60 + v.place), 0) end)::real as score,
            w.place as word_place, v.place as vector_place,
            jsonb_path_query_array(jsonb_build_array(
                case when w.id is not null then jsonb_build_object(
                    'mode', case when w.id = any (named) then 'exact' when query is null then 'filter' when mended is not null then 'spelling' else 'words' end,
                    'rank', w.place, 'score', w.score) end,
                case when v.id is not null then jsonb_build_object(
                    'mode', 'vector', 'rank', v.place, 'distance', v.distance, 'stale', v.is_stale) end), '$[*] ? (@ != null)') as matched_by
        from (select * from by_words w where vector is null or w.place <= deep) as w
        full join by_vector v on v.id = w.id
    ), page as (
        select f.*, row_number() over (order by f.is_named desc, f.score desc nulls last, f.word_place, f.vector_place, f.id) as place from fused f
        order by place limit wanted
    )
    select
        (select count(*) from (select w.id from by_words w union select v.id from by_vector v) as all_found) as total,
        (select jsonb_agg(jsonb_build_object('kind', p.kind, 'id', p.id, 'score', p.score, 'matched_by', p.matched_by) order by p.place) from page p) as hits,
        (select bool_and(v.is_exact) from by_vector v) as is_exact,
        (select array_agg(v.id) from by_vector v) as near_ids,
        (select array_agg(v.kind) from by_vector v) as near_kinds
    into near;
    total := near.total;
    hits := coalesce(near.hits, '[]');
    is_exact := near.is_exact;
    if cardinality(counted) > 0 then
        facets := app.facets(coalesce(ids[1:most], '{}') || coalesce(near.near_ids, '{}'), counted);
    end if;
    return next;
end $$;
comment on function app.find(text[], jsonb, text, text, real[], boolean, int, text[]) is
    'What is found by words, by a vector, or by both (reciprocal rank fusion), of what passes a filter: the best ones, how many there are '
    '(not complete: at least), how the query was mended, and counts.';

create function app.facets(ids uuid[], counted text[]) returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
begin
    return (
        with things as materialized (
            select s.kind, s.id, s.block_type, s.current_version_id from app.searchable s where s.id = any (ids)
        ), counts as (
            select 'kind' as facet, t.kind as value, null::uuid as id, count(*) as count from things t where 'kind' = any (counted) group by t.kind
            union all
            select 'block_type', t.block_type::text, null, count(*) from things t
            where 'block_type' = any (counted) and t.block_type is not null group by t.block_type
            union all
            select 'category', c.name, c.category_id, count(*)
            from things t join public.block_taxonomies bt on bt.block_id = t.id join public.taxonomy_categories c using (category_id)
            where 'category' = any (counted) and c.archived_at is null group by c.category_id, c.name
            union all
            select 'verified', (v.status = 'passed')::text, null, count(*)
            from things t join app.edge_version_statuses v on v.version_id = t.current_version_id
            where 'verified' = any (counted) and t.kind = 'edge' group by v.status = 'passed'
            union all
            select 'pipeline', p.name, p.pipeline_id, count(*)
            from (
                select pb.block_id as id, pb.pipeline_id from public.pipeline_blocks pb join things t on t.id = pb.block_id
                union
                select pe.edge_id, pe.pipeline_id from public.pipeline_edges pe join things t on t.id = pe.edge_id
            ) as part
            join public.pipelines p using (pipeline_id)
            where 'pipeline' = any (counted) and p.archived_at is null group by p.pipeline_id, p.name
        ), best as (
            select c.*, row_number() over (partition by c.facet order by c.count desc, c.value, c.id) as place from counts c
        )
        select coalesce(jsonb_object_agg(f.facet, f.counts), '{}')
        from (
            select w.facet, coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('value', b.value, 'id', b.id, 'count', b.count)) order by b.place)
                filter (where b.facet is not null), '[]') as counts
            from unnest(counted) as w (facet) left join best b on b.facet = w.facet and b.place <= 20
            group by w.facet
        ) as f);
end $$;
comment on function app.facets(uuid[], text[]) is 'How many of these things have each value of a facet: of each the 20 most frequent.';

-- Rights ------------------------------------------------------------------------------------------

revoke execute on all functions in schema app from public;
grant execute on function app.find(text[], jsonb, text, text, real[], boolean, int, text[]), app.model_id(text), app.embedding_text(text, text, jsonb),
    app.text_digest(text), app.allows(jsonb, uuid), app.written_out(jsonb) to blockyard_api;

alter table public.embedding_models enable row level security;
revoke all on public.embedding_models from public, anon, authenticated, service_role;
grant select, delete, insert (name, dimensions, distance) on public.embedding_models to authenticated;
create policy embedding_models_select on public.embedding_models for select to authenticated
    using ((select app.caller_role()) is not null);
create policy embedding_models_insert on public.embedding_models for insert to authenticated
    with check ((select app.can_write()));
create policy embedding_models_delete on public.embedding_models for delete to authenticated
    using ((select app.is_admin()));

alter table public.embeddings enable row level security;
revoke all on public.embeddings from public, anon, authenticated, service_role;
grant select, delete, insert (entity_type, entity_id, model_id, vector, source_digest), update (vector, source_digest)
    on public.embeddings to authenticated;
create policy embeddings_select on public.embeddings for select to authenticated
    using (exists (select from public.blocks b where b.block_id = embeddings.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = embeddings.edge_id offset 0));
create policy embeddings_insert on public.embeddings for insert to authenticated
    with check ((select app.can_write()));
create policy embeddings_update on public.embeddings for update to authenticated
    using ((select app.can_write()) and (exists (select from public.blocks b where b.block_id = embeddings.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = embeddings.edge_id offset 0)))
    with check ((select app.can_write()));
create policy embeddings_delete on public.embeddings for delete to authenticated
    using ((select app.can_write()) and (exists (select from public.blocks b where b.block_id = embeddings.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = embeddings.edge_id offset 0)));
