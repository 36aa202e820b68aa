-- JSON: what of it is let in (I-JSON, RFC 7493), and the one form that RFC 8785 (JCS) gives it, so
-- that a digest means the same to everybody who can compute one.

-- What is let in -----------------------------------------------------------------------------------

create function app.pointer_step(name text) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select '/' || replace(replace(name, '~', '~0'), '/', '~1')
$$;
comment on function app.pointer_step(text) is 'A member as one step of a JSON pointer (RFC 6901).';

create function app.is_double(value numeric) returns boolean
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
begin
    -- The smallest double has 324 places, and none needs more to be told from the others; the other
    -- bound is where app.canonical_number() has it.
    if scale(value) > 324 or abs(value) >= 1.7976931348623158079372897140530341508e308 then
        return false;
    end if;
    return app.canonical_number(value)::numeric = value;
end $$;
comment on function app.is_double(numeric) is
    'Whether a number is the same after it was read as a double and printed again, as ECMAScript prints it.';

create function app.json_levels(value jsonb) returns int
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    with recursive node (value, kind, level) as (
        select json_levels.value, jsonb_typeof(json_levels.value), 1
        union all
        select m.value, jsonb_typeof(m.value), n.level + 1
        from node n
        cross join lateral (
            select o.value from jsonb_each(case n.kind when 'object' then n.value else '{}' end) as o
            union all
            select a.value from jsonb_array_elements(case n.kind when 'array' then n.value else '[]' end) as a (value)
        ) as m
        where jsonb_typeof(m.value) in ('object', 'array')
    )
    select max(level) from node
$$;
comment on function app.json_levels(jsonb) is 'How many levels of objects and arrays there are.';

create function app.json_faults(value jsonb, pointer text) returns jsonb
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
declare
    most_bytes constant int := 524288;
    noncharacters constant text := U&'[\FDD0-\FDEF\FFFE\FFFF\+01FFFE\+01FFFF\+02FFFE\+02FFFF\+03FFFE\+03FFFF'
        '\+04FFFE\+04FFFF\+05FFFE\+05FFFF\+06FFFE\+06FFFF\+07FFFE\+07FFFF\+08FFFE\+08FFFF\+09FFFE\+09FFFF'
        '\+0AFFFE\+0AFFFF\+0BFFFE\+0BFFFF\+0CFFFE\+0CFFFF\+0DFFFE\+0DFFFF\+0EFFFE\+0EFFFF\+0FFFFE\+0FFFFF\+10FFFE\+10FFFF]';
    fault text;
    printed text;
begin
    if jsonb_typeof(value) <> 'object' then
        fault := 'Must be a JSON object.';
    elsif value @? 'strict $.**{100} ? (@.type() == "object" || @.type() == "array")' then
        fault := format('Is nested %s levels deep; at most 100 are allowed.',
            case when value @? 'strict $.**{1000}' then 'more than 1000' else app.json_levels(value)::text end);
    -- PostgreSQL prints numbers without exponents: 1e131071 in nine bytes is 131,072 digits, and a
    -- megabyte of such is more than there is memory. So they are looked for before anything is printed.
    elsif not exists (
        select from jsonb_path_query(value, 'strict $.** ? (!(@ >= 1e-7 && @ < 1e21 || @ <= -1e-7 && @ > -1e21))') as number
        -- (No null is in an order.)
        where case jsonb_typeof(number) when 'number' then scale(number::numeric) > 324 or abs(number::numeric) >= 1e309 end
    ) then
        printed := value::text;
        if octet_length(printed) > most_bytes then
            fault := format('Has %s bytes as it is printed; at most %s are allowed.', octet_length(printed), most_bytes);
        elsif (octet_length(printed) = length(printed) or printed !~ noncharacters)
            and (printed !~ '[0-9.]{16}' or not exists (
                select
                from jsonb_path_query(value, 'strict $.** ? (@.type() == "number")') as number
                cross join lateral (select number::text as digits offset 0) as n
                -- As in app.canonical_json(): 15 digits are no question, and these PostgreSQL prints
                -- as ECMAScript does.
                where length(digits) > 15 and not case
                    when digits ~ '^-?(0\.0{0,2}[1-9]|[1-9]\d{0,13}\.)\d*$'
                    then digits::double precision::text::numeric = digits::numeric
                    else app.is_double(number::numeric) end))
        then
            return null;
        end if;
    end if;
    if fault is not null then
        return jsonb_build_array(jsonb_build_object('pointer', pointer, 'detail', fault));
    end if;
    return (
        with recursive node (pointer, name, value, kind) as (
            select json_faults.pointer, '', json_faults.value, 'object'
            union all
            select n.pointer || app.pointer_step(m.name), m.name, m.value, jsonb_typeof(m.value)
            from node n
            cross join lateral (
                select o.key, o.value from jsonb_each(case n.kind when 'object' then n.value else '{}' end) as o
                union all
                select (a.ordinality - 1)::text, a.value
                from jsonb_array_elements(case n.kind when 'array' then n.value else '[]' end) with ordinality as a
            ) as m (name, value)
            where n.kind in ('object', 'array')
        )
        select jsonb_agg(jsonb_build_object('pointer', f.pointer, 'detail', f.detail)) from (
            select n.pointer, case n.kind
                when 'number' then 'Is another number once it is read as a double (I-JSON, RFC 7493): send it as a string.'
                else 'Has a code point that is no character (I-JSON, RFC 7493).' end as detail
            from node n
            where n.name ~ noncharacters
               or n.kind = 'string' and n.value #>> '{}' ~ noncharacters
               or n.kind = 'number' and not app.is_double(n.value::numeric)
            limit 200
        ) as f);
end $$;
comment on function app.json_faults(jsonb, text) is
    'What keeps an object from being let in, each fault with its JSON pointer: I-JSON (RFC 7493), at most 100 levels and 524,288 bytes as it is printed. Null when nothing does.';

-- Not a CHECK: PostgreSQL evaluates those with every update of a row, whatever it changes, and they
-- have no words. The triggers of a table call this when such a column is new or another.
create function app.require_json(value jsonb, of_table text, of_column text) returns void
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    faults constant jsonb := app.json_faults(value, app.pointer_step(of_column));
begin
    if faults is not null then
        raise exception '% of % is not allowed: %', of_column, of_table, faults -> 0 ->> 'detail'
            using errcode = '23514', constraint = of_table || '_' || of_column || '_faults',
                table = of_table, column = of_column, detail = faults::text;
    end if;
end $$;
comment on function app.require_json(jsonb, text, text) is
    'Refuses what app.json_faults() finds fault with; the detail lists all faults as JSON.';

-- The one form ------------------------------------------------------------------------------------

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
