-- :edges edges of one version each, verified but for one in 200; as in blocks.sql.
set session_replication_role = replica;

create temporary view edge as
select i, bench.at(0.6 + 0.2 * (i - 1) / :edges) as created_at,
    (array['train', 'evaluate', 'clean', 'join'])[1 + i % 4] || '-' || i as name,
    'Joins ' || bench.description(i, 1) as description,
    jsonb_build_object('image', 'registry/step:' || i % 50, 'command', jsonb_build_array('python', 'step.py', '--seed', i)) as metadata,
    bench.user_id(5 * bench.pick(:seed, i, 40) + 2 + bench.pick(:seed, i + 1, 3)) as created_by
from generate_series(1::bigint, :edges::bigint) as i;

insert into public.edge_versions (version_id, edge_id, version_number, name, description, metadata, created_at, created_by, is_active, activated_at)
select bench.edge_version_id(i), bench.edge_id(i), 1, name, description, metadata, created_at, created_by, true, created_at
from edge;

insert into public.edges (edge_id, name, description, metadata, created_at, updated_at, created_by,
    current_version_id, version_number, latest_version_number, name_key, search, metadata_words)
select bench.edge_id(i), name, description, metadata, created_at, created_at, created_by, bench.edge_version_id(i), 1, 1,
    app.name_key(name), app.search_vector(name, description), app.metadata_words(metadata::text)
from edge;

insert into public.edge_verifications (verification_id, edge_version_id, edge_id, verification_status, verification_logs,
    verified_at, verified_by, created_at, updated_at, created_by)
select bench.id(5, i), bench.edge_version_id(i), bench.edge_id(i), 'passed', 'All checks passed.',
    created_at + interval '1 hour', bench.user_id(2), created_at + interval '1 hour', created_at + interval '1 hour', bench.user_id(2)
from edge
where i % 200 <> 0;
