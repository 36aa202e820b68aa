-- What the triggers and foreign keys would have seen to, had they been on: each row a rule and how many things
-- break it.
set work_mem = '1GB';

select 'each block has one active version, equal to its row', count(*)
from public.blocks b
full join (select * from public.block_versions where is_active) v using (block_id)
where b.block_id is null or v.version_id is distinct from b.current_version_id
   or (v.version_number, v.name, v.block_type, v.description, v.metadata, v.created_at)
       is distinct from (b.version_number, b.name, b.block_type, b.description, b.metadata, b.updated_at)
union all
select 'each edge has one active version, equal to its row', count(*)
from public.edges e
full join (select * from public.edge_versions where is_active) v using (edge_id)
where e.edge_id is null or v.version_id is distinct from e.current_version_id
   or (v.version_number, v.name, v.description, v.metadata, v.created_at)
       is distinct from (e.version_number, e.name, e.description, e.metadata, e.updated_at)
union all
select 'versions of blocks are numbered without gaps', count(*)
from public.blocks b
join (select block_id, count(*), min(version_number), max(version_number) from public.block_versions group by 1) v using (block_id)
where v.min <> 1 or v.max <> v.count or b.latest_version_number <> v.max
union all
select 'versions of blocks follow each other in time', count(*)
from public.block_versions v
join public.block_versions o on o.block_id = v.block_id and o.version_number = v.version_number - 1
where o.created_at >= v.created_at
union all
select 'pipelines have no cycle', count(*)
from (
    select app.find_cycle(array_agg(e.source_block_id), array_agg(e.target_block_id)) as cycle
    from public.pipeline_edges e
    group by e.pipeline_id
) as pipeline
where cycle is not null
union all
select 'names are tidy', (select count(*) from public.blocks where name <> app.tidy(name))
    + (select count(*) from public.edges where name <> app.tidy(name)) + (select count(*) from public.pipelines where name <> app.tidy(name))
union all
select 'what names are found by follows from them', count(*)
from (
    select name, description, name_key, search from public.blocks
    union all select name, description, name_key, search from public.edges
    union all select name, description, name_key, search from public.pipelines
) as named
where (name_key, search) is distinct from (app.name_key(name) collate "C", app.search_vector(name, description))
union all
select 'words of metadata follow from it', (select count(*) from public.blocks where metadata_words <> app.metadata_words(metadata::text))
    + (select count(*) from public.edges where metadata_words <> app.metadata_words(metadata::text))
union all
select 'writers are developers', count(*)
from public.blocks b
join public.users u on u.user_id = b.created_by
where u.role = 'viewer'
union all
select 'each version has its audit row', count(*)
from (select version_id, block_id as subject_id, created_at from public.block_versions
      union all select version_id, edge_id, created_at from public.edge_versions) v
full join (select * from public.audit_logs where entity_type = 'metadata') a on a.entity_id = v.version_id
where a.log_id is null or v.version_id is null or a.subject_id <> v.subject_id or a."timestamp" <> v.created_at
union all
select 'each change of a block has its audit row',
    abs((select count(*) from public.block_versions) - (select count(*) from public.audit_logs where entity_type = 'block' and action_type <> 'READ'))
union all
select 'the audit trail has the rows that were ordered', abs((select count(*) from public.audit_logs) - :audit)
union all
select 'none of the past lies in the default partition', (select count(*) from app.audit_logs_default)
union all
select 'every index is there', count(*)
from bench.indexes i
where not exists (select from pg_class c where c.relname = i.name and c.relnamespace = 'public'::regnamespace);

-- Foreign keys: rows whose reference, if it is whole, leads nowhere.
select format('select %L, count(*) from %s o where %s and not exists (select from %s r where %s)',
    k.conname, k.conrelid::regclass,
    (select string_agg(format('o.%I is not null', a.attname), ' and ')
     from unnest(k.conkey) as n join pg_attribute a on a.attrelid = k.conrelid and a.attnum = n),
    k.confrelid::regclass,
    (select string_agg(format('o.%I = r.%I', a.attname, b.attname), ' and ')
     from unnest(k.conkey, k.confkey) as n (mine, theirs)
     join pg_attribute a on a.attrelid = k.conrelid and a.attnum = n.mine
     join pg_attribute b on b.attrelid = k.confrelid and b.attnum = n.theirs))
from pg_constraint k
where k.contype = 'f' and k.connamespace = 'public'::regnamespace and k.conparentid = 0 \gexec
