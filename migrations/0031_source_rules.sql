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

revoke execute on all functions in schema app from public;
-- Constraints run with the rights of whoever writes the row.
grant execute on function app.is_repo_url(text), app.is_branch(text), app.is_image_name(text), app.is_image_tag(text),
    app.is_line(text, int) to authenticated;
