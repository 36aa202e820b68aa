//! The audit trail: complete, append-only, free of secrets.

use super::World;
use crate::world::Client;

#[tokio::test]
async fn nobody_changes_the_audit_trail() {
    let mut world = World::new().await;
    world.pipeline("it").await;
    let mut superuser = Client::superuser(&world.database).await;
    let partition = world.owner.text("select tableoid::regclass from audit_logs limit 1").await;
    let before = world.owner.text("select count(*) from audit_logs").await;
    let mut admin = world.admin().await;
    let mut service_role = Client::owner(&world.database).await;
    service_role.ok("set role service_role").await;
    let mut replica = Client::superuser(&world.database).await;
    replica.ok("set session_replication_role = replica").await;
    for table in ["audit_logs", partition.as_str(), "app.audit_logs_default"] {
        // A row trigger fires only where there are rows.
        let rows = world.owner.text(&format!("select count(*) from {table}")).await;
        for statement in [
            format!("update {table} set details = '{{}}'"),
            format!(
                "update {table} set user_id = null, \"timestamp\" = \"timestamp\" + interval '1 year'"
            ),
            format!("delete from {table}"),
            format!("truncate {table}"),
        ] {
            for client in [&mut admin, &mut service_role] {
                client.refused(&statement, "42501").await;
            }
            if rows != "0" || statement.starts_with("truncate") {
                for client in [&mut world.owner, &mut superuser, &mut replica] {
                    client.refused(&statement, "42501").await;
                }
            }
        }
    }
    admin
        .refused(
            "insert into audit_logs (action_type, entity_type) values ('READ', 'block')",
            "42501",
        )
        .await;
    assert_eq!(world.owner.text("select count(*) from audit_logs").await, before);
}

#[tokio::test]
async fn secrets_stay_out_of_the_audit_trail() {
    let mut world = World::new().await;
    let first = "$argon2id$v=19$first-secret";
    let second = "$argon2id$v=19$second-secret";
    let digest = "abcdef0123456789".repeat(4);
    world
        .owner
        .ok(&format!(
            "insert into users (username, email, password_hash) values ('temp', 'temp@example.com', '{first}');
             update users set password_hash = '{second}' where username = 'temp';
             update users set password_hash = '{first}', email = 'changed@example.com' where username = 'temp';
             insert into api_keys (user_id, name, key_prefix, encrypted_api_key)
                 select user_id, 'k', 'by_test', 'sha256:{digest}' from users where username = 'temp';
             update api_keys set name = 'renamed' where name = 'k';
             delete from users where username = 'temp'"
        ))
        .await;
    let leaks = world
        .owner
        .text(&format!(
            "select count(*) from audit_logs where details::text ~ 'secret|argon2|{digest}'"
        ))
        .await;
    assert_eq!(leaks, "0");
    // That one changed is there to be seen.
    let changed = world
        .owner
        .text("select count(*) from audit_logs where details #>> '{after,password_hash}' = 'redacted'")
        .await;
    assert_eq!(changed, "2");
    let gone = world
        .owner
        .text("select string_agg(action_type || ' ' || entity_type, ', ' order by log_id) from audit_logs
               where entity_id not in (select user_id from users)")
        .await;
    assert_eq!(
        gone,
        "CREATE user, UPDATE user, UPDATE user, CREATE api_key, UPDATE api_key, DELETE user, DELETE api_key"
    );
}

#[tokio::test]
async fn rows_of_the_default_partition_move_when_their_month_gets_one() {
    let mut world = World::new().await;
    let keep = "insert into audit_logs (action_type, entity_type, \"timestamp\", details)
        values ('READ', 'block', date_trunc('month', now()) + interval '5 months 10 days', '{\"kept\": 5}'),
               ('READ', 'block', now() - interval '40 years', '{\"kept\": -1}')";
    world.owner.ok(keep).await;
    let before = world.owner.text("select count(*) from audit_logs").await;
    assert_eq!(world.owner.text("select count(*) from app.audit_logs_default").await, "2");

    let mut service = Client::of(&world.database.service()).await;
    assert_eq!(service.text("app.create_audit_partitions(6)").await, "3");
    assert_eq!(service.text("app.create_audit_partitions(6)").await, "0");

    assert_eq!(world.owner.text("select count(*) from audit_logs").await, before);
    assert_eq!(world.owner.text("select count(*) from app.audit_logs_default").await, "1");
    let home = world
        .owner
        .text("select tableoid::regclass from audit_logs where details ? 'kept' order by \"timestamp\" desc limit 1")
        .await;
    let expected = world
        .owner
        .text("'app.audit_logs_' || to_char(now() at time zone 'UTC' + interval '5 months', 'YYYY_MM')")
        .await;
    assert_eq!(home, expected);
    for table in [home.as_str(), "app.audit_logs_default"] {
        for statement in ["delete from", "truncate"] {
            world.owner.refused(&format!("{statement} {table}"), "42501").await;
        }
    }
    world.owner.ok(keep).await;
}

#[tokio::test]
async fn every_client_is_named_in_the_audit_trail() {
    let world = World::new().await;
    let mut developer = world.developer().await;
    developer
        .ok("insert into blocks (name, block_type) values ('mine', 'model');
             update blocks set metadata = '{\"n\": 1}' where name = 'mine';
             update blocks set archived_at = now() where name = 'mine'")
        .await;
    let mut admin = world.admin().await;
    admin.ok("delete from blocks where name = 'mine'").await;
    let trail = admin
        .text(
            "select string_agg(username || ' ' || action_type || ' ' || entity_type, ', ' order by log_id)
             from audit_logs l join users u using (user_id)
             where subject_id = (select entity_id from audit_logs where action_type = 'DELETE')",
        )
        .await;
    assert_eq!(
        trail,
        "dev CREATE metadata, dev CREATE block, dev CREATE metadata, dev UPDATE block, dev UPDATE block, root DELETE block"
    );
}

#[tokio::test]
async fn the_trail_has_a_row_for_what_happened_and_none_for_what_did_not() {
    let world = World::new().await;
    let mut developer = world.developer().await;
    for (table, new, one) in [
        ("blocks", "insert into blocks (name, block_type) values ('it', 'model')", "block"),
        ("edges", "insert into edges (name) values ('it')", "edge"),
    ] {
        let first = format!("(select version_id from {one}_versions where version_number = 1)");
        let change = |set: &str| format!("update {table} set {set}");
        let made = format!("CREATE metadata, CREATE {one}");
        let changed = format!("CREATE metadata, UPDATE {one}");
        let updated = format!("UPDATE {one}");
        for (statement, rows) in [
            (new.to_owned(), &*made),
            (change("description = 'more'"), &changed),
            (change("description = 'more', name = name"), ""),
            (change("metadata = '{}'"), ""),
            (change("metadata = '{\"k\": [1]}', name = 'renamed'"), &changed),
            (change(&format!("current_version_id = {first}")), &updated),
            (change(&format!("current_version_id = {first}")), ""),
            (change("current_version_id = current_version_id"), ""),
            (change("metadata = '{\"k\": [2]}'"), &changed),
            (change(&format!("current_version_id = {first}")), &updated),
            (change("archived_at = '2001-01-01'"), &updated),
            (change("archived_at = '2002-01-01'"), ""),
            (change("archived_at = null"), &updated),
        ] {
            let before =
                developer.text("select coalesce(max(log_id::text), '') from audit_logs").await;
            developer.ok(&statement).await;
            let found = developer
                .text(&format!(
                    "select coalesce(string_agg(action_type || ' ' || entity_type, ', ' order by log_id), '')
                     from audit_logs where log_id::text > '{before}'"
                ))
                .await;
            assert_eq!(found, rows, "{statement}");
        }
    }
    let hollow = developer
        .text(
            "select count(*) from audit_logs
             where (action_type = 'CREATE' and coalesce(jsonb_typeof(details -> 'after'), 'null') = 'null')
                or (action_type = 'UPDATE' and (coalesce(details -> 'after', '{}') = '{}' or details -> 'before' = details -> 'after'))",
        )
        .await;
    assert_eq!(hollow, "0");
}

#[tokio::test]
async fn what_a_client_says_of_its_request_stays_short_in_the_trail() {
    let world = World::new().await;
    let mut developer = world.developer().await;
    for (number, settings) in [
        "set app.request = '5'",
        "set app.request = '[[[[1]]]]'",
        "set app.request = 'null'",
        "set app.request = '{\"id\": {\"deep\": [[[[]]]]}, \"more\": 1}'",
        "select set_config('app.request', jsonb_build_object('path', repeat('x', 5000000), 'id', repeat('y', 5000000))::text, false)",
        "set app.request = ''; select set_config('request.path', repeat('x', 5000000), false)",
        "select set_config('request.headers', jsonb_build_object('x-request-id', repeat('x', 5000000))::text, false)",
    ]
    .into_iter()
    .enumerate()
    {
        developer.ok(settings).await;
        developer.ok(&format!("insert into edges (name) values ('e{number}')")).await;
    }
    let longest = developer.text("select max(length(details::text)) from audit_logs").await;
    assert!(longest.parse::<u32>().unwrap() < 6000, "{longest}");
    let shapes = developer
        .text(
            "select count(*) from audit_logs cross join jsonb_each(details -> 'request') as r
             where jsonb_typeof(r.value) <> 'string' or r.key not in ('id', 'method', 'path')",
        )
        .await;
    assert_eq!(shapes, "0");
}
