-- Where the embedding of a block or an edge lives, for RAG search.

create table public.block_vector_representations (
    vector_id uuid not null default app.uuid_v7() constraint block_vector_representations_pkey primary key,
    block_id uuid not null constraint block_vector_representations_block_id_fkey references public.blocks on delete cascade,
    vector_db text not null,
    vector_key text not null,
    taxonomy_filter jsonb,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    constraint block_vector_representations_vector_db_check check (char_length(btrim(vector_db)) between 1 and 100),
    constraint block_vector_representations_vector_key_check check (char_length(btrim(vector_key)) between 1 and 1000),
    constraint block_vector_representations_taxonomy_filter_check check (
        jsonb_typeof(taxonomy_filter) = 'object' and pg_column_size(taxonomy_filter) <= 65536),
    constraint block_vector_representations_key unique (block_id, vector_db, vector_key)
);
comment on table public.block_vector_representations is 'Where the embedding of a block lives; taxonomy_filter constrains RAG search.';
create index block_vector_representations_created_at_idx on public.block_vector_representations (created_at, vector_id);

create table public.edge_vector_representations (
    vector_id uuid not null default app.uuid_v7() constraint edge_vector_representations_pkey primary key,
    edge_id uuid not null constraint edge_vector_representations_edge_id_fkey references public.edges on delete cascade,
    vector_db text not null,
    vector_key text not null,
    taxonomy_filter jsonb,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    constraint edge_vector_representations_vector_db_check check (char_length(btrim(vector_db)) between 1 and 100),
    constraint edge_vector_representations_vector_key_check check (char_length(btrim(vector_key)) between 1 and 1000),
    constraint edge_vector_representations_taxonomy_filter_check check (
        jsonb_typeof(taxonomy_filter) = 'object' and pg_column_size(taxonomy_filter) <= 65536),
    constraint edge_vector_representations_key unique (edge_id, vector_db, vector_key)
);
comment on table public.edge_vector_representations is 'Where the embedding of an edge lives; taxonomy_filter constrains RAG search.';
create index edge_vector_representations_created_at_idx on public.edge_vector_representations (created_at, vector_id);

create trigger block_vector_representations_2_touch before update on public.block_vector_representations
    for each row execute function app.touch();
create trigger block_vector_representations_9_audit after insert or update or delete on public.block_vector_representations
    for each row execute function app.audit('vector', 'vector_id', 'block_id', 'updated_at');
create trigger edge_vector_representations_2_touch before update on public.edge_vector_representations
    for each row execute function app.touch();
create trigger edge_vector_representations_9_audit after insert or update or delete on public.edge_vector_representations
    for each row execute function app.audit('vector', 'vector_id', 'edge_id', 'updated_at');

alter table public.block_vector_representations enable row level security;
revoke all on public.block_vector_representations from public, anon, authenticated, service_role;
grant select, delete, insert (block_id, vector_db, vector_key, taxonomy_filter), update (vector_db, vector_key, taxonomy_filter)
    on public.block_vector_representations to authenticated;
create policy block_vector_representations_select on public.block_vector_representations for select to authenticated
    using (exists (select from public.blocks b where b.block_id = block_vector_representations.block_id offset 0));
create policy block_vector_representations_insert on public.block_vector_representations for insert to authenticated
    with check ((select app.caller_role()) in ('developer', 'admin'));
create policy block_vector_representations_update on public.block_vector_representations for update to authenticated
    using ((select app.caller_role()) in ('developer', 'admin') and exists (select from public.blocks b where b.block_id = block_vector_representations.block_id offset 0))
    with check ((select app.caller_role()) in ('developer', 'admin'));
create policy block_vector_representations_delete on public.block_vector_representations for delete to authenticated
    using ((select app.caller_role()) in ('developer', 'admin') and exists (select from public.blocks b where b.block_id = block_vector_representations.block_id offset 0));

alter table public.edge_vector_representations enable row level security;
revoke all on public.edge_vector_representations from public, anon, authenticated, service_role;
grant select, delete, insert (edge_id, vector_db, vector_key, taxonomy_filter), update (vector_db, vector_key, taxonomy_filter)
    on public.edge_vector_representations to authenticated;
create policy edge_vector_representations_select on public.edge_vector_representations for select to authenticated
    using (exists (select from public.edges e where e.edge_id = edge_vector_representations.edge_id offset 0));
create policy edge_vector_representations_insert on public.edge_vector_representations for insert to authenticated
    with check ((select app.caller_role()) in ('developer', 'admin'));
create policy edge_vector_representations_update on public.edge_vector_representations for update to authenticated
    using ((select app.caller_role()) in ('developer', 'admin') and exists (select from public.edges e where e.edge_id = edge_vector_representations.edge_id offset 0))
    with check ((select app.caller_role()) in ('developer', 'admin'));
create policy edge_vector_representations_delete on public.edge_vector_representations for delete to authenticated
    using ((select app.caller_role()) in ('developer', 'admin') and exists (select from public.edges e where e.edge_id = edge_vector_representations.edge_id offset 0));
