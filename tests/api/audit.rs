//! Who did what: nothing is written without its row, and nobody sees more than they may.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::blocks::register;
use crate::service::{Service, Setup};
use blockyard::config::{AuditReads, Config};

#[tokio::test]
async fn an_admin_reads_who_did_what_and_from_which_request() {
    let service = Service::start().await;
    let (dan, ada) = (service.developer().await, service.admin().await);
    let created = dan
        .request(reqwest::Method::POST, "/blocks")
        .header("X-Request-Id", "order-66")
        .json(json!({ "name": "b", "block_type": "model", "metadata": { "rows": 1 } }))
        .send()
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(created.header("x-request-id"), "order-66");
    let id = created.id("block_id");
    dan.patch(&format!("/blocks/{id}"), json!({ "name": "c" })).await.expect(StatusCode::OK);

    let logs = ada.get("/audit-logs?entity_type=block").await.expect(StatusCode::OK);
    let items = logs.body["items"].as_array().expect("items");
    assert_eq!(items.len(), 2);
    assert_eq!(items[0]["action_type"], "UPDATE");
    assert_eq!(items[0]["details"]["before"]["name"], "b");
    assert_eq!(items[0]["details"]["after"]["name"], "c");
    assert_eq!(items[1]["action_type"], "CREATE");
    assert_eq!(items[1]["entity_id"], id);
    assert_eq!(items[1]["user_id"], created.body["created_by"]);
    let request = json!({ "id": "order-66", "method": "POST", "path": "/blocks" });
    assert_eq!(items[1]["details"]["request"], request);

    let of_block = ada.get(&format!("/audit-logs?entity_id={id}")).await.expect(StatusCode::OK);
    let mut types = of_block.items("entity_type");
    types.sort_by_key(Value::to_string);
    assert_eq!(types, ["block", "block", "metadata", "metadata"]);
    let history = ada.get("/blocks/c/history").await.expect(StatusCode::OK);
    assert_eq!(history.items("log_id"), of_block.items("log_id"));
}

#[tokio::test]
async fn the_trail_is_filtered_and_paged() {
    let service = Service::start().await;
    let (dan, ada) = (service.developer().await, service.admin().await);
    for name in ["a", "b", "c"] {
        register(&dan, name).await;
    }
    dan.delete("/blocks/a").await.expect(StatusCode::NO_CONTENT);
    let me = dan.get("/auth/me").await.id("user_id");
    let count = async |query: &str| {
        ada.get(&format!("/audit-logs?{query}")).await.expect(StatusCode::OK).items("log_id").len()
    };
    assert_eq!(count(&format!("user_id={me}&action_type=CREATE&entity_type=block")).await, 3);
    assert_eq!(count("action_type=UPDATE&entity_type=block").await, 1);
    assert_eq!(count("entity_type=block&timestamp_before=2020-01-01").await, 0);
    assert_eq!(count("entity_type=block&timestamp_after=2020-01-01").await, 4);

    let mut seen = Vec::new();
    let mut next = "/audit-logs?entity_type=metadata&limit=2".to_owned();
    loop {
        let page = ada.get(&next).await.expect(StatusCode::OK);
        seen.extend(page.items("log_id"));
        let Some(cursor) = page.body["next_cursor"].as_str() else {
            break;
        };
        next = format!("/audit-logs?entity_type=metadata&limit=2&cursor={cursor}");
    }
    assert_eq!(seen.len(), 3);
    seen.dedup();
    assert_eq!(seen.len(), 3);

    let refused = ada.get("/audit-logs?user_id=%00&action_type=DROP&entity_type=table&entity_id=1&timestamp_after=x&cursor=x&limit=999").await;
    let refused = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        refused.pointers(),
        [
            "action_type",
            "cursor",
            "entity_id",
            "entity_type",
            "limit",
            "timestamp_after",
            "user_id"
        ]
    );
}

#[tokio::test]
async fn everybody_else_sees_his_own_rows_only() {
    let service = Service::start().await;
    let (dan, dora, vera) =
        (service.developer().await, service.colleague().await, service.viewer().await);
    register(&dan, "b").await;
    register(&dora, "c").await;
    let me = dan.get("/auth/me").await.body["user_id"].clone();
    let mine = dan.get("/audit-logs").await.expect(StatusCode::OK);
    assert!(!mine.items("user_id").is_empty());
    assert!(mine.items("user_id").iter().all(|user| *user == me));
    let of_other = format!("/audit-logs?user_id={}", dora.get("/auth/me").await.id("user_id"));
    assert!(dan.get(&of_other).await.expect(StatusCode::OK).items("log_id").is_empty());
    let blocks = vera.get("/audit-logs?entity_type=block").await.expect(StatusCode::OK);
    assert!(blocks.items("log_id").is_empty());
    assert_eq!(dan.get("/blocks/c/history").await.expect(StatusCode::OK).items("log_id").len(), 0);
}

#[tokio::test]
async fn reads_of_the_trail_are_always_recorded_and_others_when_it_is_configured() {
    let service = Service::start().await;
    let ada = service.admin().await;
    register(&service.developer().await, "b").await;
    ada.get("/blocks/b").await.expect(StatusCode::OK);
    ada.get("/audit-logs").await.expect(StatusCode::OK);
    let reads =
        ada.get("/audit-logs?action_type=READ&entity_type=audit_log").await.expect(StatusCode::OK);
    assert_eq!(reads.items("log_id").len(), 1);
    let reads =
        ada.get("/audit-logs?action_type=READ&entity_type=block").await.expect(StatusCode::OK);
    assert_eq!(reads.items("log_id").len(), 0);

    let usual = Setup::default();
    let config = Config { audit_reads: AuditReads::All, ..usual.config };
    let service = Service::with(Setup { config, ..usual }).await;
    let ada = service.admin().await;
    let id = register(&service.developer().await, "b").await;
    ada.get("/blocks/b").await.expect(StatusCode::OK);
    ada.get("/blocks").await.expect(StatusCode::OK);
    let reads =
        ada.get("/audit-logs?action_type=READ&entity_type=block").await.expect(StatusCode::OK);
    assert_eq!(reads.items("entity_id"), [json!(null), json!(id)]);
}

#[tokio::test]
async fn a_change_past_the_service_has_its_row_too() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let id = register(&dan, "b").await;
    let me = dan.get("/auth/me").await.id("user_id");
    let mut owner = service.database.connect().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        r#"begin;
        select set_config('request.jwt.claims', '{{"sub": "{me}"}}', true);
        set local role authenticated;
        update public.blocks set metadata = '{{"rows": 7}}' where block_id = '{id}';
        commit"#
    )))
    .execute(&mut owner)
    .await
    .expect("a change by SQL");
    assert_eq!(dan.get("/blocks/b").await.body["version_number"], 2);
    let logs = service
        .admin()
        .await
        .get(&format!("/audit-logs?entity_id={id}&limit=2"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(logs.items("user_id"), [json!(me), json!(me)]);
    assert_eq!(logs.items("details")[0].get("request"), None);
}
