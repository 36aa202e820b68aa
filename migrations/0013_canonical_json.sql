-- JSON in the one form that RFC 8785 (JCS) gives it, so that a digest of it means the same to
-- everybody who can compute one.

create function app.canonical_number(value numeric) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
-- ECMA-262, Number::toString: `digits` are the shortest that name the double, `point` is where the
-- decimal point stands in them.
declare
    magnitude double precision;
    parts text[];
    digits text;
    point int;
    candidate text;
    sign text := case when value < 0 then '-' else '' end;
begin
    -- What rounds to infinity has no form in RFC 8785; its appendix D says to write a string.
    if abs(value) >= 1.7976931348623158079372897140530341508e308 then
        return to_json(value::text)::text;
    end if;
    -- What rounds to zero.
    if abs(value) <= 2.4703282292062327208e-324 then
        return '0';
    end if;
    magnitude := abs(value)::double precision;
    parts := regexp_match(magnitude::text, '^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$');
    digits := parts[1] || coalesce(parts[2], '');
    point := length(parts[1]) + coalesce(parts[3], '0')::int - (length(digits) - length(ltrim(digits, '0')));
    digits := trim(both '0' from digits);
    -- PostgreSQL's digits name only doubles strictly nearest to them. ECMA-262 also takes the
    -- shorter ones that lie half-way and are rounded to even: 1e23, not 9.999999999999999e22.
    if length(digits) > 15 and magnitude < 1.79e308 then
        foreach candidate in array array[left(digits, -1), (left(digits, -1)::numeric + 1)::text] loop
            if (candidate || 'e' || (point - length(digits) + 1))::double precision = magnitude then
                point := point + length(candidate) - (length(digits) - 1);
                digits := rtrim(candidate, '0');
                exit;
            end if;
        end loop;
    end if;
    return sign || case
        when point between length(digits) and 21 then rpad(digits, point, '0')
        when point between 1 and 21 then left(digits, point) || '.' || substr(digits, point + 1)
        when point between -5 and 0 then '0.' || repeat('0', -point) || digits
        else left(digits, 1) || case when length(digits) > 1 then '.' || substr(digits, 2) else '' end
            || 'e' || to_char(point - 1, 'SG') || abs(point - 1)
    end;
end $$;
comment on function app.canonical_number(numeric) is
    'A number as ECMAScript prints the double nearest to it; beyond the range of doubles, its decimal form as a string.';

create function app.canonical_order(key text) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- By UTF-16 code units, surrogates (of what lies beyond U+FFFF) stand before U+E000. Byte order
    -- of UTF-8 has them last, so what they must precede is marked with the very last character.
    select regexp_replace(replace(key, U&'\+10FFFF', U&'\+10FFFF\0001'), U&'([\E000-\FFFF])', U&'\+10FFFF\\1', 'g')
$$;
comment on function app.canonical_order(text) is 'What sorts, byte by byte, as the key does by its UTF-16 code units.';

-- Every value is a node at its path, the places of it and of what holds it; every node is written as
-- one token, a container as two. Sorted by path the tokens are the text: null is the last place.
create function app.canonical_json(value jsonb) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
begin
    return (
        with recursive node (path, label, value, kind) as (
            select '{}'::int[], '', canonical_json.value, jsonb_typeof(canonical_json.value)
            union all
            select n.path || m.place::int, case when m.place > 1 then ',' else '' end || m.label, m.value, jsonb_typeof(m.value)
            from node n
            cross join lateral (
                select to_json(o.key)::text || ':', o.value, row_number() over (order by
                    case when octet_length(o.key) = length(o.key) then o.key else app.canonical_order(o.key) end collate "C")
                from jsonb_each(case n.kind when 'object' then n.value else '{}' end) as o
                union all
                select '', a.value, a.ordinality
                from jsonb_array_elements(case n.kind when 'array' then n.value else '[]' end) with ordinality as a
            ) as m (label, value, place)
            where n.kind in ('object', 'array')
        ), token (path, content) as (
            select n.path, n.label || case n.kind
                when 'object' then '{'
                when 'array' then '['
                when 'number' then case
                    when n.value::text ~ '^-?\d{1,15}$' then n.value::text
                    -- Where PostgreSQL prints a double as ECMAScript does: from 0.001 to 10^14 neither has
                    -- an exponent, and no shorter decimal lies half-way between two doubles.
                    when n.value::text ~ '^-?(0\.0{0,2}[1-9]|[1-9]\d{0,13}\.)\d*$' then (n.value::double precision)::text
                    else app.canonical_number(n.value::numeric)
                end
                else n.value::text
            end
            from node n
            union all
            select n.path || null::int, case n.kind when 'object' then '}' else ']' end
            from node n
            where n.kind in ('object', 'array')
        )
        select string_agg(t.content, '' order by t.path) from token t);
end $$;
comment on function app.canonical_json(jsonb) is
    'JSON as RFC 8785 (JCS) writes it: keys by UTF-16 code units, numbers as ECMAScript prints them, nothing between the tokens.';

create function app.json_digest(value jsonb) returns text
language sql immutable strict parallel safe security definer -- so that it may call app.canonical_json()
set search_path = pg_catalog, pg_temp
as $$
    select encode(sha256(convert_to(app.canonical_json(value), 'UTF8')), 'hex')
$$;
comment on function app.json_digest(jsonb) is 'SHA-256 of the canonical form, in hex.';

revoke execute on all functions in schema app from public;
