-- What a run ran on, word for word.

create table public.pipeline_locks (
    lock_digest text not null constraint pipeline_locks_pkey primary key,
    lock jsonb not null,
    pipeline_id uuid not null generated always as ((lock ->> 'pipeline_id')::uuid) stored,
    created_at timestamptz not null default clock_timestamp(),
    constraint pipeline_locks_lock_digest_check check (lock_digest ~ '^[0-9a-f]{64}$')
);
comment on table public.pipeline_locks is
    'What runs ran on: versions, verifications, sources, configuration. Written by the admission of a run, once for all that ran on the same.';
comment on column public.pipeline_locks.pipeline_id is 'No reference: a lock outlives its pipeline. Who sees the pipeline sees it, then only admins.';
create index pipeline_locks_pipeline_id_idx on public.pipeline_locks (pipeline_id);
comment on column public.pipeline_locks.lock_digest is 'SHA-256 of the lock in the canonical form of RFC 8785, in hex.';

create function app.guard_locks() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'INSERT' then
        if new.lock_digest <> app.json_digest(new.lock) then
            raise exception 'the digest is not that of the lock' using errcode = '42501';
        end if;
        return null;
    end if;
    raise exception 'locks are append-only' using errcode = '42501';
end $$;
-- After: only for a lock that is new.
create trigger pipeline_locks_1_digest after insert on public.pipeline_locks
    for each row execute function app.guard_locks();
create trigger pipeline_locks_1_guard before update or delete on public.pipeline_locks
    for each row execute function app.guard_locks();
create trigger pipeline_locks_9_audit after insert or update or delete on public.pipeline_locks
    for each row execute function app.audit('pipeline_lock', '', 'pipeline_id', 'lock');
create trigger pipeline_locks_no_truncate before truncate on public.pipeline_locks
    for each statement execute function app.refuse_truncate();

alter table public.pipeline_locks enable row level security;
revoke all on public.pipeline_locks from public, anon, authenticated, service_role;
grant select on public.pipeline_locks to authenticated;
-- A lock says all of its pipeline: whoever sees that sees it, and when it is purged, admins.
create policy pipeline_locks_select on public.pipeline_locks for select to authenticated
    using ((select app.is_admin())
        or exists (select from public.pipelines p where p.pipeline_id = pipeline_locks.pipeline_id offset 0));

-- By which runs are found that ran on something.
create table app.lock_parts (
    lock_digest text not null constraint lock_parts_lock_digest_fkey references public.pipeline_locks,
    entity_id uuid not null,
    version_id uuid not null,
    alias text collate "C" not null,
    constraint lock_parts_pkey primary key (lock_digest, entity_id, version_id, alias)
);
comment on table app.lock_parts is 'The blocks and edges of each lock. No references to them: a lock outlives what it names.';
comment on column app.lock_parts.alias is 'The alias that was followed; empty without one.';
create index lock_parts_entity_id_idx on app.lock_parts (entity_id, version_id);
revoke all on app.lock_parts from public, anon, authenticated, service_role;

create function app.keep_lock_parts() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into app.lock_parts (lock_digest, entity_id, version_id, alias)
    select distinct new.lock_digest, part.id, part.version_id, coalesce(part.alias, '')
    from (
        select b.block_id, b.version_id, b.alias
        from jsonb_to_recordset(new.lock -> 'blocks') as b (block_id uuid, version_id uuid, alias text)
        union all
        select e.edge_id, e.version_id, e.alias
        from jsonb_to_recordset(new.lock -> 'edges') as e (edge_id uuid, version_id uuid, alias text)
    ) as part (id, version_id, alias);
    return null;
end $$;
create trigger pipeline_locks_8_parts after insert on public.pipeline_locks
    for each row execute function app.keep_lock_parts();

create function app.find_locks(entity text, reference text, version text, alias text) returns setof text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    found_id constant uuid := app.find_id(entity, reference);
    found_version constant uuid := app.find_version(entity, reference, version);
begin
    return query
    select p.lock_digest
    from app.lock_parts p
    where p.entity_id = found_id
      and (version is null or p.version_id = found_version)
      and (find_locks.alias is null or p.alias = find_locks.alias);
end $$;
comment on function app.find_locks(text, text, text, text) is
    'The digests of the locks with a block or an edge, in that version, by that alias: digests and nothing else, as app.find_blocks().';

-- Metadata may be large, its canonical form takes a millisecond a kilobyte, and a version never changes.
create table app.metadata_digests (
    version_id uuid not null constraint metadata_digests_pkey primary key,
    digest text not null
);
comment on table app.metadata_digests is
    'SHA-256 of the canonical metadata of block and edge versions: of large metadata from the beginning, of others once they are asked for.';
revoke all on app.metadata_digests from public, anon, authenticated, service_role;

create function app.keep_metadata_digest() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into app.metadata_digests (version_id, digest) values (new.version_id, app.json_digest(new.metadata));
    return null;
end $$;
comment on function app.keep_metadata_digest() is
    'AFTER INSERT of versions whose metadata takes longer to digest than a change does: a pipeline of many would not be answered in time.';
create trigger block_versions_8_digest after insert on public.block_versions
    for each row when (pg_column_size(new.metadata) > 2000) execute function app.keep_metadata_digest();
create trigger edge_versions_8_digest after insert on public.edge_versions
    for each row when (pg_column_size(new.metadata) > 2000) execute function app.keep_metadata_digest();

create function app.keep_metadata_digests(pipeline uuid) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- One keeper at a time, so that nobody waits for another's transaction to end. Whoever is not, and
    -- a replica or a transaction that only reads, computes them again.
    if current_setting('transaction_read_only')::boolean
        or not pg_try_advisory_xact_lock(hashtextextended('app.keep_metadata_digests', 0))
    then
        return;
    end if;
    insert into app.metadata_digests (version_id, digest)
    select v.version_id, app.json_digest(v.metadata)
    from (
        select v.version_id, v.metadata
        from app.pipeline_block_versions pb
        join public.block_versions v using (version_id)
        where pb.pipeline_id = pipeline
        union all
        select v.version_id, v.metadata
        from app.pipeline_edge_versions pe
        join public.edge_versions v using (version_id)
        where pe.pipeline_id = pipeline
    ) as v
    where not exists (select from app.metadata_digests d where d.version_id = v.version_id)
    -- An edge may stand in a pipeline more than once.
    on conflict do nothing;
end $$;
comment on function app.keep_metadata_digests(uuid) is
    'Keeps the digests of the metadata that the pipeline would run on now, so that its lock need not compute them each time.';

-- So it is with a large configuration, which stands in the lock as a whole.
create table app.canonical_configs (
    pipeline_id uuid not null constraint canonical_configs_pkey primary key
        constraint canonical_configs_pipeline_id_fkey references public.pipelines on delete cascade,
    config text not null
);
comment on table app.canonical_configs is
    'dagster_pipeline_config in its canonical form, of the pipelines where it takes long to bring it there.';
revoke all on app.canonical_configs from public, anon, authenticated, service_role;

create function app.keep_canonical_config() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'UPDATE' then
        if new.dagster_pipeline_config = old.dagster_pipeline_config then return null; end if;
        delete from app.canonical_configs where pipeline_id = new.pipeline_id;
    end if;
    if octet_length(new.dagster_pipeline_config::text) > 1000 then
        insert into app.canonical_configs (pipeline_id, config)
        values (new.pipeline_id, app.canonical_json(new.dagster_pipeline_config));
    end if;
    return null;
end $$;
comment on function app.keep_canonical_config() is
    'AFTER INSERT OR UPDATE OF the configuration: keeps its canonical form when readiness, locks and runs should not compute it each time.';
create trigger pipelines_8_config after insert or update of dagster_pipeline_config on public.pipelines
    for each row execute function app.keep_canonical_config();

-- The lock ----------------------------------------------------------------------------------------

-- In PL/pgSQL, here and in app.blockers(): its plans are kept for the session, while a SQL function is
-- planned in every statement that calls it, which took longer than the answer.
create function app.sources(entity public.entity_type, ids uuid[]) returns table (id uuid, images json, repos json)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select
        given.id,
        ('[' || coalesce((
            select string_agg(row_to_json(image)::text, ',' order by image.registry_url collate "C", image.image_tag collate "C")
            from (
                select i.image_digest, i.image_tag, i.registry_url from public.docker_images i where i.entity_type = entity and i.entity_id = given.id
            ) as image), '') || ']')::json,
        ('[' || coalesce((
            select string_agg(row_to_json(repo)::text, ',' order by repo.repo_url collate "C", repo.branch collate "C")
            from (
                select r.branch, r.repo_url from public.code_repos r where r.entity_type = entity and r.entity_id = given.id
            ) as repo), '') || ']')::json
    from (select distinct unnest(ids)) as given (id);
end $$;

-- row_to_json() writes what RFC 8785 asks for, as long as columns stand in the order of their names
-- and there are only strings and small integers: a tenth of the time of bringing it in that form
-- later. A lock that is not in it fails its check (app.guard_locks).
create function app.pipeline_lock(pipeline uuid) returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select row_to_json(lock)::text
        from (
            select
                ('[' || coalesce((
                    select string_agg(row_to_json(part)::text, ',' order by part.block_id)
                    from (
                        select
                            pb.block_alias as alias, v.block_id, v.block_type, s.images,
                            coalesce(d.digest, app.json_digest(v.metadata)) as metadata_digest,
                            v.name, s.repos, v.version_id, v.version_number
                        from app.pipeline_block_versions pb
                        join public.block_versions v using (version_id)
                        left join app.metadata_digests d on d.version_id = v.version_id
                        join app.sources('block', array(
                            select pb.block_id from public.pipeline_blocks pb where pb.pipeline_id = p.pipeline_id)) as s on s.id = v.block_id
                        where pb.pipeline_id = p.pipeline_id
                    ) as part), '') || ']')::json as blocks,
                coalesce(k.config, app.canonical_json(p.dagster_pipeline_config))::json as dagster_pipeline_config,
                ('[' || coalesce((
                    select string_agg(row_to_json(part)::text, ',' order by part.edge_id, part.source_block_id, part.target_block_id)
                    from (
                        select
                            pe.edge_alias as alias, v.edge_id, s.images,
                            coalesce(d.digest, app.json_digest(v.metadata)) as metadata_digest,
                            v.name, s.repos, pe.source_block_id, pe.target_block_id,
                            (
                                select row_to_json(passed)
                                from (
                                    select
                                        c.verification_id,
                                        app.time_text(c.verified_at) as verified_at,
                                        c.verified_by
                                    where c.status = 'passed'
                                ) as passed
                            ) as verification,
                            v.version_id, v.version_number
                        from app.pipeline_edge_versions pe
                        join public.edge_versions v using (version_id)
                        join app.edge_version_statuses c on c.version_id = v.version_id
                        left join app.metadata_digests d on d.version_id = v.version_id
                        join app.sources('edge', array(
                            select pe.edge_id from public.pipeline_edges pe where pe.pipeline_id = p.pipeline_id)) as s on s.id = v.edge_id
                        where pe.pipeline_id = p.pipeline_id
                    ) as part), '') || ']')::json as edges,
                1 as format,
                p.pipeline_id
            from public.pipelines p
            left join app.canonical_configs k using (pipeline_id)
            where p.pipeline_id = pipeline
        ) as lock);
end $$;
comment on function app.pipeline_lock(uuid) is
    'All that a run of the pipeline would run on now, and nothing else, as RFC 8785 writes it: same inputs, same lock. '
    'The verification of an edge is null while none clears it.';

create function app.lock_digest(lock text) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select encode(sha256(convert_to(lock, 'UTF8')), 'hex')
$$;
comment on function app.lock_digest(text) is 'SHA-256 of a lock as app.pipeline_lock() returns it, in hex.';

create function app.verifiers(lock jsonb) returns jsonb
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_object_agg(u.user_id, u.username), '{}')
    from public.usernames u
    where u.user_id = any (array(
        select (e.edge -> 'verification' ->> 'verified_by')::uuid from jsonb_array_elements(lock -> 'edges') as e (edge)))
$$;
comment on function app.verifiers(jsonb) is
    'What those are called who verified the edges of a lock, by their ids. Not in the lock, which never changes.';

revoke execute on all functions in schema app from public;
grant execute on function app.verifiers(jsonb), app.find_locks(text, text, text, text), app.pipeline_lock(uuid), app.lock_digest(text), app.keep_metadata_digests(uuid) to blockyard_api;
