-- What has been applied here, so that the service can refuse to serve a schema it does not know.
-- sqlx's own table stays the owner's; the function reads it when it is called, because a
-- migration that was applied by hand has no such table.

create function app.applied_migrations()
returns table (version bigint, checksum bytea, success boolean)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query select m.version, m.checksum, m.success from app._sqlx_migrations m order by m.version;
end $$;
comment on function app.applied_migrations() is 'The migrations of this database, for the service''s start.';

revoke execute on function app.applied_migrations() from public;
grant execute on function app.applied_migrations() to blockyard_api;
