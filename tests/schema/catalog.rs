//! The rules of the schema, read from the catalogs, on both kinds of project.

use std::collections::BTreeMap;

use blockyard::db::CHECKS;
use blockyard::development::private_server::DefaultGrants;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, query_as, query_scalar, raw_sql};

use crate::support::{Database, connect};

struct Rule {
    name: &'static str,
    /// One row of text for each breach.
    breaches: &'static str,
    /// Something that breaks it, which proves that the rule would notice.
    broken_by: &'static str,
}

/// In brackets the numbers of the lints of Supabase's advisor that a rule answers to.
const RULES: &[Rule] = &[
    Rule {
        name: "row-level security is on for every table in public [0007 0013 0023]",
        breaches: "select relname::text from pg_class
            where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relrowsecurity",
        broken_by: "alter table blocks disable row level security",
    },
    Rule {
        name: "every table in public has a policy [0008]",
        breaches: "select relname::text from pg_class c
            where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
              and not exists (select from pg_policy where polrelid = c.oid)",
        broken_by: "drop policy audit_logs_select on audit_logs",
    },
    Rule {
        name: "policies are for authenticated and permit",
        breaches: "select tablename || '.' || policyname from pg_policies
            where (roles <> '{authenticated}' or permissive <> 'PERMISSIVE')
              -- The service's statements have looked at their caller.
              and (policyname, roles, cmd) <> ('usernames_select_service', '{blockyard_api}', 'SELECT')",
        broken_by: "alter policy blocks_select on blocks to public",
    },
    Rule {
        name: "a table has one policy for an action, named after both [0006]",
        breaches: "select tablename || '.' || policyname from pg_policies
            where (policyname <> tablename || '_' || lower(cmd) or cmd = 'ALL') and policyname <> 'usernames_select_service'",
        broken_by: "create policy more on blocks for select to authenticated using ((select app.caller_role()) is not null)",
    },
    Rule {
        name: "policies ask each question once a statement: (select …) around every function [0003]",
        breaches: r"select tablename || '.' || policyname
            from pg_policies, concat(qual, ' ', with_check) as text
            where regexp_count(text, '\w+\.\w+\(|current_setting') <> regexp_count(text, 'SELECT \w+\.\w+\(')",
        broken_by: "alter policy blocks_select on blocks using (app.caller_role() is not null)",
    },
    Rule {
        name: "no policy lets everybody write [0024]",
        breaches: "select tablename || '.' || policyname from pg_policies
            where cmd <> 'SELECT' and (qual in ('true', '(true)') or with_check in ('true', '(true)'))",
        broken_by: "alter policy blocks_update on blocks using (true)",
    },
    Rule {
        name: "columns that a policy compares have an index",
        breaches: "select distinct p.polrelid::regclass || '.' || a.attname
            from pg_policy p
            join pg_depend d on d.classid = 'pg_policy'::regclass and d.objid = p.oid
                and d.refclassid = 'pg_class'::regclass and d.refobjid = p.polrelid and d.refobjsubid > 0
            join pg_attribute a on a.attrelid = p.polrelid and a.attnum = d.refobjsubid
            where a.attname <> 'archived_at' -- only whether it is null
              and not exists (select from pg_index i
                              where i.indrelid = p.polrelid and i.indkey[0] = a.attnum and i.indpred is null)",
        broken_by: "drop index blocks_created_by_idx",
    },
    Rule {
        name: "anon, service_role and PUBLIC have no right on a table or a column",
        breaches: "select r.rolname || ' on ' || c.oid::regclass
            from pg_class c cross join pg_roles r
            where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and c.relkind in ('r', 'p', 'v', 'm', 'f')
              and r.rolname in ('anon', 'service_role', 'dashboard_user')
              and (has_table_privilege(r.oid, c.oid, 'select, insert, update, delete, truncate, references, trigger')
                   or has_any_column_privilege(r.oid, c.oid, 'select, insert, update, references'))
            union all
            select 'PUBLIC on ' || c.oid::regclass from pg_class c, aclexplode(c.relacl) a
            where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and a.grantee = 0
            union all
            select 'PUBLIC on ' || t.attrelid::regclass || '.' || t.attname from pg_attribute t
            join pg_class c on c.oid = t.attrelid, aclexplode(t.attacl) a
            where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and a.grantee = 0",
        broken_by: "grant select (name) on blocks to anon",
    },
    Rule {
        name: "authenticated has nothing that no policy binds: TRUNCATE, REFERENCES, TRIGGER",
        breaches: "select c.oid::regclass::text from pg_class c
            where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and c.relkind in ('r', 'p', 'v')
              and (has_table_privilege('authenticated', c.oid, 'truncate, references, trigger')
                   or has_any_column_privilege('authenticated', c.oid, 'references'))",
        broken_by: "grant truncate on blocks to authenticated",
    },
    Rule {
        name: "nobody but the owner has a right on a sequence",
        breaches: "select c.oid::regclass::text from pg_class c, aclexplode(c.relacl) a
            where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and c.relkind = 'S'
              and a.grantee <> c.relowner",
        broken_by: "create sequence app.numbers; grant usage on sequence app.numbers to authenticated",
    },
    Rule {
        name: "what is in app is for the service, not for API roles",
        breaches: "select r.rolname || ' in the schema' from pg_roles r
            where r.rolname in ('anon', 'authenticated', 'service_role')
              and has_schema_privilege(r.oid, 'app', 'usage, create')
            union all
            select 'service creates' where has_schema_privilege('blockyard_api', 'app', 'create')
            union all
            select 'authenticated on ' || c.oid::regclass from pg_class c
            where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p', 'v')
              and (has_table_privilege('authenticated', c.oid, 'select, insert, update, delete')
                   or has_any_column_privilege('authenticated', c.oid, 'select, insert, update'))
            union all
            select 'blockyard_api on ' || c.oid::regclass from pg_class c
            where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')
              and (has_table_privilege('blockyard_api', c.oid, 'select, insert, update, delete')
                   or has_any_column_privilege('blockyard_api', c.oid, 'select, insert, update'))",
        broken_by: "grant usage on schema app to authenticated",
    },
    Rule {
        name: "anon, service_role and PUBLIC execute nothing [0028]",
        breaches: "select r.rolname || ' ' || p.oid::regprocedure from pg_proc p cross join pg_roles r
            where p.pronamespace in ('public'::regnamespace, 'app'::regnamespace)
              and r.rolname in ('anon', 'service_role') and has_function_privilege(r.oid, p.oid, 'execute')",
        broken_by: "create function app.it() returns int language sql set search_path = '' as 'select 1'",
    },
    Rule {
        name: "authenticated executes what policies, defaults and checks need, and nothing else [0029]",
        breaches: "select p.oid::regprocedure::text from pg_proc p
            where p.pronamespace in ('public'::regnamespace, 'app'::regnamespace)
              and has_function_privilege('authenticated', p.oid, 'execute')
              and p.proname <> all (case when p.prosecdef
                  then array['caller_role', 'can_write', 'is_admin', 'is_unnarrowed', 'is_name', 'is_username', 'is_email',
                      'name_key', 'is_line', 'trimmed', 'is_alias']
                  else array['caller_id', 'uuid_v7', 'is_uuid', 'next_revision',
                      'is_repo_url', 'is_branch', 'is_image_name', 'is_image_tag', 'is_image_digest', 'is_version_constraint', 'earliest_time', 'latest_time'] end)",
        broken_by: "grant execute on function app.find_id(text, text) to authenticated",
    },
    Rule {
        name: "functions look in pg_catalog, and in pg_temp, where anybody makes types, last [0011]",
        breaches: r"select p.oid::regprocedure::text from pg_proc p
            where p.pronamespace in ('public'::regnamespace, 'app'::regnamespace)
              and not coalesce('search_path=pg_catalog, pg_temp' = any (p.proconfig), false)",
        broken_by: "alter function app.tidy(text) set search_path = ''",
    },
    Rule {
        name: "what an API role runs by writing a row looks up no name in app, where it may not",
        breaches: r"select p.oid::regprocedure::text from pg_proc p
            where p.pronamespace = 'app'::regnamespace and not p.prosecdef and p.prosqlbody is null
              and p.prosrc ~ '\mapp\.'
              and (has_function_privilege('authenticated', p.oid, 'execute')
                   or exists (select from pg_trigger t where t.tgfoid = p.oid and not t.tgisinternal))",
        broken_by: "alter function app.touch() security invoker",
    },
    Rule {
        name: "no function in public, where it would be an endpoint of the REST API",
        breaches: "select p.oid::regprocedure::text from pg_proc p where p.pronamespace = 'public'::regnamespace",
        broken_by: "create function it() returns int language sql set search_path = '' as 'select 1'",
    },
    Rule {
        name: "secrets are readable and writable by nobody: functions write them",
        breaches: "select r.rolname || ' ' || c.name
            from (values ('users', 'password_hash'), ('api_keys', 'encrypted_api_key')) as c (of, name)
            cross join pg_roles r
            where r.rolname in ('authenticated', 'blockyard_api', 'anon', 'service_role')
              and has_column_privilege(r.oid, c.of, c.name, 'select, insert, update, references')",
        broken_by: "grant select on users to authenticated",
    },
    Rule {
        name: "ids, owners, counters and timestamps are not the client's to write",
        breaches: "select c.relname || '.' || a.attname
            from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            cross join (values ('authenticated'), ('blockyard_api')) as r (role)
            where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
              and (has_column_privilege(role, c.oid, a.attnum, 'insert') or has_column_privilege(role, c.oid, a.attnum, 'update'))
              and (a.attnum = any (select unnest(i.indkey) from pg_index i where i.indrelid = c.oid and i.indisprimary)
                   or a.attname in ('created_by', 'verified_by', 'times_run', 'average_runtime', 'runs_succeeded',
                       'runtime_total', 'version_number', 'latest_version_number', 'is_active', 'log_id', 'name_key', 'search', 'metadata_words', 'length')
                   or a.atttypid = 'timestamptz'::regtype or a.attgenerated <> '')
              and (c.relname, a.attname) not in (
                  ('users', 'is_active'), ('api_keys', 'is_active'), ('api_keys', 'expires_at'),
                  ('pipeline_runs', 'started_at'), ('pipeline_runs', 'ended_at'))
              and a.attname <> 'archived_at'",
        broken_by: "grant update (created_by) on blocks to authenticated",
    },
    Rule {
        name: "a time that a client writes lies between app.earliest_time() and app.latest_time()",
        // archived_at is the trigger's, whatever is written; a key that expires has been made before.
        breaches: r"select c.relname || '.' || a.attname || ' ' || bound.word
            from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            cross join (values ('early'), ('late')) as bound (word)
            where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.atttypid = 'timestamptz'::regtype
              and has_column_privilege('authenticated', c.oid, a.attnum, 'insert, update')
              and a.attname <> 'archived_at' and (c.relname, a.attname, bound.word) <> ('api_keys', 'expires_at', 'early')
              and not exists (
                  select from pg_constraint k
                  where k.conrelid = c.oid and k.conname = concat_ws('_', c.relname, a.attname, bound.word, 'check')
                    and pg_get_constraintdef(k.oid) ~ ('app\.' || case bound.word when 'early' then 'earliest' else 'latest' end || '_time'))",
        broken_by: "grant update (created_at) on edges to authenticated",
    },
    Rule {
        name: "what is called like a time is one, and a time is called so (app.row_json)",
        breaches: r"select c.relname || '.' || a.attname
            from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
              and (select strpos(p.prosrc, quote_literal(a.attname)) > 0 from pg_proc p where p.oid = 'app.row_json'::regproc)
                  <> (a.atttypid = 'timestamptz'::regtype)
              -- The trail's own, of which no row is made JSON.
              and (c.relname, a.attname) <> ('audit_logs', 'timestamp')",
        broken_by: "alter table edges add column looked_at timestamptz",
    },
    Rule {
        name: "foreign keys have an index that begins with their columns [0001]",
        breaches: "select f.conname::text from pg_constraint f
            where f.contype = 'f' and f.conparentid = 0
              and f.connamespace in ('public'::regnamespace, 'app'::regnamespace)
              and not exists (
                  select from pg_index i
                  where i.indrelid = f.conrelid and i.indisvalid
                    -- One that leaves out rows which refer to nothing will do.
                    and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) =
                        (select format('(%I IS NOT NULL)', a.attname) from pg_attribute a
                         where a.attrelid = f.conrelid and a.attnum = f.conkey[1]))
                    and (i.indkey::int2[])[0:cardinality(f.conkey) - 1] = f.conkey)",
        broken_by: "drop index code_repos_edge_id_idx",
    },
    Rule {
        name: "constraints are named after their table and their meaning",
        breaches: r"select t.relname || '.' || c.conname
            from pg_constraint c join pg_class t on t.oid = c.conrelid
            where c.connamespace in ('public'::regnamespace, 'app'::regnamespace) and not t.relispartition
              and c.contype in ('c', 'f', 'p', 'u', 'x')
              and c.conname !~ ('^' || t.relname || case c.contype
                  when 'p' then '_pkey$' when 'f' then '_[a-z_]+_fkey$' when 'c' then '_[a-z_]+_check$'
                  else '(_[a-z_]+)?_key$' end)",
        broken_by: "alter table blocks add check (char_length(name) < 201)",
    },
    Rule {
        name: "constraints are valid",
        breaches: "select conname::text from pg_constraint where not convalidated",
        broken_by: "alter table blocks add constraint blocks_it_check check (true) not valid",
    },
    Rule {
        name: "tables have a primary key [0004]",
        breaches: "select c.oid::regclass::text from pg_class c
            where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and c.relkind in ('r', 'p')
              and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)",
        broken_by: "create table app.it (n int)",
    },
    Rule {
        name: "no index stands there twice [0009]",
        breaches: "select i.indexrelid::regclass || ' = ' || j.indexrelid::regclass
            from pg_index i join pg_index j on i.indrelid = j.indrelid and i.indexrelid < j.indexrelid
            join pg_class c on c.oid = i.indrelid
            where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace)
              and i.indkey = j.indkey and i.indclass = j.indclass and i.indcollation = j.indcollation and i.indoption = j.indoption
              and pg_get_expr(i.indexprs, i.indrelid) is not distinct from pg_get_expr(j.indexprs, j.indrelid)
              and pg_get_expr(i.indpred, i.indrelid) is not distinct from pg_get_expr(j.indpred, j.indrelid)",
        broken_by: "create index again on blocks (created_by)",
    },
    Rule {
        name: "views ask on behalf of their reader [0010]",
        breaches: "select c.oid::regclass::text from pg_class c
            where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and c.relkind = 'v'
              and not coalesce('security_invoker=true' = any (c.reloptions), false)",
        broken_by: "alter view app.block_details reset (security_invoker)",
    },
    Rule {
        name: "public holds tables, types and their indexes, nothing else [0010 0014 0016 0017]",
        breaches: "select c.relname::text from pg_class c
            where c.relnamespace = 'public'::regnamespace and c.relkind not in ('r', 'p', 'i', 'I')
            union all
            select extname::text from pg_extension where extnamespace = 'public'::regnamespace",
        broken_by: "create materialized view it as select 1 as n",
    },
    Rule {
        name: "columns have types that survive: timestamptz, text, no reg* [0018]",
        breaches: "select c.relname || '.' || a.attname
            from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and c.relkind in ('r', 'p')
              and c.relname <> '_sqlx_migrations'
              and (a.atttypid in ('timestamp'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'json'::regtype)
                   or format_type(a.atttypid, null) like 'reg%')",
        broken_by: "alter table blocks add column it timestamp",
    },
    Rule {
        name: "text has a limit",
        // A version is a copy, and so is the name of a user; a generated or derived column is made of others.
        breaches: "select c.relname || '.' || a.attname
            from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.atttypid = 'text'::regtype
              and a.attgenerated = '' and a.attname <> 'name_key' and c.relname not in ('block_versions', 'edge_versions', 'usernames')
              and not exists (select from pg_constraint k
                              where k.conrelid = c.oid and k.contype = 'c' and a.attnum = any (k.conkey))",
        broken_by: "alter table blocks add column it text",
    },
    Rule {
        name: "tables and enums say what they are",
        breaches: r"select c.oid::regclass::text from pg_class c
            where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and c.relkind in ('r', 'p', 'v')
              and c.relname !~ '^audit_logs_\d|^_sqlx_migrations$' and obj_description(c.oid, 'pg_class') is null
            union all
            select t.typname::text from pg_type t
            where t.typnamespace = 'public'::regnamespace and t.typtype = 'e' and obj_description(t.oid, 'pg_type') is null",
        broken_by: "comment on table blocks is null",
    },
    Rule {
        name: "every table in public is audited",
        breaches: "select c.relname || ' ' || act.name from pg_class c
            cross join (values ('insert', 4), ('update', 16), ('delete', 8)) as act (name, bit)
            where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'audit_logs'
              -- A history itself, of what the trail has of aliases; a copy of what users has.
              and c.relname not in ('alias_moves', 'usernames')
              -- Of versions in use their coming is news, which the trigger of their block or edge records.
              and not (c.relname in ('block_versions', 'edge_versions') and (act.name <> 'insert' or exists (
                  select from pg_trigger t
                  where t.tgrelid = ('public.' || replace(c.relname, '_versions', 's'))::regclass
                    and t.tgfoid in ('app.append_block_version'::regproc, 'app.append_edge_version'::regproc) and t.tgenabled in ('O', 'A'))))
              and not exists (
                  select from pg_trigger t
                  where t.tgrelid = c.oid and t.tgenabled in ('O', 'A') and t.tgtype & act.bit <> 0
                    and (t.tgfoid = 'app.audit'::regproc
                         -- The one that makes versions records every change of a block or an edge.
                         or act.name = 'update' and t.tgfoid in ('app.append_block_version'::regproc, 'app.append_edge_version'::regproc)))",
        broken_by: "drop trigger code_repos_9_audit on code_repos",
    },
    Rule {
        name: "the audit trail is append-only in every partition, also for replication",
        breaches: "select c.oid::regclass || ' ' || act.name from pg_class c
            cross join (values ('update', 16), ('delete', 8), ('truncate', 32)) as act (name, bit)
            where (c.oid = 'audit_logs'::regclass
                   or c.oid in (select inhrelid from pg_inherits where inhparent = 'audit_logs'::regclass))
              and not exists (
                  select from pg_trigger t
                  where t.tgrelid = c.oid and t.tgfoid = 'app.refuse_audit_change'::regproc and t.tgenabled = 'A'
                    and t.tgtype & act.bit <> 0)",
        broken_by: "alter table app.audit_logs_default enable trigger audit_logs_no_truncate",
    },
    Rule {
        name: "what refers to a user is a trace that keeps them, or goes with them",
        breaches: "select k.conrelid::regclass || '.' || a.attname
            from pg_constraint k
            join pg_class c on c.oid = k.conrelid
            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
            cross join pg_proc p
            where k.contype = 'f' and k.confrelid = 'public.users'::regclass and k.confdeltype <> 'c' and k.conparentid = 0
              and p.oid = 'app.guard_user_purge()'::regprocedure
              and strpos(p.prosrc, format('from public.%I where %I = id', c.relname, a.attname)) = 0",
        broken_by: "alter table pipelines add column changed_by uuid references users",
    },
    Rule {
        name: "the service's role can become nobody else",
        breaches: "select 'attributes' from pg_roles where rolname = 'blockyard_api'
              and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication or not rolinherit)
            union all
            select r.rolname::text from pg_roles r
            where pg_has_role('blockyard_api', r.oid, 'member') and r.rolname not in ('blockyard_api', 'authenticated')",
        broken_by: "grant anon to blockyard_api",
    },
];

async fn breaches(connection: &mut PgConnection, rule: &Rule) -> Vec<String> {
    query_scalar(rule.breaches)
        .persistent(false)
        .fetch_all(connection)
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", rule.name))
}

#[tokio::test]
async fn the_rules_hold_on_both_kinds_of_project() {
    let mut faults = Vec::new();
    for grants in [DefaultGrants::Legacy, DefaultGrants::Explicit] {
        let database = Database::with(grants).await;
        let mut superuser = connect(&database.superuser()).await;
        for rule in RULES {
            for breach in breaches(&mut superuser, rule).await {
                faults.push(format!("{grants:?}: {}: {breach}", rule.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn every_rule_notices_when_it_is_broken() {
    let database = Database::new().await;
    let mut superuser = connect(&database.superuser()).await;
    let mut unnoticed = Vec::new();
    for rule in RULES {
        let breaking = format!("begin; {}", rule.broken_by);
        raw_sql(AssertSqlSafe(breaking))
            .execute(&mut superuser)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", rule.name));
        if breaches(&mut superuser, rule).await.is_empty() {
            unnoticed.push(rule.name);
        }
        raw_sql("rollback").execute(&mut superuser).await.unwrap();
    }
    assert!(unnoticed.is_empty(), "{}", unnoticed.join("\n"));
}

/// The users' data model: PK, U and FK as they wrote them; `→` is a reference.
#[rustfmt::skip]
const DATA_MODEL: [(&str, &str); 18] = [
    ("users", "user_id uuid PK · username text U · email text · password_hash text · role text · created_at timestamptz · updated_at timestamptz"),
    ("api_keys", "api_key_id uuid PK · user_id uuid → users · encrypted_api_key text · created_at timestamptz · expires_at timestamptz · is_active boolean"),
    ("blocks", "block_id uuid PK · name text U · block_type block_type · description text · created_at timestamptz · updated_at timestamptz · current_version_id uuid → block_versions"),
    ("block_versions", "version_id uuid PK · block_id uuid → blocks · version_number integer · metadata jsonb · created_at timestamptz · created_by uuid → users · is_active boolean"),
    ("taxonomy_categories", "category_id uuid PK · name text · parent_id uuid → taxonomy_categories · created_at timestamptz · updated_at timestamptz"),
    ("block_taxonomies", "block_taxonomy_id uuid PK · block_id uuid → blocks · category_id uuid → taxonomy_categories · created_at timestamptz"),
    ("code_repos", "repo_id uuid PK · entity_type entity_type · entity_id uuid · repo_url text · branch text · last_updated timestamptz"),
    ("docker_images", "image_id uuid PK · entity_type entity_type · entity_id uuid · image_tag text · registry_url text · build_status build_status · build_logs text · created_at timestamptz · updated_at timestamptz"),
    ("dependencies", "dependency_id uuid PK · entity_type entity_type · entity_id uuid · dependency_type dependency_type · dependency_detail text"),
    ("edges", "edge_id uuid PK · name text U · description text · current_version_id uuid → edge_versions · created_at timestamptz · updated_at timestamptz"),
    ("edge_versions", "version_id uuid PK · edge_id uuid → edges · version_number integer · metadata jsonb · created_at timestamptz · created_by uuid → users · is_active boolean"),
    ("edge_verifications", "verification_id uuid PK · edge_version_id uuid → edge_versions · verification_status verification_status · verification_logs text · verified_at timestamptz · verified_by uuid → users · created_at timestamptz · updated_at timestamptz"),
    ("pipelines", "pipeline_id uuid PK · name text U · description text · created_at timestamptz · updated_at timestamptz · dagster_pipeline_config jsonb · created_by uuid → users · times_run integer · average_runtime double precision"),
    ("pipeline_blocks", "pipeline_block_id uuid PK · pipeline_id uuid → pipelines · block_id uuid → blocks · created_at timestamptz · updated_at timestamptz"),
    ("pipeline_edges", "pipeline_edge_id uuid PK · pipeline_id uuid → pipelines · edge_id uuid → edges · source_block_id uuid → blocks · target_block_id uuid → blocks · created_at timestamptz · updated_at timestamptz"),
    ("block_vector_representations", "vector_id uuid PK · block_id uuid → blocks · vector_db text · vector_key text · taxonomy_filter jsonb · created_at timestamptz · updated_at timestamptz"),
    ("edge_vector_representations", "vector_id uuid PK · edge_id uuid → edges · vector_db text · vector_key text · taxonomy_filter jsonb · created_at timestamptz · updated_at timestamptz"),
    ("audit_logs", "log_id uuid PK · user_id uuid → users · action_type action_type · entity_type audit_entity_type · entity_id uuid · timestamp timestamptz · details jsonb"),
];

#[tokio::test]
async fn the_data_model_is_as_the_users_wrote_it() {
    let database = Database::new().await;
    let mut owner = database.connect().await;
    let columns: Vec<(String, String, String, bool, Vec<String>)> = query_as(
        r"select
            c.relname::text, a.attname::text,
            replace(format_type(a.atttypid, a.atttypmod), 'timestamp with time zone', 'timestamptz'),
            exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary and i.indkey[0] = a.attnum),
            array(select distinct f.confrelid::regclass::text from pg_constraint f
                  where f.conrelid = c.oid and f.contype = 'f' and f.conkey[1] = a.attnum and f.conparentid = 0
                    -- A pin's second column and the ends of an edge are references of their own.
                    and f.confrelid <> 'pipeline_blocks'::regclass)
          from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    let found: BTreeMap<(&str, &str), _> = columns
        .iter()
        .map(|(table, column, kind, key, references)| {
            let mut text = format!("{column} {kind}");
            if *key {
                text.push_str(" PK");
            }
            for table in references {
                text.push_str(&format!(" → {table}"));
            }
            ((table.as_str(), column.as_str()), text)
        })
        .collect();
    let mut faults = Vec::new();
    for (table, columns) in DATA_MODEL {
        for wanted in columns.split(" · ") {
            let column = wanted.split(' ').next().unwrap();
            let wanted = wanted.trim_end_matches(" U");
            match found.get(&(table, column)) {
                Some(found) if found == wanted => {}
                found => faults.push(format!("{table}: wanted {wanted}, found {found:?}")),
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn every_check_has_its_words_and_all_words_have_a_check() {
    let database = Database::new().await;
    let checks: Vec<String> = query_scalar(
        "select distinct conname::text from pg_constraint k join pg_class c on c.oid = k.conrelid
         where k.contype = 'c' and c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) order by 1",
    )
    .fetch_all(&mut database.connect().await)
    .await
    .unwrap();
    let mut words: Vec<_> = CHECKS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    words.sort_unstable();
    assert_eq!(words, checks);
    for (name, pointer, words) in CHECKS {
        assert!(pointer.is_empty() || pointer.starts_with('/'), "{name}: {pointer}");
        assert!(
            words.ends_with('.') && words.len() > 15 && !words.contains("not allowed here"),
            "{name}: {words}"
        );
    }
}

#[tokio::test]
async fn unique_names_do_not_regard_case() {
    let database = Database::new().await;
    let mut owner = database.connect().await;
    for (first, second) in [
        (
            "insert into users (username, email) values ('Ada', 'ada@example.com')",
            "insert into users (username, email) values ('aDA', 'other@example.com')",
        ),
        (
            "insert into users (username, email) values ('bob', 'Bob@example.com')",
            "insert into users (username, email) values ('rob', 'bob@Example.com')",
        ),
        (
            "insert into blocks (name, block_type) values ('Straße', 'model')",
            "insert into blocks (name, block_type) values (' strAße ', 'dataset')",
        ),
        ("insert into edges (name) values ('Join')", "insert into edges (name) values ('JOIN')"),
        (
            "insert into pipelines (name) values ('Daily')",
            "insert into pipelines (name) values ('daily')",
        ),
        // Among siblings, also at the top.
        (
            "insert into taxonomy_categories (name) values ('Text')",
            "insert into taxonomy_categories (name) values ('TEXT')",
        ),
    ] {
        raw_sql(first).execute(&mut owner).await.unwrap();
        let error = raw_sql(second).execute(&mut owner).await.unwrap_err();
        let error = error.into_database_error().unwrap();
        assert_eq!(error.code().as_deref(), Some("23505"), "{second}: {error}");
    }
}

#[tokio::test]
async fn the_enums_have_the_users_values() {
    let database = Database::new().await;
    let mut owner = database.connect().await;
    let enums: Vec<(String, String)> = query_as(
        "select t.typname::text, string_agg(e.enumlabel, ' ' order by e.enumsortorder)
         from pg_type t join pg_enum e on e.enumtypid = t.oid
         where t.typnamespace = 'public'::regnamespace group by 1 order by 1",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    let enums: Vec<(&str, &str)> =
        enums.iter().map(|(name, values)| (name.as_str(), values.as_str())).collect();
    assert_eq!(
        enums,
        [
            ("action_type", "CREATE READ UPDATE DELETE"),
            ("activation_mode", "open reviewed"),
            (
                "audit_entity_type",
                "block edge pipeline taxonomy metadata user api_key code_repo docker_image verification \
                 dependency vector pipeline_run audit_log pipeline_lock alias embedding_model"
            ),
            ("block_type", "dataset model"),
            ("build_status", "pending success failed"),
            ("dependency_type", "internal external"),
            ("entity_type", "block edge"),
            ("run_status", "queued started success failure canceled"),
            ("vector_distance", "cosine l2 inner_product"),
            ("verification_status", "pending passed failed"),
        ]
    );
}
