//! The database on its own: what it promises to every client, whatever the service does.

#[path = "../support/mod.rs"]
mod support;

use support::{Database, connect};

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let one = Database::new().await;
    let other = Database::new().await;
    sqlx::raw_sql("insert into users (username, email) values ('ada', 'ada@example.com')")
        .execute(&mut one.connect().await)
        .await
        .unwrap();
    let there: i64 = sqlx::query_scalar("select count(*) from users")
        .fetch_one(&mut other.connect().await)
        .await
        .unwrap();
    assert_eq!(there, 0);
    let service: String = sqlx::query_scalar("select current_user::text")
        .fetch_one(&mut connect(&other.service()).await)
        .await
        .unwrap();
    assert_eq!(service, "blockyard_api");
}
