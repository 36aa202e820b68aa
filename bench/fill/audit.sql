-- The audit rows of the time from :'after' to before :'before', in its order: for every change the row that its
-- trigger would have written, and :reads reads of blocks evenly over the whole time, as AUDIT_READS=all records
-- them. :part numbers the ids.
set timezone = 'UTC';

create function pg_temp.details(method text, path text, at timestamptz, rest jsonb) returns jsonb language sql as $$
    select jsonb_build_object('request', jsonb_build_object('id', md5(path || at)::uuid, 'method', method, 'path', path)) || rest
$$;

insert into public.audit_logs (log_id, user_id, action_type, entity_type, entity_id, subject_id, "timestamp", details)
select bench.id(10, :part::bigint * 100000000 + row_number() over (order by at, entity_id)), user_id,
    action_type::public.action_type, entity_type::public.audit_entity_type, entity_id, subject_id, at, details
from (
    select null::uuid as user_id, 'CREATE' as action_type, 'user' as entity_type, u.user_id as entity_id, u.user_id as subject_id,
        u.created_at as at,
        jsonb_build_object('table', 'users', 'after', jsonb_strip_nulls(to_jsonb(u) - '{updated_at,password_hash}'::text[])) as details
    from public.users u
    where u.created_at >= :'after' and u.created_at < :'before'
    union all
    select v.created_by, 'CREATE', 'metadata', v.version_id, v.block_id, v.created_at,
        pg_temp.details(case when v.version_number = 1 then 'POST' else 'PATCH' end, '/blocks', v.created_at, jsonb_build_object(
            'table', 'block_versions', 'after', jsonb_strip_nulls(to_jsonb(v) || '{"is_active": true}')))
    from public.block_versions v
    where v.created_at >= :'after' and v.created_at < :'before'
    union all
    select v.created_by, 'CREATE', 'block', v.block_id, v.block_id, v.created_at,
        pg_temp.details('POST', '/blocks', v.created_at, jsonb_build_object('table', 'blocks', 'after', jsonb_build_object(
            'block_id', v.block_id, 'name', v.name, 'block_type', v.block_type, 'description', v.description,
            'created_at', v.created_at, 'created_by', v.created_by, 'current_version_id', v.version_id, 'version_number', 1)))
    from public.block_versions v
    where v.version_number = 1 and v.created_at >= :'after' and v.created_at < :'before'
    union all
    select v.created_by, 'UPDATE', 'block', v.block_id, v.block_id, v.created_at,
        pg_temp.details('PATCH', '/blocks/' || v.block_id, v.created_at, jsonb_build_object('table', 'blocks',
            'before', jsonb_build_object('current_version_id', o.version_id, 'version_number', o.version_number, 'description', o.description),
            'after', jsonb_build_object('current_version_id', v.version_id, 'version_number', v.version_number, 'description', v.description)))
    from public.block_versions v
    join public.block_versions o on o.block_id = v.block_id and o.version_number = v.version_number - 1
    where v.created_at >= :'after' and v.created_at < :'before'
    union all
    select e.created_by, 'CREATE', 'edge', e.edge_id, e.edge_id, e.created_at,
        pg_temp.details('POST', '/edges', e.created_at, jsonb_build_object('table', 'edges', 'after', jsonb_strip_nulls(
            to_jsonb(e) - '{search,metadata_words,name_key,updated_at,metadata,latest_version_number}'::text[])))
    from public.edges e
    where e.created_at >= :'after' and e.created_at < :'before'
    union all
    select v.created_by, 'CREATE', 'metadata', v.version_id, v.edge_id, v.created_at,
        pg_temp.details('POST', '/edges', v.created_at, jsonb_build_object('table', 'edge_versions', 'after', jsonb_strip_nulls(to_jsonb(v))))
    from public.edge_versions v
    where v.created_at >= :'after' and v.created_at < :'before'
    union all
    select o.created_by, 'CREATE', 'verification', o.verification_id, o.edge_id, o.created_at,
        pg_temp.details('POST', '/edges', o.created_at, jsonb_build_object('table', 'edge_verifications', 'after', jsonb_strip_nulls(
            to_jsonb(o) - 'updated_at' || jsonb_build_object('verification_logs', app.log_digest(o.verification_logs)))))
    from public.edge_verifications o
    where o.created_at >= :'after' and o.created_at < :'before'
    union all
    select p.created_by, 'CREATE', 'pipeline', p.pipeline_id, p.pipeline_id, p.created_at,
        pg_temp.details('POST', '/pipelines', p.created_at, jsonb_build_object('table', 'pipelines', 'after', jsonb_strip_nulls(
            to_jsonb(p) - '{search,name_key,updated_at,times_run,average_runtime,runs_succeeded,runtime_total}'::text[])))
    from public.pipelines p
    where p.created_at >= :'after' and p.created_at < :'before'
    union all
    select p.created_by, 'CREATE', 'pipeline', p.pipeline_id, p.pipeline_id, b.created_at,
        pg_temp.details('POST', '/pipelines', b.created_at, jsonb_build_object('table', 'pipeline_blocks', 'after',
            jsonb_strip_nulls(to_jsonb(b) - 'updated_at')))
    from public.pipeline_blocks b
    join public.pipelines p using (pipeline_id)
    where b.created_at >= :'after' and b.created_at < :'before'
    union all
    select p.created_by, 'CREATE', 'pipeline', p.pipeline_id, p.pipeline_id, e.created_at,
        pg_temp.details('POST', '/pipelines', e.created_at, jsonb_build_object('table', 'pipeline_edges', 'after',
            jsonb_strip_nulls(to_jsonb(e) - 'updated_at')))
    from public.pipeline_edges e
    join public.pipelines p using (pipeline_id)
    where e.created_at >= :'after' and e.created_at < :'before'
    union all
    select bench.user_id(1 + bench.pick(:seed, i, 200)), 'READ', 'block', b.id, b.id, r.at,
        pg_temp.details('GET', '/blocks/' || b.id, r.at, '{}')
    from generate_series(
        -- Those that may fall into this time; the condition below decides.
        greatest(1, floor(:reads * extract(epoch from :'after'::timestamptz - bench.at(0)) / extract(epoch from bench.at(1) - bench.at(0)))::bigint),
        least(:reads, ceil(:reads * extract(epoch from :'before'::timestamptz - bench.at(0)) / extract(epoch from bench.at(1) - bench.at(0)))::bigint + 1)
    ) as i
    cross join lateral (select bench.at((i - 0.5) / :reads) as at) as r
    cross join lateral (select bench.block_id(1 + bench.pick(:seed, -i, :blocks)) as id) as b
    where :reads > 0 and r.at >= :'after' and r.at < :'before'
) as entry;
