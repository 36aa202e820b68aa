-- Repositories, images and dependencies: the grammars of Git and of container registries, and how
-- a build and a dependency may change. `src/code_repos/git.rs` and `src/docker_images/reference.rs`
-- say the same in Rust; a test holds the two against each other.

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

create function app.is_line(value text, longest int) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select char_length(value) between 1 and longest and value !~ '(^\s|\s$|[\u0001-\u001F\u007F-\u009F])'
$$;
comment on function app.is_line(text, int) is 'Whether a text is one trimmed line of 1 to `longest` characters.';

alter table public.code_repos
    drop constraint code_repos_repo_url_check,
    drop constraint code_repos_branch_check,
    add constraint code_repos_repo_url_check check (app.is_repo_url(repo_url)),
    add constraint code_repos_branch_check check (app.is_branch(branch));
alter table public.docker_images
    drop constraint docker_images_image_tag_check,
    drop constraint docker_images_registry_url_check,
    add constraint docker_images_image_tag_check check (app.is_image_tag(image_tag)),
    add constraint docker_images_registry_url_check check (app.is_image_name(registry_url));
alter table public.dependencies
    drop constraint dependencies_version_constraint_check,
    add constraint dependencies_version_constraint_check check (app.is_line(version_constraint, 200));

create trigger code_repos_0_owner before insert or update or delete on public.code_repos
    for each row execute function app.guard_owner('entity_id');
create trigger docker_images_0_owner before insert or update or delete on public.docker_images
    for each row execute function app.guard_owner('entity_id');
create trigger dependencies_0_owner before insert or update or delete on public.dependencies
    for each row execute function app.guard_owner('entity_id');

-- Logs have megabytes: they are compared as they are, never made JSON of.
create or replace function app.guard_docker_images() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if (old.build_status, new.build_status) in (('success', 'failed'), ('failed', 'success')) then
        raise exception 'a build moves from pending to success or failed, and back to pending for a rebuild'
            using errcode = '23514', constraint = 'docker_images_build_status_step', table = 'docker_images';
    end if;
    if (new.image_tag, new.registry_url, new.build_status, new.build_logs)
        is distinct from (old.image_tag, old.registry_url, old.build_status, old.build_logs) then
        new.updated_at := app.next_revision(old.updated_at);
    end if;
    return new;
end $$;
drop trigger docker_images_2_touch on public.docker_images;
drop trigger docker_images_9_audit on public.docker_images;
create trigger docker_images_9_audit after insert or delete on public.docker_images
    for each row execute function app.audit('docker_image', 'image_id', 'entity_id', 'updated_at,block_id,edge_id');
create trigger docker_images_9_audit_update after update on public.docker_images
    for each row
    when ((old.image_tag, old.registry_url, old.build_status, old.build_logs)
        is distinct from (new.image_tag, new.registry_url, new.build_status, new.build_logs))
    execute function app.audit('docker_image', 'image_id', 'entity_id', 'updated_at,block_id,edge_id');

create or replace function app.guard_dependencies() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
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
        raise exception 'what it depends on depends on it'
            using errcode = '23514', constraint = 'dependencies_cycle', table = 'dependencies';
    end if;
    return new;
end $$;

revoke execute on all functions in schema app from public;
-- Constraints run with the rights of whoever writes the row.
grant execute on function app.is_repo_url(text), app.is_branch(text), app.is_image_name(text), app.is_image_tag(text),
    app.is_line(text, int) to authenticated;
