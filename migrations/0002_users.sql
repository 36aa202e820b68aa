-- Users and API keys; who the caller is.

create table public.users (
    user_id uuid not null default app.uuid_v7() constraint users_pkey primary key,
    username text not null,
    email text not null,
    password_hash text,
    role text not null default 'viewer',
    is_active boolean not null default true,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    constraint users_username_check check (app.is_username(username)),
    constraint users_email_check check (app.is_email(email)),
    constraint users_password_hash_check check (
        password_hash like '$argon2id$%' and char_length(password_hash) <= 512),
    constraint users_role_check check (role in ('viewer', 'developer', 'admin'))
);
comment on table public.users is 'Who interacts with the registry. Deactivated, not deleted, once they have history.';
comment on column public.users.password_hash is
    'Argon2id (PHC string); null when the user logs in elsewhere. Readable by nobody but the login.';
comment on column public.users.role is 'viewer reads, developer also writes, admin also manages users.';
create unique index users_username_key on public.users (app.name_key(username));
create unique index users_email_key on public.users (app.name_key(email));
create index users_created_at_idx on public.users (created_at, user_id);

-- Who stands behind an id is for everybody to see, the rest of the account is not: a grant on a column cannot
-- depend on the row. That the copy is right the key holds, which follows every change of the name.
alter table public.users add constraint users_user_id_username_key unique (user_id, username);
create table public.usernames (
    user_id uuid not null,
    username text not null,
    constraint usernames_pkey primary key (user_id) include (username),
    constraint usernames_user_id_username_fkey foreign key (user_id, username)
        references public.users (user_id, username) on update cascade on delete cascade
);
comment on table public.usernames is
    'What users are called, for every active user to read: who is behind created_by, verified_by, user_id. Written by the database alone.';

create table public.api_keys (
    api_key_id uuid not null default app.uuid_v7() constraint api_keys_pkey primary key,
    user_id uuid not null constraint api_keys_user_id_fkey references public.users on delete cascade,
    name text not null,
    key_prefix text not null,
    encrypted_api_key text not null constraint api_keys_encrypted_api_key_key unique,
    role text,
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz,
    is_active boolean not null default true,
    last_used_at timestamptz,
    updated_at timestamptz not null default clock_timestamp(),
    constraint api_keys_name_check check (app.is_name(name)),
    constraint api_keys_key_prefix_check check (key_prefix ~ '^[A-Za-z0-9_]{4,32}$'),
    constraint api_keys_encrypted_api_key_check check (encrypted_api_key ~ '^sha256:[0-9a-f]{64}$'),
    constraint api_keys_role_check check (role in ('viewer', 'developer', 'admin')),
    constraint api_keys_expires_at_past_check check (expires_at > created_at),
    constraint api_keys_expires_at_late_check check (expires_at <= app.latest_time())
);
comment on table public.api_keys is 'Machine access for a user. The key itself is shown once and stored nowhere.';
comment on column public.api_keys.encrypted_api_key is
    'sha256: and the SHA-256 of the key as its owner holds it, in hex. Of 256 random bits, so that it needs no secret. Readable by nobody.';
comment on column public.api_keys.role is 'Narrows the key to a lower role than its user''s; null is the user''s own.';
comment on column public.api_keys.last_used_at is 'To the minute.';
create index api_keys_user_id_idx on public.api_keys (user_id, created_at, api_key_id);
create index api_keys_created_at_idx on public.api_keys (created_at, api_key_id);

-- Who is calling -------------------------------------------------------------------------------
-- One thing decides: `sub` in request.jwt.claims. `api_key_id` beside it can only narrow.

-- (In PL/pgSQL, whose simple expressions cost less than the start of an SQL function: these run
-- with every statement. What a query compares with is a variable: JSON would be read for each row.)

create function app.caller_id() returns uuid
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
end $$;
comment on function app.caller_id() is 'The id the caller claims. Says nothing of whether they are active: caller_role() does.';

create function app.role_rank(role text) returns int
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$ select case role when 'viewer' then 1 when 'developer' then 2 when 'admin' then 3 end $$;

create function app.caller_role() returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
    caller_id constant uuid := (claims ->> 'sub')::uuid;
    key_id constant uuid := (claims ->> 'api_key_id')::uuid;
begin
    if key_id is null then
        return (select u.role from public.users u where u.user_id = caller_id and u.is_active);
    end if;
    return (
        -- The lower of both; a key without a role has its user's.
        select case when 'viewer' in (u.role, k.role) then 'viewer'
                    when 'developer' in (u.role, k.role) then 'developer'
                    else u.role end
        from public.api_keys k
        join public.users u using (user_id)
        where k.api_key_id = key_id and u.user_id = caller_id
          and u.is_active and k.is_active
          and (k.expires_at is null or k.expires_at > clock_timestamp()));
end $$;
comment on function app.caller_role() is
    'The role the caller acts in now: the user''s, or the lower one of their API key; null for nobody and for a deactivated user.';

create function app.can_write() returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return coalesce(app.caller_role() in ('developer', 'admin'), false);
end $$;
comment on function app.can_write() is 'Whether the caller may change the registry: developers and admins.';

create function app.is_admin() returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return coalesce(app.caller_role() = 'admin', false);
end $$;
comment on function app.is_admin() is 'Whether the caller manages users, and purges and sees what others do not.';

create function app.is_unnarrowed() returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(app.caller_role() = (select u.role from public.users u where u.user_id = app.caller_id()), false)
$$;
comment on function app.is_unnarrowed() is
    'Whether the caller acts in the full role of their account: a key for CI that only reads must not manage the account.';

-- Guards ---------------------------------------------------------------------------------------

create function app.guard_users() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'INSERT' then
        new.username := app.tidy(new.username);
        new.email := app.tidy(new.email);
        return new;
    end if;
    if tg_op = 'UPDATE' then
        new.username := app.tidy(new.username);
        new.email := app.tidy(new.email);
        -- Without claims it is the owner of the database, whom policies do not bind either.
        if (new.role, new.is_active) is distinct from (old.role, old.is_active)
           and app.caller_id() is not null and not app.is_admin() then
            raise exception 'only an admin changes a role or activates and deactivates a user'
                using errcode = '42501';
        end if;
        if new.password_hash is distinct from old.password_hash or not new.is_active then
            delete from app.refresh_tokens t where t.user_id = old.user_id;
        end if;
        -- Whoever gets another role signs in anew: no page that is open shows what they may no longer do.
        if (new.password_hash, new.role) is distinct from (old.password_hash, old.role) or not new.is_active then
            delete from app.console_sessions s where s.user_id = old.user_id;
        end if;
    end if;
    if old.role = 'admin' and old.is_active
       and (tg_op = 'DELETE' or new.role <> 'admin' or not new.is_active) then
        perform app.enter_guard('admins');
        if not exists (select from public.users u
                       where u.role = 'admin' and u.is_active and u.user_id <> old.user_id) then
            raise exception 'the last active admin stays one'
                using errcode = '23514', constraint = 'users_last_admin', table = 'users';
        end if;
    end if;
    return case tg_op when 'DELETE' then old else new end;
end $$;
create trigger users_1_guard before insert or update or delete on public.users
    for each row execute function app.guard_users();
create trigger users_2_touch before update on public.users
    for each row execute function app.touch();

create function app.publish_username() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into public.usernames (user_id, username) values (new.user_id, new.username);
    return null;
end $$;
create trigger users_3_publish after insert on public.users
    for each row execute function app.publish_username();

create function app.guard_api_keys() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    owner_role text;
    maker uuid;
    maker_ends timestamptz;
begin
    new.name := app.tidy(new.name);
    if tg_op = 'INSERT' then
        new.user_id := coalesce(new.user_id, app.caller_id());
        -- Before what follows tells of the other's role.
        if new.user_id <> app.caller_id() and not app.is_admin() then
            raise exception 'only an admin makes keys for others' using errcode = '42501';
        end if;
        if app.caller_id() is not null and not app.is_unnarrowed() then
            raise exception 'a narrowed key makes no keys' using errcode = '42501';
        end if;
        -- A key that leaks must not make itself immortal.
        maker := (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'api_key_id')::uuid;
        select k.expires_at into maker_ends from public.api_keys k where k.api_key_id = maker;
        if maker_ends < coalesce(new.expires_at, 'infinity') then
            raise exception 'a key does not outlive the key that makes it'
                using errcode = '23514', constraint = 'api_keys_outlives', table = 'api_keys';
        end if;
        select u.role into owner_role from public.users u where u.user_id = new.user_id;
        if app.role_rank(new.role) > app.role_rank(owner_role) then
            raise exception 'a key narrows the role %, it cannot widen it', owner_role
                using errcode = '23514', constraint = 'api_keys_role_widens', table = 'api_keys';
        end if;
        return new;
    end if;
    if new.is_active and not old.is_active then
        raise exception 'a revoked key stays revoked'
            using errcode = '23514', constraint = 'api_keys_revoked', table = 'api_keys';
    end if;
    if new.expires_at is distinct from old.expires_at
       and (new.expires_at is null or new.expires_at > old.expires_at) then
        raise exception 'the life of a key can be shortened, not prolonged'
            using errcode = '23514', constraint = 'api_keys_prolonged', table = 'api_keys';
    end if;
    if (new.name, new.is_active, new.expires_at) is distinct from (old.name, old.is_active, old.expires_at) then
        new.updated_at := app.next_revision(old.updated_at);
    end if;
    return new;
end $$;
create trigger api_keys_1_guard before insert or update on public.api_keys
    for each row execute function app.guard_api_keys();

-- Secrets ----------------------------------------------------------------------------------------
-- Nobody has a right on a column that holds one: what writes them are these functions, which say
-- themselves who may, and only the service can call. (A stolen token is not enough to take over an account
-- through the REST API: the service asks for the current password first.)

create function app.create_user(new_username text, new_email text, new_role text, hash text)
returns table (
    user_id uuid, username text, email text, role text, is_active boolean, created_at timestamptz, updated_at timestamptz)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if not app.is_admin() then
        raise exception 'only an admin adds users' using errcode = '42501';
    end if;
    return query
        insert into public.users as u (username, email, role, password_hash)
        values (new_username, new_email, coalesce(new_role, 'viewer'), hash)
        returning u.user_id, u.username, u.email, u.role, u.is_active, u.created_at, u.updated_at;
end $$;
comment on function app.create_user(text, text, text, text) is 'Adds a user with a password; for admins.';

create function app.set_password(account uuid, hash text, revisions timestamptz[]) returns setof uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if (account = app.caller_id() and app.is_unnarrowed()) or app.is_admin() then
        return query
            update public.users as u set password_hash = hash
            where u.user_id = account and (revisions is null or u.updated_at = any (revisions))
            returning u.user_id;
    end if;
end $$;
comment on function app.set_password(uuid, text, timestamptz[]) is
    'Writes the caller''s own password, or as an admin anybody''s; no row when there is no such user at one of these revisions, or the caller may not.';

create function app.create_api_key(
    owner uuid, new_name text, prefix text, digest text, new_role text, ends timestamptz)
returns table (
    api_key_id uuid, user_id uuid, name text, key_prefix text, role text, created_at timestamptz, expires_at timestamptz,
    is_active boolean, last_used_at timestamptz, updated_at timestamptz)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- (Whose keys the caller may make says app.guard_api_keys(), which asks only those who have a role.)
    if app.caller_role() is null then
        raise exception 'only an active user has keys' using errcode = '42501';
    end if;
    return query
        insert into public.api_keys as k (user_id, name, key_prefix, encrypted_api_key, role, expires_at)
        values (owner, new_name, prefix, digest, new_role, ends)
        returning k.api_key_id, k.user_id, k.name, k.key_prefix, k.role, k.created_at, k.expires_at, k.is_active,
            k.last_used_at, k.updated_at;
end $$;
comment on function app.create_api_key(uuid, text, text, text, text, timestamptz) is
    'Makes a key, of which only the digest is kept: for the caller when owner is null, as an admin for anybody.';

revoke execute on all functions in schema app from public;
grant execute on function app.create_user(text, text, text, text), app.set_password(uuid, text, timestamptz[]),
    app.create_api_key(uuid, text, text, text, text, timestamptz) to blockyard_api;
grant execute on function app.caller_id(), app.caller_role(), app.can_write(),
    app.is_admin(), app.is_unnarrowed() to authenticated;

-- Rights -----------------------------------------------------------------------------------------

alter table public.users enable row level security;
revoke all on public.users from public, anon, authenticated, service_role;
grant select (user_id, username, email, role, is_active, created_at, updated_at),
      insert (username, email, role),
      update (username, email, role, is_active),
      delete on public.users to authenticated;

create policy users_select on public.users for select to authenticated
    using ((user_id = (select app.caller_id()) and (select app.caller_role()) is not null) or (select app.is_admin()));
create policy users_insert on public.users for insert to authenticated
    with check ((select app.is_admin()));
create policy users_update on public.users for update to authenticated
    using ((user_id = (select app.caller_id()) and (select app.is_unnarrowed())) or (select app.is_admin()))
    with check ((user_id = (select app.caller_id()) and (select app.is_unnarrowed())) or (select app.is_admin()));
create policy users_delete on public.users for delete to authenticated
    using ((select app.is_admin()));

alter table public.usernames enable row level security;
revoke all on public.usernames from public, anon, authenticated, service_role;
grant select on public.usernames to authenticated;

create policy usernames_select on public.usernames for select to authenticated
    using ((select app.caller_role()) is not null);
-- The service's statements have a caller already, and looking up their role once more costs more than the names.
create policy usernames_select_service on public.usernames for select to blockyard_api
    using (true);

alter table public.api_keys enable row level security;
revoke all on public.api_keys from public, anon, authenticated, service_role;
grant select (api_key_id, user_id, name, key_prefix, role, created_at, expires_at, is_active, last_used_at, updated_at),
      update (name, expires_at, is_active),
      delete on public.api_keys to authenticated;

create policy api_keys_select on public.api_keys for select to authenticated
    using ((user_id = (select app.caller_id()) and (select app.caller_role()) is not null) or (select app.is_admin()));
create policy api_keys_update on public.api_keys for update to authenticated
    using ((user_id = (select app.caller_id()) and (select app.is_unnarrowed())) or (select app.is_admin()))
    with check ((user_id = (select app.caller_id()) and (select app.is_unnarrowed())) or (select app.is_admin()));
create policy api_keys_delete on public.api_keys for delete to authenticated
    using ((user_id = (select app.caller_id()) and (select app.is_unnarrowed())) or (select app.is_admin()));
