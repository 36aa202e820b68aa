//! The last admin, roles, keys.

use super::{World, a_moment};
use crate::world::Client;

#[tokio::test]
async fn the_last_admin_stays() {
    let mut world = World::new().await;
    let mut admin = world.admin().await;
    for statement in [
        "update users set role = 'viewer' where username = 'root'",
        "update users set is_active = false where username = 'root'",
        "delete from users where username = 'root'",
    ] {
        for client in [&mut admin, &mut world.owner] {
            assert_eq!(client.refused(statement, "23514").await.constraint, "users_last_admin");
        }
    }
    // Two who demote each other, or themselves, at once.
    let second = world.owner.text("test.person('second', 'admin')").await;
    for isolation in ["read committed", "repeatable read"] {
        let mut one = world.admin().await;
        let mut two = Client::user(&world.database, &second).await;
        let begin = format!("begin isolation level {isolation}; select 1 from users");
        one.ok(&begin).await;
        two.ok(&begin).await;
        one.ok("update users set role = 'viewer' where username = 'root'").await;
        let waiting = tokio::spawn(async move {
            two.run("update users set is_active = false where username = 'second'").await
        });
        a_moment().await;
        assert!(!waiting.is_finished());
        one.ok("commit").await;
        let refusal = waiting.await.unwrap().unwrap_err();
        assert!(
            refusal.constraint == "users_last_admin" || refusal.code == "40001",
            "{isolation}: {refusal:?}"
        );
        world.owner.ok("update users set role = 'admin' where username = 'root'").await;
    }
}

#[tokio::test]
async fn nobody_raises_himself() {
    let mut world = World::new().await;
    for (id, name) in [(&world.viewer, "eye"), (&world.developer, "dev")] {
        let mut client = Client::user(&world.database, id).await;
        for statement in [
            format!("update users set role = 'admin' where username = '{name}'"),
            format!("update users set username = 'x', role = 'admin' where username = '{name}'"),
            format!("update users set is_active = false where username = '{name}'"),
            "insert into users (username, email, role) values ('x', 'x@example.com', 'admin')"
                .to_owned(),
        ] {
            client.refused(&statement, "42501").await;
        }
        assert_eq!(client.ok("update users set username = 'x' where username = 'root'").await, 0);
        assert_eq!(client.text("select count(*) from users").await, "1");
    }
    // A demotion acts on the next statement, in the middle of a session.
    let mut developer = world.developer().await;
    let make = "insert into edges (name) values ('it')";
    developer.ok(&format!("begin; {make}; rollback")).await;
    world.owner.ok("update users set role = 'viewer' where username = 'dev'").await;
    developer.refused(make, "42501").await;
    world.owner.ok("update users set is_active = false where username = 'dev'").await;
    assert_eq!(developer.text("select count(*) from users").await, "0");
}

#[tokio::test]
async fn who_has_history_is_not_deleted() {
    let mut world = World::new().await;
    world.pipeline("it").await;
    let mut admin = world.admin().await;
    let refusal = admin.refused("delete from users where username = 'dev'", "23503").await;
    assert_eq!(refusal.constraint, "users_in_use");
    let traces: Vec<serde_json::Value> = serde_json::from_str(&refusal.detail).unwrap();
    assert!(traces.iter().any(|it| it["entity_type"] == "pipeline" && it["name"] == "it pipeline"));
    assert!(traces.len() <= 20 && traces.iter().all(|it| it["entity_id"].is_string()));
    world.owner.refused("delete from users where username = 'dev'", "23503").await;
    assert_eq!(admin.ok("delete from users where username = 'eye'").await, 1);
    admin.ok("update users set is_active = false where username = 'dev'").await;
}

#[tokio::test]
async fn everybody_sees_who_and_nothing_else_of_them() {
    let mut world = World::new().await;
    let mut viewer = Client::user(&world.database, &world.viewer).await;
    let names = "select string_agg(username, ' ' order by username) from usernames";
    assert_eq!(viewer.text(names).await, "dev eye root");
    assert_eq!(viewer.text("select string_agg(username, ' ') from users").await, "eye");
    // What they are called follows whatever becomes of them.
    let mut admin = world.admin().await;
    admin.ok("insert into users (username, email, role) values ('new', 'new@x', 'viewer')").await;
    admin.ok("update users set username = 'Root', email = 'other@x' where username = 'root'").await;
    admin.ok("update users set is_active = false where username = 'dev'").await;
    assert_eq!(viewer.text(names).await, "Root dev eye new");
    assert_eq!(admin.ok("delete from users where username = 'new'").await, 1);
    assert_eq!(viewer.text(names).await, "Root dev eye");
    // Not even the owner of the database can make it another.
    let other = "update usernames set username = 'somebody' where username = 'dev'";
    let refusal = world.owner.refused(other, "23503").await;
    assert_eq!(refusal.constraint, "usernames_user_id_username_fkey");
    // Whoever is not active sees nobody.
    let mut developer = world.developer().await;
    assert_eq!(developer.text("select count(*) from usernames").await, "0");
    let mut nobody = Client::claiming(&world.database, "{}").await;
    assert_eq!(nobody.text("select count(*) from usernames").await, "0");
}

#[tokio::test]
async fn a_key_only_narrows() {
    let mut world = World::new().await;
    let mut developer = world.developer().await;
    let id = world.developer.clone();
    let make = |role: &str, user: &str| {
        format!(
            "select from app.create_api_key('{user}', 'k', 'by_test',
                encode(sha256(uuid_send(gen_random_uuid())), 'hex'), {role}, now() + interval '1 day')"
        )
    };
    let claims = serde_json::json!({ "sub": id }).to_string();
    let mut service = Client::service(&world.database, &claims).await;
    // Only the service can, and nobody by writing the row.
    developer.refused(&make("null", &id), "42501").await;
    for client in [&mut developer, &mut service] {
        let row = format!(
            "insert into api_keys (user_id, name, key_prefix) values ('{id}', 'k', 'by_test')"
        );
        client.refused(&row, "42501").await;
    }
    assert_eq!(
        service.refused(&make("'admin'", &id), "23514").await.constraint,
        "api_keys_role_widens"
    );
    service.refused(&make("null", &world.admin), "42501").await;
    service.ok(&make("'viewer'", &id)).await;
    for later in ["expires_at + interval '1 s'", "null"] {
        let prolong = format!("update api_keys set expires_at = {later}");
        assert_eq!(developer.refused(&prolong, "23514").await.constraint, "api_keys_prolonged");
    }
    developer.ok("update api_keys set expires_at = expires_at - interval '1 h'").await;

    // The narrowed key reads, and neither writes nor manages the account.
    let key = developer.text("select api_key_id from api_keys").await;
    let claims = serde_json::json!({ "sub": id, "api_key_id": key }).to_string();
    let mut narrowed = Client::claiming(&world.database, &claims).await;
    assert_eq!(narrowed.text("select count(*) from api_keys").await, "1");
    narrowed.refused("insert into edges (name) values ('it')", "42501").await;
    let mut narrowed_service = Client::service(&world.database, &claims).await;
    narrowed_service.refused(&make("null", &id), "42501").await;
    narrowed_service.refused(&make("'viewer'", &id), "42501").await;
    for statement in [
        "update api_keys set is_active = false",
        "delete from api_keys",
        "update users set email = 'mine@example.com'",
    ] {
        assert_eq!(narrowed.ok(statement).await, 0, "{statement}");
    }
    // One that was as wide as its user narrows them once they have risen.
    world.owner.ok("update api_keys set role = null where false").await;
    world.owner.ok("update users set role = 'admin' where username = 'dev'").await;
    assert_eq!(narrowed.text("select count(*) from users").await, "1");

    developer.ok("update api_keys set is_active = false").await;
    assert_eq!(narrowed.text("select count(*) from api_keys").await, "0");
    let revive = "update api_keys set is_active = true";
    assert_eq!(developer.refused(revive, "23514").await.constraint, "api_keys_revoked");
}

#[tokio::test]
async fn a_temporary_type_runs_nothing_as_the_owner() {
    let world = World::new().await;
    let mut viewer = Client::user(&world.database, &world.viewer).await;
    viewer
        .ok("create function pg_temp.seen(value text) returns boolean language plpgsql as $$
             begin perform pg_catalog.set_config('test.ran', 'yes', false); return true; end $$")
        .await;
    viewer
        .ok("create domain pg_temp.jsonb as pg_catalog.jsonb check (pg_temp.seen(value::pg_catalog.text))")
        .await;
    viewer.ok("select count(*) from public.blocks").await;
    let ran = viewer.text("select coalesce(current_setting('test.ran', true), 'no')").await;
    assert_eq!(ran, "no");
}
