create table public.blocks (
    block_id uuid not null default app.uuid_v7() constraint blocks_pkey primary key,
    name text not null,
    block_type public.block_type not null,
    description text,
    metadata jsonb not null default '{}',
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    created_by uuid default app.caller_id() constraint blocks_created_by_fkey references public.users,
    archived_at timestamptz,
    current_version_id uuid not null,
    version_number int not null,
    latest_version_number int not null,
    name_key text collate "C" not null generated always as (lower(name)) stored,
    search tsvector generated always as (
        setweight(to_tsvector('english', name), 'A')
        || setweight(to_tsvector('english', coalesce(description, '')), 'B')) stored,
    constraint blocks_name_check check (app.is_name(name)),
    constraint blocks_description_check check (char_length(description) <= 10000),
    constraint blocks_metadata_check check (
        jsonb_typeof(metadata) = 'object' and pg_column_size(metadata) <= 524288
        -- deeper, and ordinary JSON parsers give up
        and not jsonb_path_exists(metadata, '$.**{100}'))
);
comment on table public.blocks is 'Named datasets and models, as they are in use now. Every change of content appends to block_versions.';
comment on column public.blocks.metadata is 'Of the active version.';
comment on column public.blocks.version_number is 'Of the active version.';
comment on column public.blocks.latest_version_number is 'The highest number given so far; higher than version_number after a rollback.';
comment on column public.blocks.updated_at is 'The revision that an ETag names; grows with every change of this row.';
comment on column public.blocks.name_key is
    'By which names are found, compared and sorted: byte by byte, so that a cursor means the same in every database. '
    'A column, because an index on an expression is of no use to a condition under row-level security.';
create unique index blocks_name_key on public.blocks (name_key) where archived_at is null;
create index blocks_name_order_idx on public.blocks (name_key, block_id);
create index blocks_created_at_idx on public.blocks (created_at, block_id);
create index blocks_updated_at_idx on public.blocks (updated_at, block_id);
create index blocks_archived_at_idx on public.blocks (archived_at, block_id) where archived_at is not null;
create index blocks_created_by_idx on public.blocks (created_by);
create index blocks_search_idx on public.blocks using gin (search);

create table public.block_versions (
    version_id uuid not null default app.uuid_v7() constraint block_versions_pkey primary key,
    block_id uuid not null constraint block_versions_block_id_fkey references public.blocks on delete cascade,
    version_number int not null,
    name text not null,
    block_type public.block_type not null,
    description text,
    metadata jsonb not null,
    created_at timestamptz not null,
    created_by uuid constraint block_versions_created_by_fkey references public.users,
    is_active boolean not null,
    constraint block_versions_number_key unique (block_id, version_number),
    constraint block_versions_version_id_block_id_key unique (version_id, block_id),
    constraint block_versions_version_number_check check (version_number >= 1)
);
comment on table public.block_versions is 'Append-only snapshots of a block, numbered 1, 2, 3 … without gaps.';
create unique index block_versions_active_key on public.block_versions (block_id) where is_active;
create index block_versions_created_by_idx on public.block_versions (created_by);

-- Deferred: the pointer is known before the version is written.
alter table public.blocks add constraint blocks_current_version_id_fkey
    foreign key (current_version_id, block_id) references public.block_versions (version_id, block_id)
    deferrable initially deferred;
create index blocks_current_version_id_idx on public.blocks (current_version_id, block_id);

create trigger blocks_0_numbers before update of version_number, latest_version_number on public.blocks
    for each row execute function app.refuse_derived();
create trigger blocks_1_versions before insert or update on public.blocks
    for each row execute function app.track_versions('block');
create trigger blocks_8_versions after insert or update on public.blocks
    for each row execute function app.append_version('block', 'search,name_key,updated_at,metadata,latest_version_number');
create trigger blocks_9_audit after insert or delete on public.blocks
    for each row execute function app.audit('block', 'block_id', 'block_id', 'search,name_key,updated_at,metadata,latest_version_number');
-- A change of version is in the trail by app.append_version().
create trigger blocks_9_audit_update after update on public.blocks
    for each row when (new.current_version_id = old.current_version_id)
    execute function app.audit('block', 'block_id', 'block_id', 'search,name_key,updated_at,metadata,latest_version_number');
create trigger block_versions_1_guard before insert or update or delete on public.block_versions
    for each row execute function app.guard_versions('block');
create trigger block_versions_no_truncate before truncate on public.block_versions
    for each statement execute function app.refuse_truncate();

alter table public.blocks enable row level security;
revoke all on public.blocks from public, anon, authenticated, service_role;
grant select, insert (name, block_type, description, metadata),
      update (name, block_type, description, metadata, current_version_id, archived_at),
      delete on public.blocks to authenticated;
-- Archived rows are out of sight, except for those who may restore them.
create policy blocks_select on public.blocks for select to authenticated
    using ((select app.caller_role()) is not null and (archived_at is null or created_by = (select app.caller_id()) or (select app.caller_role()) = 'admin'));
create policy blocks_insert on public.blocks for insert to authenticated
    with check ((select app.caller_role()) in ('developer', 'admin'));
create policy blocks_update on public.blocks for update to authenticated
    using ((select app.caller_role()) in ('developer', 'admin')) with check ((select app.caller_role()) in ('developer', 'admin'));
create policy blocks_delete on public.blocks for delete to authenticated
    using ((select app.caller_role()) = 'admin');

alter table public.block_versions enable row level security;
revoke all on public.block_versions from public, anon, authenticated, service_role;
grant select on public.block_versions to authenticated;
-- Whoever sees a block sees its versions. (`offset 0`: by index, one by one; otherwise PostgreSQL may
-- hash all blocks for the sake of one page.)
create policy block_versions_select on public.block_versions for select to authenticated
    using (exists (select from public.blocks b where b.block_id = block_versions.block_id offset 0));
