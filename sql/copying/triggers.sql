-- The triggers of these tables that fire for everybody: those that write versions, the audit trail and the history. What
-- always fires forbids changes and deletions only; those of constraints are PostgreSQL's own and stay.
select
    format('alter table %I.%I disable trigger %I', n.nspname, c.relname, t.tgname) as "disable!",
    format('alter table %I.%I enable trigger %I', n.nspname, c.relname, t.tgname) as "enable!"
from unnest($1::text[]) as w (name)
join pg_catalog.pg_class c on c.oid = to_regclass(w.name)
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_trigger t on t.tgrelid = c.oid
where not t.tgisinternal and t.tgparentid = 0 and t.tgenabled = 'O'
order by 1
