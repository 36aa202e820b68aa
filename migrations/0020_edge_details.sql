-- Edges and versions as the service reads them.

-- Text search cannot use its index under row-level security (see app.find_blocks).
create function app.find_edges(query text) returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select e.edge_id
    from public.edges e
    where e.search @@ websearch_to_tsquery('pg_catalog.english', query)
$$;
comment on function app.find_edges(text) is 'The ids of the edges whose name or description has these words, in the language of web searches.';

-- A list with optional filters and orders needs a plan for the values it gets; the one for any
-- values reads and sorts the whole table. PostgreSQL compares the estimated costs of both, and the
-- latter looks cheap as soon as children are included, because it seems to find a single row. A
-- condition `($n is not null or app.plan_anew(id))` corrects that: where $n is known it is no
-- condition at all, where it isn't it makes the plan cost more than any other.
create function app.plan_anew(id uuid) returns boolean
language plpgsql immutable cost 1000000000
set search_path = pg_catalog, pg_temp
as $$
begin
    return true;
end $$;
comment on function app.plan_anew(uuid) is 'Has a statement planned for its values each time; never runs.';

-- As app.find_id: all that leaves it is an id, and the caller's own statement decides what of it he sees.
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
              and v.version_number = case version
                  when 'active' then b.version_number when 'latest' then b.latest_version_number else version::int end)
        when 'edge' then (
            select v.version_id
            from public.edges e
            join public.edge_versions v using (edge_id)
            where e.edge_id = found_id and e.archived_at is null
              and v.version_number = case version
                  when 'active' then e.version_number when 'latest' then e.latest_version_number else version::int end)
    end;
end $$;
comment on function app.find_version(text, text, text) is
    'The id of a version (its number, `latest` or `active`) of a live block or edge (its id or name); null when there is none.';

revoke execute on function app.find_edges(text), app.find_version(text, text, text), app.plan_anew(uuid) from public;
grant execute on function app.find_edges(text), app.find_version(text, text, text), app.plan_anew(uuid) to blockyard_api;
