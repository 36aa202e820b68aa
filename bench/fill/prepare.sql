-- What the filling needs, in a schema of its own that is dropped at the end. As a superuser.
-- :begins and :ends are the time that the data spans.

create schema bench;

-- Ids are numbered, so that every load generator can name any row by a random number: in the form
-- of version 7, with one prefix for each kind of row and twelve decimal digits.
create function bench.id(kind int, serial bigint) returns uuid language sql immutable parallel safe as $$
    select ('019a0000-0000-7' || lpad(kind::text, 3, '0') || '-8000-' || (100000000000 + serial))::uuid
$$;
create function bench.block_id(i bigint) returns uuid language sql immutable parallel safe as $$ select bench.id(1, i) $$;
-- The first three blocks have 10,000, 10 and 1,000 versions, every other one 1 to 5.
create function bench.versions_of(i bigint) returns int language sql immutable parallel safe as $$
    select case i when 1 then 10000 when 2 then 10 when 3 then 1000 else 1 + (i * 7 % 5)::int end
$$;
create function bench.block_version_id(i bigint, version int) returns uuid language sql immutable parallel safe as $$
    select bench.id(2, case when i <= 3 then 50000000000 + i * 100000 else i * 10 end + version)
$$;
create function bench.edge_id(i bigint) returns uuid language sql immutable parallel safe as $$ select bench.id(3, i) $$;
create function bench.edge_version_id(i bigint) returns uuid language sql immutable parallel safe as $$ select bench.id(4, i) $$;
create function bench.pipeline_id(i bigint) returns uuid language sql immutable parallel safe as $$ select bench.id(6, i) $$;
create function bench.user_id(i bigint) returns uuid language sql immutable parallel safe as $$ select bench.id(9, i) $$;

-- With the span written into it: a function that looked it up could not be inlined.
select format($$
    create function bench.at(fraction double precision) returns timestamptz language sql stable parallel safe as
        $body$ select timestamptz %L + interval %L * fraction $body$
$$, :'begins', :'ends'::timestamptz - :'begins'::timestamptz) \gexec

-- A number from 0 to below - 1, the same for the same seed.
create function bench.pick(seed bigint, what bigint, below int) returns int language sql immutable parallel safe as $$
    select ((hashint8extended(what, seed) & 2147483647) % below)::int
$$;

create function bench.description(i bigint, version int) returns text language sql immutable parallel safe as $$
    select format('%s %s %s, revision %s.',
        (array['Images', 'Recordings', 'Sentences', 'Measurements', 'Weights', 'Embeddings', 'Labels', 'Tables'])[1 + i % 8],
        (array['of street scenes', 'of forests and animals', 'from hospitals', 'from factories', 'of translated news'])[1 + i % 5],
        -- Twenty blocks speak of zebras, whatever the size; one in a hundred of penguins.
        case when i between 101 and 120 then 'and zebras' when i % 100 = 7 then 'and penguins'
            else 'for the nightly training' end,
        version)
$$;

create function bench.metadata(seed bigint, i bigint, version int) returns jsonb language sql immutable parallel safe as $$
    select jsonb_build_object(
        'format', (array['parquet', 'safetensors', 'onnx', 'jsonl', 'webdataset'])[1 + i % 5],
        'uri', format('s3://registry/%s/v%s', i, version),
        'digest', 'sha256:' || md5(seed || '/' || i || '/' || version) || md5(version || '/' || i || '/' || seed),
        'rows', bench.pick(seed, i * 31 + version, 10000000),
        'license', (array['apache-2.0', 'mit', 'cc-by-4.0'])[1 + i % 3],
        'tags', jsonb_build_array('team-' || i % 17, 'stage-' || version % 3),
        'metrics', jsonb_build_object('accuracy', bench.pick(seed, i + version, 10000) / 10000.0, 'loss', bench.pick(seed, i - version, 10000) / 1000.0))
$$;

-- The partitions of the past, as if the service had run all that time.
set role postgres;
do $$
declare
    month date := date_trunc('month', bench.at(0) at time zone 'UTC')::date;
    name text;
begin
    while month <= (now() at time zone 'UTC')::date loop
        name := 'audit_logs_' || to_char(month, 'YYYY_MM');
        if to_regclass('app.' || name) is null then
            execute format('create table app.%I partition of public.audit_logs for values from (%L) to (%L)', name,
                month::timestamp at time zone 'UTC', (month + interval '1 month')::timestamp at time zone 'UTC');
            perform app.guard_audit_partition(format('app.%I', name)::regclass);
        end if;
        month := (month + interval '1 month')::date;
    end loop;
end $$;
reset role;

-- Indexes that are no constraints are made anew at the end: that takes less time than to keep them.
create table bench.indexes as
select c.relname as name, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') as definition
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_class t on t.oid = i.indrelid
where t.relnamespace = 'public'::regnamespace and not c.relispartition
  and not exists (select from pg_constraint k where k.conindid = i.indexrelid);
do $$
declare
    name text;
begin
    for name in select i.name from bench.indexes i loop
        execute format('drop index public.%I', name);
    end loop;
end $$;
