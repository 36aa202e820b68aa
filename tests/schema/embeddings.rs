//! Embeddings at the size at which an index matters: what is compared one by one, what an index finds, and what is
//! refused. On a PostgreSQL with pgvector (`just pgvector`) and on one without, of which the last is all.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, query_scalar, raw_sql};

use crate::support::Database;

/// Blocks with vectors of 16 dimensions: so many that without pgvector they are too many.
const MANY: usize = 5_100;

/// With pgvector: so many that more can pass a filter than are compared one by one.
const MANY_MORE: usize = 20_600;

async fn embed(owner: &mut PgConnection, many: usize) {
    raw_sql(AssertSqlSafe(format!(
        "select setseed(0.5);
         insert into embedding_models (name, dimensions) values ('m', 16);
         insert into blocks (name, block_type, metadata)
         select 'b' || i, 'model', jsonb_build_object('in_100', i % 100, 'in_1000', i % 1000 / 500.0, 'i', i) from generate_series(1, {many}) as i;
         insert into embeddings (entity_type, entity_id, model_id, vector)
         select 'block', b.block_id, m.model_id,
             array(select (random() - 0.5)::real from generate_series(1, 16) where b.block_id is not null)
         from blocks b, embedding_models m;
         analyze embeddings, blocks"
    )))
    .execute(owner)
    .await
    .unwrap();
}

/// The ids nearest to the vector of one block.
async fn nearest(
    owner: &mut PgConnection,
    to: usize,
    filter: &str,
) -> Result<Vec<String>, sqlx::Error> {
    query_scalar(AssertSqlSafe(format!(
        "select n.id::text from app.nearest(app.model_id('m'),
             (select e.vector from embeddings e join blocks b using (block_id) where b.name = 'b{to}'),
             '{{block,edge}}', '{filter}', false, 10) as n"
    )))
    .persistent(false)
    .fetch_all(owner)
    .await
}

/// The same by plain numbers.
async fn truly_nearest(owner: &mut PgConnection, to: usize, condition: &str) -> Vec<String> {
    query_scalar(AssertSqlSafe(format!(
        "select e.entity_id::text from embeddings e join blocks b using (block_id),
             (select e.vector, e.length from embeddings e join blocks b using (block_id) where b.name = 'b{to}') as q
         where {condition}
         order by 1 - (select sum(v.a::float8 * v.b) from unnest(e.vector, q.vector) as v (a, b)) / (e.length * q.length) limit 10"
    )))
    .persistent(false)
    .fetch_all(owner)
    .await
    .unwrap()
}

fn shared(one: &[String], other: &[String]) -> usize {
    one.iter().filter(|id| other.contains(id)).count()
}

#[tokio::test]
async fn all_ten_are_found_when_ten_exist() {
    let database = Database::new().await;
    let mut owner = database.connect().await;
    let has_pgvector: bool =
        query_scalar("select exists (select from pg_extension where extname = 'vector')")
            .fetch_one(&mut owner)
            .await
            .unwrap();
    embed(&mut owner, if has_pgvector { MANY_MORE } else { MANY }).await;
    let few = r#"{"metadata": "exists($.\"in_100\" ? (@ == 7))", "indexed": true}"#;
    let fewer = r#"{"metadata": "exists($.\"i\" ? (@ <= 10))", "indexed": false}"#;

    // Few that pass a filter are compared one by one, everywhere.
    for to in [1, 2, 3] {
        for (filter, condition) in
            [(few, "b.metadata @> '{\"in_100\": 7}'"), (fewer, "(b.metadata -> 'i')::int <= 10")]
        {
            let wanted = truly_nearest(&mut owner, to, condition).await;
            assert_eq!(
                (wanted.len(), nearest(&mut owner, to, filter).await.unwrap()),
                (10, wanted)
            );
        }
    }
    let index = query_scalar::<_, String>("select app.index_vectors(app.model_id('m'))::text")
        .fetch_one(&mut owner)
        .await;
    if !has_pgvector {
        eprintln!("this PostgreSQL has no pgvector: no index was tried");
        for refusal in [nearest(&mut owner, 1, "{}").await.unwrap_err(), index.unwrap_err()] {
            let constraint =
                refusal.as_database_error().and_then(|error| error.constraint().map(str::to_owned));
            assert_eq!(constraint.as_deref(), Some("vectors_unavailable"), "{refusal}");
        }
        return;
    }
    let index = index.unwrap();
    // Made once.
    let again: String = query_scalar("select app.index_vectors(app.model_id('m'))::text")
        .fetch_one(&mut owner)
        .await
        .unwrap();
    assert_eq!(index, again);
    // By the index: of all, and of many that pass a filter.
    let many = r#"{"metadata": "exists($.\"in_100\" ? (@ < 99))", "indexed": false}"#;
    for (filter, condition) in [("{}", "true"), (many, "(b.metadata -> 'in_100')::int < 99")] {
        let mut found = 0;
        for to in 1..=25 {
            let near = nearest(&mut owner, to, filter).await.unwrap();
            let wanted = truly_nearest(&mut owner, to, condition).await;
            assert_eq!((near.len(), wanted.len()), (10, 10));
            found += shared(&near, &wanted);
        }
        println!("recall of the index where {condition}: {found} of 250");
        assert!(found >= 245, "{found} where {condition}");
        let by_index: bool = query_scalar(AssertSqlSafe(format!(
            "select not bool_or(n.is_exact) from app.nearest(app.model_id('m'),
                 (select e.vector from embeddings e limit 1), '{{block}}', '{filter}', false, 10) as n"
        )))
        .persistent(false)
        .fetch_one(&mut owner)
        .await
        .unwrap();
        assert!(by_index, "{condition}");
    }
}
