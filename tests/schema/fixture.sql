-- What the tests of the schema start from. Run by the owner of the database, whom no policy binds;
-- `test.act_as` says whose deed it is.

create schema test;

create function test.act_as(sub uuid) returns void
language sql
as $$ select set_config('request.jwt.claims', coalesce(json_build_object('sub', sub)::text, ''), false) where sub is not null
      union all select set_config('request.jwt.claims', '', false) where sub is null $$;

create function test.person(username text, role text) returns uuid
language sql
as $$ insert into users (username, email, role) values (username, username || '@example.com', role) returning user_id $$;

create function test.block(name text) returns uuid
language sql
as $$ insert into blocks (name, block_type) values (name, 'dataset') returning block_id $$;

create function test.edge(name text) returns uuid
language sql
as $$ insert into edges (name) values (name) returning edge_id $$;

create function test.category(name text, parent uuid default null) returns uuid
language sql
as $$ insert into taxonomy_categories (name, parent_id) values (name, parent) returning category_id $$;

-- Verifies the active version of an edge.
create function test.verify(edge uuid, status verification_status) returns uuid
language sql
as $$
    insert into edge_verifications (edge_version_id, verification_status)
    select current_version_id, status from edges where edge_id = edge
    returning verification_id
$$;

create function test.key(owner uuid, role text default null) returns uuid
language sql
as $$
    insert into api_keys (user_id, name, key_prefix, encrypted_api_key, role)
    values (owner, 'key', 'by_test', 'sha256:' || encode(sha256(uuid_send(gen_random_uuid())), 'hex'), role)
    returning api_key_id
$$;

-- A pipeline source -> target over a new edge, whose active version has passed.
create function test.pipeline(tag text, out pipeline uuid, out edge uuid, out source uuid, out target uuid)
language plpgsql
as $$
begin
    source := test.block(tag || ' source');
    target := test.block(tag || ' target');
    edge := test.edge(tag || ' edge');
    perform test.verify(edge, 'passed');
    insert into pipelines (name) values (tag || ' pipeline') returning pipeline_id into pipeline;
    insert into pipeline_blocks (pipeline_id, block_id) values (pipeline, source), (pipeline, target);
    insert into pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id)
    values (pipeline, edge, source, target);
end $$;

-- One row of everything that `owner` has made, by name; new ones with every call. `loose` things are used by nothing.
create function test.furnish(owner uuid) returns jsonb
language plpgsql
as $$
declare
    tag text := coalesce(owner::text, 'nobody') || ' ' || gen_random_uuid() || ' ';
    made record;
    it jsonb;
    id uuid;
begin
    perform test.act_as(owner);
    select * into made from test.pipeline(tag);
    it := jsonb_build_object('user', owner, 'pipeline', made.pipeline, 'edge', made.edge, 'block', made.source, 'target', made.target);

    id := test.block(tag || 'unjoined');
    it := it || jsonb_build_object('unjoined_block', id);
    insert into pipeline_blocks (pipeline_id, block_id) values (made.pipeline, id)
        returning pipeline_block_id into id;
    it := it || jsonb_build_object('pipeline_block', id);
    select pipeline_edge_id into id from pipeline_edges where pipeline_id = made.pipeline;
    it := it || jsonb_build_object('pipeline_edge', id);

    select current_version_id into id from blocks where block_id = made.source;
    it := it || jsonb_build_object('block_version', id);
    select current_version_id into id from edges where edge_id = made.edge;
    it := it || jsonb_build_object('edge_version', id, 'verification', test.verify(made.edge, 'pending'));

    insert into aliases (entity_type, entity_id, alias, version_id)
        values ('block', made.source, 'champion', (it ->> 'block_version')::uuid) returning alias_id into id;
    insert into aliases (entity_type, entity_id, alias, version_id)
        values ('edge', made.edge, 'champion', (it ->> 'edge_version')::uuid);
    it := it || jsonb_build_object('alias', 'champion', 'alias_row', id);
    select move_id into id from alias_moves where entity_id = made.source;
    it := it || jsonb_build_object('alias_move', id);

    insert into pipeline_runs (pipeline_id) values (made.pipeline) returning run_id into id;
    it := it || jsonb_build_object('run', id);
    it := it || (select jsonb_build_object('lock', lock_digest) from pipeline_runs where run_id = id);

    id := test.category(tag || 'category');
    it := it || jsonb_build_object('category', id);
    insert into block_taxonomies (block_id, category_id) values (made.source, id) returning block_taxonomy_id into id;
    it := it || jsonb_build_object('block_taxonomy', id);

    insert into code_repos (entity_type, entity_id, repo_url) values ('block', made.source, 'https://example.com/it')
        returning repo_id into id;
    it := it || jsonb_build_object('repo', id);
    insert into docker_images (entity_type, entity_id, image_tag, registry_url) values ('edge', made.edge, 'v1', 'example.com/it')
        returning image_id into id;
    it := it || jsonb_build_object('image', id);
    insert into dependencies (entity_type, entity_id, dependency_type, dependency_detail)
        values ('block', made.source, 'external', 'numpy') returning dependency_id into id;
    it := it || jsonb_build_object('dependency', id);
    insert into block_vector_representations (block_id, vector_db, vector_key) values (made.source, 'db', 'key')
        returning vector_id into id;
    it := it || jsonb_build_object('block_vector', id);
    insert into edge_vector_representations (edge_id, vector_db, vector_key) values (made.edge, 'db', 'key')
        returning vector_id into id;
    it := it || jsonb_build_object('edge_vector', id);
    insert into embedding_models (name, dimensions) values (tag || 'model', 3) returning model_id into id;
    it := it || jsonb_build_object('model', id);
    insert into embeddings (entity_type, entity_id, model_id, vector) values ('edge', made.edge, id, '{1, 0, 0}');
    insert into embeddings (entity_type, entity_id, model_id, vector) values ('block', made.source, id, '{1, 0, 0}')
        returning embedding_id into id;
    it := it || jsonb_build_object('embedding', id);
    insert into embedding_models (name, dimensions) values (tag || 'loose model', 3) returning model_id into id;
    it := it || jsonb_build_object('loose_model', id);

    it := it || jsonb_build_object(
        'loose_block', test.block(tag || 'loose'), 'archived_block', test.block(tag || 'archived'),
        'loose_edge', test.edge(tag || 'loose'), 'archived_edge', test.edge(tag || 'archived'),
        'loose_category', test.category(tag || 'loose'), 'archived_category', test.category(tag || 'archived'));
    insert into pipelines (name) values (tag || 'loose') returning pipeline_id into id;
    it := it || jsonb_build_object('loose_pipeline', id);
    insert into pipelines (name) values (tag || 'archived') returning pipeline_id into id;
    it := it || jsonb_build_object('archived_pipeline', id);
    update blocks set archived_at = now() where block_id = (it ->> 'archived_block')::uuid;
    update edges set archived_at = now() where edge_id = (it ->> 'archived_edge')::uuid;
    update pipelines set archived_at = now() where pipeline_id = (it ->> 'archived_pipeline')::uuid;
    update taxonomy_categories set archived_at = now() where category_id = (it ->> 'archived_category')::uuid;

    if owner is not null then
        it := it || jsonb_build_object('key', test.key(owner));
    end if;
    select log_id into id from audit_logs where user_id is not distinct from owner limit 1;
    it := it || jsonb_build_object('log', id);
    perform test.act_as(null);
    return it;
end $$;
