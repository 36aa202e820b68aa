-- Pipelines and their parts. (Whole graphs: 0016; what runs ran on: 0017; runs: 0018.)

create table public.pipelines (
    pipeline_id uuid not null default app.uuid_v7() constraint pipelines_pkey primary key,
    name text not null,
    description text,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    dagster_pipeline_config jsonb not null default '{}',
    parameters_schema jsonb,
    created_by uuid default app.caller_id() constraint pipelines_created_by_fkey references public.users,
    times_run int not null default 0,
    average_runtime double precision,
    runs_succeeded int not null default 0,
    runtime_total interval not null default '0',
    archived_at timestamptz,
    name_key text collate "C" not null,
    search tsvector not null,
    constraint pipelines_name_check check (app.is_name(name)),
    constraint pipelines_description_check check (char_length(description) <= 10000),
    -- What else is asked of it: app.require_json() and app.dagster_faults().
    constraint pipelines_dagster_pipeline_config_check check (jsonb_typeof(dagster_pipeline_config) = 'object'),
    -- And of this one: app.require_json() and app.schema_faults().
    constraint pipelines_parameters_schema_check check (jsonb_typeof(parameters_schema) = 'object')
);
comment on table public.pipelines is 'Blocks joined by edges: directed acyclic graphs that run on Dagster.';
comment on column public.pipelines.times_run is 'Runs that ended after they had begun. Kept from pipeline_runs by trigger.';
comment on column public.pipelines.average_runtime is
    'Seconds, over the succeeded runs whose beginning is known; null before the first.';
comment on column public.pipelines.runs_succeeded is 'Runs that succeeded and whose beginning is known: those behind average_runtime.';
comment on column public.pipelines.runtime_total is 'Of the succeeded runs: the exact sum behind average_runtime.';
comment on column public.pipelines.parameters_schema is
    'JSON Schema (draft 2020-12) for the parameters of its runs; null lets in any JSON object. Runs that were started keep what they have.';
comment on column public.pipelines.name_key is
    'By which names are found, compared and sorted: byte by byte, so that a cursor means the same in every database. '
    'A column, because an index on an expression is of no use to a condition under row-level security.';
create unique index pipelines_name_key on public.pipelines (name_key) where archived_at is null;
create index pipelines_name_order_idx on public.pipelines (name_key, pipeline_id);
create index pipelines_created_at_idx on public.pipelines (created_at, pipeline_id);
create index pipelines_updated_at_idx on public.pipelines (updated_at, pipeline_id);
create index pipelines_archived_at_idx on public.pipelines (archived_at, pipeline_id) where archived_at is not null;
create index pipelines_created_by_idx on public.pipelines (created_by);
create index pipelines_search_idx on public.pipelines using gin (search);

create table public.pipeline_blocks (
    pipeline_block_id uuid not null default app.uuid_v7() constraint pipeline_blocks_pkey primary key,
    pipeline_id uuid not null constraint pipeline_blocks_pipeline_id_fkey references public.pipelines on delete cascade,
    block_id uuid not null constraint pipeline_blocks_block_id_fkey references public.blocks,
    block_version_id uuid,
    block_alias text collate "C",
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    constraint pipeline_blocks_pipeline_id_block_id_key unique (pipeline_id, block_id),
    constraint pipeline_blocks_block_version_id_fkey foreign key (block_version_id, block_id)
        references public.block_versions (version_id, block_id),
    -- It follows one thing.
    constraint pipeline_blocks_pin_check check (block_version_id is null or block_alias is null),
    constraint pipeline_blocks_block_alias_fkey foreign key (block_alias, block_id) references public.aliases (alias, block_id)
);
comment on table public.pipeline_blocks is 'The blocks of a pipeline.';
comment on column public.pipeline_blocks.block_version_id is 'A pin; without one the pipeline follows the alias, and without either the active version.';
create index pipeline_blocks_block_id_idx on public.pipeline_blocks (block_id);
create index pipeline_blocks_block_version_id_idx on public.pipeline_blocks (block_version_id, block_id);
create index pipeline_blocks_block_alias_idx on public.pipeline_blocks (block_alias, block_id);

create table public.pipeline_edges (
    pipeline_edge_id uuid not null default app.uuid_v7() constraint pipeline_edges_pkey primary key,
    pipeline_id uuid not null constraint pipeline_edges_pipeline_id_fkey references public.pipelines on delete cascade,
    edge_id uuid not null constraint pipeline_edges_edge_id_fkey references public.edges,
    source_block_id uuid not null constraint pipeline_edges_source_block_id_fkey references public.blocks,
    target_block_id uuid not null constraint pipeline_edges_target_block_id_fkey references public.blocks,
    edge_version_id uuid,
    edge_alias text collate "C",
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    constraint pipeline_edges_key unique (pipeline_id, edge_id, source_block_id, target_block_id),
    constraint pipeline_edges_self_check check (source_block_id <> target_block_id),
    -- The ends of an edge are blocks of its pipeline.
    constraint pipeline_edges_source_fkey foreign key (pipeline_id, source_block_id)
        references public.pipeline_blocks (pipeline_id, block_id),
    constraint pipeline_edges_target_fkey foreign key (pipeline_id, target_block_id)
        references public.pipeline_blocks (pipeline_id, block_id),
    constraint pipeline_edges_edge_version_id_fkey foreign key (edge_version_id, edge_id)
        references public.edge_versions (version_id, edge_id),
    -- It follows one thing.
    constraint pipeline_edges_pin_check check (edge_version_id is null or edge_alias is null),
    constraint pipeline_edges_edge_alias_fkey foreign key (edge_alias, edge_id) references public.aliases (alias, edge_id)
);
comment on table public.pipeline_edges is 'The edges of a pipeline, each from a source block to a target block.';
comment on column public.pipeline_edges.edge_version_id is 'A pin; without one the pipeline follows the alias, and without either the active version.';
create index pipeline_edges_source_idx on public.pipeline_edges (pipeline_id, source_block_id);
create index pipeline_edges_target_idx on public.pipeline_edges (pipeline_id, target_block_id);
create index pipeline_edges_edge_id_idx on public.pipeline_edges (edge_id);
create index pipeline_edges_source_block_id_idx on public.pipeline_edges (source_block_id);
create index pipeline_edges_target_block_id_idx on public.pipeline_edges (target_block_id);
create index pipeline_edges_edge_version_id_idx on public.pipeline_edges (edge_version_id, edge_id);
create index pipeline_edges_edge_alias_idx on public.pipeline_edges (edge_alias, edge_id);

-- What Dagster is told -----------------------------------------------------------------------------

create function app.is_whole(value jsonb, lowest int, highest int) returns boolean
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return jsonb_typeof(value) = 'number' and value::numeric between lowest and highest and value::numeric % 1 = 0;
end $$;
comment on function app.is_whole(jsonb, int, int) is 'Whether a JSON value is a whole number within these bounds.';

-- Dagster takes nearly anything, and some of it reaches past the pipeline: tags named `dagster…/…`
-- change how runs are retried, ended and scheduled, and `execution` can name another image, service
-- account or secret for the pod. So only what is known is let in. Of executors these are the two that
-- start nothing but processes, with the settings that Dagster 1.13 gives them.
create function app.dagster_faults(config jsonb, pointer text) returns jsonb
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    is_job constant boolean := config @> '{"mode": "job"}';
    executors constant text[] := array['in_process', 'multiprocess'];
    settings constant text[] := array['max_concurrent', 'tag_concurrency_limits', 'start_method', 'retries', 'step_dependency_config'];
begin
    return (
        with recursive node (place, name, value, kind) as (
            select ''::text, ''::text, config, 'object'::text
            union all
            select n.place || app.pointer_step(m.name), m.name, m.value, jsonb_typeof(m.value)
            from node n
            cross join lateral (
                select o.key, o.value from jsonb_each(case n.kind when 'object' then n.value else '{}' end) as o
                where n.place in ('', '/run_config', '/run_config/ops', '/run_config/execution', '/block_config', '/tags')
                   or n.place ~ '^/run_config/execution/config(/in_process|/multiprocess)?$'
                union all
                select (a.ordinality - 1)::text, a.value
                from jsonb_array_elements(case n.kind when 'array' then n.value else '[]' end) with ordinality as a
                where n.place ~ '^/run_config/execution/config(/multiprocess)?/tag_concurrency_limits$'
            ) as m (name, value)
        ), fault (place, detail) as (
            select n.place, case
                when n.place = '' then null
                when n.place in ('/run_config', '/run_config/ops', '/run_config/execution', '/run_config/execution/config', '/block_config', '/tags')
                    and n.kind <> 'object' then 'Must be a JSON object.'

                when n.place = '/schema_version' then case when n.value <> '1' then 'Must be 1.' end
                when n.place = '/mode' then case when n.value not in ('"generic"', '"job"') then 'Must be generic or job.' end
                when n.place in ('/repository_location_name', '/repository_name') then case
                    when n.kind <> 'string' or n.value #>> '{}' !~ '^[^\u0001-\u001F\u007F-\u009F]{1,255}$'
                    then 'Must be a text of 1 to 255 characters.' end
                when n.place = '/job_name' then case
                    when n.kind <> 'string' or n.value #>> '{}' !~ '^[A-Za-z0-9_]{1,255}$'
                    then 'Must be 1 to 255 letters, digits and underscores.' end
                when n.place = '/op_selection' then case
                    when n.kind <> 'null' and not (is_job and n.kind = 'array' and not n.value @? '$[*] ? (@.type() != "string")')
                    then 'Must be an array of names, in mode job only.' end
                when n.place = '/max_runtime_seconds' then case
                    when not app.is_whole(n.value, 1, 604800) then 'Must be a whole number from 1 to 604800.' end
                when n.place = '/max_retries' then case
                    when not app.is_whole(n.value, 0, 10) then 'Must be a whole number from 0 to 10.' end

                when n.place = '/tags' then case
                    when n.number > 20 then format('Has %s members; at most 20 are allowed.', n.number) end
                when n.place ~ '^/tags/' then case
                    when n.name !~ '^[A-Za-z0-9_.-]{1,63}$'
                    then 'A tag is named with 1 to 63 letters, digits, `_`, `.` and `-`: those with a `/` steer Dagster itself.'
                    when n.kind <> 'string' or length(n.value #>> '{}') > 256
                    then 'Must be a text of at most 256 characters.' end
                when n.place = '/block_config' then null
                when n.place ~ '^/block_config/' then case when n.kind <> 'object' then 'Must be a JSON object.' end

                when n.place = '/run_config' then case
                    when octet_length(n.value::text) > 262144
                    then format('Has %s bytes as it is printed; at most 262144 are allowed.', octet_length(n.value::text))
                    when n.value @? 'strict $.**{32} ? (@.type() == "object" || @.type() == "array")'
                    then format('Is nested %s levels deep; at most 32 are allowed.', app.json_levels(n.value)) end
                when n.place in ('/run_config/ops', '/run_config/execution') then null
                when n.place = '/run_config/ops/plan' and not is_job then 'Is reserved: the service puts the graph here.'
                when n.place ~ '^/run_config/ops/' then null

                when n.place = '/run_config/execution/config' then case
                    when n.value ?& executors or n.value ?| executors and n.value ?| settings
                    then 'Must have one executor, in_process or multiprocess, with its settings below it, or the settings of multiprocess alone.' end
                when n.place in ('/run_config/execution/config/in_process', '/run_config/execution/config/multiprocess') then case
                    when n.kind not in ('object', 'null') then 'Must be a JSON object.' end
                when n.setting = 'retries' then case
                    when n.value not in ('{"enabled": {}}', '{"enabled": null}', '{"disabled": {}}', '{"disabled": null}')
                    then 'Must be {"enabled": {}} or {"disabled": {}}.' end
                when n.setting = 'step_dependency_config' then case
                    when n.value not in ('{}', '{"require_upstream_step_success": true}', '{"require_upstream_step_success": false}')
                    then 'Must be {"require_upstream_step_success": true} or {"require_upstream_step_success": false}.' end
                when n.place ~ '^/run_config/execution/config/in_process/'
                then 'Is not allowed here: only retries and step_dependency_config are.'
                when n.setting = 'max_concurrent' then case
                    when n.kind <> 'null' and not app.is_whole(n.value, 0, 1000000)
                    then 'Must be null or a whole number from 0 to 1000000.' end
                when n.setting = 'start_method' then case
                    when n.value not in ('{"spawn": {}}', '{"spawn": null}', '{"forkserver": {}}', '{"forkserver": null}')
                        and not coalesce(n.members #- '{forkserver, preload_modules}' = '{"forkserver": {}}'
                            and jsonb_typeof(n.members #> '{forkserver, preload_modules}') = 'array'
                            and not n.members @? 'strict $.forkserver.preload_modules[*] ? (@.type() != "string"
                                || !(@ like_regex "^[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)*$"))', false)
                    then 'Must be {"spawn": {}}, {"forkserver": {}} or {"forkserver": {"preload_modules": [names of modules]}}.' end
                when n.setting = 'tag_concurrency_limits' then case when n.kind <> 'array' then 'Must be an array.' end
                when n.setting ~ '^tag_concurrency_limits/' then case
                    when not coalesce(n.members - array['key', 'limit', 'value'] = '{}'
                        and jsonb_typeof(n.members -> 'key') = 'string' and app.is_whole(n.members -> 'limit', 0, 1000000)
                        and (not n.members ? 'value' or jsonb_typeof(n.members -> 'value') = 'string' or n.members -> 'value' in
                            ('{"applyLimitPerUniqueValue": true}', '{"applyLimitPerUniqueValue": false}')), false)
                    then 'Must have key, a text, and limit, a whole number from 0 to 1000000; value may be a text or {"applyLimitPerUniqueValue": true}.' end

                when n.place ~ '^/run_config/execution/config/multiprocess/'
                then 'Is not allowed here: only max_concurrent, tag_concurrency_limits, start_method, retries and step_dependency_config are.'
                when n.setting is not null
                then 'Is not allowed here: only in_process, multiprocess, max_concurrent, tag_concurrency_limits, start_method, retries and step_dependency_config are.'
                when n.place ~ '^/run_config/execution/' then 'Is not allowed here: only config is.'
                when n.place ~ '^/run_config/' then 'Is not allowed here: only ops and execution are.'
                else 'Is not known here: only schema_version, mode, repository_location_name, repository_name, job_name, run_config, '
                    'block_config, tags, op_selection, max_runtime_seconds and max_retries are.'
                end
            from (
                select n.*, o.members, (select count(*) from jsonb_object_keys(o.members)) as number,
                    substring(n.place from '^/run_config/execution/config/(?:in_process/|multiprocess/)?(.+)$') as setting
                from node n
                cross join lateral (select case n.kind when 'object' then n.value else '{}' end) as o (members)
            ) as n
        )
        select jsonb_agg(jsonb_build_object('pointer', dagster_faults.pointer || f.place, 'detail', f.detail))
        from (select f.place, f.detail from fault f where f.detail is not null limit 200) as f);
end $$;
comment on function app.dagster_faults(jsonb, text) is
    'What keeps a dagster_pipeline_config from being let in, each fault with its JSON pointer; null when nothing does.';

-- What a run may be started with -------------------------------------------------------------------

-- JSON Schema, draft 2020-12, as far as a schema says where it stands what fits: without references,
-- which would let a schema of a few lines take for ever, and without what needs another's result.
-- What is not known is refused, where JSON Schema would ignore it: `maxmium` would be no bound.
create function app.schema_faults(schema jsonb, here text, is_root boolean default true) returns table (pointer text, detail text)
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    types constant text[] := array['null', 'boolean', 'object', 'array', 'number', 'string', 'integer'];
    word record;
    part record;
    fault text;
begin
    if jsonb_typeof(schema) = 'boolean' and not is_root then
        return;
    elsif jsonb_typeof(schema) <> 'object' then
        return query select here, 'Must be a JSON object, or true or false.';
        return;
    end if;
    for word in
        select w.key as name, w.value, jsonb_typeof(w.value) as kind, here || app.pointer_step(w.key) as place
        from jsonb_each(schema) as w
    loop
        fault := case
            when word.name = '$schema' and is_root then case
                when word.value <> '"https://json-schema.org/draft/2020-12/schema"' then 'Must be https://json-schema.org/draft/2020-12/schema.' end
            when word.name in ('title', 'description', '$comment', 'format') then case when word.kind <> 'string' then 'Must be a text.' end
            when word.name in ('deprecated', 'readOnly', 'writeOnly') then case when word.kind <> 'boolean' then 'Must be true or false.' end
            when word.name in ('default', 'const') then null
            when word.name = 'examples' then case when word.kind <> 'array' then 'Must be an array.' end
            when word.name = 'enum' then case
                when word.kind <> 'array' or word.value = '[]' then 'Must be an array with at least one value.' end
            when word.name = 'type' and is_root then case when word.value <> '"object"' then 'Must be object: parameters are one.' end
            when word.name = 'type' then case
                when not (case word.kind when 'array' then word.value else jsonb_build_array(word.value) end <@ to_jsonb(types) and word.value <> '[]')
                then 'Must be null, boolean, object, array, number, string or integer, or an array of those.' end
            when word.name in ('minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum') then case
                when word.kind <> 'number' then 'Must be a number.' end
            when word.name = 'multipleOf' then case
                when not case word.kind when 'number' then word.value::numeric > 0 else false end then 'Must be a number above 0.' end
            when word.name in ('minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties') then case
                when not app.is_whole(word.value, 0, 2147483647) then 'Must be a whole number from 0 to 2147483647.' end
            when word.name = 'uniqueItems' then case when word.kind <> 'boolean' then 'Must be true or false.' end
            when word.name = 'required' then case
                when word.kind <> 'array' or word.value @? '$[*] ? (@.type() != "string")' then 'Must be an array of texts.' end
            when word.name = 'pattern' then case when word.kind <> 'string' then 'Must be a text.' else app.pattern_fault(word.value #>> '{}') end
            when word.name = 'properties' then case when word.kind <> 'object' then 'Must be a JSON object.' end
            when word.name in ('allOf', 'anyOf', 'oneOf') then case
                when word.kind <> 'array' or word.value = '[]' then 'Must be an array with at least one schema.' end
            when word.name in ('items', 'additionalProperties', 'not') then null
            else 'Is not known here: only $schema, title, description, $comment, default, examples, deprecated, readOnly, writeOnly, format, '
                'type, enum, const, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength, pattern, '
                'minItems, maxItems, uniqueItems, items, minProperties, maxProperties, required, properties, additionalProperties, '
                'allOf, anyOf, oneOf and not are.'
            end;
        if fault is not null then
            return query select word.place, fault;
            continue;
        end if;
        for part in
            select word.place, word.value as schema where word.name in ('items', 'additionalProperties', 'not')
            union all
            select word.place || app.pointer_step(p.key), p.value from jsonb_each(case word.name when 'properties' then word.value else '{}' end) as p
            union all
            select word.place || '/' || a.ordinality - 1, a.value
            from jsonb_array_elements(case when word.name in ('allOf', 'anyOf', 'oneOf') then word.value else '[]' end) with ordinality as a
        loop
            return query select f.* from app.schema_faults(part.schema, part.place, false) as f;
        end loop;
    end loop;
end $$;
comment on function app.schema_faults(jsonb, text, boolean) is
    'What keeps a schema for parameters from being let in, each fault with its JSON pointer.';

create function app.pattern_fault(pattern text) returns text
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
begin
    if length(pattern) > 500 then
        return 'Must have at most 500 characters.';
    end if;
    -- What means something else, or nothing, to ECMAScript: letters and digits behind a backslash, groups
    -- that do more than group, empty brackets, classes within brackets, and braces that are no bound.
    if regexp_replace(pattern, '\\[^[:alnum:]]', 'x', 'g') ~ '\\[[:alnum:]]|\(\?(?!:)|\[\^?\]|\[[.:=]|^\*|\{(?!\d{1,3}(,\d{0,3})?\})' then
        return 'Is no pattern that is the same everywhere: write [0-9] for \d, (?:…) or (…) for a group, and \{ for a brace.';
    end if;
    perform '' ~ pattern;
    return null;
exception when invalid_regular_expression then
    return 'Is no regular expression.';
end $$;
comment on function app.pattern_fault(text) is
    'What is wrong with a pattern: it must be a regular expression, and the same one to PostgreSQL and to ECMAScript.';

create function app.misfits(value jsonb, schema jsonb, here text) returns table (pointer text, detail text)
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    kind constant text := jsonb_typeof(value);
    words constant jsonb := '{"null": "null", "boolean": "true or false", "object": "a JSON object", "array": "an array",
        "number": "a number", "string": "a text", "integer": "a whole number"}'::jsonb;
    types constant jsonb := case jsonb_typeof(schema -> 'type') when 'array' then schema -> 'type' else jsonb_build_array(schema -> 'type') end;
    amount constant numeric := case kind
        when 'number' then value::numeric
        when 'string' then char_length(value #>> '{}')
        when 'array' then jsonb_array_length(value)
        when 'object' then (select count(*) from jsonb_object_keys(value)) end;
    member record;
    fitting bigint;
begin
    if jsonb_typeof(schema) = 'boolean' then
        return query select here, 'Is not allowed here.' where not schema::boolean;
        return;
    end if;
    if schema ? 'type' and not (types ? kind or types ? 'integer' and kind = 'number' and amount % 1 = 0) then
        -- Whatever else is asked is asked of that type.
        return query select here, format('Must be %s.',
            (select string_agg(words ->> t.name, ' or ' order by t.ordinality) from jsonb_array_elements_text(types) with ordinality as t (name, ordinality)));
        return;
    end if;
    return query select here, f.detail from (values
        (case when schema ? 'enum' and not schema -> 'enum' @> jsonb_build_array(value) then format('Must be one of %s.', schema -> 'enum') end),
        (case when schema ? 'const' and schema -> 'const' <> value then format('Must be %s.', schema -> 'const') end)
    ) as f (detail) where f.detail is not null;
    case kind
    when 'number' then
        return query select here, f.detail from (values
            (case when amount < (schema ->> 'minimum')::numeric then format('Must be %s or more.', schema ->> 'minimum') end),
            (case when amount > (schema ->> 'maximum')::numeric then format('Must be %s or less.', schema ->> 'maximum') end),
            (case when amount <= (schema ->> 'exclusiveMinimum')::numeric then format('Must be more than %s.', schema ->> 'exclusiveMinimum') end),
            (case when amount >= (schema ->> 'exclusiveMaximum')::numeric then format('Must be less than %s.', schema ->> 'exclusiveMaximum') end),
            (case when amount % (schema ->> 'multipleOf')::numeric <> 0 then format('Must be a multiple of %s.', schema ->> 'multipleOf') end)
        ) as f (detail) where f.detail is not null;
    when 'string' then
        return query select here, f.detail from (values
            (case when amount < (schema ->> 'minLength')::numeric then format('Must have at least %s characters.', schema ->> 'minLength') end),
            (case when amount > (schema ->> 'maxLength')::numeric then format('Must have at most %s characters.', schema ->> 'maxLength') end),
            (case when value #>> '{}' !~ (schema ->> 'pattern') then format('Must match %s.', schema ->> 'pattern') end)
        ) as f (detail) where f.detail is not null;
    when 'array' then
        return query select here, f.detail from (values
            (case when amount < (schema ->> 'minItems')::numeric then format('Must have at least %s items.', schema ->> 'minItems') end),
            (case when amount > (schema ->> 'maxItems')::numeric then format('Must have at most %s items.', schema ->> 'maxItems') end),
            (case when schema @> '{"uniqueItems": true}' and amount > (select count(distinct i) from jsonb_array_elements(value) as i)
                then 'Must not have an item twice.' end)
        ) as f (detail) where f.detail is not null;
    when 'object' then
        return query select here, f.detail from (values
            (case when amount < (schema ->> 'minProperties')::numeric then format('Must have at least %s members.', schema ->> 'minProperties') end),
            (case when amount > (schema ->> 'maxProperties')::numeric then format('Must have at most %s members.', schema ->> 'maxProperties') end)
        ) as f (detail) where f.detail is not null;
        return query select here || app.pointer_step(r.name), 'Is required.'
            from jsonb_array_elements_text(coalesce(schema -> 'required', '[]')) as r (name)
            where not value ? r.name;
    else
        null;
    end case;
    for member in
        select here || app.pointer_step(m.key) as place, m.value,
            coalesce(schema -> 'properties' -> m.key, schema -> 'additionalProperties') as schema,
            schema -> 'additionalProperties' = 'false' and not coalesce(schema -> 'properties' ? m.key, false) as is_unknown
        from jsonb_each(case kind when 'object' then value else '{}' end) as m
        where schema -> 'properties' ? m.key or schema ? 'additionalProperties'
        union all
        select here || '/' || a.ordinality - 1, a.value, schema -> 'items', false
        from jsonb_array_elements(case kind when 'array' then value else '[]' end) with ordinality as a
        where schema ? 'items'
        union all
        select here, value, s.part, false from jsonb_array_elements(schema -> 'allOf') as s (part)
    loop
        if member.is_unknown then
            return query select member.place, 'Is not known here.';
        else
            return query select f.* from app.misfits(member.value, member.schema, member.place) as f;
        end if;
    end loop;
    if schema ? 'anyOf' and not exists (
        select from jsonb_array_elements(schema -> 'anyOf') as s (part) where not exists (select from app.misfits(value, s.part, ''))) then
        return query select here, 'Must fit one of the schemas of anyOf.';
    end if;
    if schema ? 'oneOf' then
        select count(*) into fitting
        from jsonb_array_elements(schema -> 'oneOf') as s (part) where not exists (select from app.misfits(value, s.part, ''));
        if fitting <> 1 then
            return query select here, format('Must fit one schema of oneOf, and fits %s.', fitting);
        end if;
    end if;
    if schema ? 'not' and not exists (select from app.misfits(value, schema -> 'not', '')) then
        return query select here, 'Must not fit the schema of not.';
    end if;
end $$;
comment on function app.misfits(jsonb, jsonb, text) is
    'Where and why a value does not fit a schema that app.schema_faults() finds no fault with.';

-- Pipelines --------------------------------------------------------------------------------------

create function app.require_no_unfinished_runs(pipeline uuid) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    users jsonb;
begin
    select jsonb_agg(u) into users from (
        select 'pipeline_run' as entity_type, r.run_id as entity_id
        from public.pipeline_runs r
        where r.pipeline_id = pipeline and r.ended_at is null
        order by r.created_at, r.run_id
        limit 20) as u;
    if users is not null then
        raise exception 'the pipeline has unfinished runs'
            using errcode = '23503', constraint = 'pipelines_in_use', table = 'pipelines', detail = users::text;
    end if;
end $$;
comment on function app.require_no_unfinished_runs(uuid) is
    'Refuses to take away a pipeline that runs; the detail lists up to 20 of the runs as JSON.';

create function app.guard_pipelines() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    faults jsonb;
begin
    new.name := app.tidy(new.name);
    if tg_op = 'UPDATE' and new.dagster_pipeline_config = old.dagster_pipeline_config then
        -- As it was written: 1.0 in the place of 1 changes nothing.
        new.dagster_pipeline_config := old.dagster_pipeline_config;
    elsif new.dagster_pipeline_config <> '{}' then
        perform app.require_json(new.dagster_pipeline_config, 'pipelines', 'dagster_pipeline_config');
        faults := app.dagster_faults(new.dagster_pipeline_config, '/dagster_pipeline_config');
        if faults is not null then
            raise exception 'the configuration is not allowed: %', faults -> 0 ->> 'detail'
                using errcode = '23514', constraint = 'pipelines_dagster_pipeline_config_faults', table = 'pipelines',
                    column = 'dagster_pipeline_config', detail = faults::text;
        end if;
    end if;
    if tg_op = 'UPDATE' and new.parameters_schema = old.parameters_schema then
        new.parameters_schema := old.parameters_schema;
    elsif new.parameters_schema is not null then
        perform app.require_json(new.parameters_schema, 'pipelines', 'parameters_schema');
        faults := case
            when octet_length(new.parameters_schema::text) > 65536 then jsonb_build_array(jsonb_build_object(
                'pointer', '/parameters_schema', 'detail', 'Has more than 65536 bytes as it is printed.'))
            else (
                select jsonb_agg(to_jsonb(f))
                from (select f.* from app.schema_faults(new.parameters_schema, '/parameters_schema') as f limit 200) as f) end;
        if faults is not null then
            raise exception 'the schema is not allowed: %', faults -> 0 ->> 'detail'
                using errcode = '23514', constraint = 'pipelines_parameters_schema_faults', table = 'pipelines',
                    column = 'parameters_schema', detail = faults::text;
        end if;
    end if;
    if tg_op = 'INSERT' then
        new.archived_at := null;
        return new;
    end if;
    if new.archived_at is distinct from old.archived_at then
        if app.caller_id() is not null and not app.is_admin() and old.created_by is distinct from app.caller_id() then
            raise exception 'only its creator or an admin archives and restores a pipeline' using errcode = '42501';
        end if;
        if new.archived_at is not null then
            new.archived_at := coalesce(old.archived_at, clock_timestamp());
            perform app.require_current_view();
            perform app.require_no_unfinished_runs(new.pipeline_id);
        end if;
    end if;
    if new.archived_at is not null and (new.name, new.description, new.dagster_pipeline_config, new.parameters_schema)
        is distinct from (old.name, old.description, old.dagster_pipeline_config, old.parameters_schema) then
        raise exception 'an archived pipeline does not change; restore it first'
            using errcode = '23514', constraint = 'pipelines_archived', table = 'pipelines';
    end if;
    if (new.name, new.description, new.dagster_pipeline_config, new.parameters_schema, new.archived_at)
        is distinct from (old.name, old.description, old.dagster_pipeline_config, old.parameters_schema, old.archived_at) then
        new.updated_at := app.next_revision(old.updated_at);
    end if;
    return new;
end $$;
create trigger pipelines_0_derived before update of name_key, search on public.pipelines
    for each row execute function app.refuse_derived();
create trigger pipelines_1_guard before insert or update on public.pipelines
    for each row execute function app.guard_pipelines();
create trigger pipelines_2_words before insert on public.pipelines
    for each row execute function app.derive_words();
create trigger pipelines_2_words_update before update on public.pipelines
    for each row when ((new.name, new.description) is distinct from (old.name, old.description))
    execute function app.derive_words();

create function app.guard_pipeline_purge() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.require_no_unfinished_runs(old.pipeline_id);
    return old;
end $$;
create trigger pipelines_1_purge before delete on public.pipelines
    for each row execute function app.guard_pipeline_purge();

-- A new row is revised when it is made.
create function app.date_pipeline() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    new.updated_at := new.created_at;
    return new;
end $$;
create trigger pipelines_3_date before insert on public.pipelines
    for each row execute function app.date_pipeline();
create trigger pipelines_9_audit after insert or update or delete on public.pipelines
    for each row execute function app.audit('pipeline', 'pipeline_id', 'pipeline_id',
        'search,name_key,updated_at,times_run,average_runtime,runs_succeeded,runtime_total');

-- The graph --------------------------------------------------------------------------------------

create function app.guard_pipeline_part() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Argument: block or edge.
declare
    movable constant text[] := array['block_version_id', 'edge_version_id', 'block_alias', 'edge_alias', 'updated_at'];
    new_part constant jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
    old_part constant jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    pin constant uuid := (new_part ->> (tg_argv[0] || '_version_id'))::uuid;
    pinned record;
begin
    if tg_op = 'UPDATE' then
        -- Only what it follows changes.
        if new_part - movable <> old_part - movable then
            raise exception 'of a part of a pipeline only the version or alias that it follows changes' using errcode = '42501';
        end if;
        if new is distinct from old then
            new.updated_at := app.next_revision(old.updated_at);
        end if;
    end if;
    -- Locked as its revision below will lock it: writers of one graph queue here.
    if tg_op = 'DELETE' then
        perform from public.pipelines p where p.pipeline_id = old.pipeline_id for no key update;
        -- With its pipeline it goes in any case.
        if exists (select from public.pipelines p where p.pipeline_id = old.pipeline_id and p.archived_at is not null) then
            raise exception 'an archived pipeline does not change; restore it first'
                using errcode = '23514', constraint = 'pipelines_archived', table = 'pipelines';
        end if;
        return old;
    end if;
    perform from public.pipelines p where p.pipeline_id = new.pipeline_id and p.archived_at is null for no key update;
    if not found then
        raise exception 'there is no such pipeline'
            using errcode = '23503', constraint = tg_table_name || '_pipeline_id_fkey', table = tg_table_name;
    end if;
    if tg_op = 'INSERT' then
        -- FOR SHARE: it is not archived between this look and the commit.
        if tg_argv[0] = 'block' then
            perform from public.blocks b where b.block_id = (new_part ->> 'block_id')::uuid and b.archived_at is null for share;
        else
            perform from public.edges e where e.edge_id = (new_part ->> 'edge_id')::uuid and e.archived_at is null for share;
        end if;
        if not found then
            raise exception 'there is no such %', tg_argv[0]
                using errcode = '23503', constraint = tg_table_name || '_' || tg_argv[0] || '_id_fkey', table = tg_table_name;
        end if;
    end if;
    if pin is not null and pin is distinct from (old_part ->> (tg_argv[0] || '_version_id'))::uuid then
        if tg_argv[0] = 'block' then
            select v.version_number, v.withdrawn_reason into pinned from public.block_versions v where v.version_id = pin for share;
        else
            select v.version_number, v.withdrawn_reason into pinned from public.edge_versions v where v.version_id = pin for share;
        end if;
        if pinned.withdrawn_reason is not null then
            raise exception 'version % is withdrawn: %', pinned.version_number, pinned.withdrawn_reason
                using errcode = '23514', constraint = tg_table_name || '_withdrawn', table = tg_table_name;
        end if;
    end if;
    return new;
end $$;
comment on function app.guard_pipeline_part() is
    'BEFORE INSERT OR UPDATE OR DELETE: parts of live pipelines are live themselves, and pinned to versions that are not withdrawn.';
create trigger pipeline_blocks_1_guard before insert or update or delete on public.pipeline_blocks
    for each row execute function app.guard_pipeline_part('block');
create trigger pipeline_edges_1_guard before insert or update or delete on public.pipeline_edges
    for each row execute function app.guard_pipeline_part('edge');

create trigger pipeline_blocks_9_audit after insert or update or delete on public.pipeline_blocks
    for each row execute function app.audit('pipeline', 'pipeline_id', 'pipeline_id', 'updated_at');
create trigger pipeline_edges_9_audit after insert or update or delete on public.pipeline_edges
    for each row execute function app.audit('pipeline', 'pipeline_id', 'pipeline_id', 'updated_at');

create view app.pipeline_block_versions with (security_invoker = true) as
select
    pb.pipeline_id, pb.block_id, pb.block_alias,
    coalesce(pb.block_version_id, a.version_id, b.current_version_id) as version_id
from public.pipeline_blocks pb
join public.blocks b using (block_id)
left join public.aliases a on a.block_id = pb.block_id and a.alias = pb.block_alias;
comment on view app.pipeline_block_versions is 'The version of each block that a run of the pipeline would take: the pin, where the alias points, or the active one.';

create view app.pipeline_edge_versions with (security_invoker = true) as
select
    pe.pipeline_id, pe.edge_id, pe.source_block_id, pe.target_block_id, pe.edge_alias,
    coalesce(pe.edge_version_id, a.version_id, e.current_version_id) as version_id
from public.pipeline_edges pe
join public.edges e using (edge_id)
left join public.aliases a on a.edge_id = pe.edge_id and a.alias = pe.edge_alias;
comment on view app.pipeline_edge_versions is 'The version of each edge that a run of the pipeline would take: the pin, where the alias points, or the active one.';

revoke all on app.pipeline_block_versions, app.pipeline_edge_versions from public, anon, authenticated, service_role;
grant select on app.pipeline_block_versions, app.pipeline_edge_versions to blockyard_api;

create function app.guard_run_figures() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'INSERT' then
        new.times_run := 0; new.average_runtime := null; new.runs_succeeded := 0; new.runtime_total := '0';
    elsif (new.times_run, new.average_runtime, new.runs_succeeded, new.runtime_total)
        is distinct from (old.times_run, old.average_runtime, old.runs_succeeded, old.runtime_total)
        and pg_trigger_depth() < 2 then
        raise exception 'the figures of runs are derived from pipeline_runs' using errcode = '42501';
    end if;
    return new;
end $$;
create trigger pipelines_2_figures before insert or update on public.pipelines
    for each row execute function app.guard_run_figures();

create function app.find_pipelines(query text) returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select p.pipeline_id
    from public.pipelines p
    where p.search @@ (select app.search_query(query))
$$;
comment on function app.find_pipelines(text) is 'As app.find_blocks, for pipelines.';

revoke execute on all functions in schema app from public;
grant execute on function app.find_pipelines(text) to blockyard_api;

-- Rights ---------------------------------------------------------------------------------------------

alter table public.pipelines enable row level security;
revoke all on public.pipelines from public, anon, authenticated, service_role;
grant select, insert (name, description, dagster_pipeline_config, parameters_schema),
      update (name, description, dagster_pipeline_config, parameters_schema, archived_at), delete on public.pipelines to authenticated;
create policy pipelines_select on public.pipelines for select to authenticated
    using ((select app.caller_role()) is not null and (archived_at is null or created_by = (select app.caller_id()) or (select app.is_admin())));
create policy pipelines_insert on public.pipelines for insert to authenticated
    with check ((select app.can_write()));
create policy pipelines_update on public.pipelines for update to authenticated
    using ((select app.can_write())) with check ((select app.can_write()));
create policy pipelines_delete on public.pipelines for delete to authenticated
    using ((select app.is_admin()));

alter table public.pipeline_blocks enable row level security;
revoke all on public.pipeline_blocks from public, anon, authenticated, service_role;
grant select, delete, insert (pipeline_id, block_id, block_version_id, block_alias), update (block_version_id, block_alias)
    on public.pipeline_blocks to authenticated;
create policy pipeline_blocks_select on public.pipeline_blocks for select to authenticated
    using (exists (select from public.pipelines p where p.pipeline_id = pipeline_blocks.pipeline_id offset 0));
create policy pipeline_blocks_insert on public.pipeline_blocks for insert to authenticated
    with check ((select app.can_write()));
create policy pipeline_blocks_update on public.pipeline_blocks for update to authenticated
    using ((select app.can_write()) and exists (select from public.pipelines p where p.pipeline_id = pipeline_blocks.pipeline_id offset 0))
    with check ((select app.can_write()));
create policy pipeline_blocks_delete on public.pipeline_blocks for delete to authenticated
    using ((select app.can_write()) and exists (select from public.pipelines p where p.pipeline_id = pipeline_blocks.pipeline_id offset 0));

alter table public.pipeline_edges enable row level security;
revoke all on public.pipeline_edges from public, anon, authenticated, service_role;
grant select, delete, insert (pipeline_id, edge_id, source_block_id, target_block_id, edge_version_id, edge_alias), update (edge_version_id, edge_alias)
    on public.pipeline_edges to authenticated;
create policy pipeline_edges_select on public.pipeline_edges for select to authenticated
    using (exists (select from public.pipelines p where p.pipeline_id = pipeline_edges.pipeline_id offset 0));
create policy pipeline_edges_insert on public.pipeline_edges for insert to authenticated
    with check ((select app.can_write()));
create policy pipeline_edges_update on public.pipeline_edges for update to authenticated
    using ((select app.can_write()) and exists (select from public.pipelines p where p.pipeline_id = pipeline_edges.pipeline_id offset 0))
    with check ((select app.can_write()));
create policy pipeline_edges_delete on public.pipeline_edges for delete to authenticated
    using ((select app.can_write()) and exists (select from public.pipelines p where p.pipeline_id = pipeline_edges.pipeline_id offset 0));
