-- Versioning: what blocks and edges have in common.
--
-- A block (or edge) row is what is in use now. Changing its content appends a version: the
-- BEFORE trigger numbers it, under the lock that UPDATE takes on the row, so that RETURNING
-- already shows it; the AFTER trigger writes the snapshot. Pointing current_version_id at another
-- version activates that one.
--
-- A candidate is a version that is not in use yet: whoever inserts one into the versions appends
-- it, and so does a change of what is `reviewed`, whose row then stays as it is. There is no other
-- way to make or move a version, for whatever client. The triggers stand in the file of their
-- table and name its columns.

-- As app.find_id: all that leaves it is an id, and the caller's own statement decides what of it they see.
create function app.find_version(entity text, reference text, version text) returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    found_id uuid := app.find_id(entity, reference);
begin
    return case entity
        when 'block' then (
            select v.version_id
            from public.blocks b
            join public.block_versions v using (block_id)
            where b.block_id = found_id and b.archived_at is null
              and v.version_number = case
                  when version = 'active' then b.version_number
                  when version = 'latest' then b.latest_version_number
                  when version ~ '^[0-9]+$' then version::int
                  else (
                      select n.version_number
                      from public.aliases a
                      join public.block_versions n using (version_id)
                      where a.block_id = found_id and a.alias = version)
              end)
        when 'edge' then (
            select v.version_id
            from public.edges e
            join public.edge_versions v using (edge_id)
            where e.edge_id = found_id and e.archived_at is null
              and v.version_number = case
                  when version = 'active' then e.version_number
                  when version = 'latest' then e.latest_version_number
                  when version ~ '^[0-9]+$' then version::int
                  else (
                      select n.version_number
                      from public.aliases a
                      join public.edge_versions n using (version_id)
                      where a.edge_id = found_id and a.alias = version)
              end)
    end;
end $$;
comment on function app.find_version(text, text, text) is
    'The id of a version (its number, `latest`, `active` or an alias) of a live block or edge (its id or name); null when there is none.';

revoke execute on all functions in schema app from public;
grant execute on function app.find_version(text, text, text) to blockyard_api;
