-- Finding blocks, edges and pipelines: by words, by what their metadata says, by what they belong to.
--
-- Neither @@ is leakproof, so under row-level security no index would be read. The functions here look past the policies: all that
-- leaves them is of things that are not archived, which every caller sees, and the caller's own statement reads the rows.

-- Equality in a filter finds its rows here; order does not.
create index blocks_metadata_idx on public.blocks using gin (metadata jsonb_path_ops);
create index edges_metadata_idx on public.edges using gin (metadata jsonb_path_ops);

create view app.searchable with (security_invoker = true) as
select 'block' as kind, b.block_id as id, b.name_key, b.search || b.metadata_words as words, b.metadata, b.block_type,
    b.current_version_id, b.created_at, b.updated_at, b.created_by
from public.blocks b where b.archived_at is null
union all
select 'edge', e.edge_id, e.name_key, e.search || e.metadata_words, e.metadata, null,
    e.current_version_id, e.created_at, e.updated_at, e.created_by
from public.edges e where e.archived_at is null
union all
select 'pipeline', p.pipeline_id, p.name_key, p.search, null, null,
    null, p.created_at, p.updated_at, p.created_by
from public.pipelines p where p.archived_at is null;
comment on view app.searchable is 'What can be found: blocks, edges and pipelines that are not archived.';
revoke all on app.searchable from public, anon, authenticated, service_role;

-- Spelling ----------------------------------------------------------------------------------------

-- By our own trigrams: pg_trgm is not in every PostgreSQL, and the migrations are the same for all.
create table app.spellings (
    spelling_id bigint not null generated always as identity constraint spellings_pkey primary key,
    word text collate "C" not null,
    trigrams text[] not null
);
comment on table app.spellings is
    'Words that names have or had, by which a search mends what is mistyped. A word may be there twice: two writers of the same new one do not wait for one another.';
create index spellings_word_idx on app.spellings (word);
create index spellings_trigrams_idx on app.spellings using gin (trigrams);
revoke all on app.spellings from public, anon, authenticated, service_role;

create function app.letters(word text) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select '=' || string_agg(letter, '' order by letter collate "C") from string_to_table(word, null) as letter
$$;
comment on function app.letters(text) is 'The letters of a word in their order: the same for words that differ in the order of theirs.';

create function app.trigrams(word text) returns text[]
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(distinct substr('  ' || word || ' ', at, 3)) || app.letters(word) from generate_series(1, char_length(word) + 1) as at
$$;
comment on function app.trigrams(text) is 'The groups of three letters in a word, its beginning and its end included, and the word as app.letters() has it.';

create function app.keep_spellings(name text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into app.spellings (word, trigrams)
    select w.word, app.trigrams(w.word)
    from unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', app.words(name)))) as w (word)
    where w.word ~ '^[[:alpha:]]{4,40}$' and not exists (select from app.spellings s where s.word = w.word);
end $$;
comment on function app.keep_spellings(text) is 'Has searches know the words of a name.';

create function app.mended(query text) returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    mistyped text;
    nearest text;
    mended text := query;
begin
    for mistyped in
        select distinct lower(w[1]) from (select regexp_matches(query, '[[:alpha:]]{4,40}', 'g') as w limit 8) as words
    loop
        select s.word into nearest
        from app.spellings s
        cross join lateral (
            select count(*) filter (where t = any (s.trigrams)) as shared from unnest(app.trigrams(mistyped)) as t) as both_have
        where s.trigrams && app.trigrams(mistyped)
          and (both_have.shared >= 0.35 * (cardinality(s.trigrams) + cardinality(app.trigrams(mistyped)) - both_have.shared)
               or s.trigrams @> array[app.letters(mistyped)])
        order by s.word = mistyped desc, both_have.shared::real / (cardinality(s.trigrams) + cardinality(app.trigrams(mistyped)) - both_have.shared) desc, s.word
        limit 1;
        if nearest <> mistyped then
            mended := regexp_replace(mended, '\m' || mistyped || '\M', nearest, 'gi');
        end if;
    end loop;
    return nullif(mended, query);
end $$;
comment on function app.mended(text) is 'A query with the words that are most like those in it; null when that changes nothing.';

-- Words ---------------------------------------------------------------------------------------

create function app.search_terms(query text) returns tsquery
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- As names are split, and as metadata is.
    terms constant tsquery := app.search_query(query);
    unsplit constant tsquery := websearch_to_tsquery('pg_catalog.english', translate(query, '/.@<', '    '));
    printed constant text := terms::text;
    last_word constant text := substring(lower(app.words(query)) from '([^[:space:]]+)[[:space:]]*$');
    begun tsquery := terms;
begin
    if last_word is null or query ~ '"\s*$' or printed ~ '!''(?:[^'']|'''')*''$' then
        return case when terms = unsplit or numnode(unsplit) = 0 then terms else terms || unsplit end;
    end if;
    if numnode(terms) = 0 then
        -- Nothing but words that are everywhere: names have them.
        return to_tsquery('pg_catalog.simple', quote_literal(last_word) || ':*');
    end if;
    if printed ~ '''$' and numnode(to_tsquery('pg_catalog.english', quote_literal(last_word))) = 1 then
        begun := regexp_replace(printed, '(''(?:[^'']|'''')*'')$', format('(\1:* | %s:*)', quote_literal(last_word)))::tsquery;
    end if;
    return case when terms = unsplit or numnode(unsplit) = 0 then begun else begun || unsplit end;
end $$;
comment on function app.search_terms(text) is
    'As app.search_query(), but that the last word need not be written to its end.';

create function app.snippet(description text, metadata jsonb, terms tsquery) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    source text := description;
begin
    if terms is null or numnode(terms) = 0 then
        return left(description, 200);
    end if;
    if metadata <> '{}' and not coalesce(to_tsvector('pg_catalog.english', description) @@ terms, false) then
        source := concat_ws(' ', description, left(metadata::text, 4000));
    end if;
    return ts_headline('pg_catalog.english', left(source, 10000), terms,
        case when char_length(source) <= 200 then 'StartSel=**, StopSel=**, HighlightAll=true'
            else 'StartSel=**, StopSel=**, MaxFragments=2, MinWords=5, MaxWords=20, FragmentDelimiter=" … "' end);
end $$;
comment on function app.snippet(text, jsonb, tsquery) is
    'Of a description, and of metadata when that alone does not say it, the parts with these words, each between **.';

create function app.explained(words tsvector, terms tsquery) returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_agg(jsonb_build_object('field', f.field, 'words', f.words) order by f.weight), '[]')
    from (
        select w.weight, case w.weight when 'A' then 'name' when 'B' then 'description' else 'metadata' end as field, array_agg(distinct u.lexeme) as words
        from unnest(words) as u, unnest(u.weights) as w (weight)
        where exists (
            select from regexp_matches(terms::text, '''((?:[^'']|'''')+)''(:\*)?', 'g') as m
            where case when m[2] is null then u.lexeme = m[1] else starts_with(u.lexeme, m[1]) end)
        group by w.weight
    ) as f
$$;
comment on function app.explained(tsvector, tsquery) is 'In which fields which of these words were found, as they are kept: without their endings.';

-- Filters -------------------------------------------------------------------------------------

create function app.in_categories(categories jsonb, deep boolean) returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select distinct b.block_id from jsonb_array_elements_text(categories) as c (category), app.blocks_in_category(c.category, deep) as b (block_id)
$$;
comment on function app.in_categories(jsonb, boolean) is 'The ids of the blocks in one of these categories, and with `deep` in those below them.';

create function app.within(filter jsonb) returns uuid[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    deep constant boolean := coalesce((filter -> 'taxonomy' ->> 'recursive')::boolean, false);
    pipeline uuid;
    found uuid[];
    part text;
begin
    if jsonb_array_length(filter -> 'taxonomy' -> 'any') > 0 then
        found := array(select app.in_categories(filter -> 'taxonomy' -> 'any', deep));
    end if;
    for part in select jsonb_array_elements_text(filter -> 'taxonomy' -> 'all') loop
        found := array(
            select b.block_id from app.blocks_in_category(part, deep) as b (block_id) where found is null or b.block_id = any (found));
    end loop;
    if filter ? 'used_by' then
        pipeline := app.find_id('pipeline', filter ->> 'used_by');
        found := array(
            select p.id from (
                select pb.block_id as id, pb.pipeline_id from public.pipeline_blocks pb
                union
                select pe.edge_id, pe.pipeline_id from public.pipeline_edges pe
            ) as p
            where p.pipeline_id = pipeline and (found is null or p.id = any (found))
              and exists (select from public.pipelines q where q.pipeline_id = pipeline and q.archived_at is null));
    end if;
    if filter ? 'alias' then
        found := array(
            select a.entity_id from public.aliases a where a.alias = filter ->> 'alias' and (found is null or a.entity_id = any (found)));
    end if;
    return found;
end $$;
comment on function app.within(jsonb) is 'The ids of what is in the categories of a filter, used by its pipeline and has its alias; null when it asks for none of these.';

-- Filters are what `src/search/filter.rs` makes of them; `metadata` is a path.
create function app.matching(kinds text[], filter jsonb, terms tsquery, among uuid[], most bigint)
returns table (kind text, id uuid, name_key text, score real)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
    path constant jsonpath := (filter ->> 'metadata')::jsonpath;
    within constant uuid[] := app.within(filter);
    outside constant uuid[] := case when jsonb_array_length(filter -> 'taxonomy' -> 'none') > 0 then array(
        select app.in_categories(filter -> 'taxonomy' -> 'none', coalesce((filter -> 'taxonomy' ->> 'recursive')::boolean, false))) end;
    of_type constant public.block_type := (filter ->> 'block_type')::public.block_type;
    verified constant boolean := (filter ->> 'verified')::boolean;
    author constant uuid := app.find_id('user', filter ->> 'author');
    created_after constant timestamptz := (filter ->> 'created_after')::timestamptz;
    created_before constant timestamptz := (filter ->> 'created_before')::timestamptz;
    updated_after constant timestamptz := (filter ->> 'updated_after')::timestamptz;
    updated_before constant timestamptz := (filter ->> 'updated_before')::timestamptz;
    newest_blocks constant timestamptz := (filter -> 'newest' ->> 'block')::timestamptz;
    newest_edges constant timestamptz := (filter -> 'newest' ->> 'edge')::timestamptz;
begin
    return query
        select s.kind, s.id, s.name_key,
            case when terms is not null then ts_rank_cd('{0.1, 0.3, 0.6, 1}', s.words, terms, 1) end
        from app.searchable s
        where s.kind = any (kinds)
          and (terms is null or s.words @@ terms)
          and (among is null or s.id = any (among))
          and (path is null or s.metadata @@ path)
          and (within is null or s.id = any (within))
          and (outside is null or s.kind = 'block' and s.id <> all (outside))
          and (of_type is null or s.block_type = of_type)
          and (verified is null or s.kind = 'edge' and verified = coalesce(
              (select v.status = 'passed' from app.edge_version_statuses v where v.version_id = s.current_version_id), false))
          and (not filter ? 'author' or s.created_by = author)
          and (created_after is null or s.created_at >= created_after)
          and (created_before is null or s.created_at < created_before)
          and (updated_after is null or s.updated_at >= updated_after)
          and (updated_before is null or s.updated_at < updated_before)
          and (newest_blocks is null or s.kind <> 'block' or s.created_at >= newest_blocks)
          and (newest_edges is null or s.kind <> 'edge' or s.created_at >= newest_edges)
        limit most;
end $$;
comment on function app.matching(text[], jsonb, tsquery, uuid[], bigint) is
    'What has these words and passes this filter, of these kinds (and of these ids), at most so many, in no order.';

create function app.find_matching(kind text, filter jsonb) returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select m.id from app.matching(array[kind], filter, null, null, null) as m
$$;
comment on function app.find_matching(text, jsonb) is 'The ids of what passes a filter: as app.find_blocks().';

revoke execute on all functions in schema app from public;
grant execute on function app.find_matching(text, jsonb), app.snippet(text, jsonb, tsquery), app.explained(tsvector, tsquery) to blockyard_api;
