-- The ground: the service's role, the enums, and the functions that need no table.
--
-- Everything here runs as Supabase's `postgres`, which is no superuser, on projects that grant
-- new tables to the API roles and on those that don't: each file revokes everything from
-- everybody and then grants exactly what is meant.
--
-- Every function pins `search_path = pg_catalog, pg_temp`. An empty one would not do: types are looked
-- up in pg_temp first unless it is named last, so a temporary domain called `jsonb` could run its
-- author's code with a definer's rights.

create schema if not exists app;
comment on schema app is
    'Blockyard''s internals: helpers, guards, secrets. Never expose it through the REST API.';
revoke all on schema app from public, anon, authenticated, service_role;

-- The login of the service. It inherits `authenticated`, so that every policy applies to it
-- without SET ROLE, and it can become nobody else. `blockyard login-role` gives it a password.
do $$
begin
    -- Roles belong to the cluster: another database may have made it, and this owner may make none.
    if not exists (select from pg_catalog.pg_roles where rolname = 'blockyard_api') then
        create role blockyard_api nologin inherit;
    end if;
exception when duplicate_object or unique_violation then
    null;
end $$;
do $$
begin
    if not pg_has_role('blockyard_api', 'authenticated', 'member') then
        grant authenticated to blockyard_api;
    end if;
end $$;
grant usage on schema app to blockyard_api;
-- What it has already is the operator's (but for the search path, without which it finds nothing), or from another database of the
-- server: migrations of two may meet here.
do $$
declare
    setting record;
begin
    for setting in
        select s.name, s.value
        from (values
            ('statement_timeout', '8s'),
            ('lock_timeout', '5s'),
            ('idle_in_transaction_session_timeout', '10s'),
            ('jit', 'off'),
            -- What it reads is in memory or on an SSD, where one page costs as much as the next. With the default of 4, which means
            -- a disk that turns, tables of a few pages (users among them) are read whole for a single row.
            ('random_page_cost', '1.1'),
            -- Its statements name what they read without a schema: it is read in `past` instead when they are asked what was so (0025_history.sql).
            ('search_path', 'app, public'),
            -- What a statement may sort and hash on the disk is a superuser's to bound, or whoever's that was granted it
            -- (`grant set on parameter temp_file_limit`); Supabase's `postgres` is neither, and goes without.
            ('temp_file_limit', '1GB')
        ) as s (name, value)
        where not exists (
            select from pg_catalog.pg_db_role_setting r
            where r.setrole = 'blockyard_api'::regrole and r.setdatabase = 0
              and exists (
                  select from unnest(r.setconfig) as entry
                  where case s.name when 'search_path' then entry = 'search_path=' || s.value else split_part(entry, '=', 1) = s.name end))
    loop
        for attempt in 1..20 loop
            begin
                execute format('alter role blockyard_api set %I = %s', setting.name,
                    case setting.name when 'search_path' then setting.value else quote_literal(setting.value) end);
                exit;
            exception
                when insufficient_privilege then
                    if setting.name <> 'temp_file_limit' then
                        raise;
                    end if;
                    exit;
                when internal_error then
                    -- "tuple concurrently updated": the migration of another database was quicker.
                    if attempt = 20 then
                        raise;
                    end if;
            end;
        end loop;
    end loop;
end $$;

create type public.block_type as enum ('dataset', 'model');
create type public.entity_type as enum ('block', 'edge');
create type public.activation_mode as enum ('open', 'reviewed');
create type public.build_status as enum ('pending', 'success', 'failed');
create type public.dependency_type as enum ('internal', 'external');
create type public.verification_status as enum ('pending', 'passed', 'failed');
create type public.run_status as enum ('queued', 'started', 'success', 'failure', 'canceled');
create type public.action_type as enum ('CREATE', 'READ', 'UPDATE', 'DELETE');
create type public.audit_entity_type as enum (
    'block', 'edge', 'pipeline', 'taxonomy', 'metadata', 'user', 'api_key', 'code_repo',
    'docker_image', 'verification',
    -- added: tables for which none of the ten fits
    'dependency', 'vector', 'pipeline_run', 'audit_log', 'pipeline_lock',
    'alias', 'embedding_model'
);

comment on type public.block_type is 'What a block is.';
comment on type public.entity_type is 'What has versions, aliases, repositories, images and dependencies.';
comment on type public.activation_mode is 'Whether a change of a block or an edge is in use at once, or after somebody else has activated it.';
comment on type public.build_status is 'How the build of an image went.';
comment on type public.dependency_type is 'internal: another block or edge of this registry; external: something outside.';
comment on type public.verification_status is 'pending until it is reported, then passed or failed for good.';
comment on type public.run_status is 'queued, then started, then one of the others; never back.';
comment on type public.action_type is 'What was done, in the audit trail.';
comment on type public.audit_entity_type is 'To what it was done; metadata is a version.';

-- RFC 9562 version 7: 48 bits of milliseconds, 12 bits of the fraction of that millisecond
-- (method 3 of section 6.2), 62 random bits. PostgreSQL has uuidv7() only from 18 on.
create function app.uuid_v7() returns uuid
language plpgsql volatile parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- date_part, in binary floating point: exact to the microsecond until 2255, and a third of the
    -- price of extract, which is numeric.
    us bigint := date_part('epoch', clock_timestamp()) * 1000000;
begin
    -- A random UUID has the right variant (first bits of byte 8) already; the first eight bytes
    -- are replaced: milliseconds, version 7, fraction.
    return encode(
        int8send((us / 1000 << 16) | 28672 | us % 1000 * 4096 / 1000)
        || substring(uuid_send(gen_random_uuid()) from 9),
        'hex')::uuid;
end $$;
comment on function app.uuid_v7() is 'A time-ordered UUID (RFC 9562, version 7).';

-- Names ------------------------------------------------------------------------------------

-- (These run with most statements. PL/pgSQL keeps its plans, an SQL function that cannot be inlined is
-- parsed in every statement; a regular expression of this length costs as much as a point read.)
create function app.is_uuid(value text) returns boolean
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return value like '________-____-____-____-____________'
       and translate(value, '0123456789abcdefABCDEF', '') = '----';
end $$;
comment on function app.is_uuid(text) is 'Whether a reference (`id or name`) is an id.';

create function app.white_space() returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return U&' \0009\000A\000B\000C\000D\0085\00A0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200A\2028\2029\202F\205F\3000';
end $$;
comment on function app.white_space() is
    'The characters of Unicode''s White_Space. A constant: whoever calls it has it in the plan.';

-- Definer, because whoever writes a row runs it, and the API roles may not look up names in `app`.
create function app.trimmed(value text) returns text
language plpgsql immutable strict parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return btrim(value, app.white_space());
end $$;
comment on function app.trimmed(text) is 'A text without white space around it, as lines are stored.';

create function app.is_line(value text, longest int) returns boolean
language plpgsql immutable strict parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return char_length(value) between 1 and longest and value !~ '[\u0001-\u001F\u007F-\u009F]'
       and value = app.trimmed(value);
end $$;
comment on function app.is_line(text, int) is 'Whether a text is one trimmed line of 1 to `longest` characters.';

create function app.tidy(name text) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if octet_length(name) = char_length(name) then
        return btrim(name, E' \t\n\x0B\f\r');
    end if;
    return normalize(btrim(name, app.white_space()), NFC);
end $$;
comment on function app.tidy(text) is 'A name as it is stored: trimmed of white space (Unicode''s White_Space), NFC.';

-- generated: begin (BLESS=1 cargo test --test schema names)
create function app.is_unfit(value text) returns boolean
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return value ~
        '[\u0001-\u001F\u007F-\u009F\u00AD\u034F\u0378-\u0379\u0380-\u0383\u038B\u038D\u03A2\u0530\u0557-\u0558'
        '\u058B-\u058C\u0590\u05C8-\u05CF\u05EB-\u05EE\u05F5-\u05FF\u061C\u070E\u074B-\u074C\u07B2-\u07BF\u07FB-\u07FC'
        '\u082E-\u082F\u083F\u085C-\u085D\u085F\u086B-\u086F\u088F\u0892-\u0897\u0984\u098D-\u098E\u0991-\u0992\u09A9'
        '\u09B1\u09B3-\u09B5\u09BA-\u09BB\u09C5-\u09C6\u09C9-\u09CA\u09CF-\u09D6\u09D8-\u09DB\u09DE\u09E4-\u09E5'
        '\u09FF-\u0A00\u0A04\u0A0B-\u0A0E\u0A11-\u0A12\u0A29\u0A31\u0A34\u0A37\u0A3A-\u0A3B\u0A3D\u0A43-\u0A46'
        '\u0A49-\u0A4A\u0A4E-\u0A50\u0A52-\u0A58\u0A5D\u0A5F-\u0A65\u0A77-\u0A80\u0A84\u0A8E\u0A92\u0AA9\u0AB1\u0AB4'
        '\u0ABA-\u0ABB\u0AC6\u0ACA\u0ACE-\u0ACF\u0AD1-\u0ADF\u0AE4-\u0AE5\u0AF2-\u0AF8\u0B00\u0B04\u0B0D-\u0B0E'
        '\u0B11-\u0B12\u0B29\u0B31\u0B34\u0B3A-\u0B3B\u0B45-\u0B46\u0B49-\u0B4A\u0B4E-\u0B54\u0B58-\u0B5B\u0B5E'
        '\u0B64-\u0B65\u0B78-\u0B81\u0B84\u0B8B-\u0B8D\u0B91\u0B96-\u0B98\u0B9B\u0B9D\u0BA0-\u0BA2\u0BA5-\u0BA7'
        '\u0BAB-\u0BAD\u0BBA-\u0BBD\u0BC3-\u0BC5\u0BC9\u0BCE-\u0BCF\u0BD1-\u0BD6\u0BD8-\u0BE5\u0BFB-\u0BFF\u0C0D\u0C11'
        '\u0C29\u0C3A-\u0C3B\u0C45\u0C49\u0C4E-\u0C54\u0C57\u0C5B-\u0C5C\u0C5E-\u0C5F\u0C64-\u0C65\u0C70-\u0C76\u0C8D'
        '\u0C91\u0CA9\u0CB4\u0CBA-\u0CBB\u0CC5\u0CC9\u0CCE-\u0CD4\u0CD7-\u0CDC\u0CDF\u0CE4-\u0CE5\u0CF0\u0CF3-\u0CFF'
        '\u0D0D\u0D11\u0D45\u0D49\u0D50-\u0D53\u0D64-\u0D65\u0D80\u0D84\u0D97-\u0D99\u0DB2\u0DBC\u0DBE-\u0DBF'
        '\u0DC7-\u0DC9\u0DCB-\u0DCE\u0DD5\u0DD7\u0DE0-\u0DE5\u0DF0-\u0DF1\u0DF5-\u0E00\u0E3B-\u0E3E\u0E5C-\u0E80\u0E83'
        '\u0E85\u0E8B\u0EA4\u0EA6\u0EBE-\u0EBF\u0EC5\u0EC7\u0ECE-\u0ECF\u0EDA-\u0EDB\u0EE0-\u0EFF\u0F48\u0F6D-\u0F70'
        '\u0F98\u0FBD\u0FCD\u0FDB-\u0FFF\u10C6\u10C8-\u10CC\u10CE-\u10CF\u115F-\u1160\u1249\u124E-\u124F\u1257\u1259'
        '\u125E-\u125F\u1289\u128E-\u128F\u12B1\u12B6-\u12B7\u12BF\u12C1\u12C6-\u12C7\u12D7\u1311\u1316-\u1317'
        '\u135B-\u135C\u137D-\u137F\u139A-\u139F\u13F6-\u13F7\u13FE-\u13FF\u169D-\u169F\u16F9-\u16FF\u1716-\u171E'
        '\u1737-\u173F\u1754-\u175F\u176D\u1771\u1774-\u177F\u17B4-\u17B5\u17DE-\u17DF\u17EA-\u17EF\u17FA-\u17FF'
        '\u180B-\u180F\u181A-\u181F\u1879-\u187F\u18AB-\u18AF\u18F6-\u18FF\u191F\u192C-\u192F\u193C-\u193F\u1941-\u1943'
        '\u196E-\u196F\u1975-\u197F\u19AC-\u19AF\u19CA-\u19CF\u19DB-\u19DD\u1A1C-\u1A1D\u1A5F\u1A7D-\u1A7E\u1A8A-\u1A8F'
        '\u1A9A-\u1A9F\u1AAE-\u1AAF\u1ACF-\u1AFF\u1B4D-\u1B4F\u1B7F\u1BF4-\u1BFB\u1C38-\u1C3A\u1C4A-\u1C4C\u1C89-\u1C8F'
        '\u1CBB-\u1CBC\u1CC8-\u1CCF\u1CFB-\u1CFF\u1F16-\u1F17\u1F1E-\u1F1F\u1F46-\u1F47\u1F4E-\u1F4F\u1F58\u1F5A\u1F5C'
        '\u1F5E\u1F7E-\u1F7F\u1FB5\u1FC5\u1FD4-\u1FD5\u1FDC\u1FF0-\u1FF1\u1FF5\u1FFF\u200B-\u200F\u2028-\u202E'
        '\u2060-\u206F\u2072-\u2073\u208F\u209D-\u209F\u20C1-\u20CF\u20F1-\u20FF\u218C-\u218F\u242A-\u243F\u244B-\u245F'
        '\u2B74-\u2B75\u2B96\u2CF4-\u2CF8\u2D26\u2D28-\u2D2C\u2D2E-\u2D2F\u2D68-\u2D6E\u2D71-\u2D7E\u2D97-\u2D9F\u2DA7'
        '\u2DAF\u2DB7\u2DBF\u2DC7\u2DCF\u2DD7\u2DDF\u2E5E-\u2E7F\u2E9A\u2EF4-\u2EFF\u2FD6-\u2FEF\u3040\u3097-\u3098'
        '\u3100-\u3104\u3130\u3164\u318F\u31E6-\u31EE\u321F\uA48D-\uA48F\uA4C7-\uA4CF\uA62C-\uA63F\uA6F8-\uA6FF'
        '\uA7CB-\uA7CF\uA7D2\uA7D4\uA7DA-\uA7F1\uA82D-\uA82F\uA83A-\uA83F\uA878-\uA87F\uA8C6-\uA8CD\uA8DA-\uA8DF'
        '\uA954-\uA95E\uA97D-\uA97F\uA9CE\uA9DA-\uA9DD\uA9FF\uAA37-\uAA3F\uAA4E-\uAA4F\uAA5A-\uAA5B\uAAC3-\uAADA'
        '\uAAF7-\uAB00\uAB07-\uAB08\uAB0F-\uAB10\uAB17-\uAB1F\uAB27\uAB2F\uAB6C-\uAB6F\uABEE-\uABEF\uABFA-\uABFF'
        '\uD7A4-\uD7AF\uD7C7-\uD7CA\uD7FC-\uD7FF\uFA6E-\uFA6F\uFADA-\uFAFF\uFB07-\uFB12\uFB18-\uFB1C\uFB37\uFB3D\uFB3F'
        '\uFB42\uFB45\uFBC3-\uFBD2\uFD90-\uFD91\uFDC8-\uFDCE\uFDD0-\uFDEF\uFE00-\uFE0F\uFE1A-\uFE1F\uFE53\uFE67'
        '\uFE6C-\uFE6F\uFE75\uFEFD-\uFF00\uFFA0\uFFBF-\uFFC1\uFFC8-\uFFC9\uFFD0-\uFFD1\uFFD8-\uFFD9\uFFDD-\uFFDF\uFFE7'
        '\uFFEF-\uFFFB\uFFFD-\uFFFF\U0001000C\U00010027\U0001003B\U0001003E\U0001004E-\U0001004F\U0001005E-\U0001007F'
        '\U000100FB-\U000100FF\U00010103-\U00010106\U00010134-\U00010136\U0001018F\U0001019D-\U0001019F'
        '\U000101A1-\U000101CF\U000101FE-\U0001027F\U0001029D-\U0001029F\U000102D1-\U000102DF\U000102FC-\U000102FF'
        '\U00010324-\U0001032C\U0001034B-\U0001034F\U0001037B-\U0001037F\U0001039E\U000103C4-\U000103C7'
        '\U000103D6-\U000103FF\U0001049E-\U0001049F\U000104AA-\U000104AF\U000104D4-\U000104D7\U000104FC-\U000104FF'
        '\U00010528-\U0001052F\U00010564-\U0001056E\U0001057B\U0001058B\U00010593\U00010596\U000105A2\U000105B2'
        '\U000105BA\U000105BD-\U000105FF\U00010737-\U0001073F\U00010756-\U0001075F\U00010768-\U0001077F\U00010786'
        '\U000107B1\U000107BB-\U000107FF\U00010806-\U00010807\U00010809\U00010836\U00010839-\U0001083B'
        '\U0001083D-\U0001083E\U00010856\U0001089F-\U000108A6\U000108B0-\U000108DF\U000108F3\U000108F6-\U000108FA'
        '\U0001091C-\U0001091E\U0001093A-\U0001093E\U00010940-\U0001097F\U000109B8-\U000109BB\U000109D0-\U000109D1'
        '\U00010A04\U00010A07-\U00010A0B\U00010A14\U00010A18\U00010A36-\U00010A37\U00010A3B-\U00010A3E'
        '\U00010A49-\U00010A4F\U00010A59-\U00010A5F\U00010AA0-\U00010ABF\U00010AE7-\U00010AEA\U00010AF7-\U00010AFF'
        '\U00010B36-\U00010B38\U00010B56-\U00010B57\U00010B73-\U00010B77\U00010B92-\U00010B98\U00010B9D-\U00010BA8'
        '\U00010BB0-\U00010BFF\U00010C49-\U00010C7F\U00010CB3-\U00010CBF\U00010CF3-\U00010CF9\U00010D28-\U00010D2F'
        '\U00010D3A-\U00010D3F\U00010D4A-\U00010E5F\U00010E7F\U00010EAA\U00010EAE-\U00010EAF\U00010EB2-\U00010EFF'
        '\U00010F28-\U00010F2F\U00010F5A-\U00010F6F\U00010F8A-\U00010FAF\U00010FCC-\U00010FDF\U00010FF7-\U00010FFF'
        '\U0001104E-\U00011051\U00011076-\U0001107E\U000110C3-\U000110CC\U000110CE-\U000110CF\U000110E9-\U000110EF'
        '\U000110FA-\U000110FF\U00011135\U00011148-\U0001114F\U00011177-\U0001117F\U000111E0\U000111F5-\U000111FF'
        '\U00011212\U0001123F-\U0001127F\U00011287\U00011289\U0001128E\U0001129E\U000112AA-\U000112AF'
        '\U000112EB-\U000112EF\U000112FA-\U000112FF\U00011304\U0001130D-\U0001130E\U00011311-\U00011312\U00011329'
        '\U00011331\U00011334\U0001133A\U00011345-\U00011346\U00011349-\U0001134A\U0001134E-\U0001134F'
        '\U00011351-\U00011356\U00011358-\U0001135C\U00011364-\U00011365\U0001136D-\U0001136F\U00011375-\U000113FF'
        '\U0001145C\U00011462-\U0001147F\U000114C8-\U000114CF\U000114DA-\U0001157F\U000115B6-\U000115B7'
        '\U000115DE-\U000115FF\U00011645-\U0001164F\U0001165A-\U0001165F\U0001166D-\U0001167F\U000116BA-\U000116BF'
        '\U000116CA-\U000116CF\U000116E4-\U000116FF\U0001171B-\U0001171C\U0001172C-\U0001172F\U00011747-\U000117FF'
        '\U0001183C-\U0001189F\U000118F3-\U000118FE\U00011907-\U00011908\U0001190A-\U0001190B\U00011914\U00011917'
        '\U00011936\U00011939-\U0001193A\U00011947-\U0001194F\U0001195A-\U0001199F\U000119A8-\U000119A9'
        '\U000119D8-\U000119D9\U000119E5-\U000119FF\U00011A48-\U00011A4F\U00011AA3-\U00011AAF\U00011AF9-\U00011BEF'
        '\U00011BFA-\U00011BFF\U00011C09\U00011C37\U00011C46-\U00011C4F\U00011C6D-\U00011C6F\U00011C90-\U00011C91'
        '\U00011CA8\U00011CB7-\U00011CFF\U00011D07\U00011D0A\U00011D37-\U00011D39\U00011D3B\U00011D3E'
        '\U00011D48-\U00011D4F\U00011D5A-\U00011D5F\U00011D66\U00011D69\U00011D8F\U00011D92\U00011D99-\U00011D9F'
        '\U00011DAA-\U00011EDF\U00011EF9-\U00011F4F\U00011F5A-\U00011FAF\U00011FB1-\U00011FBF\U00011FF2-\U00011FFE'
        '\U0001239A-\U000123FF\U0001246F\U00012475-\U0001247F\U00012544-\U00012F8F\U00012FF3-\U00012FFF'
        '\U0001342F-\U000143FF\U00014647-\U0001612F\U0001613A-\U000167FF\U00016A39-\U00016A3F\U00016A5F'
        '\U00016A6A-\U00016A6D\U00016ABF\U00016ACA-\U00016ACF\U00016AEE-\U00016AEF\U00016AF6-\U00016AFF'
        '\U00016B46-\U00016B4F\U00016B5A\U00016B62\U00016B78-\U00016B7C\U00016B90-\U00016D6F\U00016D7A-\U00016E3F'
        '\U00016E9B-\U00016EFF\U00016F4B-\U00016F4E\U00016F88-\U00016F8E\U00016FA0-\U00016FDF\U00016FE5-\U00016FEF'
        '\U00016FF2-\U00016FFF\U000187F8-\U000187FF\U00018CD6-\U00018CFF\U00018D09-\U0001AFEF\U0001AFF4\U0001AFFC'
        '\U0001AFFF\U0001B123-\U0001B14F\U0001B153-\U0001B163\U0001B168-\U0001B16F\U0001B2FC-\U0001BBFF'
        '\U0001BC6B-\U0001BC6F\U0001BC7D-\U0001BC7F\U0001BC89-\U0001BC8F\U0001BC9A-\U0001BC9B\U0001BCA0-\U0001CBFF'
        '\U0001CCFA-\U0001CCFF\U0001CEB4-\U0001CEFF\U0001CF2E-\U0001CF2F\U0001CF47-\U0001CF4F\U0001CFC4-\U0001CFFF'
        '\U0001D0F6-\U0001D0FF\U0001D127-\U0001D128\U0001D173-\U0001D17A\U0001D1EB-\U0001D1FF\U0001D246-\U0001D2BF'
        '\U0001D2D4-\U0001D2DF\U0001D2F4-\U0001D2FF\U0001D357-\U0001D35F\U0001D379-\U0001D3FF\U0001D455\U0001D49D'
        '\U0001D4A0-\U0001D4A1\U0001D4A3-\U0001D4A4\U0001D4A7-\U0001D4A8\U0001D4AD\U0001D4BA\U0001D4BC\U0001D4C4'
        '\U0001D506\U0001D50B-\U0001D50C\U0001D515\U0001D51D\U0001D53A\U0001D53F\U0001D545\U0001D547-\U0001D549'
        '\U0001D551\U0001D6A6-\U0001D6A7\U0001D7CC-\U0001D7CD\U0001DA8C-\U0001DA9A\U0001DAA0\U0001DAB0-\U0001DEFF'
        '\U0001DF1F-\U0001DFFF\U0001E007\U0001E019-\U0001E01A\U0001E022\U0001E025\U0001E02B-\U0001E0FF'
        '\U0001E12D-\U0001E12F\U0001E13E-\U0001E13F\U0001E14A-\U0001E14D\U0001E150-\U0001E28F\U0001E2AF-\U0001E2BF'
        '\U0001E2FA-\U0001E2FE\U0001E300-\U0001E4EF\U0001E4FA-\U0001E5F0\U0001E5FB-\U0001E7DF\U0001E7E7\U0001E7EC'
        '\U0001E7EF\U0001E7FF\U0001E8C5-\U0001E8C6\U0001E8D7-\U0001E8FF\U0001E94C-\U0001E94F\U0001E95A-\U0001E95D'
        '\U0001E960-\U0001EC70\U0001ECB5-\U0001ED00\U0001ED3E-\U0001EDFF\U0001EE04\U0001EE20\U0001EE23'
        '\U0001EE25-\U0001EE26\U0001EE28\U0001EE33\U0001EE38\U0001EE3A\U0001EE3C-\U0001EE41\U0001EE43-\U0001EE46'
        '\U0001EE48\U0001EE4A\U0001EE4C\U0001EE50\U0001EE53\U0001EE55-\U0001EE56\U0001EE58\U0001EE5A\U0001EE5C'
        '\U0001EE5E\U0001EE60\U0001EE63\U0001EE65-\U0001EE66\U0001EE6B\U0001EE73\U0001EE78\U0001EE7D\U0001EE7F'
        '\U0001EE8A\U0001EE9C-\U0001EEA0\U0001EEA4\U0001EEAA\U0001EEBC-\U0001EEEF\U0001EEF2-\U0001EFFF'
        '\U0001F02C-\U0001F02F\U0001F094-\U0001F09F\U0001F0AF-\U0001F0B0\U0001F0C0\U0001F0D0\U0001F0F6-\U0001F0FF'
        '\U0001F1AE-\U0001F1E5\U0001F203-\U0001F20F\U0001F23C-\U0001F23F\U0001F249-\U0001F24F\U0001F252-\U0001F25F'
        '\U0001F266-\U0001F2FF\U0001F6D8-\U0001F6DB\U0001F6ED-\U0001F6EF\U0001F6FD-\U0001F6FF\U0001F777-\U0001F77A'
        '\U0001F7DA-\U0001F7DF\U0001F7EC-\U0001F7EF\U0001F7F1-\U0001F7FF\U0001F80C-\U0001F80F\U0001F848-\U0001F84F'
        '\U0001F85A-\U0001F85F\U0001F888-\U0001F88F\U0001F8AE-\U0001F8AF\U0001F8BC-\U0001F8BF\U0001F8C2-\U0001F8FF'
        '\U0001FA54-\U0001FA5F\U0001FA6E-\U0001FA6F\U0001FA7D-\U0001FA7F\U0001FA8A-\U0001FA8E\U0001FAC7-\U0001FACD'
        '\U0001FADD-\U0001FADE\U0001FAEA-\U0001FAEF\U0001FAF9-\U0001FAFF\U0001FB93\U0001FBFA-\U0001FFFF'
        '\U0002A6E0-\U0002A6FF\U0002B73A-\U0002B73F\U0002B81E-\U0002B81F\U0002CEA2-\U0002CEAF\U0002EBE1-\U0002EBEF'
        '\U0002EE5E-\U0002F7FF\U0002FA1E-\U0002FFFF\U0003134B-\U0003134F\U000323B0-\U000EFFFF\U000FFFFE-\U000FFFFF'
        '\U0010FFFE-\U0010FFFF]';
end $$;
comment on function app.is_unfit(text) is
    'Whether a text has a character that no name has: what is unassigned, a control or a noncharacter, invisible, turns or formats the text around it.';

create function app.is_unfit_in_username(value text) returns boolean
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return value ~
        '[\u0020-\u002C\u002F\u003A-\u0040\u005B-\u005E\u0060\u007B-\u007E\u00A0-\u00A9\u00AB-\u00AC\u00AE-\u00B1\u00B4'
        '\u00B6-\u00B8\u00BB\u00BF\u00D7\u00F7\u02C2-\u02C5\u02D2-\u02DF\u02E5-\u02EB\u02ED\u02EF-\u02FF\u0375\u037E'
        '\u0384-\u0385\u0387\u03F6\u0482\u055A-\u055F\u0589-\u058A\u058D-\u058F\u05BE\u05C0\u05C3\u05C6\u05F3-\u05F4'
        '\u0600-\u060F\u061B\u061D-\u061F\u066A-\u066D\u06D4\u06DD-\u06DE\u06E9\u06FD-\u06FE\u0700-\u070D\u070F'
        '\u07F6-\u07F9\u07FE-\u07FF\u0830-\u083E\u085E\u0888\u0890-\u0891\u08E2\u0964-\u0965\u0970\u09F2-\u09F3'
        '\u09FA-\u09FB\u09FD\u0A76\u0AF0-\u0AF1\u0B70\u0BF3-\u0BFA\u0C77\u0C7F\u0C84\u0D4F\u0D79\u0DF4\u0E3F\u0E4F'
        '\u0E5A-\u0E5B\u0F01-\u0F17\u0F1A-\u0F1F\u0F34\u0F36\u0F38\u0F3A-\u0F3D\u0F85\u0FBE-\u0FC5\u0FC7-\u0FCC'
        '\u0FCE-\u0FDA\u104A-\u104F\u109E-\u109F\u10FB\u1360-\u1368\u1390-\u1399\u1400\u166D-\u166E\u1680\u169B-\u169C'
        '\u16EB-\u16ED\u1735-\u1736\u17D4-\u17D6\u17D8-\u17DB\u1800-\u180A\u1940\u1944-\u1945\u19DE-\u19FF\u1A1E-\u1A1F'
        '\u1AA0-\u1AA6\u1AA8-\u1AAD\u1B5A-\u1B6A\u1B74-\u1B7E\u1BFC-\u1BFF\u1C3B-\u1C3F\u1C7E-\u1C7F\u1CC0-\u1CC7\u1CD3'
        '\u1FBD\u1FBF-\u1FC1\u1FCD-\u1FCF\u1FDD-\u1FDF\u1FED-\u1FEF\u1FFD-\u1FFE\u2000-\u200A\u2010-\u2027\u202F-\u205F'
        '\u207A-\u207E\u208A-\u208E\u20A0-\u20C0\u2100-\u2101\u2103-\u2106\u2108-\u2109\u2114\u2116-\u2118\u211E-\u2123'
        '\u2125\u2127\u2129\u212E\u213A-\u213B\u2140-\u2144\u214A-\u214D\u214F\u218A-\u218B\u2190-\u2429\u2440-\u244A'
        '\u249C-\u24E9\u2500-\u2775\u2794-\u2B73\u2B76-\u2B95\u2B97-\u2BFF\u2CE5-\u2CEA\u2CF9-\u2CFC\u2CFE-\u2CFF\u2D70'
        '\u2E00-\u2E2E\u2E30-\u2E5D\u2E80-\u2E99\u2E9B-\u2EF3\u2F00-\u2FD5\u2FF0-\u3004\u3008-\u3020\u3030\u3036-\u3037'
        '\u303D-\u303F\u309B-\u309C\u30A0\u30FB\u3190-\u3191\u3196-\u319F\u31C0-\u31E5\u31EF\u3200-\u321E\u322A-\u3247'
        '\u3250\u3260-\u327F\u328A-\u32B0\u32C0-\u33FF\u4DC0-\u4DFF\uA490-\uA4C6\uA4FE-\uA4FF\uA60D-\uA60F\uA673\uA67E'
        '\uA6F2-\uA6F7\uA700-\uA716\uA720-\uA721\uA789-\uA78A\uA828-\uA82B\uA836-\uA839\uA874-\uA877\uA8CE-\uA8CF'
        '\uA8F8-\uA8FA\uA8FC\uA92E-\uA92F\uA95F\uA9C1-\uA9CD\uA9DE-\uA9DF\uAA5C-\uAA5F\uAA77-\uAA79\uAADE-\uAADF'
        '\uAAF0-\uAAF1\uAB5B\uAB6A-\uAB6B\uABEB\uE000-\uF8FF\uFB29\uFBB2-\uFBC2\uFD3E-\uFD4F\uFDCF\uFDFC-\uFDFF'
        '\uFE10-\uFE19\uFE30-\uFE52\uFE54-\uFE66\uFE68-\uFE6B\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65'
        '\uFFE0-\uFFE6\uFFE8-\uFFEE\uFFFC\U00010100-\U00010102\U00010137-\U0001013F\U00010179-\U00010189'
        '\U0001018C-\U0001018E\U00010190-\U0001019C\U000101A0\U000101D0-\U000101FC\U0001039F\U000103D0\U0001056F'
        '\U00010857\U00010877-\U00010878\U0001091F\U0001093F\U00010A50-\U00010A58\U00010A7F\U00010AC8'
        '\U00010AF0-\U00010AF6\U00010B39-\U00010B3F\U00010B99-\U00010B9C\U00010EAD\U00010F55-\U00010F59'
        '\U00010F86-\U00010F89\U00011047-\U0001104D\U000110BB-\U000110C1\U000110CD\U00011140-\U00011143'
        '\U00011174-\U00011175\U000111C5-\U000111C8\U000111CD\U000111DB\U000111DD-\U000111DF\U00011238-\U0001123D'
        '\U000112A9\U0001144B-\U0001144F\U0001145A-\U0001145B\U0001145D\U000114C6\U000115C1-\U000115D7'
        '\U00011641-\U00011643\U00011660-\U0001166C\U000116B9\U0001173C-\U0001173F\U0001183B\U00011944-\U00011946'
        '\U000119E2\U00011A3F-\U00011A46\U00011A9A-\U00011A9C\U00011A9E-\U00011AA2\U00011C41-\U00011C45'
        '\U00011C70-\U00011C71\U00011EF7-\U00011EF8\U00011FD5-\U00011FF1\U00011FFF\U00012470-\U00012474'
        '\U00012FF1-\U00012FF2\U00016A6E-\U00016A6F\U00016AF5\U00016B37-\U00016B3F\U00016B44-\U00016B45'
        '\U00016E97-\U00016E9A\U00016FE2\U0001BC9C\U0001BC9F\U0001CC00-\U0001CCEF\U0001CD00-\U0001CEB3'
        '\U0001CF50-\U0001CFC3\U0001D000-\U0001D0F5\U0001D100-\U0001D126\U0001D129-\U0001D164\U0001D16A-\U0001D16C'
        '\U0001D183-\U0001D184\U0001D18C-\U0001D1A9\U0001D1AE-\U0001D1EA\U0001D200-\U0001D241\U0001D245'
        '\U0001D300-\U0001D356\U0001D6C1\U0001D6DB\U0001D6FB\U0001D715\U0001D735\U0001D74F\U0001D76F\U0001D789'
        '\U0001D7A9\U0001D7C3\U0001D800-\U0001D9FF\U0001DA37-\U0001DA3A\U0001DA6D-\U0001DA74\U0001DA76-\U0001DA83'
        '\U0001DA85-\U0001DA8B\U0001E14F\U0001E2FF\U0001E95E-\U0001E95F\U0001ECAC\U0001ECB0\U0001ED2E'
        '\U0001EEF0-\U0001EEF1\U0001F000-\U0001F02B\U0001F030-\U0001F093\U0001F0A0-\U0001F0AE\U0001F0B1-\U0001F0BF'
        '\U0001F0C1-\U0001F0CF\U0001F0D1-\U0001F0F5\U0001F10D-\U0001F1AD\U0001F1E6-\U0001F202\U0001F210-\U0001F23B'
        '\U0001F240-\U0001F248\U0001F250-\U0001F251\U0001F260-\U0001F265\U0001F300-\U0001F6D7\U0001F6DC-\U0001F6EC'
        '\U0001F6F0-\U0001F6FC\U0001F700-\U0001F776\U0001F77B-\U0001F7D9\U0001F7E0-\U0001F7EB\U0001F7F0'
        '\U0001F800-\U0001F80B\U0001F810-\U0001F847\U0001F850-\U0001F859\U0001F860-\U0001F887\U0001F890-\U0001F8AD'
        '\U0001F8B0-\U0001F8BB\U0001F8C0-\U0001F8C1\U0001F900-\U0001FA53\U0001FA60-\U0001FA6D\U0001FA70-\U0001FA7C'
        '\U0001FA80-\U0001FA89\U0001FA8F-\U0001FAC6\U0001FACE-\U0001FADC\U0001FADF-\U0001FAE9\U0001FAF0-\U0001FAF8'
        '\U0001FB00-\U0001FB92\U0001FB94-\U0001FBEF\U000F0000-\U000FFFFD\U00100000-\U0010FFFD]';
end $$;
comment on function app.is_unfit_in_username(text) is
    'Whether a text has a character that names may have, but usernames may not: all but letters, marks, numbers, `.`, `_` and `-`.';

create function app.folded(value text) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select string_agg(coalesce(
            '{"A":"a","B":"b","C":"c","D":"d","E":"e","F":"f","G":"g","H":"h","I":"i","J":"j","K":"k","L":"l","M":"m",'
        '"N":"n","O":"o","P":"p","Q":"q","R":"r","S":"s","T":"t","U":"u","V":"v","W":"w","X":"x","Y":"y","Z":"z",'
        '"µ":"μ","Æ":"æ","Ð":"ð","Ø":"ø","Þ":"þ","ß":"ss","Đ":"đ","Ħ":"ħ","Ĳ":"ĳ","Ŀ":"ŀ","Ł":"ł",'
        '"ŉ":"ʼn","Ŋ":"ŋ","Œ":"œ","Ŧ":"ŧ","ſ":"s","Ɓ":"ɓ","Ƃ":"ƃ","Ƅ":"ƅ","Ɔ":"ɔ","Ƈ":"ƈ","Ɖ":"ɖ",'
        '"Ɗ":"ɗ","Ƌ":"ƌ","Ǝ":"ǝ","Ə":"ə","Ɛ":"ɛ","Ƒ":"ƒ","Ɠ":"ɠ","Ɣ":"ɣ","Ɩ":"ɩ","Ɨ":"ɨ","Ƙ":"ƙ",'
        '"Ɯ":"ɯ","Ɲ":"ɲ","Ɵ":"ɵ","Ƣ":"ƣ","Ƥ":"ƥ","Ʀ":"ʀ","Ƨ":"ƨ","Ʃ":"ʃ","Ƭ":"ƭ","Ʈ":"ʈ","Ʊ":"ʊ",'
        '"Ʋ":"ʋ","Ƴ":"ƴ","Ƶ":"ƶ","Ʒ":"ʒ","Ƹ":"ƹ","Ƽ":"ƽ","Ǆ":"ǆ","ǅ":"ǆ","Ǉ":"ǉ","ǈ":"ǉ","Ǌ":"ǌ",'
        '"ǋ":"ǌ","Ǥ":"ǥ","Ǳ":"ǳ","ǲ":"ǳ","Ƕ":"ƕ","Ƿ":"ƿ","Ȝ":"ȝ","Ƞ":"ƞ","Ȣ":"ȣ","Ȥ":"ȥ",'
        '"Ⱥ":"ⱥ","Ȼ":"ȼ","Ƚ":"ƚ","Ⱦ":"ⱦ","Ɂ":"ɂ","Ƀ":"ƀ","Ʉ":"ʉ","Ʌ":"ʌ","Ɇ":"ɇ","Ɉ":"ɉ",'
        '"Ɋ":"ɋ","Ɍ":"ɍ","Ɏ":"ɏ","\u0345":"ι","Ͱ":"ͱ","Ͳ":"ͳ","Ͷ":"ͷ","Ϳ":"ϳ","Α":"α","Β":"β",'
        '"Γ":"γ","Δ":"δ","Ε":"ε","Ζ":"ζ","Η":"η","Θ":"θ","Ι":"ι","Κ":"κ","Λ":"λ","Μ":"μ","Ν":"ν",'
        '"Ξ":"ξ","Ο":"ο","Π":"π","Ρ":"ρ","Σ":"σ","Τ":"τ","Υ":"υ","Φ":"φ","Χ":"χ","Ψ":"ψ","Ω":"ω",'
        '"ς":"σ","Ϗ":"ϗ","ϐ":"β","ϑ":"θ","ϕ":"φ","ϖ":"π","Ϙ":"ϙ","Ϛ":"ϛ","Ϝ":"ϝ","Ϟ":"ϟ","Ϡ":"ϡ",'
        '"Ϣ":"ϣ","Ϥ":"ϥ","Ϧ":"ϧ","Ϩ":"ϩ","Ϫ":"ϫ","Ϭ":"ϭ","Ϯ":"ϯ","ϰ":"κ","ϱ":"ρ","ϴ":"θ","ϵ":"ε",'
        '"Ϸ":"ϸ","Ϲ":"ϲ","Ϻ":"ϻ","Ͻ":"ͻ","Ͼ":"ͼ","Ͽ":"ͽ","Ђ":"ђ","Є":"є","Ѕ":"ѕ","І":"і","Ј":"ј",'
        '"Љ":"љ","Њ":"њ","Ћ":"ћ","Џ":"џ","А":"а","Б":"б","В":"в","Г":"г","Д":"д","Е":"е","Ж":"ж",'
        '"З":"з","И":"и","К":"к","Л":"л","М":"м","Н":"н","О":"о","П":"п","Р":"р","С":"с","Т":"т",'
        '"У":"у","Ф":"ф","Х":"х","Ц":"ц","Ч":"ч","Ш":"ш","Щ":"щ","Ъ":"ъ","Ы":"ы","Ь":"ь","Э":"э",'
        '"Ю":"ю","Я":"я","Ѡ":"ѡ","Ѣ":"ѣ","Ѥ":"ѥ","Ѧ":"ѧ","Ѩ":"ѩ","Ѫ":"ѫ","Ѭ":"ѭ","Ѯ":"ѯ","Ѱ":"ѱ",'
        '"Ѳ":"ѳ","Ѵ":"ѵ","Ѹ":"ѹ","Ѻ":"ѻ","Ѽ":"ѽ","Ѿ":"ѿ","Ҁ":"ҁ","Ҋ":"ҋ","Ҍ":"ҍ","Ҏ":"ҏ","Ґ":"ґ",'
        '"Ғ":"ғ","Ҕ":"ҕ","Җ":"җ","Ҙ":"ҙ","Қ":"қ","Ҝ":"ҝ","Ҟ":"ҟ","Ҡ":"ҡ","Ң":"ң","Ҥ":"ҥ","Ҧ":"ҧ",'
        '"Ҩ":"ҩ","Ҫ":"ҫ","Ҭ":"ҭ","Ү":"ү","Ұ":"ұ","Ҳ":"ҳ","Ҵ":"ҵ","Ҷ":"ҷ","Ҹ":"ҹ","Һ":"һ","Ҽ":"ҽ",'
        '"Ҿ":"ҿ","Ӏ":"ӏ","Ӄ":"ӄ","Ӆ":"ӆ","Ӈ":"ӈ","Ӊ":"ӊ","Ӌ":"ӌ","Ӎ":"ӎ","Ӕ":"ӕ","Ә":"ә","Ӡ":"ӡ",'
        '"Ө":"ө","Ӷ":"ӷ","Ӻ":"ӻ","Ӽ":"ӽ","Ӿ":"ӿ","Ԁ":"ԁ","Ԃ":"ԃ","Ԅ":"ԅ","Ԇ":"ԇ","Ԉ":"ԉ","Ԋ":"ԋ",'
        '"Ԍ":"ԍ","Ԏ":"ԏ","Ԑ":"ԑ","Ԓ":"ԓ","Ԕ":"ԕ","Ԗ":"ԗ","Ԙ":"ԙ","Ԛ":"ԛ","Ԝ":"ԝ","Ԟ":"ԟ","Ԡ":"ԡ",'
        '"Ԣ":"ԣ","Ԥ":"ԥ","Ԧ":"ԧ","Ԩ":"ԩ","Ԫ":"ԫ","Ԭ":"ԭ","Ԯ":"ԯ","Ա":"ա","Բ":"բ","Գ":"գ","Դ":"դ",'
        '"Ե":"ե","Զ":"զ","Է":"է","Ը":"ը","Թ":"թ","Ժ":"ժ","Ի":"ի","Լ":"լ","Խ":"խ","Ծ":"ծ","Կ":"կ",'
        '"Հ":"հ","Ձ":"ձ","Ղ":"ղ","Ճ":"ճ","Մ":"մ","Յ":"յ","Ն":"ն","Շ":"շ","Ո":"ո","Չ":"չ","Պ":"պ",'
        '"Ջ":"ջ","Ռ":"ռ","Ս":"ս","Վ":"վ","Տ":"տ","Ր":"ր","Ց":"ց","Ւ":"ւ","Փ":"փ","Ք":"ք","Օ":"օ",'
        '"Ֆ":"ֆ","և":"եւ","Ⴀ":"ⴀ","Ⴁ":"ⴁ","Ⴂ":"ⴂ","Ⴃ":"ⴃ","Ⴄ":"ⴄ","Ⴅ":"ⴅ","Ⴆ":"ⴆ",'
        '"Ⴇ":"ⴇ","Ⴈ":"ⴈ","Ⴉ":"ⴉ","Ⴊ":"ⴊ","Ⴋ":"ⴋ","Ⴌ":"ⴌ","Ⴍ":"ⴍ","Ⴎ":"ⴎ","Ⴏ":"ⴏ",'
        '"Ⴐ":"ⴐ","Ⴑ":"ⴑ","Ⴒ":"ⴒ","Ⴓ":"ⴓ","Ⴔ":"ⴔ","Ⴕ":"ⴕ","Ⴖ":"ⴖ","Ⴗ":"ⴗ","Ⴘ":"ⴘ",'
        '"Ⴙ":"ⴙ","Ⴚ":"ⴚ","Ⴛ":"ⴛ","Ⴜ":"ⴜ","Ⴝ":"ⴝ","Ⴞ":"ⴞ","Ⴟ":"ⴟ","Ⴠ":"ⴠ","Ⴡ":"ⴡ",'
        '"Ⴢ":"ⴢ","Ⴣ":"ⴣ","Ⴤ":"ⴤ","Ⴥ":"ⴥ","Ⴧ":"ⴧ","Ⴭ":"ⴭ","ᏸ":"Ᏸ","ᏹ":"Ᏹ","ᏺ":"Ᏺ",'
        '"ᏻ":"Ᏻ","ᏼ":"Ᏼ","ᏽ":"Ᏽ","ᲀ":"в","ᲁ":"д","ᲂ":"о","ᲃ":"с","ᲄ":"т","ᲅ":"т",'
        '"ᲆ":"ъ","ᲇ":"ѣ","ᲈ":"ꙋ","Ა":"ა","Ბ":"ბ","Გ":"გ","Დ":"დ","Ე":"ე","Ვ":"ვ",'
        '"Ზ":"ზ","Თ":"თ","Ი":"ი","Კ":"კ","Ლ":"ლ","Მ":"მ","Ნ":"ნ","Ო":"ო","Პ":"პ",'
        '"Ჟ":"ჟ","Რ":"რ","Ს":"ს","Ტ":"ტ","Უ":"უ","Ფ":"ფ","Ქ":"ქ","Ღ":"ღ","Ყ":"ყ",'
        '"Შ":"შ","Ჩ":"ჩ","Ც":"ც","Ძ":"ძ","Წ":"წ","Ჭ":"ჭ","Ხ":"ხ","Ჯ":"ჯ","Ჰ":"ჰ",'
        '"Ჱ":"ჱ","Ჲ":"ჲ","Ჳ":"ჳ","Ჴ":"ჴ","Ჵ":"ჵ","Ჶ":"ჶ","Ჷ":"ჷ","Ჸ":"ჸ","Ჹ":"ჹ",'
        '"Ჺ":"ჺ","Ჽ":"ჽ","Ჾ":"ჾ","Ჿ":"ჿ","ẚ":"aʾ","ẞ":"ss","Ỻ":"ỻ","Ỽ":"ỽ","Ỿ":"ỿ",'
        '"Ⅎ":"ⅎ","Ⅰ":"ⅰ","Ⅱ":"ⅱ","Ⅲ":"ⅲ","Ⅳ":"ⅳ","Ⅴ":"ⅴ","Ⅵ":"ⅵ","Ⅶ":"ⅶ","Ⅷ":"ⅷ",'
        '"Ⅸ":"ⅸ","Ⅹ":"ⅹ","Ⅺ":"ⅺ","Ⅻ":"ⅻ","Ⅼ":"ⅼ","Ⅽ":"ⅽ","Ⅾ":"ⅾ","Ⅿ":"ⅿ","Ↄ":"ↄ",'
        '"Ⓐ":"ⓐ","Ⓑ":"ⓑ","Ⓒ":"ⓒ","Ⓓ":"ⓓ","Ⓔ":"ⓔ","Ⓕ":"ⓕ","Ⓖ":"ⓖ","Ⓗ":"ⓗ","Ⓘ":"ⓘ",'
        '"Ⓙ":"ⓙ","Ⓚ":"ⓚ","Ⓛ":"ⓛ","Ⓜ":"ⓜ","Ⓝ":"ⓝ","Ⓞ":"ⓞ","Ⓟ":"ⓟ","Ⓠ":"ⓠ","Ⓡ":"ⓡ",'
        '"Ⓢ":"ⓢ","Ⓣ":"ⓣ","Ⓤ":"ⓤ","Ⓥ":"ⓥ","Ⓦ":"ⓦ","Ⓧ":"ⓧ","Ⓨ":"ⓨ","Ⓩ":"ⓩ","Ⰰ":"ⰰ",'
        '"Ⰱ":"ⰱ","Ⰲ":"ⰲ","Ⰳ":"ⰳ","Ⰴ":"ⰴ","Ⰵ":"ⰵ","Ⰶ":"ⰶ","Ⰷ":"ⰷ","Ⰸ":"ⰸ","Ⰹ":"ⰹ",'
        '"Ⰺ":"ⰺ","Ⰻ":"ⰻ","Ⰼ":"ⰼ","Ⰽ":"ⰽ","Ⰾ":"ⰾ","Ⰿ":"ⰿ","Ⱀ":"ⱀ","Ⱁ":"ⱁ","Ⱂ":"ⱂ",'
        '"Ⱃ":"ⱃ","Ⱄ":"ⱄ","Ⱅ":"ⱅ","Ⱆ":"ⱆ","Ⱇ":"ⱇ","Ⱈ":"ⱈ","Ⱉ":"ⱉ","Ⱊ":"ⱊ","Ⱋ":"ⱋ",'
        '"Ⱌ":"ⱌ","Ⱍ":"ⱍ","Ⱎ":"ⱎ","Ⱏ":"ⱏ","Ⱐ":"ⱐ","Ⱑ":"ⱑ","Ⱒ":"ⱒ","Ⱓ":"ⱓ","Ⱔ":"ⱔ",'
        '"Ⱕ":"ⱕ","Ⱖ":"ⱖ","Ⱗ":"ⱗ","Ⱘ":"ⱘ","Ⱙ":"ⱙ","Ⱚ":"ⱚ","Ⱛ":"ⱛ","Ⱜ":"ⱜ","Ⱝ":"ⱝ",'
        '"Ⱞ":"ⱞ","Ⱟ":"ⱟ","Ⱡ":"ⱡ","Ɫ":"ɫ","Ᵽ":"ᵽ","Ɽ":"ɽ","Ⱨ":"ⱨ","Ⱪ":"ⱪ","Ⱬ":"ⱬ",'
        '"Ɑ":"ɑ","Ɱ":"ɱ","Ɐ":"ɐ","Ɒ":"ɒ","Ⱳ":"ⱳ","Ⱶ":"ⱶ","Ȿ":"ȿ","Ɀ":"ɀ","Ⲁ":"ⲁ",'
        '"Ⲃ":"ⲃ","Ⲅ":"ⲅ","Ⲇ":"ⲇ","Ⲉ":"ⲉ","Ⲋ":"ⲋ","Ⲍ":"ⲍ","Ⲏ":"ⲏ","Ⲑ":"ⲑ","Ⲓ":"ⲓ",'
        '"Ⲕ":"ⲕ","Ⲗ":"ⲗ","Ⲙ":"ⲙ","Ⲛ":"ⲛ","Ⲝ":"ⲝ","Ⲟ":"ⲟ","Ⲡ":"ⲡ","Ⲣ":"ⲣ","Ⲥ":"ⲥ",'
        '"Ⲧ":"ⲧ","Ⲩ":"ⲩ","Ⲫ":"ⲫ","Ⲭ":"ⲭ","Ⲯ":"ⲯ","Ⲱ":"ⲱ","Ⲳ":"ⲳ","Ⲵ":"ⲵ","Ⲷ":"ⲷ",'
        '"Ⲹ":"ⲹ","Ⲻ":"ⲻ","Ⲽ":"ⲽ","Ⲿ":"ⲿ","Ⳁ":"ⳁ","Ⳃ":"ⳃ","Ⳅ":"ⳅ","Ⳇ":"ⳇ","Ⳉ":"ⳉ",'
        '"Ⳋ":"ⳋ","Ⳍ":"ⳍ","Ⳏ":"ⳏ","Ⳑ":"ⳑ","Ⳓ":"ⳓ","Ⳕ":"ⳕ","Ⳗ":"ⳗ","Ⳙ":"ⳙ","Ⳛ":"ⳛ",'
        '"Ⳝ":"ⳝ","Ⳟ":"ⳟ","Ⳡ":"ⳡ","Ⳣ":"ⳣ","Ⳬ":"ⳬ","Ⳮ":"ⳮ","Ⳳ":"ⳳ","Ꙁ":"ꙁ","Ꙃ":"ꙃ",'
        '"Ꙅ":"ꙅ","Ꙇ":"ꙇ","Ꙉ":"ꙉ","Ꙋ":"ꙋ","Ꙍ":"ꙍ","Ꙏ":"ꙏ","Ꙑ":"ꙑ","Ꙓ":"ꙓ","Ꙕ":"ꙕ",'
        '"Ꙗ":"ꙗ","Ꙙ":"ꙙ","Ꙛ":"ꙛ","Ꙝ":"ꙝ","Ꙟ":"ꙟ","Ꙡ":"ꙡ","Ꙣ":"ꙣ","Ꙥ":"ꙥ","Ꙧ":"ꙧ",'
        '"Ꙩ":"ꙩ","Ꙫ":"ꙫ","Ꙭ":"ꙭ","Ꚁ":"ꚁ","Ꚃ":"ꚃ","Ꚅ":"ꚅ","Ꚇ":"ꚇ","Ꚉ":"ꚉ","Ꚋ":"ꚋ",'
        '"Ꚍ":"ꚍ","Ꚏ":"ꚏ","Ꚑ":"ꚑ","Ꚓ":"ꚓ","Ꚕ":"ꚕ","Ꚗ":"ꚗ","Ꚙ":"ꚙ","Ꚛ":"ꚛ","Ꜣ":"ꜣ",'
        '"Ꜥ":"ꜥ","Ꜧ":"ꜧ","Ꜩ":"ꜩ","Ꜫ":"ꜫ","Ꜭ":"ꜭ","Ꜯ":"ꜯ","Ꜳ":"ꜳ","Ꜵ":"ꜵ","Ꜷ":"ꜷ",'
        '"Ꜹ":"ꜹ","Ꜻ":"ꜻ","Ꜽ":"ꜽ","Ꜿ":"ꜿ","Ꝁ":"ꝁ","Ꝃ":"ꝃ","Ꝅ":"ꝅ","Ꝇ":"ꝇ","Ꝉ":"ꝉ",'
        '"Ꝋ":"ꝋ","Ꝍ":"ꝍ","Ꝏ":"ꝏ","Ꝑ":"ꝑ","Ꝓ":"ꝓ","Ꝕ":"ꝕ","Ꝗ":"ꝗ","Ꝙ":"ꝙ","Ꝛ":"ꝛ",'
        '"Ꝝ":"ꝝ","Ꝟ":"ꝟ","Ꝡ":"ꝡ","Ꝣ":"ꝣ","Ꝥ":"ꝥ","Ꝧ":"ꝧ","Ꝩ":"ꝩ","Ꝫ":"ꝫ","Ꝭ":"ꝭ",'
        '"Ꝯ":"ꝯ","Ꝺ":"ꝺ","Ꝼ":"ꝼ","Ᵹ":"ᵹ","Ꝿ":"ꝿ","Ꞁ":"ꞁ","Ꞃ":"ꞃ","Ꞅ":"ꞅ","Ꞇ":"ꞇ",'
        '"Ꞌ":"ꞌ","Ɥ":"ɥ","Ꞑ":"ꞑ","Ꞓ":"ꞓ","Ꞗ":"ꞗ","Ꞙ":"ꞙ","Ꞛ":"ꞛ","Ꞝ":"ꞝ","Ꞟ":"ꞟ",'
        '"Ꞡ":"ꞡ","Ꞣ":"ꞣ","Ꞥ":"ꞥ","Ꞧ":"ꞧ","Ꞩ":"ꞩ","Ɦ":"ɦ","Ɜ":"ɜ","Ɡ":"ɡ","Ɬ":"ɬ",'
        '"Ɪ":"ɪ","Ʞ":"ʞ","Ʇ":"ʇ","Ʝ":"ʝ","Ꭓ":"ꭓ","Ꞵ":"ꞵ","Ꞷ":"ꞷ","Ꞹ":"ꞹ","Ꞻ":"ꞻ",'
        '"Ꞽ":"ꞽ","Ꞿ":"ꞿ","Ꟁ":"ꟁ","Ꟃ":"ꟃ","Ꞔ":"ꞔ","Ʂ":"ʂ","Ᶎ":"ᶎ","Ꟈ":"ꟈ","Ꟊ":"ꟊ",'
        '"Ꟑ":"ꟑ","Ꟗ":"ꟗ","Ꟙ":"ꟙ","Ꟶ":"ꟶ","ꭰ":"Ꭰ","ꭱ":"Ꭱ","ꭲ":"Ꭲ","ꭳ":"Ꭳ","ꭴ":"Ꭴ",'
        '"ꭵ":"Ꭵ","ꭶ":"Ꭶ","ꭷ":"Ꭷ","ꭸ":"Ꭸ","ꭹ":"Ꭹ","ꭺ":"Ꭺ","ꭻ":"Ꭻ","ꭼ":"Ꭼ","ꭽ":"Ꭽ",'
        '"ꭾ":"Ꭾ","ꭿ":"Ꭿ","ꮀ":"Ꮀ","ꮁ":"Ꮁ","ꮂ":"Ꮂ","ꮃ":"Ꮃ","ꮄ":"Ꮄ","ꮅ":"Ꮅ","ꮆ":"Ꮆ",'
        '"ꮇ":"Ꮇ","ꮈ":"Ꮈ","ꮉ":"Ꮉ","ꮊ":"Ꮊ","ꮋ":"Ꮋ","ꮌ":"Ꮌ","ꮍ":"Ꮍ","ꮎ":"Ꮎ","ꮏ":"Ꮏ",'
        '"ꮐ":"Ꮐ","ꮑ":"Ꮑ","ꮒ":"Ꮒ","ꮓ":"Ꮓ","ꮔ":"Ꮔ","ꮕ":"Ꮕ","ꮖ":"Ꮖ","ꮗ":"Ꮗ","ꮘ":"Ꮘ",'
        '"ꮙ":"Ꮙ","ꮚ":"Ꮚ","ꮛ":"Ꮛ","ꮜ":"Ꮜ","ꮝ":"Ꮝ","ꮞ":"Ꮞ","ꮟ":"Ꮟ","ꮠ":"Ꮠ","ꮡ":"Ꮡ",'
        '"ꮢ":"Ꮢ","ꮣ":"Ꮣ","ꮤ":"Ꮤ","ꮥ":"Ꮥ","ꮦ":"Ꮦ","ꮧ":"Ꮧ","ꮨ":"Ꮨ","ꮩ":"Ꮩ","ꮪ":"Ꮪ",'
        '"ꮫ":"Ꮫ","ꮬ":"Ꮬ","ꮭ":"Ꮭ","ꮮ":"Ꮮ","ꮯ":"Ꮯ","ꮰ":"Ꮰ","ꮱ":"Ꮱ","ꮲ":"Ꮲ","ꮳ":"Ꮳ",'
        '"ꮴ":"Ꮴ","ꮵ":"Ꮵ","ꮶ":"Ꮶ","ꮷ":"Ꮷ","ꮸ":"Ꮸ","ꮹ":"Ꮹ","ꮺ":"Ꮺ","ꮻ":"Ꮻ","ꮼ":"Ꮼ",'
        '"ꮽ":"Ꮽ","ꮾ":"Ꮾ","ꮿ":"Ꮿ","ﬀ":"ff","ﬁ":"fi","ﬂ":"fl","ﬃ":"ffi","ﬄ":"ffl","ﬅ":"st",'
        '"ﬆ":"st","ﬓ":"մն","ﬔ":"մե","ﬕ":"մի","ﬖ":"վն","ﬗ":"մխ","Ａ":"ａ","Ｂ":"ｂ",'
        '"Ｃ":"ｃ","Ｄ":"ｄ","Ｅ":"ｅ","Ｆ":"ｆ","Ｇ":"ｇ","Ｈ":"ｈ","Ｉ":"ｉ","Ｊ":"ｊ","Ｋ":"ｋ",'
        '"Ｌ":"ｌ","Ｍ":"ｍ","Ｎ":"ｎ","Ｏ":"ｏ","Ｐ":"ｐ","Ｑ":"ｑ","Ｒ":"ｒ","Ｓ":"ｓ","Ｔ":"ｔ",'
        '"Ｕ":"ｕ","Ｖ":"ｖ","Ｗ":"ｗ","Ｘ":"ｘ","Ｙ":"ｙ","Ｚ":"ｚ","𐐀":"𐐨","𐐁":"𐐩",'
        '"𐐂":"𐐪","𐐃":"𐐫","𐐄":"𐐬","𐐅":"𐐭","𐐆":"𐐮","𐐇":"𐐯","𐐈":"𐐰",'
        '"𐐉":"𐐱","𐐊":"𐐲","𐐋":"𐐳","𐐌":"𐐴","𐐍":"𐐵","𐐎":"𐐶","𐐏":"𐐷",'
        '"𐐐":"𐐸","𐐑":"𐐹","𐐒":"𐐺","𐐓":"𐐻","𐐔":"𐐼","𐐕":"𐐽","𐐖":"𐐾",'
        '"𐐗":"𐐿","𐐘":"𐑀","𐐙":"𐑁","𐐚":"𐑂","𐐛":"𐑃","𐐜":"𐑄","𐐝":"𐑅",'
        '"𐐞":"𐑆","𐐟":"𐑇","𐐠":"𐑈","𐐡":"𐑉","𐐢":"𐑊","𐐣":"𐑋","𐐤":"𐑌",'
        '"𐐥":"𐑍","𐐦":"𐑎","𐐧":"𐑏","𐒰":"𐓘","𐒱":"𐓙","𐒲":"𐓚","𐒳":"𐓛",'
        '"𐒴":"𐓜","𐒵":"𐓝","𐒶":"𐓞","𐒷":"𐓟","𐒸":"𐓠","𐒹":"𐓡","𐒺":"𐓢",'
        '"𐒻":"𐓣","𐒼":"𐓤","𐒽":"𐓥","𐒾":"𐓦","𐒿":"𐓧","𐓀":"𐓨","𐓁":"𐓩",'
        '"𐓂":"𐓪","𐓃":"𐓫","𐓄":"𐓬","𐓅":"𐓭","𐓆":"𐓮","𐓇":"𐓯","𐓈":"𐓰",'
        '"𐓉":"𐓱","𐓊":"𐓲","𐓋":"𐓳","𐓌":"𐓴","𐓍":"𐓵","𐓎":"𐓶","𐓏":"𐓷",'
        '"𐓐":"𐓸","𐓑":"𐓹","𐓒":"𐓺","𐓓":"𐓻","𐕰":"𐖗","𐕱":"𐖘","𐕲":"𐖙",'
        '"𐕳":"𐖚","𐕴":"𐖛","𐕵":"𐖜","𐕶":"𐖝","𐕷":"𐖞","𐕸":"𐖟","𐕹":"𐖠",'
        '"𐕺":"𐖡","𐕼":"𐖣","𐕽":"𐖤","𐕾":"𐖥","𐕿":"𐖦","𐖀":"𐖧","𐖁":"𐖨",'
        '"𐖂":"𐖩","𐖃":"𐖪","𐖄":"𐖫","𐖅":"𐖬","𐖆":"𐖭","𐖇":"𐖮","𐖈":"𐖯",'
        '"𐖉":"𐖰","𐖊":"𐖱","𐖌":"𐖳","𐖍":"𐖴","𐖎":"𐖵","𐖏":"𐖶","𐖐":"𐖷",'
        '"𐖑":"𐖸","𐖒":"𐖹","𐖔":"𐖻","𐖕":"𐖼","𐲀":"𐳀","𐲁":"𐳁","𐲂":"𐳂",'
        '"𐲃":"𐳃","𐲄":"𐳄","𐲅":"𐳅","𐲆":"𐳆","𐲇":"𐳇","𐲈":"𐳈","𐲉":"𐳉",'
        '"𐲊":"𐳊","𐲋":"𐳋","𐲌":"𐳌","𐲍":"𐳍","𐲎":"𐳎","𐲏":"𐳏","𐲐":"𐳐",'
        '"𐲑":"𐳑","𐲒":"𐳒","𐲓":"𐳓","𐲔":"𐳔","𐲕":"𐳕","𐲖":"𐳖","𐲗":"𐳗",'
        '"𐲘":"𐳘","𐲙":"𐳙","𐲚":"𐳚","𐲛":"𐳛","𐲜":"𐳜","𐲝":"𐳝","𐲞":"𐳞",'
        '"𐲟":"𐳟","𐲠":"𐳠","𐲡":"𐳡","𐲢":"𐳢","𐲣":"𐳣","𐲤":"𐳤","𐲥":"𐳥",'
        '"𐲦":"𐳦","𐲧":"𐳧","𐲨":"𐳨","𐲩":"𐳩","𐲪":"𐳪","𐲫":"𐳫","𐲬":"𐳬",'
        '"𐲭":"𐳭","𐲮":"𐳮","𐲯":"𐳯","𐲰":"𐳰","𐲱":"𐳱","𐲲":"𐳲","𑢠":"𑣀",'
        '"𑢡":"𑣁","𑢢":"𑣂","𑢣":"𑣃","𑢤":"𑣄","𑢥":"𑣅","𑢦":"𑣆","𑢧":"𑣇",'
        '"𑢨":"𑣈","𑢩":"𑣉","𑢪":"𑣊","𑢫":"𑣋","𑢬":"𑣌","𑢭":"𑣍","𑢮":"𑣎",'
        '"𑢯":"𑣏","𑢰":"𑣐","𑢱":"𑣑","𑢲":"𑣒","𑢳":"𑣓","𑢴":"𑣔","𑢵":"𑣕",'
        '"𑢶":"𑣖","𑢷":"𑣗","𑢸":"𑣘","𑢹":"𑣙","𑢺":"𑣚","𑢻":"𑣛","𑢼":"𑣜",'
        '"𑢽":"𑣝","𑢾":"𑣞","𑢿":"𑣟","𖹀":"𖹠","𖹁":"𖹡","𖹂":"𖹢","𖹃":"𖹣",'
        '"𖹄":"𖹤","𖹅":"𖹥","𖹆":"𖹦","𖹇":"𖹧","𖹈":"𖹨","𖹉":"𖹩","𖹊":"𖹪",'
        '"𖹋":"𖹫","𖹌":"𖹬","𖹍":"𖹭","𖹎":"𖹮","𖹏":"𖹯","𖹐":"𖹰","𖹑":"𖹱",'
        '"𖹒":"𖹲","𖹓":"𖹳","𖹔":"𖹴","𖹕":"𖹵","𖹖":"𖹶","𖹗":"𖹷","𖹘":"𖹸",'
        '"𖹙":"𖹹","𖹚":"𖹺","𖹛":"𖹻","𖹜":"𖹼","𖹝":"𖹽","𖹞":"𖹾","𖹟":"𖹿",'
        '"\uD83A\uDD00":"\uD83A\uDD22","\uD83A\uDD01":"\uD83A\uDD23","\uD83A\uDD02":"\uD83A\uDD24",'
        '"\uD83A\uDD03":"\uD83A\uDD25","\uD83A\uDD04":"\uD83A\uDD26","\uD83A\uDD05":"\uD83A\uDD27",'
        '"\uD83A\uDD06":"\uD83A\uDD28","\uD83A\uDD07":"\uD83A\uDD29","\uD83A\uDD08":"\uD83A\uDD2A",'
        '"\uD83A\uDD09":"\uD83A\uDD2B","\uD83A\uDD0A":"\uD83A\uDD2C","\uD83A\uDD0B":"\uD83A\uDD2D",'
        '"\uD83A\uDD0C":"\uD83A\uDD2E","\uD83A\uDD0D":"\uD83A\uDD2F","\uD83A\uDD0E":"\uD83A\uDD30",'
        '"\uD83A\uDD0F":"\uD83A\uDD31","\uD83A\uDD10":"\uD83A\uDD32","\uD83A\uDD11":"\uD83A\uDD33",'
        '"\uD83A\uDD12":"\uD83A\uDD34","\uD83A\uDD13":"\uD83A\uDD35","\uD83A\uDD14":"\uD83A\uDD36",'
        '"\uD83A\uDD15":"\uD83A\uDD37","\uD83A\uDD16":"\uD83A\uDD38","\uD83A\uDD17":"\uD83A\uDD39",'
        '"\uD83A\uDD18":"\uD83A\uDD3A","\uD83A\uDD19":"\uD83A\uDD3B","\uD83A\uDD1A":"\uD83A\uDD3C",'
        '"\uD83A\uDD1B":"\uD83A\uDD3D","\uD83A\uDD1C":"\uD83A\uDD3E","\uD83A\uDD1D":"\uD83A\uDD3F",'
        '"\uD83A\uDD1E":"\uD83A\uDD40","\uD83A\uDD1F":"\uD83A\uDD41","\uD83A\uDD20":"\uD83A\uDD42",'
        '"\uD83A\uDD21":"\uD83A\uDD43"}'::jsonb ->> c.character,
            c.character), '' order by c.ordinality)
        from unnest(string_to_array(value, null)) with ordinality as c (character, ordinality));
end $$;
comment on function app.folded(text) is
    'A decomposed text (NFD) after Unicode''s full case folding.';
-- generated: end

-- Definer, as the functions after it, because whoever writes a row runs them, and the API roles may
-- not look up names in `app`.
create function app.name_key(name text) returns text
language plpgsql immutable strict parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if octet_length(name) = char_length(name) then
        return lower(btrim(name, E' \t\n\x0B\f\r') collate "C");
    end if;
    return normalize(app.folded(normalize(btrim(name, app.white_space()), NFD)), NFC);
end $$;
comment on function app.name_key(text) is
    'What two names have in common when they are the same: Unicode''s canonical caseless matching (full case folding). '
    'Whatever names are looked up, compared or sorted by, in any form, passes here; what is stored has it as name_key.';

create function app.is_name(value text) returns boolean
language plpgsql immutable strict parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Checked with every change of a row: the ordinary name is through at once.
    if octet_length(value) between 1 and 35 and value ~ '^[A-Za-z0-9._/-]*$' and value not in ('.', '..') then
        return true;
    end if;
    return char_length(value) between 1 and 200
       and value = app.tidy(value)
       and not app.is_unfit(value)
       -- what RFC 3986 and browsers take out of a path
       and replace(lower(value collate "C"), '%2e', '.') not in ('.', '..')
       and not app.is_uuid(value);
end $$;
comment on function app.is_name(text) is
    'Whether a text may name a thing: 1 to 200 characters, tidy, none of them unfit, not in the form of an id, nothing that a path loses.';

create function app.is_username(value text) returns boolean
language plpgsql immutable strict parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return char_length(value) between 1 and 100
       and value = app.tidy(value)
       and not app.is_unfit(value)
       and not app.is_unfit_in_username(value)
       and left(value, 1) not in ('.', '_', '-')
       and not app.is_uuid(value)
       and app.name_key(value) <> 'me';
end $$;
comment on function app.is_username(text) is
    'Whether a text may name a user: 1 to 100 letters, digits, `.`, `_` and `-`, the first one a letter or a digit; neither an id nor `me`.';

create function app.is_email(value text) returns boolean
language plpgsql immutable strict parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return char_length(value) between 3 and 254
       and value = app.tidy(value)
       and not app.is_unfit(value)
       -- One @, something on both sides of it, no white space.
       and value ~ '^[^@]+@[^@]+$'
       and translate(value, app.white_space(), '') = value;
end $$;
comment on function app.is_email(text) is 'Whether a text may be an email address: 3 to 254 characters, one @ within, no white space, none of them unfit.';

-- Words ----------------------------------------------------------------------------------

-- The parser of text search takes `acme/llama` for the path of a file and `llama.v2` for a host. Names
-- are split where people split them: at punctuation, and between letters and digits unless the letter
-- stands alone (llama2 is llama 2, but 8b and t5 are words).
create function app.words(value text) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if octet_length(value) <> char_length(value) then
        value := normalize(value, NFC);
    end if;
    -- The punctuation of ASCII.
    value := regexp_replace(value, '[!-/:-@[-`{-~]+', ' ', 'g');
    if value ~ '[0-9]' then
        return regexp_replace(value, '([^0-9 ]{2})(?=[0-9])|([0-9])(?=[^0-9 ]{2})', '\1\2 ', 'g');
    end if;
    return value;
end $$;
comment on function app.words(text) is 'A text with blanks between its words, for text search.';

create function app.search_vector(name text, description text) returns tsvector
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    words constant text := app.words(name);
    parts text;
    -- As they stand, too: a word that is not written to its end yet has no stem to be found by.
    vector tsvector := to_tsvector('pg_catalog.english', words) || to_tsvector('pg_catalog.simple', words);
begin
    if words <> lower(words) then
        -- LlamaForCausalLM, HTTPServer
        parts := regexp_replace(words, '([[:lower:]])(?=[[:upper:]])|([[:upper:]])(?=[[:upper:]][[:lower:]])', '\1\2 ', 'g');
        if parts <> words then
            vector := vector || to_tsvector('pg_catalog.english', parts);
        end if;
    end if;
    vector := setweight(vector, 'A');
    if description is not null then
        vector := vector || setweight(to_tsvector('pg_catalog.english', app.words(description)), 'B');
    end if;
    return vector;
end $$;
comment on function app.search_vector(text, text) is
    'What text search knows of a thing: the words of its name, also those within words in camel case, and those of its description.';

create function app.metadata_words(printed text) returns tsvector
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    words text := printed;
begin
    if words = '{}' then return ''::tsvector; end if;
    if octet_length(words) > 4000 then
        words := left(words, 4000);
    end if;
    if strpos(words, '\') > 0 then
        words := regexp_replace(words, '\\[bfnrt]', ' ', 'g');
    end if;
    -- Not by app.words(), which takes longer than all else that is derived of a change: the parser itself ends words where JSON does,
    -- once nothing looks like a path, a host, an address or a tag. (By translate() that alone would be a fiftieth of a change.)
    return setweight(to_tsvector('pg_catalog.english',
        replace(replace(replace(replace(words, '/', ' '), '.', ' '), '@', ' '), '<', ' ')), 'C');
end $$;
comment on function app.metadata_words(text) is
    'What text search knows of metadata as it is printed: the words of its keys and values, in the first 4,000 characters.';

-- Not generated columns: those are computed in every UPDATE of a table with BEFORE triggers, a tenth of what a
-- change costs. Its triggers ask for a change of the name or description, and come after those that make either.
create function app.derive_words() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    new.name_key := app.name_key(new.name);
    new.search := app.search_vector(new.name, new.description);
    if tg_op = 'INSERT' or new.name <> old.name then
        perform app.keep_spellings(new.name);
    end if;
    return new;
end $$;
comment on function app.derive_words() is
    'BEFORE INSERT, and UPDATE of name or description: what a thing is found and sorted by. Nobody else writes it (app.refuse_derived).';

create function app.search_query(query text) returns tsquery
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    term text[];
    words text;
    terms text := '';
begin
    -- A minus, then what is quoted or a word: several words in it are looked for side by side.
    for term in select t from regexp_matches(query, '(-?)(?:"([^"]*)"?|([^"[:space:]]+))', 'g') as t loop
        words := btrim(app.words(coalesce(term[2], term[3])));
        if words ~ '[[:space:]]' or term[2] is not null then
            words := '"' || words || '"';
        end if;
        if words not in ('', '""') then
            terms := terms || ' ' || term[1] || words;
        end if;
    end loop;
    return websearch_to_tsquery('pg_catalog.english', terms);
end $$;
comment on function app.search_query(text) is
    'A query in the language of web searches ("…", or, -), whose words are split as those of names are.';

-- Time -------------------------------------------------------------------------------------

-- PostgreSQL keeps times that no client can read: infinities, years before Christ and beyond 9999. What
-- clients write lies between these two, which the checks of such columns name.
create function app.earliest_time() returns timestamptz
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return timestamptz '2000-01-01 00:00:00+00';
end $$;
create function app.latest_time() returns timestamptz
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return timestamptz '9999-12-31 23:59:59.999999+00';
end $$;

create function app.time_text(value timestamptz) returns text
language plpgsql stable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Not as the session's time zone would have it, nor without the zeros at the end.
    return to_char(value at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
end $$;
comment on function app.time_text(timestamptz) is
    'A time as it stands in every answer: RFC 3339, UTC, six digits. No other way leads a time into JSON.';

create function app.row_json(row_as_json jsonb) returns jsonb
language plpgsql stable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- What is called so is a time, and a time is called so: tests/schema/catalog.rs.
    times constant text[] := array['created_at', 'updated_at', 'archived_at', 'started_at', 'ended_at', 'verified_at',
        'expires_at', 'last_used_at', 'last_updated', 'activated_at', 'withdrawn_at', 'moved_at', 'cancel_requested_at', 'lost_at'];
    named text;
begin
    -- (Without a query, which would take longer than the rest: every change of a row comes by here.)
    foreach named in array times loop
        if row_as_json ? named then
            row_as_json := row_as_json || jsonb_build_object(named, app.time_text((row_as_json ->> named)::timestamptz));
        end if;
    end loop;
    return row_as_json;
end $$;
comment on function app.row_json(jsonb) is 'A row that to_jsonb() has made JSON of, with its times as app.time_text() writes them.';

-- `updated_at` is the revision that an ETag names, so it must grow with every change, also
-- when the clock does not.
create function app.next_revision(previous timestamptz) returns timestamptz
language plpgsql volatile parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return greatest(clock_timestamp(), previous + interval '1 microsecond');
end $$;

create function app.touch() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Arguments: generated columns, which have no value yet in a BEFORE trigger. (Without any,
    -- tg_argv is null.)
    if to_jsonb(new) - coalesce(tg_argv, '{}') is distinct from to_jsonb(old) - coalesce(tg_argv, '{}') then
        new.updated_at := app.next_revision(old.updated_at);
    end if;
    return new;
end $$;
comment on function app.touch() is 'BEFORE UPDATE: a changed row gets a later updated_at.';

-- One writer at a time -----------------------------------------------------------------------

-- Rules over many rows (no cycle, at least one admin) hold only if their writers queue. The
-- queue is a row, not an advisory lock: under REPEATABLE READ the second writer then fails with
-- a serialization error instead of deciding on an old snapshot.
create table app.guards (
    guard text not null constraint guards_pkey primary key,
    passed bigint not null default 0
);
comment on table app.guards is
    'One row per rule that spans rows; its writers queue on it. `passed` counts them.';
insert into app.guards (guard) values ('taxonomy'), ('dependencies'), ('admins');
revoke all on app.guards from public, anon, authenticated, service_role;

create function app.enter_guard(which text) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$ update app.guards set passed = passed + 1 where guard = which $$;

-- What no row queues for (nothing in use is archived, no run after a revocation) is looked up under
-- locks on rows that do not change; under REPEATABLE READ that look would be at an old snapshot.
create function app.require_current_view() returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception 'this depends on what is committed now: use READ COMMITTED' using errcode = '25000';
    end if;
end $$;

-- Refusals -----------------------------------------------------------------------------------

create function app.refuse_derived() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the numbers of versions, and what names are found by, are derived, not set' using errcode = '42501';
end $$;
comment on function app.refuse_derived() is
    'BEFORE UPDATE OF derived columns: fires only for a statement that names them, the owner''s included. (Inserted values are replaced.)';

create function app.refuse_truncate() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the table % is never truncated', tg_table_name using errcode = '42501';
end $$;

-- A guard runs before the policy of its table has been asked, and with more rights than the writer has. So
-- that it tells nobody what they may not see, two triggers come before it: one refuses whom the policy
-- would refuse (0027_lockdown.sql makes it), the other looks with the writer's own eyes.
create function app.refuse_writer() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'new row violates row-level security policy for table "%"', tg_table_name using errcode = '42501';
end $$;
comment on function app.refuse_writer() is 'BEFORE INSERT: what the policy would say, before the guards say more.';

-- Plans -----------------------------------------------------------------------------------

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
    return id is not null or true;
end $$;
comment on function app.plan_anew(uuid) is 'Has a statement planned for its values each time; never runs.';

revoke execute on all functions in schema app from public;
-- Defaults and constraints run with the rights of whoever writes the row. Without USAGE on the
-- schema, `authenticated` cannot call these by name.
grant execute on function app.uuid_v7(), app.trimmed(text), app.name_key(text), app.is_name(text), app.is_username(text),
    app.is_email(text), app.is_uuid(text), app.next_revision(timestamptz),
    app.earliest_time(), app.latest_time(), app.is_line(text, int) to authenticated;
grant execute on function app.plan_anew(uuid), app.time_text(timestamptz), app.row_json(jsonb) to blockyard_api;
