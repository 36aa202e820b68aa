-- What a block or an edge is built from: repositories, images, dependencies. `entity_type` and
-- `entity_id` are references like any other: generated columns carry the foreign keys.

-- The grammars of Git and of container registries. `src/code_repos/git.rs` and
-- `src/docker_images/reference.rs` say the same in Rust; a test holds the two against each other.

create function app.is_repo_url(value text) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- Visible ASCII of RFC 3986, no query, no fragment; a user only for SSH, a password never:
    -- everybody who reads the registry would read it.
    select char_length(value) <= 2000 and (
        value ~ '^(https://|ssh://([A-Za-z0-9_][A-Za-z0-9._-]*@)?)([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/[A-Za-z0-9._~!$&''()*+,;=:@%/-]+$'
        or value ~ '^git@[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?:[A-Za-z0-9._~!$&''()*+,;=@%/][A-Za-z0-9._~!$&''()*+,;=:@%/-]*$')
$$;
comment on function app.is_repo_url(text) is 'Whether a text is the URL of a repository: https://, ssh:// or git@host:path, without credentials.';

create function app.is_branch(value text) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select char_length(value) between 1 and 255
       and value !~ '(^[/-]|[/.]$|\.\.|//|@\{|/\.|^\.|\.lock(/|$)|[\u0001-\u0020\u007F~^:?*\[\\])'
       and value <> '@' and value <> 'HEAD'
$$;
comment on function app.is_branch(text) is 'Whether a text may name a branch: git check-ref-format --branch, at most 255 characters.';

create function app.is_image_name(value text) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- https://github.com/distribution/reference: domain and path-component
    select char_length(value) <= 263 and (
        value ~ '^(https://)?([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:]+\])(:[0-9]+)?(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$'
        or value ~ '^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$')
$$;
comment on function app.is_image_name(text) is
    'Whether a text names a registry or a repository in one, such as ghcr.io/acme/imagenet, by the grammar of references; https:// may stand before it.';

create function app.is_image_tag(value text) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$ select value ~ '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$' $$;
comment on function app.is_image_tag(text) is 'Whether a text is a tag by the grammar of references.';

create function app.is_image_digest(value text) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$ select value ~ '^((sha256|blake3):[0-9a-f]{64}|sha512:[0-9a-f]{128})$' $$;
comment on function app.is_image_digest(text) is
    'Whether a text is a digest by the image specification of OCI, of an algorithm that is registered there.';

-- Repositories -----------------------------------------------------------------------------

create table public.code_repos (
    repo_id uuid not null default app.uuid_v7() constraint code_repos_pkey primary key,
    entity_type public.entity_type not null,
    entity_id uuid not null,
    repo_url text not null,
    branch text not null default 'main',
    last_updated timestamptz not null default clock_timestamp(),
    created_at timestamptz not null default clock_timestamp(),
    block_id uuid generated always as (case when entity_type = 'block' then entity_id end) stored
        constraint code_repos_block_id_fkey references public.blocks on delete cascade,
    edge_id uuid generated always as (case when entity_type = 'edge' then entity_id end) stored
        constraint code_repos_edge_id_fkey references public.edges on delete cascade,
    constraint code_repos_repo_url_check check (app.is_repo_url(repo_url)),
    constraint code_repos_branch_check check (app.is_branch(branch))
);
comment on table public.code_repos is 'Where the source of a block or an edge is.';
comment on column public.code_repos.last_updated is 'When the URL or the branch was last set.';
create unique index code_repos_entity_key on public.code_repos (entity_type, entity_id, repo_url, branch);
create index code_repos_block_id_idx on public.code_repos (block_id);
create index code_repos_edge_id_idx on public.code_repos (edge_id);
create index code_repos_created_at_idx on public.code_repos (created_at, repo_id);

create function app.touch_code_repo() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if (new.repo_url, new.branch) is distinct from (old.repo_url, old.branch) then
        new.last_updated := app.next_revision(old.last_updated);
    end if;
    return new;
end $$;
create trigger code_repos_0_owner before insert or update or delete on public.code_repos
    for each row execute function app.guard_owner('entity_id');
create trigger code_repos_2_touch before update on public.code_repos
    for each row execute function app.touch_code_repo();
create trigger code_repos_9_audit after insert or update or delete on public.code_repos
    for each row execute function app.audit('code_repo', 'repo_id', 'entity_id', 'last_updated,block_id,edge_id');

-- Images -----------------------------------------------------------------------------------

create table public.docker_images (
    image_id uuid not null default app.uuid_v7() constraint docker_images_pkey primary key,
    entity_type public.entity_type not null,
    entity_id uuid not null,
    image_tag text not null,
    registry_url text not null,
    image_digest text,
    build_status public.build_status not null default 'pending',
    build_logs text,
    appended_logs text,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    block_id uuid generated always as (case when entity_type = 'block' then entity_id end) stored
        constraint docker_images_block_id_fkey references public.blocks on delete cascade,
    edge_id uuid generated always as (case when entity_type = 'edge' then entity_id end) stored
        constraint docker_images_edge_id_fkey references public.edges on delete cascade,
    constraint docker_images_image_tag_check check (app.is_image_tag(image_tag)),
    constraint docker_images_registry_url_check check (app.is_image_name(registry_url)),
    constraint docker_images_image_digest_check check (app.is_image_digest(image_digest)),
    constraint docker_images_build_logs_check check (octet_length(build_logs) <= 10485760),
    constraint docker_images_appended_logs_check check (appended_logs is null)
);
comment on table public.docker_images is 'The container image of a block or an edge, and how its build went.';
comment on column public.docker_images.build_logs is
    'With all that was appended, once the build has moved on; meanwhile up to a megabyte of it is kept elsewhere (app.build_logs).';
comment on column public.docker_images.appended_logs is 'What is written here is put behind the logs; null when it is read.';
comment on column public.docker_images.image_digest is 'What the tag named when it was noted: a tag can be moved, a digest cannot.';
create unique index docker_images_entity_key on public.docker_images (entity_type, entity_id, registry_url, image_tag);
create index docker_images_block_id_idx on public.docker_images (block_id);
create index docker_images_edge_id_idx on public.docker_images (edge_id);
create index docker_images_created_at_idx on public.docker_images (created_at, image_id);

-- Logs have megabytes, and an UPDATE writes the whole of a text that it changes. So what is appended is kept
-- beside it, until the build moves on or there is a megabyte of it. Nothing that an append or a change of status
-- passes makes JSON of the logs, nor compares them.
create table app.appended_logs (
    image_id uuid not null constraint appended_logs_image_id_fkey references public.docker_images on delete cascade,
    number int not null,
    text text not null,
    constraint appended_logs_pkey primary key (image_id, number)
);
comment on table app.appended_logs is 'What was appended to docker_images.build_logs and is not in it yet, in order.';
revoke all on app.appended_logs from public, anon, authenticated, service_role;

-- (Volatile, these two, so that a statement sees what its own trigger has appended.)
create function app.build_logs_bytes(image uuid, stored text) returns int
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return coalesce(octet_length(stored), 0) + coalesce((
        select sum(octet_length(a.text)) from app.appended_logs a where a.image_id = image), 0);
end $$;
comment on function app.build_logs_bytes(uuid, text) is 'How long the logs of a build are, with what was appended to build_logs.';

create function app.build_logs(image uuid, stored text) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    appended constant text := (select string_agg(a.text, '' order by a.number) from app.appended_logs a where a.image_id = image);
begin
    return case when appended is null then stored else coalesce(stored, '') || appended end;
end $$;
comment on function app.build_logs(uuid, text) is 'The logs of a build: build_logs, and what was appended to it.';

create function app.append_logs() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    largest_part constant int := 8192;
    largest_rest constant int := 1048576;
    bytes int;
    last_number int;
    last_bytes int;
begin
    if coalesce(new.appended_logs, '') = '' then
        new.appended_logs := null;
        return new;
    end if;
    bytes := app.build_logs_bytes(new.image_id, new.build_logs);
    if bytes + octet_length(new.appended_logs) > 10485760 then
        raise exception 'the logs of a build have at most 10 MiB'
            using errcode = '23514', constraint = 'docker_images_build_logs_check', table = 'docker_images';
    end if;
    insert into public.audit_logs (user_id, action_type, entity_type, entity_id, subject_id, details)
    values (app.caller_id(), 'UPDATE', 'docker_image', new.image_id, new.entity_id, app.audit_context() || jsonb_build_object(
        'table', 'docker_images',
        'before', jsonb_build_object('build_logs', jsonb_build_object('bytes', bytes)),
        'after', jsonb_build_object('build_logs', jsonb_build_object(
            'bytes', bytes + octet_length(new.appended_logs), 'appended', app.log_digest(new.appended_logs)))));
    select a.number, octet_length(a.text) into last_number, last_bytes
    from app.appended_logs a where a.image_id = new.image_id order by a.number desc limit 1;
    if last_bytes < largest_part then
        update app.appended_logs a set text = a.text || new.appended_logs where a.image_id = new.image_id and a.number = last_number;
    else
        insert into app.appended_logs (image_id, number, text)
        values (new.image_id, coalesce(last_number, 0) + 1, new.appended_logs);
    end if;
    new.appended_logs := null;
    if app.build_logs_bytes(new.image_id, null) > largest_rest then
        new.build_logs := app.build_logs(new.image_id, new.build_logs);
        delete from app.appended_logs a where a.image_id = new.image_id;
    end if;
    new.updated_at := app.next_revision(old.updated_at);
    return new;
end $$;
comment on function app.append_logs() is
    'BEFORE UPDATE OF appended_logs: puts it behind the logs, for the price of what is appended, and into the audit trail.';

create function app.replace_logs() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    delete from app.appended_logs a where a.image_id = new.image_id;
    if found or new.build_logs is distinct from old.build_logs then
        new.updated_at := app.next_revision(old.updated_at);
    end if;
    return new;
end $$;
comment on function app.replace_logs() is 'BEFORE UPDATE OF build_logs: what was appended goes with what it was appended to.';

create function app.guard_docker_images() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.require_awake(old.entity_type, old.entity_id);
    if (old.build_status, new.build_status) in (('success', 'failed'), ('failed', 'success')) then
        raise exception 'a build moves from pending to success or failed, and back to pending for a rebuild'
            using errcode = '23514', constraint = 'docker_images_build_status_step', table = 'docker_images';
    end if;
    if new.build_status <> old.build_status then
        new.build_logs := app.build_logs(new.image_id, new.build_logs);
        delete from app.appended_logs a where a.image_id = new.image_id;
    end if;
    if (new.image_tag, new.registry_url, new.image_digest, new.build_status)
        is distinct from (old.image_tag, old.registry_url, old.image_digest, old.build_status) then
        new.updated_at := app.next_revision(old.updated_at);
    end if;
    return new;
end $$;
create trigger docker_images_0_owner before insert or delete on public.docker_images
    for each row execute function app.guard_owner('entity_id');
create trigger docker_images_1_replace before update of build_logs on public.docker_images
    for each row execute function app.replace_logs();
create trigger docker_images_2_append before update of appended_logs on public.docker_images
    for each row execute function app.append_logs();
create trigger docker_images_3_guard before update on public.docker_images
    for each row execute function app.guard_docker_images();
create trigger docker_images_9_audit after insert or delete on public.docker_images
    for each row execute function app.audit('docker_image', 'image_id', 'entity_id', 'updated_at,block_id,edge_id,appended_logs');
create trigger docker_images_9_audit_update
    after update of image_tag, registry_url, image_digest, build_status, build_logs on public.docker_images
    for each row
    when ((old.image_tag, old.registry_url, old.image_digest, old.build_status, old.build_logs)
        is distinct from (new.image_tag, new.registry_url, new.image_digest, new.build_status, new.build_logs))
    execute function app.audit('docker_image', 'image_id', 'entity_id', 'updated_at,block_id,edge_id,appended_logs');

-- Dependencies -----------------------------------------------------------------------------

create function app.is_version_constraint(value text) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select value ~ '^((=|!=|>|>=|<|<=) ?[1-9][0-9]{0,8}( ?, ?(=|!=|>|>=|<|<=) ?[1-9][0-9]{0,8})*|\*|@[a-z][a-z0-9_-]{0,62})$'
       and value !~ '^@(latest|active|v[0-9]+)$'
$$;
comment on function app.is_version_constraint(text) is
    'Whether a text says which versions of a block or an edge will do: comparisons with commas between (>=2,<5), * for all of them, or @ and an alias.';

create function app.constraint_admits(version_constraint text, version uuid) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    number constant int := coalesce(
        (select v.version_number from public.block_versions v where v.version_id = version),
        (select v.version_number from public.edge_versions v where v.version_id = version));
begin
    if version_constraint is null or version_constraint = '*' then
        return true;
    end if;
    if version_constraint like '@%' then
        return exists (
            select from public.aliases a
            where a.block_version_id = version and a.alias = substr(version_constraint, 2)
            union all
            select from public.aliases a
            where a.edge_version_id = version and a.alias = substr(version_constraint, 2));
    end if;
    return (
        select bool_and(case term[1]
            when '=' then number = term[2]::int
            when '!=' then number <> term[2]::int
            when '>' then number > term[2]::int
            when '>=' then number >= term[2]::int
            when '<' then number < term[2]::int
            else number <= term[2]::int end)
        from regexp_matches(version_constraint, '([=!<>]+) ?([0-9]+)', 'g') as term);
end $$;
comment on function app.constraint_admits(text, uuid) is
    'Whether a version of a block or an edge is one that will do by the constraint of an internal dependency.';

create table public.dependencies (
    dependency_id uuid not null default app.uuid_v7() constraint dependencies_pkey primary key,
    entity_type public.entity_type not null,
    entity_id uuid not null,
    dependency_type public.dependency_type not null,
    dependency_detail text not null default '',
    depends_on_type public.entity_type,
    depends_on_id uuid,
    version_constraint text,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    block_id uuid generated always as (case when entity_type = 'block' then entity_id end) stored
        constraint dependencies_block_id_fkey references public.blocks on delete cascade,
    edge_id uuid generated always as (case when entity_type = 'edge' then entity_id end) stored
        constraint dependencies_edge_id_fkey references public.edges on delete cascade,
    depends_on_block_id uuid generated always as (case when depends_on_type = 'block' then depends_on_id end) stored
        constraint dependencies_depends_on_block_id_fkey references public.blocks,
    depends_on_edge_id uuid generated always as (case when depends_on_type = 'edge' then depends_on_id end) stored
        constraint dependencies_depends_on_edge_id_fkey references public.edges,
    constraint dependencies_depends_on_check check (
        case dependency_type
            when 'internal' then depends_on_type is not null and depends_on_id is not null
            else depends_on_type is null and depends_on_id is null and app.trimmed(dependency_detail) <> ''
        end),
    constraint dependencies_self_check check ((entity_type, entity_id) is distinct from (depends_on_type, depends_on_id)),
    constraint dependencies_dependency_detail_check check (char_length(dependency_detail) <= 2000),
    constraint dependencies_version_constraint_check check (app.is_line(version_constraint, 200)),
    constraint dependencies_internal_version_constraint_check check (
        dependency_type <> 'internal' or version_constraint is null or app.is_version_constraint(version_constraint))
);
comment on table public.dependencies is 'What a block or an edge depends on: another of them (internal), or something outside (external).';
comment on column public.dependencies.version_constraint is
    'Which versions will do: of an internal dependency as app.is_version_constraint() reads it, of an external one in its own notation.';
create unique index dependencies_internal_key on public.dependencies (entity_type, entity_id, depends_on_type, depends_on_id)
    where dependency_type = 'internal';
create index dependencies_entity_idx on public.dependencies (entity_type, entity_id);
create index dependencies_block_id_idx on public.dependencies (block_id);
create index dependencies_edge_id_idx on public.dependencies (edge_id);
create index dependencies_depends_on_block_id_idx on public.dependencies (depends_on_block_id);
create index dependencies_depends_on_edge_id_idx on public.dependencies (depends_on_edge_id);
create index dependencies_created_at_idx on public.dependencies (created_at, dependency_id);

-- Only asked of a dependency that is refused, so each thing is looked at once, however many ways lead there.
create function app.way_of_dependencies(from_id uuid, to_id uuid) returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Each thing that is reached, with what led to it.
    reached jsonb := jsonb_build_object(from_id, null);
    front uuid[] := array[from_id];
    way uuid[] := array[to_id];
begin
    while to_id <> all (front) and front <> '{}' loop
        select coalesce(array_agg(n.id), '{}'), reached || coalesce(jsonb_object_agg(n.id, n.by), '{}')
        into front, reached
        from (
            select distinct on (d.depends_on_id) d.depends_on_id as id, d.entity_id as by
            from public.dependencies d
            where (d.block_id = any (front) or d.edge_id = any (front))
              and d.dependency_type = 'internal' and not reached ? d.depends_on_id::text
            order by d.depends_on_id, d.entity_id
        ) as n;
    end loop;
    while way[1] <> from_id loop
        way := (reached ->> way[1]::text)::uuid || way;
    end loop;
    if array_length(way, 1) > 20 then
        way := way[:10] || null::uuid || way[array_length(way, 1) - 9:];
    end if;
    return (
        select string_agg(coalesce(b.name, e.name, '…'), ' → ' order by w.place)
        from unnest(way) with ordinality as w (id, place)
        left join public.blocks b on b.block_id = w.id
        left join public.edges e on e.edge_id = w.id);
end $$;
comment on function app.way_of_dependencies(uuid, uuid) is 'The names along the shortest way on which one thing depends on another.';

create function app.guard_dependencies() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    new.version_constraint := app.trimmed(new.version_constraint);
    if new.dependency_type <> 'internal' or new.depends_on_type is null then
        return new;
    end if;
    if tg_op = 'UPDATE' and (new.dependency_type, new.depends_on_type, new.depends_on_id)
        is not distinct from (old.dependency_type, old.depends_on_type, old.depends_on_id) then
        return new;
    end if;
    perform app.enter_guard('dependencies');
    -- FOR SHARE: it must not be archived between this look and the commit.
    if new.depends_on_type = 'block' then
        perform from public.blocks b where b.block_id = new.depends_on_id and b.archived_at is null for share;
    else
        perform from public.edges e where e.edge_id = new.depends_on_id and e.archived_at is null for share;
    end if;
    if not found then
        raise exception 'there is no such % to depend on', new.depends_on_type
            using errcode = '23503', constraint = 'dependencies_depends_on_id_fkey', table = 'dependencies';
    end if;
    if exists (
        with recursive needed (entity_type, entity_id) as (
            select new.depends_on_type, new.depends_on_id
            union
            select d.depends_on_type, d.depends_on_id
            from needed n
            join public.dependencies d using (entity_type, entity_id)
            where d.dependency_type = 'internal' and d.dependency_id <> new.dependency_id
        )
        select from needed where (entity_type, entity_id) = (new.entity_type, new.entity_id)
    ) then
        raise exception 'what it depends on depends on it: %', app.way_of_dependencies(new.depends_on_id, new.entity_id)
            using errcode = '23514', constraint = 'dependencies_cycle', table = 'dependencies';
    end if;
    return new;
end $$;
create trigger dependencies_0_owner before insert or update or delete on public.dependencies
    for each row execute function app.guard_owner('entity_id');
create trigger dependencies_1_guard before insert or update on public.dependencies
    for each row execute function app.guard_dependencies();
create trigger dependencies_2_touch before update on public.dependencies
    for each row execute function app.touch('block_id', 'edge_id', 'depends_on_block_id', 'depends_on_edge_id');
create trigger dependencies_9_audit after insert or update or delete on public.dependencies
    for each row execute function app.audit('dependency', 'dependency_id', 'entity_id',
        'updated_at,block_id,edge_id,depends_on_block_id,depends_on_edge_id');

-- Breadth first: a thing is reached once, by its nearest way, and what leads to it again costs one look. Past
-- the policies, as app.find_blocks(): it follows and shows what is live, which everybody sees.
create function app.dependents(
    root_type public.entity_type, root uuid, is_recursive boolean, seen_depth int, seen_id uuid, wanted bigint)
returns table (
    depth int, entity_type public.entity_type, entity_id uuid, name text, dependency_id uuid, version_constraint text, path jsonb)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- All that was reached, level after level, by its place; `via` is the place from which it was.
    types public.entity_type[] := array[root_type];
    ids uuid[] := array[root];
    names text[] := array[null::text];
    needs uuid[] := array[null::uuid];
    constraints text[] := array[null::text];
    via int[] := array[null::int];
    -- The level that was reached last, and how many of a level are behind what the caller has seen.
    level int := 0;
    first int := 1;
    last int := 1;
    behind bigint := 0;
    step int;
    steps jsonb[];
    found record;
begin
    while first <= last and behind < wanted and (level = 0 or is_recursive) loop
        select array_agg(n.entity_type) as types, array_agg(n.entity_id) as ids, array_agg(n.name) as names,
            array_agg(n.dependency_id) as needs, array_agg(n.version_constraint) as constraints, array_agg(n.place) as via
        into found
        from (
            select distinct on (d.entity_id, d.entity_type)
                d.entity_type, d.entity_id, coalesce(b.name, e.name) as name, d.dependency_id, d.version_constraint, o.place
            from (
                select case when t.type = 'block' then t.id end as block_id, case when t.type = 'edge' then t.id end as edge_id,
                    first - 1 + t.ordinality::int as place
                from unnest(types[first:last], ids[first:last]) with ordinality as t (type, id, ordinality)
            ) as o
            join public.dependencies d on d.depends_on_block_id = o.block_id or d.depends_on_edge_id = o.edge_id
            left join public.blocks b on b.block_id = d.block_id and b.archived_at is null
            left join public.edges e on e.edge_id = d.edge_id and e.archived_at is null
            where coalesce(b.name, e.name) is not null
              and not exists (
                  select from unnest(types, ids) as r (type, id) where r.id = d.entity_id and r.type = d.entity_type)
            order by d.entity_id, d.entity_type, d.dependency_id
        ) as n;
        types := types || found.types;
        ids := ids || found.ids;
        names := names || found.names;
        needs := needs || found.needs;
        constraints := constraints || found.constraints;
        via := via || found.via;
        level := level + 1;
        first := last + 1;
        last := cardinality(ids);
        for place in first .. last loop
            exit when behind >= wanted;
            continue when seen_id is not null and (level, ids[place]) <= (seen_depth, seen_id);
            behind := behind + 1;
            steps := '{}';
            step := place;
            while step > 1 loop
                steps := jsonb_build_object('entity_type', types[step], 'entity_id', ids[step], 'name', names[step]) || steps;
                step := via[step];
            end loop;
            depth := level;
            entity_type := types[place];
            entity_id := ids[place];
            name := names[place];
            dependency_id := needs[place];
            version_constraint := constraints[place];
            path := to_jsonb(steps);
            return next;
        end loop;
    end loop;
end $$;
comment on function app.dependents(public.entity_type, uuid, boolean, int, uuid, bigint) is
    'What depends on a block or an edge, with is_recursive also what depends on that, and so on: each once, the nearest first, with the path to it; `wanted` rows behind the last row seen.';

revoke execute on all functions in schema app from public;
grant execute on function app.constraint_admits(text, uuid), app.dependents(public.entity_type, uuid, boolean, int, uuid, bigint), app.build_logs_bytes(uuid, text),
    app.build_logs(uuid, text) to blockyard_api;
-- Constraints run with the rights of whoever writes the row.
grant execute on function app.is_repo_url(text), app.is_branch(text), app.is_image_name(text), app.is_image_tag(text), app.is_image_digest(text),
    app.is_version_constraint(text) to authenticated;

-- Rights -------------------------------------------------------------------------------------------

alter table public.code_repos enable row level security;
revoke all on public.code_repos from public, anon, authenticated, service_role;
grant select, delete, insert (entity_type, entity_id, repo_url, branch), update (repo_url, branch)
    on public.code_repos to authenticated;
-- Whoever sees a block or an edge sees what it is built from.
create policy code_repos_select on public.code_repos for select to authenticated
    using (exists (select from public.blocks b where b.block_id = code_repos.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = code_repos.edge_id offset 0));
create policy code_repos_insert on public.code_repos for insert to authenticated
    with check ((select app.can_write()));
create policy code_repos_update on public.code_repos for update to authenticated
    using ((select app.can_write()) and (exists (select from public.blocks b where b.block_id = code_repos.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = code_repos.edge_id offset 0)))
    with check ((select app.can_write()));
create policy code_repos_delete on public.code_repos for delete to authenticated
    using ((select app.can_write()) and (exists (select from public.blocks b where b.block_id = code_repos.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = code_repos.edge_id offset 0)));

alter table public.docker_images enable row level security;
revoke all on public.docker_images from public, anon, authenticated, service_role;
grant select, delete, insert (entity_type, entity_id, image_tag, registry_url, image_digest, build_status, build_logs),
    update (image_tag, registry_url, image_digest, build_status, build_logs, appended_logs) on public.docker_images to authenticated;
create policy docker_images_select on public.docker_images for select to authenticated
    using (exists (select from public.blocks b where b.block_id = docker_images.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = docker_images.edge_id offset 0));
create policy docker_images_insert on public.docker_images for insert to authenticated
    with check ((select app.can_write()));
create policy docker_images_update on public.docker_images for update to authenticated
    using ((select app.can_write()) and (exists (select from public.blocks b where b.block_id = docker_images.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = docker_images.edge_id offset 0)))
    with check ((select app.can_write()));
create policy docker_images_delete on public.docker_images for delete to authenticated
    using ((select app.can_write()) and (exists (select from public.blocks b where b.block_id = docker_images.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = docker_images.edge_id offset 0)));

alter table public.dependencies enable row level security;
revoke all on public.dependencies from public, anon, authenticated, service_role;
grant select, delete,
    insert (entity_type, entity_id, dependency_type, dependency_detail, depends_on_type, depends_on_id, version_constraint),
    update (dependency_type, dependency_detail, depends_on_type, depends_on_id, version_constraint)
    on public.dependencies to authenticated;
create policy dependencies_select on public.dependencies for select to authenticated
    using (exists (select from public.blocks b where b.block_id = dependencies.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = dependencies.edge_id offset 0));
create policy dependencies_insert on public.dependencies for insert to authenticated
    with check ((select app.can_write()));
create policy dependencies_update on public.dependencies for update to authenticated
    using ((select app.can_write()) and (exists (select from public.blocks b where b.block_id = dependencies.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = dependencies.edge_id offset 0)))
    with check ((select app.can_write()));
create policy dependencies_delete on public.dependencies for delete to authenticated
    using ((select app.can_write()) and (exists (select from public.blocks b where b.block_id = dependencies.block_id offset 0)
        or exists (select from public.edges e where e.edge_id = dependencies.edge_id offset 0)));
