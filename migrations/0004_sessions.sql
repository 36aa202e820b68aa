-- What happens before there is a caller: login, refresh, logout; and the answers that are kept for a
-- request that comes twice. Only the service may call these.

create table app.refresh_tokens (
    token_digest bytea not null constraint refresh_tokens_pkey primary key,
    family_id uuid not null,
    user_id uuid not null constraint refresh_tokens_user_id_fkey references public.users on delete cascade,
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    used_at timestamptz,
    constraint refresh_tokens_token_digest_check check (length(token_digest) = 32)
);
comment on table app.refresh_tokens is
    'SHA-256 of each refresh token. A login is a family; rotation marks a token used, and a used one that comes back ends its family.';
create index refresh_tokens_family_id_idx on app.refresh_tokens (family_id);
create index refresh_tokens_user_id_idx on app.refresh_tokens (user_id);
create index refresh_tokens_expires_at_idx on app.refresh_tokens (expires_at);
revoke all on app.refresh_tokens from public, anon, authenticated, service_role;

create table app.login_attempts (
    subject text not null constraint login_attempts_pkey primary key,
    failures int not null,
    window_ends timestamptz not null
);
comment on table app.login_attempts is
    'Failed logins per account and per address within a window. Unknown accounts count like known ones.';
create index login_attempts_window_ends_idx on app.login_attempts (window_ends);
revoke all on app.login_attempts from public, anon, authenticated, service_role;

create function app.count_attempt(account text, address text, account_limit int, address_limit int, window_seconds int)
returns int
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    counted record;
    attempt app.login_attempts;
begin
    -- The address first, and always in this order, so that two logins cannot deadlock. An attempt that is
    -- refused leaves no trace: it neither makes a row nor changes one, however often it comes and whatever
    -- accounts it names.
    for counted in select * from (values ('address:' || address, address_limit), ('account:' || account, account_limit)) as c (subject, most) loop
        select * into attempt from app.login_attempts a where a.subject = counted.subject;
        if attempt.failures <= counted.most or attempt.window_ends <= clock_timestamp() or attempt.subject is null then
            insert into app.login_attempts as a (subject, failures, window_ends)
            values (counted.subject, 1, clock_timestamp() + make_interval(secs => window_seconds))
            on conflict (subject) do update set
                failures = case when a.window_ends <= clock_timestamp() then 1 else a.failures + 1 end,
                window_ends = case when a.window_ends <= clock_timestamp() then excluded.window_ends else a.window_ends end
            returning * into attempt;
        end if;
        if attempt.failures > counted.most then
            return greatest(1, ceil(extract(epoch from attempt.window_ends - clock_timestamp())));
        end if;
    end loop;
    -- What is over goes, a little at a time. Last, and past what somebody else has in hand: it waits for nobody.
    delete from app.login_attempts a where a.subject in (
        select o.subject from app.login_attempts o where o.window_ends < clock_timestamp() limit 10 for update skip locked);
    return null;
end $$;
comment on function app.count_attempt(text, text, int, int, int) is
    'Counts an attempt at a password before it is looked at, so that attempts in parallel do not all pass; returns how many seconds to wait, or null.';

create function app.forgive_attempts(account uuid, address text) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    -- This one attempt was none: the account starts anew, the address gets it back.
    update app.login_attempts set failures = greatest(failures - 1, 0) where subject = 'address:' || address;
    delete from app.login_attempts where subject = 'account:' || account;
$$;
comment on function app.forgive_attempts(uuid, text) is 'The password was right.';

create function app.forget_login_attempts() returns bigint
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    with gone as (
        delete from app.login_attempts a where a.subject in (
            select o.subject from app.login_attempts o where o.window_ends < clock_timestamp() for update skip locked)
        returning 1
    )
    select count(*) from gone
$$;
comment on function app.forget_login_attempts() is 'Deletes the counts of windows that are over; the service calls it now and then.';

create function app.begin_login(login text, address text, account_limit int, address_limit int, window_seconds int)
returns table (retry_after_seconds int, user_id uuid, password_hash text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    key constant text := app.name_key(login);
begin
    -- A username has no @, an email address has one: no login names two accounts.
    select u.user_id, u.password_hash into user_id, password_hash
    from public.users u
    where u.is_active and (app.name_key(u.username) = key or app.name_key(u.email) = key);
    -- Both of its names are one account; an unknown one counts like a known one.
    retry_after_seconds := app.count_attempt(
        coalesce(user_id::text, encode(sha256(convert_to(key, 'UTF8')), 'hex')),
        address, account_limit, address_limit, window_seconds);
    if retry_after_seconds is not null then
        user_id := null;
        password_hash := null;
    end if;
    return next;
end $$;
comment on function app.begin_login(text, text, int, int, int) is
    'Counts the attempt and returns one row: how long to wait, or the account with its hash, or nulls when there is no such active account.';

create function app.finish_login(
    account uuid, verified_hash text, address text, session_id uuid, token_digest bytea, lifetime_seconds int)
returns table (
    user_id uuid, username text, email text, role text, is_active boolean, created_at timestamptz, updated_at timestamptz)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forgive_attempts(account, address);
    -- What nobody needs any more; rows that somebody else has in hand stay for the next login.
    delete from app.refresh_tokens t where t.token_digest in (
        select o.token_digest from app.refresh_tokens o
        where o.expires_at < clock_timestamp() - interval '1 day' limit 100 for update skip locked);
    -- The account may have been deactivated, or got another password, since it was looked at.
    select u.user_id, u.username, u.email, u.role, u.is_active, u.created_at, u.updated_at
    into user_id, username, email, role, is_active, created_at, updated_at
    from public.users u
    where u.user_id = account and u.is_active and u.password_hash = verified_hash
    for share;
    if found then
        insert into app.refresh_tokens (token_digest, family_id, user_id, expires_at)
        values (finish_login.token_digest, session_id, account,
            clock_timestamp() + make_interval(secs => lifetime_seconds));
        return next;
    end if;
end $$;
comment on function app.finish_login(uuid, text, text, uuid, bytea, int) is
    'The password was right: opens a family of refresh tokens and returns the account; no row when it has changed meanwhile.';

create function app.rotate_refresh_token(old_digest bytea, new_digest bytea, lifetime_seconds int)
returns table (
    outcome text, session_id uuid,
    user_id uuid, username text, email text, role text, is_active boolean, created_at timestamptz, updated_at timestamptz)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    token app.refresh_tokens;
begin
    select * into token from app.refresh_tokens t where t.token_digest = old_digest for update;
    if not found then
        outcome := 'unknown';
        return next;
        return;
    end if;
    session_id := token.family_id;
    user_id := token.user_id;
    if token.used_at is not null then
        outcome := 'replayed';
    else
        select u.username, u.email, u.role, u.is_active, u.created_at, u.updated_at
        into username, email, role, is_active, created_at, updated_at
        from public.users u
        where u.user_id = token.user_id;
        outcome := case when token.expires_at > clock_timestamp() and is_active then 'rotated' else 'expired' end;
    end if;
    if outcome = 'rotated' then
        update app.refresh_tokens t set used_at = clock_timestamp() where t.token_digest = old_digest;
        insert into app.refresh_tokens (token_digest, family_id, user_id, expires_at)
        values (new_digest, token.family_id, token.user_id, clock_timestamp() + make_interval(secs => lifetime_seconds));
    else
        delete from app.refresh_tokens t where t.family_id = token.family_id;
    end if;
    return next;
end $$;
comment on function app.rotate_refresh_token(bytea, bytea, int) is
    'Exchanges a refresh token: rotated, unknown, expired or replayed; a replay ends the family. It answers instead of raising, so that the end of the family is kept.';

create function app.end_session(digest bytea) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    delete from app.refresh_tokens t
    where t.family_id = (select o.family_id from app.refresh_tokens o where o.token_digest = digest)
$$;
comment on function app.end_session(bytea) is 'Logout: ends the family of a refresh token, if there is one.';

create function app.password_of(account uuid, address text, account_limit int, address_limit int, window_seconds int)
returns table (retry_after_seconds int, password_hash text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    retry_after_seconds := app.count_attempt(account::text, address, account_limit, address_limit, window_seconds);
    if retry_after_seconds is null then
        select u.password_hash into password_hash from public.users u where u.user_id = account and u.is_active;
    end if;
    return next;
end $$;
comment on function app.password_of(uuid, text, int, int, int) is
    'The hash against which the service checks the current password before it writes a new one; counted like a login, so that it is no way round the throttle.';

create table app.console_sessions (
    session_id uuid not null constraint console_sessions_pkey primary key,
    token_digest bytea not null constraint console_sessions_token_digest_key unique,
    user_id uuid not null constraint console_sessions_user_id_fkey references public.users on delete cascade,
    created_at timestamptz not null default clock_timestamp(),
    last_seen_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    idle_seconds int not null,
    address text not null,
    user_agent text,
    constraint console_sessions_token_digest_check check (length(token_digest) = 32),
    constraint console_sessions_idle_seconds_check check (idle_seconds > 0),
    constraint console_sessions_user_agent_check check (char_length(user_agent) <= 300)
);
comment on table app.console_sessions is
    'Who is signed in to the console: SHA-256 of the cookie of each browser. Ended by signing out, another password, another role, deactivation, and time.';
comment on column app.console_sessions.last_seen_at is 'To the minute.';
comment on column app.console_sessions.idle_seconds is 'Not seen for longer, it has ended.';
create index console_sessions_user_id_idx on app.console_sessions (user_id);
create index console_sessions_expires_at_idx on app.console_sessions (expires_at);
revoke all on app.console_sessions from public, anon, authenticated, service_role;

create function app.begin_console_session(
    account uuid, verified_hash text, address text, session_id uuid, token_digest bytea, replaced_digest bytea,
    lifetime_seconds int, idle_seconds int, user_agent text)
returns setof uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if verified_hash is not null then
        perform app.forgive_attempts(account, address);
    end if;
    delete from app.console_sessions s where s.token_digest = replaced_digest;
    delete from app.console_sessions s where s.session_id in (
        select o.session_id from app.console_sessions o
        where o.expires_at < clock_timestamp() limit 100 for update skip locked);
    -- The account may have been deactivated, or got another password, since it was looked at.
    return query
        with account as (
            select u.user_id from public.users u
            where u.user_id = account and u.is_active and (verified_hash is null or u.password_hash = verified_hash)
            for share
        )
        insert into app.console_sessions as s
            (session_id, token_digest, user_id, expires_at, idle_seconds, address, user_agent)
        select
            begin_console_session.session_id, begin_console_session.token_digest, a.user_id,
            clock_timestamp() + make_interval(secs => lifetime_seconds), begin_console_session.idle_seconds,
            begin_console_session.address, left(begin_console_session.user_agent, 300)
        from account a
        returning s.session_id;
end $$;
comment on function app.begin_console_session(uuid, text, text, uuid, bytea, bytea, int, int, text) is
    'The password met this hash, or, where there is none, an access token was right: signs a browser in, and out of the session that it had; no row when the account has changed meanwhile.';

create function app.end_console_session(digest bytea) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$ delete from app.console_sessions s where s.token_digest = digest $$;
comment on function app.end_console_session(bytea) is 'Signs a browser out, if it is signed in.';

create function app.own_console_sessions()
returns table (
    session_id uuid, created_at timestamptz, last_seen_at timestamptz, expires_at timestamptz, address text,
    user_agent text, is_current boolean)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select
        s.session_id, s.created_at, s.last_seen_at, s.expires_at, s.address, s.user_agent,
        s.session_id = (current_setting('request.jwt.claims')::jsonb ->> 'console_session_id')::uuid
    from app.console_sessions s
    where s.user_id = app.caller_id() and app.caller_role() is not null
      and s.expires_at > clock_timestamp()
      and s.last_seen_at > clock_timestamp() - make_interval(secs => s.idle_seconds)
    order by s.last_seen_at desc, s.session_id
    limit 100
$$;
comment on function app.own_console_sessions() is 'Where the caller is signed in to the console, the latest first.';

create function app.end_own_console_session(session uuid) returns setof uuid
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    delete from app.console_sessions s
    where s.session_id = session and s.user_id = app.caller_id() and app.is_unnarrowed()
    returning s.session_id
$$;
comment on function app.end_own_console_session(uuid) is 'Signs the caller out of one browser; no row when they are not signed in there.';

create table app.idempotency_keys (
    user_id uuid not null constraint idempotency_keys_user_id_fkey references public.users on delete cascade,
    key text not null,
    fingerprint bytea not null,
    created_at timestamptz not null default clock_timestamp(),
    status smallint,
    headers jsonb,
    body text,
    constraint idempotency_keys_pkey primary key (user_id, key),
    constraint idempotency_keys_key_check check (char_length(key) between 1 and 255),
    constraint idempotency_keys_fingerprint_check check (length(fingerprint) = 32)
);
comment on table app.idempotency_keys is
    'The answer to a request that carried an Idempotency-Key, written in the transaction of its change; kept for a day.';
create index idempotency_keys_created_at_idx on app.idempotency_keys (created_at);
revoke all on app.idempotency_keys from public, anon, authenticated, service_role;

create function app.claim_idempotency_key(key text, fingerprints bytea[])
returns table (claimed boolean, same_request boolean, status smallint, headers jsonb, body text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    delete from app.idempotency_keys k
    where k.user_id = app.caller_id() and k.key = claim_idempotency_key.key
      and k.created_at < clock_timestamp() - interval '1 day';
    -- A second request with this key waits here until the first has committed or given up.
    insert into app.idempotency_keys (user_id, key, fingerprint)
    values (app.caller_id(), claim_idempotency_key.key, fingerprints[1])
    on conflict do nothing;
    if found then
        return query select true, true, null::smallint, null::jsonb, null::text;
        return;
    end if;
    return query
        select false, k.fingerprint = any (fingerprints), k.status, k.headers, k.body
        from app.idempotency_keys k
        where k.user_id = app.caller_id() and k.key = claim_idempotency_key.key;
end $$;
comment on function app.claim_idempotency_key(text, bytea[]) is
    'Takes a key for this transaction, or returns what was answered when it was used before. The request is the same if it has one of these fingerprints; the first is kept.';

create function app.kept_answer(key text, fingerprints bytea[])
returns table (same_request boolean, status smallint, headers jsonb, body text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select k.fingerprint = any (fingerprints), k.status, k.headers, k.body
    from app.idempotency_keys k
    where k.user_id = app.caller_id() and k.key = kept_answer.key and k.status is not null
      and k.created_at >= clock_timestamp() - interval '1 day'
$$;
comment on function app.kept_answer(text, bytea[]) is 'What was answered when a key was used before, without taking it.';

create function app.keep_answer(key text, status smallint, headers jsonb, body text) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    update app.idempotency_keys k
    set status = keep_answer.status, headers = keep_answer.headers, body = keep_answer.body
    where k.user_id = app.caller_id() and k.key = keep_answer.key
$$;
comment on function app.keep_answer(text, smallint, jsonb, text) is 'Keeps the answer beside the change that it tells of.';

create function app.forget_idempotency_keys() returns bigint
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    with gone as (
        delete from app.idempotency_keys where created_at < clock_timestamp() - interval '1 day' returning 1
    )
    select count(*) from gone
$$;
comment on function app.forget_idempotency_keys() is 'Deletes the keys that are older than a day; the service calls it now and then.';

revoke execute on all functions in schema app from public;
grant execute on function
    app.begin_login(text, text, int, int, int),
    app.finish_login(uuid, text, text, uuid, bytea, int),
    app.rotate_refresh_token(bytea, bytea, int),
    app.end_session(bytea),
    app.begin_console_session(uuid, text, text, uuid, bytea, bytea, int, int, text),
    app.end_console_session(bytea),
    app.own_console_sessions(),
    app.end_own_console_session(uuid),
    app.password_of(uuid, text, int, int, int),
    app.forgive_attempts(uuid, text),
    app.claim_idempotency_key(text, bytea[]),
    app.kept_answer(text, bytea[]),
    app.keep_answer(text, smallint, jsonb, text),
    app.forget_idempotency_keys(),
    app.forget_login_attempts()
to blockyard_api;
