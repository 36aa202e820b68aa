-- What was so at any time: a history of its own, and the registry as it was at an instant.
--
-- Each change of a table listed below leaves the row as it is after it in a table of `app` beside it, in its own transaction, whoever changes
-- it. Schema `past` has views with the names and columns of the tables, which show the rows of the instant in the setting `app.as_of`,
-- and the functions and views of `app` that read, once more, over these. A statement that names none of them in full therefore reads the
-- past when `past` comes first in its search path, by the same words and the same rules as today.

-- When a transaction changed something -----------------------------------------------------------

create table app.changes (
    changed_at timestamptz not null,
    transaction xid8 not null default pg_current_xact_id(),
    constraint changes_pkey primary key (changed_at, transaction)
);
comment on table app.changes is 'The transactions that changed what has a history, each with its instant: taken as it commits, so in the order in which they built on one another.';
insert into app.changes values (clock_timestamp());
revoke all on app.changes from public, anon, authenticated, service_role;

create function app.refuse_history_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the history is append-only' using errcode = '42501';
end $$;
create trigger changes_1_guard before update or delete or truncate on app.changes
    for each statement execute function app.refuse_history_change();

-- From the moment before it takes its instant until its end a transaction holds an advisory lock whose
-- key says that moment: 19 bits that say what it is, 44 of milliseconds since 1970. Of whoever has not
-- looked into app.changes, which nobody else may, such a lock means nothing.
-- (No sequential scan: the plan is made while there are few rows, and kept.)
create function app.changed_at(out instant timestamptz, out is_first boolean)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
declare
    newest constant timestamptz := (select c.changed_at from app.changes c order by c.changed_at desc limit 1);
    moment bigint := (date_part('epoch', clock_timestamp()) * 1000)::bigint - 1;
begin
    if newest >= now() then
        -- (Transaction numbers of another server, whose dump this may be, are all older.)
        instant := (select c.changed_at from app.changes c where c.changed_at >= now() and c.transaction = pg_current_xact_id());
    end if;
    is_first := instant is null;
    if is_first then
        -- Anybody may have taken a key, and holds nobody up.
        while not pg_try_advisory_xact_lock_shared((411003::bigint << 44) | moment) loop
            moment := moment - 1;
        end loop;
        -- What this change builds on is older, whatever the clock says.
        instant := greatest(clock_timestamp(), now(), newest + interval '1 microsecond');
        insert into app.changes (changed_at) values (instant);
    end if;
end $$;
comment on function app.changed_at() is
    'The instant of the changes of this transaction, and whether this is the first of them, which decides it.';

create function app.newest_instant() returns timestamptz
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Before the locks are looked at: whoever takes one later takes a later instant.
    looked_at constant timestamptz := clock_timestamp();
begin
    if pg_is_in_recovery() then
        raise exception 'a replica does not know of open transactions' using errcode = '25006';
    end if;
    return least(looked_at, (
        select to_timestamp(min((l.classid::bigint << 32 | l.objid::bigint) & ((1::bigint << 44) - 1)) / 1000.0)
        from pg_catalog.pg_locks l
        where l.locktype = 'advisory' and l.objsubid = 1 and l.mode = 'ShareLock'
          and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
          and (l.classid::bigint << 32 | l.objid::bigint) >> 44 = 411003
          and exists (
              select from pg_catalog.pg_locks c
              where c.pid = l.pid and c.locktype = 'relation' and c.relation = 'app.changes'::regclass and c.database = l.database
                and c.mode = 'AccessShareLock'))) - interval '1 microsecond';
end $$;
comment on function app.newest_instant() is 'The newest instant of which no open transaction can change what was so.';

create function app.require_instant(instant timestamptz, parameter text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    newest constant timestamptz := app.newest_instant();
    oldest constant timestamptz := (select c.changed_at from app.changes c order by c.changed_at limit 1);
begin
    if instant > newest then
        raise exception 'The newest instant of which nothing can change any more is %.', app.time_text(newest)
            using errcode = '22023', constraint = 'instant_too_new', column = parameter;
    elsif instant < oldest then
        raise exception 'The history begins at %.', app.time_text(oldest)
            using errcode = '22023', constraint = 'instant_too_old', column = parameter;
    end if;
end $$;
comment on function app.require_instant(timestamptz, text) is
    'Refuses an instant that open transactions can still change, and one before the history begins.';

create function app.look_back(instant timestamptz) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.require_instant(instant, 'as_of');
    perform set_config('app.as_of', instant::text, true);
    -- A table of the past is a join or two: beyond the usual 8 the planner would take them in the order in which they are written.
    perform set_config('join_collapse_limit', '12', true);
    perform set_config('from_collapse_limit', '12', true);
end $$;
comment on function app.look_back(timestamptz) is
    'Makes the views of schema past show an instant, for the rest of the transaction.';

-- The tables beside the tables -------------------------------------------------------------------

create schema past;
comment on schema past is 'The registry as it was at the instant in the setting app.as_of. Nothing is stored here.';
revoke all on schema past from public, anon, authenticated, service_role;
grant usage on schema past to blockyard_api;

create table app.histories (
    kept name not null constraint histories_pkey primary key,
    id name not null
);
comment on table app.histories is 'The views of past whose changes are told, and the column of the id in each and in the table of its history.';
revoke all on app.histories from public, anon, authenticated, service_role;

-- Which version was withdrawn when; the rest of a version never changes.
create table app.withdrawals_history (
    version_id uuid not null,
    changed_at timestamptz not null,
    withdrawn_at timestamptz,
    withdrawn_by uuid,
    withdrawn_reason text,
    constraint withdrawals_history_pkey primary key (version_id, changed_at)
);
comment on table app.withdrawals_history is 'The history of withdrawn versions of blocks and edges. No references: it outlives what it tells of.';
revoke all on app.withdrawals_history from public, anon, authenticated, service_role;

create index withdrawals_history_changed_at_idx on app.withdrawals_history using brin (changed_at);
insert into app.histories values ('withdrawals', 'version_id');
create trigger withdrawals_history_1_guard before delete or truncate on app.withdrawals_history
    for each statement execute function app.refuse_history_change();
create trigger withdrawals_history_1_guard_update before update on app.withdrawals_history
    for each statement when (pg_trigger_depth() = 0) execute function app.refuse_history_change();

create function app.keep_withdrawal() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    change record := app.changed_at();
begin
    -- As app.keep_history() has it.
    change.instant := greatest(change.instant, (
        select max(h.changed_at) + interval '1 microsecond' from app.withdrawals_history h
        where h.version_id = new.version_id and h.changed_at > change.instant));
    insert into app.withdrawals_history (version_id, changed_at, withdrawn_at, withdrawn_by, withdrawn_reason)
    values (new.version_id, change.instant, new.withdrawn_at, new.withdrawn_by, new.withdrawn_reason)
    on conflict (version_id, changed_at) do update set
        withdrawn_at = excluded.withdrawn_at, withdrawn_by = excluded.withdrawn_by, withdrawn_reason = excluded.withdrawn_reason;
    return null;
end $$;
create constraint trigger block_versions_history after update of withdrawn_reason on public.block_versions deferrable initially deferred
    for each row when (new.withdrawn_reason is distinct from old.withdrawn_reason) execute function app.keep_withdrawal();
create constraint trigger edge_versions_history after update of withdrawn_reason on public.edge_versions deferrable initially deferred
    for each row when (new.withdrawn_reason is distinct from old.withdrawn_reason) execute function app.keep_withdrawal();

-- Written from the catalog, so that no column is forgotten, here or by a later migration that calls it again.
create function app.keep_history(kept name, id name, left_out jsonb, indexes text[], purged text[]) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $keep$
declare
    history constant text := format('app.%I', kept || '_history');
    columns text[];
    shown text[];
    policy text;
    one text;
begin
    select array_agg(quote_ident(a.attname) order by a.attnum) filter (where not left_out ? a.attname),
        array_agg(case when left_out ? a.attname then format('(%s)::%s', left_out ->> a.attname, format_type(a.atttypid, a.atttypmod))
            else format('%I.%I', kept, a.attname) end || ' as ' || quote_ident(a.attname) order by a.attnum)
    into columns, shown
    from pg_attribute a where a.attrelid = format('public.%I', kept)::regclass and a.attnum > 0 and not a.attisdropped;

    execute format('create table %s (like public.%I, changed_at timestamptz not null, is_removed boolean not null)', history, kept);
    for one in select jsonb_object_keys(left_out) loop
        execute format('alter table %s drop column %I', history, one);
    end loop;
    execute format('alter table %s add constraint %I primary key (%I, changed_at)', history, kept || '_history_pkey', id);
    execute format('comment on table %s is %L', history,
        format('%s after each change, removed rows once more as they were last. No references: it outlives what it tells of.', kept));
    execute format('revoke all on %s from public, anon, authenticated, service_role', history);
    foreach one in array indexes loop
        execute format('create index on %s (%s)', history, one);
    end loop;
    -- Rows come in the order of their instants.
    execute format('create index %I on %s using brin (changed_at)', kept || '_history_changed_at_idx', history);
    insert into app.histories values (kept, keep_history.id);

    execute format($f$
        create function app.%1$I() returns trigger
        language plpgsql security definer
        set search_path = pg_catalog, pg_temp
        as $$
        declare
            it public.%2$I := case when tg_op = 'DELETE' then old else new end;
            change record;
        begin
            if tg_op = 'UPDATE' and new is not distinct from old then return null; end if;
            change := app.changed_at();
            if change.is_first then
                insert into %3$s (%5$s, changed_at, is_removed) values (%6$s, change.instant, tg_op = 'DELETE');
            else
                -- After whom it built on, though constraints were checked before; and of several changes of a row the last one.
                change.instant := greatest(change.instant,
                    (select max(h.changed_at) + interval '1 microsecond' from %3$s h where h.%4$I = it.%4$I and h.changed_at > change.instant));
                insert into %3$s (%5$s, changed_at, is_removed) values (%6$s, change.instant, tg_op = 'DELETE')
                on conflict (%4$I, changed_at) do update set (%5$s, is_removed) = (%7$s, excluded.is_removed);
            end if;%8$s
            return null;
        end $$ $f$,
        'keep_' || kept || '_history', kept, history, id, array_to_string(columns, ', '),
        (select string_agg('it.' || c, ', ') from unnest(columns) as c), (select string_agg('excluded.' || c, ', ') from unnest(columns) as c),
        -- A purge takes the content, of the past as well.
        (select format($p$
            if tg_op = 'DELETE' then
                update %s set %s where %I = it.%3$I;
            end if;$p$, history, string_agg(p, ', '), id) from unnest(purged) as p having count(*) > 0));
    execute format('comment on function app.%I() is %L', 'keep_' || kept || '_history',
        'AFTER INSERT OR UPDATE OR DELETE, as the transaction commits: keeps the row as it is then.');
    execute format('create constraint trigger %I after insert or update or delete on public.%I deferrable initially deferred
        for each row execute function app.%I()', kept || '_history', kept, 'keep_' || kept || '_history');
    -- (Of several changes in one transaction the last one is kept, by a trigger.)
    execute format('create trigger %I before delete or truncate on %s for each statement execute function app.refuse_history_change()',
        kept || '_history_1_guard', history);
    execute format('create trigger %I before update on %s for each statement when (pg_trigger_depth() = 0) execute function app.refuse_history_change()',
        kept || '_history_1_guard_update', history);

    -- The view shows what the policy of the table lets the caller see. (No barrier: the order of a list comes from an index. Only the
    -- service reads it, whose statements have no functions of others.)
    select regexp_replace(pg_get_expr(p.polqual, p.polrelid), '\mpublic\.', 'past.', 'g') into strict policy
    from pg_policy p where p.polrelid = format('public.%I', kept)::regclass and p.polcmd = 'r';
    execute format($f$
        create view past.%1$I as
        select %2$s
        from %3$s as %1$I
        where %1$I.changed_at = (
                select max(h.changed_at) from %3$s h
                where h.%5$I = %1$I.%5$I and h.changed_at <= nullif(current_setting('app.as_of', true), '')::timestamptz)
          and not %1$I.is_removed and %4$s $f$,
        kept, array_to_string(shown, ', '), history, policy, id);
    execute format('comment on view past.%I is %L', kept, format('%s at the instant in the setting app.as_of, as the caller may see them.', kept));
end $keep$;
comment on function app.keep_history(name, name, jsonb, text[], text[]) is
    'Gives a table its history: the table beside it, the triggers that write it and the view of the past. Of the columns left out it is said how the past gets them, and of what a purge takes, how it is written then.';

-- The views of what has versions come after those of their owners, and need them.
select app.keep_history('blocks', 'block_id',
    '{"metadata": "coalesce((select v.metadata from public.block_versions v where v.version_id = blocks.current_version_id), ''{}'')", "metadata_words": "''''"}',
    '{"created_at, block_id", "name_key, block_id"}', '{"description = null", "search = ''''"}');
select app.keep_history('edges', 'edge_id',
    '{"metadata": "coalesce((select v.metadata from public.edge_versions v where v.version_id = edges.current_version_id), ''{}'')", "metadata_words": "''''"}',
    '{"created_at, edge_id", "name_key, edge_id"}', '{"description = null", "search = ''''"}');
select app.keep_history('aliases', 'alias_id', '{}', '{"block_id", "edge_id", "version_id"}', '{}');
select app.keep_history('taxonomy_categories', 'category_id', '{}', '{"name_key", "parent_id"}', '{}');
select app.keep_history('block_taxonomies', 'block_taxonomy_id', '{}', '{"block_id", "category_id"}', '{}');
select app.keep_history('code_repos', 'repo_id', '{}', '{"entity_id"}', '{}');
select app.keep_history('docker_images', 'image_id', '{"build_logs": "null"}', '{"entity_id"}', '{}');
select app.keep_history('dependencies', 'dependency_id', '{}', '{"block_id", "edge_id", "depends_on_block_id", "depends_on_edge_id"}', '{}');
select app.keep_history('edge_verifications', 'verification_id', '{"verification_logs": "null"}', '{"edge_version_id", "edge_id"}', '{}');
select app.keep_history('pipelines', 'pipeline_id', '{}',
    '{"created_at, pipeline_id", "name_key, pipeline_id"}', '{"description = null", "search = ''''", "dagster_pipeline_config = ''{}''", "parameters_schema = null"}');
select app.keep_history('pipeline_blocks', 'pipeline_block_id', '{}', '{"pipeline_id", "block_id"}', '{}');
select app.keep_history('pipeline_edges', 'pipeline_edge_id', '{}', '{"pipeline_id", "edge_id", "source_block_id", "target_block_id"}', '{}');
select app.keep_history('pipeline_runs', 'run_id', '{}', '{"pipeline_id"}', '{}');

-- What used a version before it was purged with its block says so for ever, and its lock has the same digest.
create table app.purged_versions (
    version_id uuid not null constraint purged_versions_pkey primary key,
    block_id uuid,
    edge_id uuid,
    version_number int not null,
    name text not null,
    block_type public.block_type,
    created_at timestamptz not null,
    created_by uuid,
    activated_at timestamptz
);
comment on table app.purged_versions is 'The versions that have been purged, without their content. No references: it outlives what it tells of.';
create index purged_versions_block_id_idx on app.purged_versions (block_id, version_number) where block_id is not null;
create index purged_versions_edge_id_idx on app.purged_versions (edge_id, version_number) where edge_id is not null;
revoke all on app.purged_versions from public, anon, authenticated, service_role;
create trigger purged_versions_1_guard before update or delete or truncate on app.purged_versions
    for each statement execute function app.refuse_history_change();

create function app.keep_purged_block_versions() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into app.metadata_digests (version_id, digest)
    select g.version_id, app.json_digest(g.metadata) from gone g
    on conflict do nothing;
    insert into app.purged_versions (version_id, block_id, version_number, name, block_type, created_at, created_by, activated_at)
    select g.version_id, g.block_id, g.version_number, g.name, g.block_type, g.created_at, g.created_by, g.activated_at from gone g;
    return null;
end $$;
create trigger block_versions_8_purged after delete on public.block_versions
    referencing old table as gone for each statement execute function app.keep_purged_block_versions();

create function app.keep_purged_edge_versions() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into app.metadata_digests (version_id, digest)
    select g.version_id, app.json_digest(g.metadata) from gone g
    on conflict do nothing;
    insert into app.purged_versions (version_id, edge_id, version_number, name, created_at, created_by, activated_at)
    select g.version_id, g.edge_id, g.version_number, g.name, g.created_at, g.created_by, g.activated_at from gone g;
    return null;
end $$;
create trigger edge_versions_8_purged after delete on public.edge_versions
    referencing old table as gone for each statement execute function app.keep_purged_edge_versions();

-- A version is there once its block counts it, and active while its block points to it.
create view past.block_versions as
select v.version_id, v.block_id, v.version_number, v.name, v.block_type, v.description, v.metadata, v.created_at, v.created_by,
    v.version_id = b.current_version_id as is_active,
    case when v.activated_at <= b.updated_at then v.activated_at end as activated_at,
    w.withdrawn_at, w.withdrawn_by, w.withdrawn_reason
from (
    select v.version_id, v.block_id, v.version_number, v.name, v.block_type, v.description, v.metadata, v.created_at, v.created_by, v.activated_at
    from public.block_versions v
    union all
    select g.version_id, g.block_id, g.version_number, g.name, g.block_type, null, '{}', g.created_at, g.created_by, g.activated_at
    from app.purged_versions g where g.block_id is not null
) as v
join past.blocks b on b.block_id = v.block_id
left join lateral (
    select w.withdrawn_at, w.withdrawn_by, w.withdrawn_reason from app.withdrawals_history w
    where w.version_id = v.version_id and w.changed_at <= nullif(current_setting('app.as_of', true), '')::timestamptz
    order by w.changed_at desc limit 1
) as w on true
where v.version_number <= b.latest_version_number;
comment on view past.block_versions is 'block_versions at the instant in the setting app.as_of, as the caller may see them.';

create view past.edge_versions as
select v.version_id, v.edge_id, v.version_number, v.name, v.description, v.metadata, v.created_at, v.created_by,
    v.version_id = e.current_version_id as is_active,
    case when v.activated_at <= e.updated_at then v.activated_at end as activated_at,
    w.withdrawn_at, w.withdrawn_by, w.withdrawn_reason
from (
    select v.version_id, v.edge_id, v.version_number, v.name, v.description, v.metadata, v.created_at, v.created_by, v.activated_at
    from public.edge_versions v
    union all
    select g.version_id, g.edge_id, g.version_number, g.name, null, '{}', g.created_at, g.created_by, g.activated_at
    from app.purged_versions g where g.edge_id is not null
) as v
join past.edges e on e.edge_id = v.edge_id
left join lateral (
    select w.withdrawn_at, w.withdrawn_by, w.withdrawn_reason from app.withdrawals_history w
    where w.version_id = v.version_id and w.changed_at <= nullif(current_setting('app.as_of', true), '')::timestamptz
    order by w.changed_at desc limit 1
) as w on true
where v.version_number <= e.latest_version_number;
comment on view past.edge_versions is 'edge_versions at the instant in the setting app.as_of, as the caller may see them.';

create view past.withdrawals as
select v.version_id, v.name, v.version_number, v.withdrawn_at, v.withdrawn_by, v.withdrawn_reason
from past.block_versions v where v.withdrawn_at is not null
union all
select v.version_id, v.name, v.version_number, v.withdrawn_at, v.withdrawn_by, v.withdrawn_reason
from past.edge_versions v where v.withdrawn_at is not null;
comment on view past.withdrawals is 'The versions that are withdrawn at the instant in the setting app.as_of.';

grant select on all tables in schema past to blockyard_api;

-- What has been purged since ----------------------------------------------------------------------

create view app.purged with (security_invoker = true) as
select null::uuid as entity_id, null::timestamptz as purged_at where false;
comment on view app.purged is 'What has been purged, of what is there: nothing. past.purged knows of what was.';

create view past.purged as
select h.block_id as entity_id, h.changed_at as purged_at from app.blocks_history h where h.is_removed
union all
select h.edge_id, h.changed_at from app.edges_history h where h.is_removed
union all
select h.pipeline_id, h.changed_at from app.pipelines_history h where h.is_removed
union all
select h.category_id, h.changed_at from app.taxonomy_categories_history h where h.is_removed;
comment on view past.purged is 'Blocks, edges, pipelines and categories that have been purged since. Content went with them: what stays are names, ids, times, and digests.';
grant select on app.purged, past.purged to blockyard_api;

-- What reads, over the past ----------------------------------------------------------------------

-- Copied from the catalog: every view of `app`, and every function of it that only reads, that rests on a table with a history, itself
-- or by way of another.
set local check_function_bodies = off;
do $$
declare
    tables text;
    names text[] := '{}';
    more text[];
    it record;
begin
    set local search_path = pg_catalog, pg_temp;
    select '\mpublic\.(' || string_agg(c.relname, '|') || ')\M' into tables
    from pg_class c where c.relnamespace = 'past'::regnamespace;
    loop
        select array_agg(distinct r.name::text order by r.name::text) into more
        from (
            select p.proname as name, p.prosrc as body from pg_proc p
            where p.pronamespace = 'app'::regnamespace and p.provolatile = 's' and p.prokind = 'f'
            union all
            select c.relname, pg_get_viewdef(c.oid) from pg_class c where c.relnamespace = 'app'::regnamespace and c.relkind = 'v'
        ) as r
        where r.body ~ tables or r.body ~ ('\mapp\.(' || array_to_string(names, '|') || ')\M');
        exit when more = names;
        names := more;
    end loop;

    for it in
        select p.oid, p.oid::regprocedure::text as name, regexp_replace(p.oid::regprocedure::text, '^app\.', 'past.') as copy,
            pg_get_functiondef(p.oid) as source
        from pg_proc p
        where p.pronamespace = 'app'::regnamespace and p.proname = any (names) and p.provolatile = 's'
    loop
        execute regexp_replace(regexp_replace(it.source, tables, 'past.\1', 'g'),
            '\mapp\.(' || array_to_string(names, '|') || ')\M', 'past.\1', 'g');
        execute format('comment on function %s is %L', it.copy, format('As %s, at the instant in the setting app.as_of.', it.name));
    end loop;
    for it in
        select c.relname, format('create view past.%I with (%s) as %s', c.relname, array_to_string(c.reloptions, ', '), pg_get_viewdef(c.oid)) as source
        from pg_class c
        where c.relnamespace = 'app'::regnamespace and c.relkind = 'v' and c.relname = any (names)
        order by c.oid
    loop
        execute regexp_replace(regexp_replace(it.source, tables, 'past.\1', 'g'),
            '\mapp\.(' || array_to_string(names, '|') || ')\M', 'past.\1', 'g');
        execute format('comment on view past.%I is %L', it.relname, format('As app.%I, at the instant in the setting app.as_of.', it.relname));
    end loop;

    -- Whoever may use the one may use the other.
    execute 'revoke execute on all functions in schema past from public';
    for it in
        select format('grant execute on function %s to %I', regexp_replace(p.oid::regprocedure::text, '^app\.', 'past.'), r.rolname) as statement
        from pg_proc p, aclexplode(p.proacl) a
        join pg_roles r on r.oid = a.grantee
        where p.pronamespace = 'app'::regnamespace and p.proname = any (names) and p.provolatile = 's' and a.grantee <> p.proowner
        union all
        select format('grant select on past.%I to %I', c.relname, r.rolname)
        from pg_class c, aclexplode(c.relacl) a
        join pg_roles r on r.oid = a.grantee
        where c.relnamespace = 'app'::regnamespace and c.relkind = 'v' and c.relname = any (names) and a.privilege_type = 'SELECT' and a.grantee <> c.relowner
    loop
        execute it.statement;
    end loop;
end $$;

-- What differs between two instants --------------------------------------------------------------

create function app.changes_between(since timestamptz, until timestamptz, seen_at timestamptz, seen_id uuid, wanted bigint)
returns table (kept text, id uuid, name text, changed_at timestamptz, before jsonb, after jsonb)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
-- The views of past show what the caller may see, whoever asks them.
declare
    hidden constant text[] := array['metadata', 'search', 'metadata_words', 'name_key', 'runtime_total'];
    found bigint := 0;
    batch jsonb;
    it record;
    differing jsonb;
    before_rows jsonb;
    after_rows jsonb;
begin
    perform app.require_instant(since, 'from');
    perform app.require_instant(until, 'to');
    if until < since then
        raise exception 'Is before the other one.' using errcode = '22023', constraint = 'instant_too_old', column = 'to';
    end if;
    loop
        execute (
            select format(
                'select jsonb_agg(b order by b.changed_at, b.id) from (select * from (%s) as c where (c.changed_at, c.id) > ($3, $4)
                 order by c.changed_at, c.id limit $5) as b',
                string_agg(format(
                    'select %L as kept, h.%I as id, max(h.changed_at) as changed_at from app.%I h where h.changed_at > $1 and h.changed_at <= $2 group by h.%2$I',
                    h.kept, h.id, h.kept || '_history'), ' union all '))
            from app.histories h)
        into batch
        using since, until, coalesce(seen_at, '-infinity'), coalesce(seen_id, '00000000-0000-0000-0000-000000000000'), wanted;
        exit when batch is null;
        for it in
            select b.kept as name, h.id, array_agg(b.id) as ids
            from jsonb_to_recordset(batch) as b (kept text, id uuid) join app.histories h on h.kept = b.kept group by 1, 2
        loop
            perform set_config('app.as_of', since::text, true);
            execute format('select jsonb_object_agg(p.%1$I, to_jsonb(p) - $2) from (select * from past.%2$I p where p.%1$I = any ($1)) as p', it.id, it.name)
            into before_rows using it.ids, hidden;
            perform set_config('app.as_of', until::text, true);
            execute format('select jsonb_object_agg(p.%1$I, to_jsonb(p) - $2) from (select * from past.%2$I p where p.%1$I = any ($1)) as p', it.id, it.name)
            into after_rows using it.ids, hidden;
            batch := (
                select jsonb_agg(case when b.row ->> 'kept' = it.name
                    then b.row || jsonb_build_object('before', before_rows -> (b.row ->> 'id'), 'after', after_rows -> (b.row ->> 'id'))
                    else b.row end order by b.place)
                from jsonb_array_elements(batch) with ordinality as b (row, place));
        end loop;
        for it in
            select b.kept, b.id, b.changed_at, nullif(b.before, 'null') as before, nullif(b.after, 'null') as after
            from jsonb_to_recordset(batch) as b (kept text, id uuid, changed_at timestamptz, before jsonb, after jsonb)
        loop
            seen_at := it.changed_at;
            seen_id := it.id;
            if it.before is distinct from it.after and found < wanted then
                found := found + 1;
                kept := it.kept;
                id := it.id;
                changed_at := it.changed_at;
                name := coalesce(it.after ->> 'name', it.after ->> 'alias', it.before ->> 'name', it.before ->> 'alias');
                before := app.row_json(it.before);
                after := app.row_json(it.after);
                if before is not null and after is not null then
                    differing := app.changed_columns(before, after);
                    before := differing -> 'before';
                    after := differing -> 'after';
                end if;
                return next;
            end if;
        end loop;
        exit when found >= wanted;
    end loop;
end $$;
comment on function app.changes_between(timestamptz, timestamptz, timestamptz, uuid, bigint) is
    'What differs between two instants, of what the caller may see: each thing once, in the order of its last change between them, with what '
    'differs as it was at the one and at the other, or all of it when it was there at one only. Metadata is told by the number of its version.';

revoke execute on all functions in schema app from public;
grant execute on function app.changes_between(timestamptz, timestamptz, timestamptz, uuid, bigint) to blockyard_api;
grant execute on function app.look_back(timestamptz) to blockyard_api;
