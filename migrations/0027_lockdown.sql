-- The last word: whatever the project grants by default, this is what must be so. A migration
-- that would leave a hole does not commit.

-- Whom the policy would not let insert, it refuses before any guard has spoken (app.refuse_writer). Where
-- no guard looks anything up it costs more than it is worth: blocks, edges and pipelines themselves.
do $$
declare
    written regclass;
begin
    for written in
        select p.polrelid
        from pg_catalog.pg_policy p
        join pg_catalog.pg_class c on c.oid = p.polrelid
        where c.relnamespace = 'public'::regnamespace and p.polcmd = 'a'
          and pg_get_expr(p.polwithcheck, p.polrelid) like '%can_write()%'
          and c.relname not in ('blocks', 'edges', 'pipelines')
    loop
        execute format(
            'create trigger %I before insert on %s for each row when (row_security_active(%L::regclass) and not app.can_write()) execute function app.refuse_writer()',
            (select relname from pg_catalog.pg_class where oid = written) || '_00_policy', written, written::text);
    end loop;
end $$;

-- Supabase Realtime shows the changes of the tables in this publication, to those who may read the rows: where a project
-- has it, ours are in it whose rows every signed-in user may read. Realtime sends whole rows, whatever columns the publication lists, so what has
-- columns for few, or logs of megabytes, stays out. Ours to change only where it is ours, and nothing is added to one of all tables.
create function app.publish_changes() returns int
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    added int := 0;
    wanted text;
begin
    foreach wanted in array array[
        'aliases', 'alias_moves', 'blocks', 'block_versions', 'block_taxonomies', 'block_vector_representations',
        'edges', 'edge_versions', 'edge_vector_representations', 'embedding_models', 'taxonomy_categories', 'code_repos', 'dependencies',
        'pipelines', 'pipeline_blocks', 'pipeline_edges', 'pipeline_runs']
    loop
        if exists (
            select from pg_catalog.pg_publication p
            where p.pubname = 'supabase_realtime' and not p.puballtables and pg_has_role(p.pubowner, 'usage')
              and not exists (
                  select from pg_catalog.pg_publication_rel r
                  where r.prpubid = p.oid and r.prrelid = format('public.%I', wanted)::regclass))
        then
            execute format('alter publication supabase_realtime add table public.%I', wanted);
            added := added + 1;
        end if;
    end loop;
    return added;
end $$;
comment on function app.publish_changes() is
    'Puts what every signed-in user may read into the publication supabase_realtime, for its owner.';
revoke execute on function app.publish_changes() from public;

do $$
begin
    perform app.publish_changes();
end $$;

do $$
declare
    hole text;
begin
    select string_agg(problem, '; ') into hole from (
        select format('public.%s has row-level security off', c.relname) as problem
        from pg_catalog.pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
          -- Ours are those that a function of app guards or records; a project may have others.
          and exists (
              select from pg_catalog.pg_trigger t
              join pg_catalog.pg_proc p on p.oid = t.tgfoid
              where t.tgrelid = c.oid and p.pronamespace = 'app'::regnamespace)
        union all
        select format('%s is granted to %s', c.oid::regclass, coalesce(r.rolname, 'PUBLIC'))
        from pg_catalog.pg_class c
        cross join lateral aclexplode(c.relacl) as a
        left join pg_catalog.pg_roles r on r.oid = a.grantee
        where c.relnamespace in ('app'::regnamespace, 'past'::regnamespace) and c.relkind in ('r', 'p', 'v', 'm', 'S')
          and (a.grantee = 0 or r.rolname in ('anon', 'authenticated', 'service_role'))
        union all
        select format('%s may be executed by %s', p.oid::regprocedure, coalesce(r.rolname, 'PUBLIC'))
        from pg_catalog.pg_proc p
        cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        left join pg_catalog.pg_roles r on r.oid = a.grantee
        where p.pronamespace in ('app'::regnamespace, 'past'::regnamespace)
          and (a.grantee = 0 or r.rolname in ('anon', 'service_role'))
    ) as problems;
    if hole is not null then
        raise exception 'Blockyard refuses to leave this open: %', hole;
    end if;
end $$;
