//! Who is calling: `sub` in request.jwt.claims decides, and nothing else.

use super::World;
use crate::world::Client;

#[tokio::test]
async fn claims_that_say_nothing_show_nothing() {
    let mut world = World::new().await;
    world.pipeline("it").await;
    let admin = world.admin.clone();
    for claims in [
        String::new(),
        "{".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        "0".to_owned(),
        format!("\"{admin}\""),
        format!("[\"{admin}\"]"),
        format!("[{{\"sub\": \"{admin}\"}}]"),
        format!("{{\"sub\": [\"{admin}\"]}}"),
        format!("{{\"sub\": {{\"sub\": \"{admin}\"}}}}"),
        "{\"sub\": null}".to_owned(),
        "{\"sub\": \"\"}".to_owned(),
        "{\"sub\": true}".to_owned(),
        "{\"sub\": \"root\"}".to_owned(),
        "{\"sub\": \"'' or true --\"}".to_owned(),
        format!("{{\"SUB\": \"{admin}\"}}"),
        format!("{{\"user_id\": \"{admin}\", \"role\": \"service_role\"}}"),
        format!("{{\"sub\": \"{admin}\", \"api_key_id\": \"{admin}\"}}"),
        format!("{{\"sub\": \"{admin}\", \"api_key_id\": \"x\"}}"),
        format!("{{\"sub\": \"{admin}\", \"api_key_id\": {{}}}}"),
    ] {
        let mut client = Client::claiming(&world.database, &claims).await;
        for table in ["users (username)", "blocks", "edge_versions", "audit_logs", "api_keys"] {
            let read = format!("select 1 from {}", table.split(' ').next().unwrap());
            // Rows or an error, never data.
            match client.run(&read).await {
                Ok(rows) => assert_eq!(rows, 0, "{claims}: {table}"),
                Err(refusal) => assert_eq!(&refusal.code[..2], "22", "{claims}: {refusal:?}"),
            }
        }
        client.run("insert into edges (name) values ('it')").await.unwrap_err();
    }
}

#[tokio::test]
async fn nothing_but_sub_decides() {
    let world = World::new().await;
    let admin = &world.admin;
    let settings = format!(
        "set request.jwt.claim.sub = '{admin}'; set request.jwt.claim.role = 'service_role';
         set request.jwt.claim = '{{\"sub\": \"{admin}\"}}'; set request.headers = '{{\"sub\": \"{admin}\"}}';
         set app.caller_id = '{admin}'; set app.user_id = '{admin}'; set app.role = 'admin';
         set role.admin = 'true'; set row_security = on"
    );
    let mut nobody = Client::claiming(&world.database, "").await;
    nobody.ok(&settings).await;
    assert_eq!(nobody.text("select count(*) from users").await, "0");
    nobody.refused("insert into edges (name) values ('it')", "42501").await;

    let claims = serde_json::json!({
        "sub": world.viewer, "role": "service_role", "user_role": "admin", "is_admin": true,
        "app_metadata": { "role": "admin", "sub": admin }, "user_metadata": { "role": "admin" },
    });
    let mut viewer = Client::claiming(&world.database, &claims.to_string()).await;
    viewer.ok(&settings).await;
    assert_eq!(viewer.text("select count(*) from users").await, "1");
    viewer.refused("insert into edges (name) values ('it')", "42501").await;
    viewer.refused("update users set role = 'admin'", "42501").await;
    viewer.refused("set row_security = off; select 1 from users", "42501").await;
}
