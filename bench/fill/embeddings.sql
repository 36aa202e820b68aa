-- An embedding of :dimensions values for every block, and the model that made it. Vectors lie as those of real models do, around what they
-- speak of: each is the sum of a large theme, a small one and what only few have. As a superuser, with pgvector; triggers are off.
set session_replication_role = replica;
select setseed(0.5);

create temporary table ingredients as
select kind, i, array(
    select ((random() - 0.5) * kind)::real from generate_series(1, :dimensions) where i is not null)::vector as part
from (values (1.0, 400), (0.8, 600), (0.6, 2000)) as k (kind, many), generate_series(0, many - 1) as i;
create index on ingredients (kind, i);
analyze ingredients;

insert into public.embedding_models (name, dimensions) values ('bench', :dimensions);
insert into public.embeddings (entity_type, entity_id, model_id, vector, length, version_id, source_digest)
select 'block', s.entity_id, m.model_id, v.whole::real[], vector_norm(v.whole), s.version_id, app.text_digest(s.source_text)
from app.embedding_sources s
cross join public.embedding_models m
cross join lateral (select abs(hashtextextended(s.entity_id::text, 1)) as chance) as c
cross join lateral (
    select l2_normalize(large.part + small.part + own.part) as whole
    from ingredients large, ingredients small, ingredients own
    where large.kind = 1.0 and large.i = c.chance % 400
      and small.kind = 0.8 and small.i = (c.chance / 400) % 600
      and own.kind = 0.6 and own.i = (c.chance / 240000) % 2000) as v
where s.entity_type = 'block';
insert into public.block_vector_representations (block_id, vector_db, vector_key)
select block_id, 'pgvector', 'bench' from public.blocks;
