//! What holds for every client: numbering, the gate, the audit trail, secrets, roles.

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use crate::support::Database;
use crate::world::{self, Client};

struct World {
    database: Database,
    owner: Client,
    admin: String,
    developer: String,
    viewer: String,
}

impl World {
    async fn new() -> Self {
        let database = Database::new().await;
        let mut connection = world::create(&database).await;
        Self {
            admin: world::person(&mut connection, "root", "admin").await,
            developer: world::person(&mut connection, "dev", "developer").await,
            viewer: world::person(&mut connection, "eye", "viewer").await,
            owner: Client::owner(&database).await,
            database,
        }
    }

    async fn developer(&self) -> Client {
        Client::user(&self.database, &self.developer).await
    }

    async fn admin(&self) -> Client {
        Client::user(&self.database, &self.admin).await
    }

    /// A ready pipeline made by the developer: ids of pipeline, edge, source, target.
    async fn pipeline(&mut self, tag: &str) -> [String; 4] {
        let act = format!("select test.act_as('{}')", self.developer);
        self.owner.ok(&act).await;
        let made = self
            .owner
            .text(&format!("select to_jsonb(p) from test.pipeline('{tag}') p"))
            .await;
        self.owner.ok("select test.act_as(null)").await;
        let made: Value = serde_json::from_str(&made).unwrap();
        ["pipeline", "edge", "source", "target"].map(|it| made[it].as_str().unwrap().to_owned())
    }
}

/// Long enough for a statement to have come to where it waits.
async fn a_moment() {
    sleep(Duration::from_millis(150)).await;
}

// Versions -----------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn fifty_writers_leave_no_gap_and_one_active_version() {
    let mut world = World::new().await;
    for (table, versions, key) in [
        ("blocks", "block_versions", "block_id"),
        ("edges", "edge_versions", "edge_id"),
    ] {
        let id = match table {
            "blocks" => world.owner.text("test.block('contended')").await,
            _ => world.owner.text("test.edge('contended')").await,
        };
        let mut writers = tokio::task::JoinSet::new();
        for n in 0..50 {
            let mut client = world.developer().await;
            let change =
                format!("update {table} set metadata = '{{\"n\": {n}}}' where {key} = '{id}'");
            writers.spawn(async move { assert_eq!(client.ok(&change).await, 1) });
        }
        while let Some(outcome) = writers.join_next().await {
            outcome.unwrap();
        }
        let found = world
            .owner
            .text(&format!(
                "select string_agg(v.version_number::text, ' ' order by v.version_number)
                    || ', ' || count(distinct v.metadata)
                    || ', active ' || count(*) filter (where is_active)
                    || ', number ' || max(v.version_number) filter (where is_active)
                    || ', pointed to ' || bool_or(version_id = p.current_version_id) filter (where v.is_active)
                    || ', latest ' || max(p.latest_version_number)
                 from {versions} v join {table} p using ({key}) where {key} = '{id}'"
            ))
            .await;
        let numbers: Vec<String> = (1..=51).map(|n| n.to_string()).collect();
        let numbers = numbers.join(" ");
        assert_eq!(
            found,
            format!("{numbers}, 51, active 1, number 51, pointed to true, latest 51")
        );
    }
}

#[tokio::test]
async fn versions_are_append_only_also_for_the_owner() {
    let mut world = World::new().await;
    let mut developer = world.developer().await;
    for (table, versions, key, make) in [
        ("blocks", "block_versions", "block_id", "block"),
        ("edges", "edge_versions", "edge_id", "edge"),
    ] {
        let id = world.owner.text(&format!("test.{make}('it')")).await;
        let other = world.owner.text(&format!("test.{make}('other')")).await;
        let change = format!("update {table} set description = 'new' where {key} = '{id}'");
        developer.ok(&change).await;
        let kind = if table == "blocks" {
            ", block_type"
        } else {
            ""
        };
        let copy = format!(
            "insert into {versions} ({key}, version_number, name{kind}, metadata, created_at, is_active)
             select {key}, version_number + 1, name{kind}, metadata, created_at, false
             from {versions} where {key} = '{id}' and is_active"
        );
        for statement in [
            copy.as_str(),
            &format!("update {versions} set metadata = '{{\"forged\": 1}}' where {key} = '{id}'"),
            &format!(
                "update {versions} set version_number = version_number + 10 where {key} = '{id}'"
            ),
            &format!(
                "update {versions} set created_by = null, created_at = now() where {key} = '{id}'"
            ),
            &format!(
                "update {versions} set is_active = true where {key} = '{id}' and version_number = 1"
            ),
            &format!("update {versions} set is_active = false where {key} = '{id}' and is_active"),
            &format!("delete from {versions} where {key} = '{id}'"),
            &format!("truncate {versions} cascade"),
            &format!("truncate {table} cascade"),
        ] {
            world.owner.refused(statement, "42501").await;
            developer.refused(statement, "42501").await;
        }
        // The pointer stays among the versions of its own thing, and at one that there is.
        for version in [
            format!("(select current_version_id from {table} where {key} = '{other}')"),
            "gen_random_uuid()".to_owned(),
        ] {
            let point =
                format!("update {table} set current_version_id = {version} where {key} = '{id}'");
            let refusal = developer.refused(&point, "23503").await;
            assert_eq!(
                refusal.constraint,
                format!("{table}_current_version_id_fkey")
            );
            world.owner.refused(&point, "23503").await;
        }
        let both = format!(
            "update {table} set description = 'newer', current_version_id =
                (select version_id from {versions} where {key} = '{id}' and version_number = 1)
             where {key} = '{id}'"
        );
        let refusal = developer.refused(&both, "23514").await;
        assert_eq!(refusal.constraint, format!("{table}_change_or_activate"));
        // An older one comes back whole, and the numbers go on from the latest.
        let back = format!(
            "update {table} set current_version_id =
                (select version_id from {versions} where {key} = '{id}' and version_number = 1)
             where {key} = '{id}'"
        );
        developer.ok(&back).await;
        developer
            .ok(&format!(
                "update {table} set description = 'third' where {key} = '{id}'"
            ))
            .await;
        let numbers = developer
            .text(&format!(
                "select string_agg(version_number || coalesce(description, '-') || is_active, ' ' order by version_number)
                 from {versions} where {key} = '{id}'"
            ))
            .await;
        assert_eq!(numbers, "1-false 2newfalse 3thirdtrue");
    }
}

#[tokio::test]
async fn the_pointer_holds_even_when_triggers_sleep() {
    let mut world = World::new().await;
    let [_, _, source, target] = world.pipeline("it").await;
    let mut superuser = Client::superuser(&world.database).await;
    superuser
        .ok("alter table blocks disable trigger blocks_1_versions")
        .await;
    let swap = format!(
        "update blocks set current_version_id =
            (select current_version_id from blocks where block_id = '{target}')
         where block_id = '{source}'"
    );
    let refusal = superuser.refused(&swap, "23503").await;
    assert_eq!(refusal.constraint, "blocks_current_version_id_fkey");
    superuser
        .ok("alter table block_versions disable trigger block_versions_1_guard")
        .await;
    let second = "insert into block_versions (block_id, version_number, name, block_type, metadata, created_at, is_active)
         select block_id, 2, name, block_type, metadata, created_at, true from block_versions where is_active";
    assert_eq!(
        superuser.refused(second, "23505").await.constraint,
        "block_versions_active_key"
    );
}

// Mass assignment and secrets ------------------------------------------------------------------------

#[tokio::test]
async fn what_the_database_says_is_not_the_clients_to_write() {
    let mut world = World::new().await;
    let [pipeline, _, source, _] = world.pipeline("it").await;
    let admin = world.admin.clone();
    for mut client in [world.developer().await, world.admin().await] {
        for statement in [
            &format!(
                "insert into blocks (name, block_type, created_by) values ('x', 'model', '{admin}')"
            ),
            "insert into blocks (block_id, name, block_type) values (gen_random_uuid(), 'x', 'model')",
            "insert into blocks (name, block_type, created_at) values ('x', 'model', '2000-01-01')",
            "insert into blocks (name, block_type, version_number) values ('x', 'model', 7)",
            "insert into blocks (name, block_type, archived_at) values ('x', 'model', now())",
            &format!("update blocks set created_by = '{admin}' where block_id = '{source}'"),
            &format!("update blocks set block_id = gen_random_uuid() where block_id = '{source}'"),
            &format!("update blocks set updated_at = now() where block_id = '{source}'"),
            &format!("update blocks set latest_version_number = 9 where block_id = '{source}'"),
            &format!("insert into pipelines (name, created_by) values ('x', '{admin}')"),
            "insert into pipelines (name, times_run) values ('x', 1000)",
            &format!("update pipelines set times_run = 1000 where pipeline_id = '{pipeline}'"),
            &format!("update pipelines set average_runtime = 0.1 where pipeline_id = '{pipeline}'"),
            &format!(
                "insert into pipeline_runs (pipeline_id, created_by) values ('{pipeline}', '{admin}')"
            ),
            &format!(
                "insert into pipeline_runs (pipeline_id, status) values ('{pipeline}', 'success')"
            ),
            &format!(
                "insert into edge_verifications (edge_version_id, verification_status, verified_by)
                 select version_id, 'passed', '{admin}' from edge_versions"
            ),
            "insert into edge_verifications (edge_version_id, verification_status, verified_at)
             select version_id, 'passed', '2000-01-01' from edge_versions",
            &format!("update edge_verifications set verified_by = '{admin}'"),
            "insert into users (user_id, username, email) values (gen_random_uuid(), 'x', 'x@example.com')",
            "update api_keys set user_id = user_id",
            "update api_keys set role = null",
            "update api_keys set encrypted_api_key = repeat('0', 64)",
            "update api_keys set last_used_at = null",
        ] {
            client.refused(statement, "42501").await;
        }
    }
    for figure in [
        "times_run = 7",
        "average_runtime = 1",
        "runs_succeeded = 1",
        "runtime_total = '1 h'",
    ] {
        world
            .owner
            .refused(&format!("update pipelines set {figure}"), "42501")
            .await;
    }
    // Whoever the owner names, the verifier is the caller, and the time is now.
    let mut developer = world.developer().await;
    developer
        .ok("insert into edge_verifications (edge_version_id, verification_status) select version_id, 'failed' from edge_versions")
        .await;
    let verifier = developer
        .text("select verified_by from edge_verifications order by verified_at desc limit 1")
        .await;
    assert_eq!(verifier, world.developer);
}

#[tokio::test]
async fn nobody_reads_a_secret() {
    let world = World::new().await;
    let service = world.database.service();
    let mut admin = world.admin().await;
    let mut service = Client::of(&service).await;
    service
        .ok(&format!(
            "select app.as_caller('{{\"sub\": \"{}\"}}')",
            world.admin
        ))
        .await;
    let hidden = [
        ("users u", "password_hash"),
        ("api_keys u", "encrypted_api_key"),
    ];
    for (table, secret) in hidden {
        let name = table.trim_end_matches(" u");
        for statement in [
            format!("select * from {table}"),
            format!("select {secret} from {table}"),
            format!("select u from {table}"),
            format!("select to_jsonb(u) from {table}"),
            format!("select row_to_json(u) from {table}"),
            format!("select count({secret}) from {table}"),
            format!("select 1 from {table} where {secret} like '$argon2id$%'"),
            format!("select 1 from {table} order by {secret}"),
            format!("select 1 from {table} group by {secret}"),
            format!("select max(created_at) over (partition by {secret}) from {table}"),
            format!("update {name} set is_active = is_active returning {secret}"),
            format!("update {name} set is_active = is_active returning *"),
            format!("update {name} set is_active = is_active where {secret} is not null"),
            format!("delete from {table} returning u"),
            format!("copy {name} to stdout"),
            format!("table {name}"),
        ] {
            admin.refused(&statement, "42501").await;
            service.refused(&statement, "42501").await;
        }
    }
    // Whoever has a token cannot write the password either; the service asks for the old one first.
    admin
        .refused("update users set password_hash = '$argon2id$mine'", "42501")
        .await;
}

// The audit trail ------------------------------------------------------------------------------------

#[tokio::test]
async fn nobody_changes_the_audit_trail() {
    let mut world = World::new().await;
    world.pipeline("it").await;
    let mut superuser = Client::superuser(&world.database).await;
    let partition = world
        .owner
        .text("select tableoid::regclass from audit_logs limit 1")
        .await;
    let before = world.owner.text("select count(*) from audit_logs").await;
    let mut admin = world.admin().await;
    let mut service_role = Client::owner(&world.database).await;
    service_role.ok("set role service_role").await;
    let mut replica = Client::superuser(&world.database).await;
    replica.ok("set session_replication_role = replica").await;
    for table in ["audit_logs", partition.as_str(), "app.audit_logs_default"] {
        // A row trigger fires only where there are rows.
        let rows = world
            .owner
            .text(&format!("select count(*) from {table}"))
            .await;
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
    assert_eq!(
        world.owner.text("select count(*) from audit_logs").await,
        before
    );
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
                 select user_id, 'k', 'by_test', '{digest}' from users where username = 'temp';
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
    assert_eq!(
        world
            .owner
            .text("select count(*) from app.audit_logs_default")
            .await,
        "2"
    );

    let mut service = Client::of(&world.database.service()).await;
    assert_eq!(service.text("app.create_audit_partitions(6)").await, "3");
    assert_eq!(service.text("app.create_audit_partitions(6)").await, "0");

    assert_eq!(
        world.owner.text("select count(*) from audit_logs").await,
        before
    );
    assert_eq!(
        world
            .owner
            .text("select count(*) from app.audit_logs_default")
            .await,
        "1"
    );
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
            world
                .owner
                .refused(&format!("{statement} {table}"), "42501")
                .await;
        }
    }
    world.owner.ok(keep).await;
}

#[tokio::test]
async fn every_client_is_named_in_the_audit_trail() {
    let world = World::new().await;
    let mut developer = world.developer().await;
    developer
        .ok(
            "insert into blocks (name, block_type) values ('mine', 'model');
             update blocks set metadata = '{\"n\": 1}' where name = 'mine';
             update blocks set archived_at = now() where name = 'mine'",
        )
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

// Cycles, references, use ------------------------------------------------------------------------------

/// Two clients write the halves of a cycle at once; the second waits for the first and is refused.
async fn two_halves(world: &World, first: &str, second: &str, constraint: &str) {
    for isolation in ["read committed", "repeatable read", "serializable"] {
        let mut one = world.developer().await;
        let mut other = world.developer().await;
        // Rolled back at the end, so that each isolation level meets the same beginning.
        let begin = format!("begin isolation level {isolation}; select count(*) from users");
        one.ok(&begin).await;
        other.ok(&begin).await;
        one.ok(first).await;
        let statement = second.to_owned();
        let waiting = tokio::spawn(async move { (other.run(&statement).await, other) });
        a_moment().await;
        assert!(!waiting.is_finished(), "{second}: does not wait");
        one.ok("commit").await;
        let (outcome, mut other) = waiting.await.unwrap();
        let refusal = outcome.unwrap_err();
        if isolation == "read committed" {
            assert_eq!(refusal.constraint, constraint, "{refusal:?}");
        } else {
            assert_eq!(refusal.code, "40001", "{refusal:?}");
        }
        other.ok("rollback").await;
        // In order it is refused as well; then undo the first half.
        assert_eq!(one.refused(second, "23514").await.constraint, constraint);
        one.ok("update taxonomy_categories set parent_id = null; delete from dependencies; delete from pipeline_edges")
            .await;
    }
}

#[tokio::test]
async fn no_cycle_of_categories() {
    let mut world = World::new().await;
    world
        .owner
        .ok("select test.category('a'), test.category('b'), test.category('c')")
        .await;
    let below = |child: &str, parent: &str| {
        format!(
            "update taxonomy_categories set parent_id =
                (select category_id from taxonomy_categories where name = '{parent}') where name = '{child}'"
        )
    };
    two_halves(
        &world,
        &below("a", "b"),
        &below("b", "a"),
        "taxonomy_categories_cycle",
    )
    .await;
    let mut developer = world.developer().await;
    developer.refused(&below("a", "a"), "23514").await;
    developer.ok(&below("a", "b")).await;
    developer.ok(&below("b", "c")).await;
    let refusal = developer.refused(&below("c", "a"), "23514").await;
    assert_eq!(refusal.constraint, "taxonomy_categories_cycle");
    world.owner.refused(&below("c", "a"), "23514").await;
}

#[tokio::test]
async fn a_live_category_has_a_live_parent() {
    let mut world = World::new().await;
    world.owner.ok("select test.category('top')").await;
    world
        .owner
        .ok("select test.category('below', (select category_id from taxonomy_categories))")
        .await;
    let mut admin = world.admin().await;
    let set = |name: &str, when: &str| {
        format!("update taxonomy_categories set archived_at = {when} where name = '{name}'")
    };
    admin.refused(&set("top", "now()"), "23503").await;
    admin.ok(&set("below", "now()")).await;
    admin.ok(&set("top", "now()")).await;
    let refusal = admin.refused(&set("below", "null"), "23503").await;
    assert_eq!(refusal.constraint, "taxonomy_categories_parent_id_fkey");
    let under = "insert into taxonomy_categories (name, parent_id)
        select 'new', category_id from taxonomy_categories where name = 'top'";
    admin.refused(under, "23503").await;
    admin.ok(&set("top", "null")).await;
    admin.ok(&set("below", "null")).await;
}

#[tokio::test]
async fn no_cycle_of_dependencies() {
    let mut world = World::new().await;
    world
        .owner
        .ok("select test.block('a'), test.edge('b'), test.block('c')")
        .await;
    let depends = |from: &str, to: &str| {
        let id = |name| {
            format!(
                "coalesce((select block_id from blocks where name = '{name}'), (select edge_id from edges where name = '{name}'))"
            )
        };
        let kind = |name| if name == "b" { "edge" } else { "block" };
        format!(
            "insert into dependencies (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id)
             values ('{}', {}, 'internal', '{}', {})",
            kind(from), id(from), kind(to), id(to)
        )
    };
    two_halves(
        &world,
        &depends("a", "b"),
        &depends("b", "a"),
        "dependencies_cycle",
    )
    .await;
    let mut developer = world.developer().await;
    developer.refused(&depends("a", "a"), "23514").await;
    developer.ok(&depends("a", "b")).await;
    developer.ok(&depends("b", "c")).await;
    assert_eq!(
        developer
            .refused(&depends("c", "a"), "23514")
            .await
            .constraint,
        "dependencies_cycle"
    );
    world.owner.refused(&depends("c", "a"), "23514").await;
    // Nor by turning one that was external.
    developer
        .ok(
            "insert into dependencies (entity_type, entity_id, dependency_type, dependency_detail)
             select 'block', block_id, 'external', 'numpy' from blocks where name = 'c'",
        )
        .await;
    let turn = "update dependencies set dependency_type = 'internal', depends_on_type = 'block',
        depends_on_id = (select block_id from blocks where name = 'a') where dependency_type = 'external'";
    assert_eq!(
        developer.refused(turn, "23514").await.constraint,
        "dependencies_cycle"
    );
}

#[tokio::test]
async fn no_cycle_in_a_pipeline() {
    let mut world = World::new().await;
    let [pipeline, edge, source, target] = world.pipeline("it").await;
    let mut developer = world.developer().await;
    developer.ok("delete from pipeline_edges").await;
    let join = |from: &str, to: &str| {
        format!(
            "insert into pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id)
             values ('{pipeline}', '{edge}', '{from}', '{to}')"
        )
    };
    two_halves(
        &world,
        &join(&source, &target),
        &join(&target, &source),
        "pipeline_edges_cycle",
    )
    .await;
    developer.refused(&join(&source, &source), "23514").await;
    // All at once.
    let both = format!(
        "{}, ('{pipeline}', '{edge}', '{target}', '{source}')",
        join(&source, &target)
    );
    assert_eq!(
        developer.refused(&both, "23514").await.constraint,
        "pipeline_edges_cycle"
    );
    // Only blocks of this pipeline.
    let stranger = world.owner.text("test.block('stranger')").await;
    let refusal = developer.refused(&join(&source, &stranger), "23503").await;
    assert_eq!(refusal.constraint, "pipeline_edges_target_fkey");
}

#[tokio::test]
async fn no_reference_leads_nowhere() {
    let mut world = World::new().await;
    let [_, edge, source, target] = world.pipeline("it").await;
    let mut developer = world.developer().await;
    let nowhere = "00000000-0000-7000-8000-000000000000";
    for (kind, id) in [
        ("block", nowhere),
        ("edge", nowhere),
        ("edge", &source),
        ("block", &edge),
    ] {
        for statement in [
            format!("insert into code_repos (entity_type, entity_id, repo_url) values ('{kind}', '{id}', 'https://example.com/x')"),
            format!("insert into docker_images (entity_type, entity_id, image_tag, registry_url) values ('{kind}', '{id}', 'v1', 'example.com/x')"),
            format!("insert into dependencies (entity_type, entity_id, dependency_type, dependency_detail) values ('{kind}', '{id}', 'external', 'x')"),
            format!(
                "insert into dependencies (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id)
                 values ('block', '{target}', 'internal', '{kind}', '{id}')"
            ),
        ] {
            developer.refused(&statement, "23503").await;
            world.owner.refused(&statement, "23503").await;
        }
    }
    developer
        .refused(
            &format!("insert into dependencies (entity_type, entity_id, dependency_type, dependency_detail) values ('block', '{target}', 'internal', 'x')"),
            "23514",
        )
        .await;
    // What hangs on a thing goes with it.
    developer
        .ok("insert into blocks (name, block_type) values ('short', 'model');
             insert into code_repos (entity_type, entity_id, repo_url) select 'block', block_id, 'https://example.com/x' from blocks where name = 'short'")
        .await;
    world
        .admin()
        .await
        .ok("delete from blocks where name = 'short'")
        .await;
    assert_eq!(
        world.owner.text("select count(*) from code_repos").await,
        "0"
    );
}

#[tokio::test]
async fn what_is_in_use_is_not_archived() {
    let mut world = World::new().await;
    let [pipeline, edge, source, target] = world.pipeline("it").await;
    let needed = world.owner.text("test.block('needed')").await;
    let top = world.owner.text("test.category('top')").await;
    let below = world
        .owner
        .text(&format!("test.category('below', '{top}')"))
        .await;
    let mut admin = world.admin().await;
    admin
        .ok(&format!(
            "insert into dependencies (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id)
             values ('block', '{target}', 'internal', 'block', '{needed}')"
        ))
        .await;
    let archive = |table: &str, key: &str, id: &str| {
        format!("update {table} set archived_at = now() where {key} = '{id}'")
    };
    for (table, key, id, user, name) in [
        ("blocks", "block_id", &source, &pipeline, "it pipeline"),
        ("blocks", "block_id", &needed, &target, "it target"),
        ("edges", "edge_id", &edge, &pipeline, "it pipeline"),
        ("taxonomy_categories", "category_id", &top, &below, "below"),
    ] {
        let refusal = admin.refused(&archive(table, key, id), "23503").await;
        assert_eq!(refusal.constraint, format!("{table}_in_use"));
        let users: Value = serde_json::from_str(&refusal.detail).unwrap();
        assert_eq!(users[0]["entity_id"], user.as_str());
        assert_eq!(users[0]["name"], name);
        world.owner.refused(&archive(table, key, id), "23503").await;
        // Nor is it purged from under its users.
        if table != "taxonomy_categories" {
            admin
                .refused(
                    &format!("delete from {table} where {key} = '{id}'"),
                    "23503",
                )
                .await;
        }
    }
    // An old snapshot does not see the newest user: it may not decide.
    admin
        .ok("begin isolation level repeatable read; select 1")
        .await;
    let unused = world.owner.text("test.block('unused')").await;
    admin
        .refused(&archive("blocks", "block_id", &source), "25000")
        .await;
    admin.ok("rollback").await;
    // Nothing begins to use what is archived, also when both happen at once.
    admin
        .ok(&format!(
            "begin; {}",
            archive("blocks", "block_id", &unused)
        ))
        .await;
    for statement in [
        format!(
            "insert into dependencies (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id)
             values ('block', '{source}', 'internal', 'block', '{unused}')"
        ),
        format!("insert into pipeline_blocks (pipeline_id, block_id) values ('{pipeline}', '{unused}')"),
    ] {
        let mut developer = world.developer().await;
        let later = statement.clone();
        let waiting = tokio::spawn(async move { developer.run(&later).await });
        a_moment().await;
        assert!(!waiting.is_finished(), "{statement}: does not wait");
        admin.ok("commit").await;
        assert_eq!(waiting.await.unwrap().unwrap_err().code, "23503");
        world.developer().await.refused(&statement, "23503").await;
        admin
            .ok(&format!(
                "update blocks set archived_at = null where block_id = '{unused}'"
            ))
            .await;
        // Not in one go: that would be one transaction.
        admin
            .ok(&format!("begin; {}", archive("blocks", "block_id", &unused)))
            .await;
    }
}

#[tokio::test]
async fn an_archived_name_is_free_and_its_owner_comes_back_only_when_it_still_is() {
    let mut world = World::new().await;
    let mut developer = world.developer().await;
    for (table, columns) in [
        ("blocks", "(name, block_type) values ('it', 'model')"),
        ("edges", "(name) values ('it')"),
        ("pipelines", "(name) values ('it')"),
        ("taxonomy_categories", "(name) values ('it')"),
    ] {
        developer
            .ok(&format!(
                "insert into {table} {columns};
                 update {table} set archived_at = now() where name = 'it';
                 insert into {table} {columns}"
            ))
            .await;
        let restore =
            format!("update {table} set archived_at = null where archived_at is not null");
        developer.refused(&restore, "23505").await;
        if table != "taxonomy_categories" {
            let change =
                format!("update {table} set description = 'x' where archived_at is not null");
            assert_eq!(
                developer.refused(&change, "23514").await.constraint,
                format!("{table}_archived")
            );
        }
        world
            .owner
            .ok(&format!("delete from {table} where archived_at is null"))
            .await;
        developer.ok(&restore).await;
    }
}

// The gate -------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_run_needs_every_edge_version_verified() {
    let mut world = World::new().await;
    let [pipeline, edge, ..] = world.pipeline("it").await;
    let mut developer = world.developer().await;
    let run = format!("insert into pipeline_runs (pipeline_id) values ('{pipeline}')");
    developer.ok(&run).await;

    // Each tries on what the one before has left.
    let verify = |status: &str| {
        format!(
            "insert into edge_verifications (edge_version_id, verification_status)
             select current_version_id, '{status}' from edges where edge_id = '{edge}'"
        )
    };
    let version = |number: u32| {
        format!(
            "(select version_id from edge_versions where edge_id = '{edge}' and version_number = {number})"
        )
    };
    let pin = |number: u32| {
        format!(
            "update pipeline_edges set edge_version_id = {} where edge_id = '{edge}'",
            version(number)
        )
    };
    let steps: [(&str, String, Option<&str>); 11] = [
        (
            "a pending one beside one that passed",
            verify("pending"),
            None,
        ),
        (
            "failed after passed",
            verify("failed"),
            Some("edge_verification_failed"),
        ),
        ("passed again", verify("passed"), None),
        (
            "a new version",
            format!("update edges set metadata = '{{\"v\": 2}}' where edge_id = '{edge}'"),
            Some("edge_unverified"),
        ),
        (
            "its check under way",
            verify("pending"),
            Some("edge_verification_pending"),
        ),
        ("the pinned one has passed", pin(1), None),
        (
            "the pinned one has not",
            pin(2),
            Some("edge_verification_pending"),
        ),
        (
            "following, with the verified one activated",
            format!(
                "update pipeline_edges set edge_version_id = null where edge_id = '{edge}';
             update edges set current_version_id = {} where edge_id = '{edge}'",
                version(1)
            ),
            None,
        ),
        (
            "an unverified one activated",
            format!(
                "update edges set current_version_id = {} where edge_id = '{edge}'",
                version(2)
            ),
            Some("edge_verification_pending"),
        ),
        (
            "reported as failed",
            "update edge_verifications set verification_status = 'failed'
            where verification_status = 'pending'"
                .to_owned(),
            Some("edge_verification_failed"),
        ),
        ("passed at last", verify("passed"), None),
    ];
    for (what, step, blocker) in steps {
        developer.ok(&step).await;
        for client in [&mut developer, &mut world.owner] {
            match (client.run(&run).await, blocker) {
                (Ok(1), None) => {}
                (Err(refusal), Some(code)) => {
                    assert_eq!(refusal.constraint, "pipeline_runs_not_ready", "{what}");
                    let blockers: Value = serde_json::from_str(&refusal.detail).unwrap();
                    assert_eq!(blockers[0]["code"], code, "{what}");
                    assert_eq!(blockers[0]["entity_id"], edge.as_str(), "{what}");
                }
                (outcome, _) => panic!("{what}: {outcome:?}"),
            }
        }
    }
    // An empty one, an archived one.
    developer
        .ok("insert into pipelines (name) values ('empty')")
        .await;
    let empty = "insert into pipeline_runs (pipeline_id) select pipeline_id from pipelines where name = 'empty'";
    assert!(
        developer
            .refused(empty, "23514")
            .await
            .detail
            .contains("pipeline_empty")
    );
    developer
        .ok("update pipelines set archived_at = now() where name = 'empty'")
        .await;
    assert!(
        developer
            .refused(empty, "23514")
            .await
            .detail
            .contains("pipeline_archived")
    );
    let used = format!("update pipelines set archived_at = now() where pipeline_id = '{pipeline}'");
    assert_eq!(
        developer.refused(&used, "23503").await.constraint,
        "pipelines_in_use"
    );
}

#[tokio::test]
async fn a_run_waits_for_whatever_may_take_its_clearance() {
    let mut world = World::new().await;
    let changes = [
        "insert into edge_verifications (edge_version_id, verification_status)
         select current_version_id, 'failed' from edges where edge_id = '{edge}'",
        "update edges set metadata = '{\"v\": 2}' where edge_id = '{edge}'",
        "update edges set name = '{edge} renamed' where edge_id = '{edge}'",
        "insert into pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id)
         select '{pipeline}', '{other}', source_block_id, target_block_id
         from pipeline_edges where pipeline_id = '{pipeline}'",
        "delete from pipeline_edges where pipeline_id = '{pipeline}';
         delete from pipeline_blocks where pipeline_id = '{pipeline}'",
        "update pipelines set archived_at = now() where pipeline_id = '{pipeline}'",
    ];
    let other = world.owner.text("test.edge('unverified')").await;
    for (number, change) in changes.into_iter().enumerate() {
        let [pipeline, edge, ..] = world.pipeline(&number.to_string()).await;
        let run = format!("insert into pipeline_runs (pipeline_id) values ('{pipeline}')");
        let change = change
            .replace("{pipeline}", &pipeline)
            .replace("{edge}", &edge)
            .replace("{other}", &other);
        let mut one = world.developer().await;
        let mut two = world.developer().await;
        let mut late = world.developer().await;
        late.ok("begin isolation level repeatable read; select count(*) from pipelines")
            .await;
        one.ok("begin").await;
        one.ok(&change).await;
        let statement = run.clone();
        let waiting = tokio::spawn(async move { (two.run(&statement).await, two) });
        a_moment().await;
        assert!(!waiting.is_finished(), "{change}: the run does not wait");
        one.ok("commit").await;
        let (outcome, mut two) = waiting.await.unwrap();
        let refusal = outcome.unwrap_err();
        assert_eq!(
            refusal.constraint, "pipeline_runs_not_ready",
            "{change}: {refusal:?}"
        );
        two.refused(&run, "23514").await;
        // Who began before the change sees the old clearance, and may not use it.
        late.refused(&run, "25000").await;
    }
}

#[tokio::test]
async fn a_run_that_came_first_is_seen_by_the_revocation() {
    let mut world = World::new().await;
    let [pipeline, edge, ..] = world.pipeline("it").await;
    let mut runner = world.developer().await;
    let mut verifier = world.developer().await;
    runner
        .ok(&format!(
            "begin; insert into pipeline_runs (pipeline_id) values ('{pipeline}')"
        ))
        .await;
    let revoke = format!(
        "insert into edge_verifications (edge_version_id, verification_status)
         select current_version_id, 'failed' from edges where edge_id = '{edge}'"
    );
    let waiting = tokio::spawn(async move { verifier.run(&revoke).await });
    a_moment().await;
    assert!(!waiting.is_finished(), "the revocation does not wait");
    runner.ok("commit").await;
    waiting.await.unwrap().unwrap();
    let later = world
        .owner
        .text("select max(v.verified_at) > max(r.created_at) from edge_verifications v, pipeline_runs r")
        .await;
    assert_eq!(later, "true");
}

#[tokio::test]
async fn a_reported_verification_does_not_change() {
    let mut world = World::new().await;
    let [pipeline, edge, ..] = world.pipeline("it").await;
    let mut developer = world.developer().await;
    for client in [&mut developer, &mut world.owner] {
        for change in [
            "verification_status = 'failed'",
            "verification_status = 'pending'",
            "verification_logs = 'all is well'",
        ] {
            let refusal = client
                .refused(&format!("update edge_verifications set {change}"), "23514")
                .await;
            assert_eq!(refusal.constraint, "edge_verifications_reported");
        }
        client
            .refused("delete from edge_verifications", "42501")
            .await;
        client.refused("truncate edge_verifications", "42501").await;
    }
    // It goes with its edge only.
    let mut admin = world.admin().await;
    admin
        .ok(&format!(
            "delete from pipelines where pipeline_id = '{pipeline}'"
        ))
        .await;
    admin
        .ok(&format!("delete from edges where edge_id = '{edge}'"))
        .await;
    assert_eq!(
        world
            .owner
            .text("select count(*) from edge_verifications")
            .await,
        "0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_of_runs_count_each_run_once() {
    const RUNS: usize = 40;
    let mut world = World::new().await;
    let [pipeline, ..] = world.pipeline("it").await;
    let mut developer = world.developer().await;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        developer
            .ok(&format!(
                "insert into pipeline_runs (pipeline_id) values ('{pipeline}')"
            ))
            .await;
        runs.push(
            developer
                .text("select run_id from pipeline_runs order by run_id desc limit 1")
                .await,
        );
    }
    // Of four runs one fails; the others succeed after as many seconds as their number.
    let mut messages = Vec::new();
    for (number, run) in runs.iter().enumerate() {
        let status = if number % 4 == 3 {
            "failure"
        } else {
            "success"
        };
        let started = "started_at = '2026-01-01'";
        let ended = format!("ended_at = '2026-01-01'::timestamptz + interval '{number} s'");
        for _ in 0..3 {
            messages.push(format!(
                "update pipeline_runs set status = 'started', {started} where run_id = '{run}'"
            ));
            messages.push(format!(
                "update pipeline_runs set status = '{status}', {started}, {ended} where run_id = '{run}'"
            ));
        }
    }
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..8 {
        let mut client = world.developer().await;
        let mut messages = messages.clone();
        // Every sender tells everything, each in another order.
        let stride = [1, 7, 11, 13, 17, 19, 23, 29][sender];
        messages = (0..messages.len())
            .map(|n| messages[n * stride % messages.len()].clone())
            .collect();
        senders.spawn(async move {
            for message in messages {
                if let Err(refusal) = client.run(&message).await {
                    assert_eq!(
                        refusal.constraint, "pipeline_runs_status_step",
                        "{refusal:?}"
                    );
                }
            }
        });
    }
    while let Some(outcome) = senders.join_next().await {
        outcome.unwrap();
    }
    let seconds: Vec<usize> = (0..RUNS).filter(|number| number % 4 != 3).collect();
    let expected = seconds.iter().sum::<usize>() as f64 / seconds.len() as f64;
    assert_eq!(
        developer.text(&format!("select times_run || ' ' || runs_succeeded from pipelines where pipeline_id = '{pipeline}'")).await,
        format!("{RUNS} {}", seconds.len())
    );
    let average = developer
        .text(&format!(
            "select average_runtime from pipelines where pipeline_id = '{pipeline}'"
        ))
        .await;
    assert_eq!(average.parse::<f64>().unwrap(), expected);
    // One that never began counts nowhere, and no run ends twice.
    developer
        .ok(&format!(
            "insert into pipeline_runs (pipeline_id) values ('{pipeline}');
             update pipeline_runs set status = 'canceled' where status = 'queued'"
        ))
        .await;
    for status in ["queued", "started", "success", "failure"] {
        let again =
            format!("update pipeline_runs set status = '{status}' where status = 'canceled'");
        developer.refused(&again, "23514").await;
    }
    let times = developer.text("select max(times_run) from pipelines").await;
    assert_eq!(times, RUNS.to_string());
}

// People and keys ------------------------------------------------------------------------------------

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
            assert_eq!(
                client.refused(statement, "23514").await.constraint,
                "users_last_admin"
            );
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
        one.ok("update users set role = 'viewer' where username = 'root'")
            .await;
        let waiting = tokio::spawn(async move {
            two.run("update users set is_active = false where username = 'second'")
                .await
        });
        a_moment().await;
        assert!(!waiting.is_finished());
        one.ok("commit").await;
        let refusal = waiting.await.unwrap().unwrap_err();
        assert!(
            refusal.constraint == "users_last_admin" || refusal.code == "40001",
            "{isolation}: {refusal:?}"
        );
        world
            .owner
            .ok("update users set role = 'admin' where username = 'root'")
            .await;
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
        assert_eq!(
            client
                .ok("update users set username = 'x' where username = 'root'")
                .await,
            0
        );
        assert_eq!(client.text("select count(*) from users").await, "1");
    }
    // A demotion acts on the next statement, in the middle of a session.
    let mut developer = world.developer().await;
    let make = "insert into edges (name) values ('it')";
    developer.ok(&format!("begin; {make}; rollback")).await;
    world
        .owner
        .ok("update users set role = 'viewer' where username = 'dev'")
        .await;
    developer.refused(make, "42501").await;
    world
        .owner
        .ok("update users set is_active = false where username = 'dev'")
        .await;
    assert_eq!(developer.text("select count(*) from users").await, "0");
}

#[tokio::test]
async fn who_has_history_is_not_deleted() {
    let mut world = World::new().await;
    world.pipeline("it").await;
    let mut admin = world.admin().await;
    let refusal = admin
        .refused("delete from users where username = 'dev'", "23503")
        .await;
    assert!(refusal.constraint.ends_with("_fkey"), "{refusal:?}");
    world
        .owner
        .refused("delete from users where username = 'dev'", "23503")
        .await;
    assert_eq!(
        admin.ok("delete from users where username = 'eye'").await,
        1
    );
    admin
        .ok("update users set is_active = false where username = 'dev'")
        .await;
}

#[tokio::test]
async fn a_key_only_narrows() {
    let mut world = World::new().await;
    let mut developer = world.developer().await;
    let id = world.developer.clone();
    let make = |role: &str, user: &str| {
        format!(
            "insert into api_keys (user_id, name, key_prefix, encrypted_api_key, role, expires_at)
             values ('{user}', 'k', 'by_test', encode(sha256(uuid_send(gen_random_uuid())), 'hex'), {role}, now() + interval '1 day')"
        )
    };
    assert_eq!(
        developer
            .refused(&make("'admin'", &id), "23514")
            .await
            .constraint,
        "api_keys_role_widens"
    );
    developer
        .refused(&make("null", &world.admin), "42501")
        .await;
    developer.ok(&make("'viewer'", &id)).await;
    for later in ["expires_at + interval '1 s'", "null"] {
        let prolong = format!("update api_keys set expires_at = {later}");
        assert_eq!(
            developer.refused(&prolong, "23514").await.constraint,
            "api_keys_prolonged"
        );
    }
    developer
        .ok("update api_keys set expires_at = expires_at - interval '1 h'")
        .await;

    // The narrowed key reads, and neither writes nor manages the account.
    let key = developer.text("select api_key_id from api_keys").await;
    let claims = serde_json::json!({ "sub": id, "api_key_id": key }).to_string();
    let mut narrowed = Client::claiming(&world.database, &claims).await;
    assert_eq!(narrowed.text("select count(*) from api_keys").await, "1");
    narrowed
        .refused("insert into edges (name) values ('it')", "42501")
        .await;
    narrowed.refused(&make("null", &id), "42501").await;
    narrowed.refused(&make("'viewer'", &id), "42501").await;
    for statement in [
        "update api_keys set is_active = false",
        "delete from api_keys",
        "update users set email = 'mine@example.com'",
    ] {
        assert_eq!(narrowed.ok(statement).await, 0, "{statement}");
    }
    // One that was as wide as its user narrows him once he has risen.
    world
        .owner
        .ok("update api_keys set role = null where false")
        .await;
    world
        .owner
        .ok("update users set role = 'admin' where username = 'dev'")
        .await;
    assert_eq!(narrowed.text("select count(*) from users").await, "1");

    developer.ok("update api_keys set is_active = false").await;
    assert_eq!(narrowed.text("select count(*) from api_keys").await, "0");
    let revive = "update api_keys set is_active = true";
    assert_eq!(
        developer.refused(revive, "23514").await.constraint,
        "api_keys_revoked"
    );
}

// Claims ---------------------------------------------------------------------------------------------

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
        for table in [
            "users (username)",
            "blocks",
            "edge_versions",
            "audit_logs",
            "api_keys",
        ] {
            let read = format!("select 1 from {}", table.split(' ').next().unwrap());
            // Rows or an error, never data.
            match client.run(&read).await {
                Ok(rows) => assert_eq!(rows, 0, "{claims}: {table}"),
                Err(refusal) => assert_eq!(&refusal.code[..2], "22", "{claims}: {refusal:?}"),
            }
        }
        client
            .run("insert into edges (name) values ('it')")
            .await
            .unwrap_err();
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
    nobody
        .refused("insert into edges (name) values ('it')", "42501")
        .await;

    let claims = serde_json::json!({
        "sub": world.viewer, "role": "service_role", "user_role": "admin", "is_admin": true,
        "app_metadata": { "role": "admin", "sub": admin }, "user_metadata": { "role": "admin" },
    });
    let mut viewer = Client::claiming(&world.database, &claims.to_string()).await;
    viewer.ok(&settings).await;
    assert_eq!(viewer.text("select count(*) from users").await, "1");
    viewer
        .refused("insert into edges (name) values ('it')", "42501")
        .await;
    viewer
        .refused("update users set role = 'admin'", "42501")
        .await;
    viewer
        .refused("set row_security = off; select 1 from users", "42501")
        .await;
}
