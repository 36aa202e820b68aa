-- What newer projects take away again: exactly this, so TRUNCATE, REFERENCES and TRIGGER stay on tables, UPDATE
-- (setval) on sequences, and EXECUTE by way of PUBLIC on functions. Comes after database.sql. Idempotent.

alter default privileges for role postgres in schema public
    revoke select, insert, update, delete on tables from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    revoke execute on functions from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    revoke usage, select on sequences from anon, authenticated, service_role;
