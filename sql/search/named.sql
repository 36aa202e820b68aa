-- $2 a filter of categories by id or name: the same by id, written out with the categories below, and the places of
-- those that are not there.
with named as (
    select f.key as part, c.place - 1 as place, t.category_id
    from jsonb_each($2::jsonb) as f (key, value)
    cross join jsonb_array_elements_text(case jsonb_typeof(f.value) when 'array' then f.value else '[]' end) with ordinality as c (reference, place)
    left join taxonomy_categories t on t.category_id = find_category(c.reference) and t.archived_at is null
), by_id as (
    select jsonb_object_agg(p.part, p.categories) || jsonb_build_object('recursive', coalesce(($2::jsonb ->> 'recursive')::boolean, false)) as filter
    from (select n.part, jsonb_agg(n.category_id order by n.place) as categories from named n group by n.part) as p
), missing as (
    select array_agg('/taxonomy/' || n.part || '/' || n.place order by n.part, n.place) as places from named n where n.category_id is null
)
select i.filter, case when m.places is null and i.filter is not null then written_out(i.filter) end as written, coalesce(m.places, '{}') as "unknown!"
from by_id i cross join missing m
where (select app.as_caller($1))
