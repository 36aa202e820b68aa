-- Blocks :first to :last of :blocks with all their versions, of which the last is active. Triggers are off
-- (and with them the checks of foreign keys): what they would have written stands here, and verify.sql holds
-- it against the rules.
set session_replication_role = replica;

create temporary view version as
select i, v as version, bench.versions_of(i) as versions,
    -- Blocks come over the first 60 % of the time, versions over the rest.
    bench.at(0.6 * (i - 1) / :blocks + 0.38 * (v - 1) / greatest(5, bench.versions_of(i))) as created_at,
    bench.at(0.6 * (i - 1) / :blocks) as block_created_at,
    (array['resnet', 'llama', 'imagenet', 'corpus', 'whisper', 'census'])[1 + i % 6] || '-'
        || (array['small', 'large', 'clean'])[1 + i % 3] || '-' || i as name,
    (case when i % 2 = 0 then 'dataset' else 'model' end)::public.block_type as block_type,
    bench.description(i, v) as description, bench.metadata(:seed, i, v) as metadata,
    -- Users 2 to 5, 7 to 10, …: the developers.
    bench.user_id(5 * bench.pick(:seed, i, 40) + 2 + bench.pick(:seed, i + v, 3)) as created_by
from generate_series(:first::bigint, :last::bigint) as i
cross join lateral generate_series(1, bench.versions_of(i)) as v;

insert into public.block_versions
    (version_id, block_id, version_number, name, block_type, description, metadata, created_at, created_by, is_active, activated_at)
select bench.block_version_id(i, version), bench.block_id(i), version, name, block_type, description, metadata,
    created_at, created_by, version = versions, created_at
from version;

insert into public.blocks (block_id, name, block_type, description, metadata, created_at, updated_at, created_by,
    current_version_id, version_number, latest_version_number, name_key, search, metadata_words)
select bench.block_id(i), name, block_type, description, metadata, block_created_at, created_at,
    bench.user_id(5 * bench.pick(:seed, i, 40) + 2 + bench.pick(:seed, i + 1, 3)),
    bench.block_version_id(i, version), version, version, app.name_key(name), app.search_vector(name, description),
    app.metadata_words(metadata::text)
from version
where version = versions;
