//! What is archived takes its parts along: out of sight with it, at rest, and back with it.

use serde_json::Value;

use super::World;
use crate::world::Client;

/// Tables of parts, and what of them changes.
const PARTS: &[(&str, Option<&str>)] = &[
    ("block_versions", None),
    ("edge_versions", None),
    ("edge_verifications", Some("verification_logs = 'x'")),
    ("block_taxonomies", None),
    ("code_repos", Some("branch = 'next'")),
    ("docker_images", Some("build_logs = 'x'")),
    ("dependencies", Some("dependency_detail = 'x'")),
    ("block_vector_representations", Some("vector_db = 'x'")),
    ("edge_vector_representations", Some("vector_db = 'x'")),
    ("pipeline_blocks", Some("block_version_id = null")),
    ("pipeline_edges", Some("edge_version_id = null")),
    ("pipeline_runs", Some("status = 'canceled'")),
];

/// Those that may be deleted.
const DELETABLE: &[&str] = &[
    "block_taxonomies",
    "code_repos",
    "docker_images",
    "dependencies",
    "block_vector_representations",
    "edge_vector_representations",
    "pipeline_edges",
    "pipeline_blocks",
];

/// A block, an edge and a pipeline of the developer with one of every part, nothing else in the
/// database, archived.
async fn archived() -> World {
    let mut world = World::new().await;
    world.pipeline("it").await;
    let developer = world.developer.clone();
    world
        .owner
        .ok(&format!(
            "select test.act_as('{developer}');
             insert into pipeline_runs (pipeline_id) select pipeline_id from pipelines;
             update pipeline_runs set status = 'canceled';
             insert into block_taxonomies (block_id, category_id) select block_id, test.category(name) from blocks;
             insert into code_repos (entity_type, entity_id, repo_url)
                 select 'block'::entity_type, block_id, 'https://example.com/it' from blocks
                 union all select 'edge', edge_id, 'https://example.com/it' from edges;
             insert into docker_images (entity_type, entity_id, image_tag, registry_url)
                 select 'block'::entity_type, block_id, 'v1', 'example.com/it' from blocks
                 union all select 'edge', edge_id, 'v1', 'example.com/it' from edges;
             insert into dependencies (entity_type, entity_id, dependency_type, dependency_detail)
                 select 'block'::entity_type, block_id, 'external'::dependency_type, 'numpy' from blocks
                 union all select 'edge', edge_id, 'external', 'numpy' from edges;
             insert into block_vector_representations (block_id, vector_db, vector_key) select block_id, 'db', 'key' from blocks;
             insert into edge_vector_representations (edge_id, vector_db, vector_key) select edge_id, 'db', 'key' from edges;
             update pipelines set archived_at = now();
             update blocks set archived_at = now();
             update edges set archived_at = now();
             select test.act_as(null)"
        ))
        .await;
    world
}

async fn other_developer(world: &mut World) -> Client {
    let id = world.owner.text("test.person('another', 'developer')").await;
    Client::user(&world.database, &id).await
}

#[tokio::test]
async fn parts_are_out_of_sight_with_what_they_belong_to() {
    let mut world = archived().await;
    let mut another = other_developer(&mut world).await;
    let mut viewer = Client::user(&world.database, &world.viewer).await;
    let (mut developer, mut admin) = (world.developer().await, world.admin().await);
    let count = |table: &str| format!("select count(*) from {table}");
    for (table, _) in PARTS {
        let all = world.owner.text(&count(table)).await;
        assert_ne!(all, "0", "{table}");
        for client in [&mut another, &mut viewer] {
            assert_eq!(client.text(&count(table)).await, "0", "{table}");
        }
        // Those who may bring it back see what would come back.
        for client in [&mut developer, &mut admin] {
            assert_eq!(client.text(&count(table)).await, all, "{table}");
        }
    }
    developer
        .ok("update blocks set archived_at = null; update edges set archived_at = null;
             update pipelines set archived_at = null")
        .await;
    for (table, _) in PARTS {
        let all = world.owner.text(&count(table)).await;
        for client in [&mut another, &mut viewer] {
            assert_eq!(client.text(&count(table)).await, all, "{table}");
        }
    }
}

#[tokio::test]
async fn parts_rest_with_what_they_belong_to() {
    let mut world = archived().await;
    let mut another = other_developer(&mut world).await;
    let (mut developer, mut admin) = (world.developer().await, world.admin().await);
    // Without a condition no policy for reading is asked.
    for (table, change) in PARTS {
        if let Some(change) = change {
            let update = format!("update {table} set {change}");
            assert_eq!(another.ok(&update).await, 0, "{table}");
            if *table == "pipeline_runs" {
                // Ended, so that nothing is left to report.
                continue;
            }
            let refusal = developer.run(&update).await.unwrap_err();
            assert!(["23514", "23503"].contains(&refusal.code.as_str()), "{table}: {refusal:?}");
        }
    }
    for table in DELETABLE {
        let delete = format!("delete from {table}");
        assert_eq!(another.ok(&delete).await, 0, "{table}");
        for client in [&mut developer, &mut admin] {
            let refusal = client.refused(&delete, "23514").await;
            assert!(refusal.constraint.ends_with("s_archived"), "{table}: {refusal:?}");
        }
    }
    // They go when it goes for good.
    admin.ok("delete from pipelines; delete from blocks; delete from edges").await;
    for (table, _) in PARTS {
        let left = world.owner.text(&format!("select count(*) from {table}")).await;
        assert_eq!(left, "0", "{table}");
    }
}

#[tokio::test]
async fn what_needs_something_archived_does_not_come_back() {
    let mut world = archived().await;
    let mut developer = world.developer().await;
    let missing = |detail: &str| -> Vec<String> {
        let missing: Value = serde_json::from_str(detail).unwrap();
        let missing = missing.as_array().unwrap();
        missing
            .iter()
            .map(|it| format!("{} {}", it["entity_type"], it["name"]).replace('"', ""))
            .collect()
    };
    let restore = |table: &str| format!("update {table} set archived_at = null");
    // A pipeline without its blocks and edges.
    let refusal = developer.refused(&restore("pipelines"), "23503").await;
    assert_eq!(refusal.constraint, "pipelines_missing");
    let mut found = missing(&refusal.detail);
    found.sort();
    assert_eq!(found, ["block it source", "block it target", "edge it edge"]);
    developer.ok(&restore("blocks")).await;
    let refusal = developer.refused(&restore("pipelines"), "23503").await;
    assert_eq!(missing(&refusal.detail), ["edge it edge"]);

    // An edge without what it depends on, or without the categories of its filters.
    developer.ok(&restore("edges")).await;
    developer
        .ok("insert into dependencies (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id)
             select 'edge'::entity_type, e.edge_id, 'internal'::dependency_type, 'block'::entity_type, b.block_id
             from edges e, blocks b where b.name = 'it source';
             insert into taxonomy_categories (name) values ('wanted');
             update edge_vector_representations set taxonomy_filter = '{\"none\": [\"wanted\"]}'")
        .await;
    let archive = "update taxonomy_categories set archived_at = now() where name = 'wanted'";
    let refusal = developer.refused(archive, "23503").await;
    assert_eq!(refusal.constraint, "taxonomy_categories_in_use");
    assert_eq!(missing(&refusal.detail), ["vector key"]);
    developer
        .ok(&format!(
            "update edges set archived_at = now(); {archive};
             update blocks set archived_at = now() where name = 'it source'"
        ))
        .await;
    let refusal = developer.refused(&restore("edges"), "23503").await;
    assert_eq!(refusal.constraint, "edges_missing");
    assert_eq!(missing(&refusal.detail), ["block it source", "taxonomy wanted"]);
    // The owner of the database is told the same.
    world.owner.refused(&restore("edges"), "23503").await;
    developer
        .ok("update blocks set archived_at = null where name = 'it source';
             update taxonomy_categories set archived_at = null")
        .await;
    developer.ok(&restore("edges")).await;
    developer.ok(&restore("pipelines")).await;
}

#[tokio::test]
async fn what_comes_back_and_what_is_archived_wait_for_each_other() {
    let mut world = archived().await;
    let (mut developer, mut admin) = (world.developer().await, world.admin().await);
    developer.ok("update blocks set archived_at = null; update edges set archived_at = null").await;
    developer.ok("begin; update pipelines set archived_at = null").await;
    let archiving =
        tokio::spawn(async move { admin.run("update edges set archived_at = now()").await });
    super::a_moment().await;
    assert!(!archiving.is_finished(), "does not wait");
    developer.ok("commit").await;
    let refusal = archiving.await.unwrap().unwrap_err();
    assert_eq!(refusal.constraint, "edges_in_use");

    // The other way round.
    let mut admin = world.admin().await;
    developer.ok("update pipelines set archived_at = now()").await;
    admin.ok("begin; update edges set archived_at = now()").await;
    let restoring =
        tokio::spawn(async move { developer.run("update pipelines set archived_at = null").await });
    super::a_moment().await;
    assert!(!restoring.is_finished(), "does not wait");
    admin.ok("commit").await;
    let refusal = restoring.await.unwrap().unwrap_err();
    assert_eq!(refusal.constraint, "pipelines_missing");
    // Nothing of either is half done.
    assert_eq!(
        world.owner.text("select count(*) from pipelines where archived_at is null").await,
        "0"
    );
}

#[tokio::test]
async fn a_trigger_of_ones_own_gets_past_no_guard() {
    let world = archived().await;
    let mut developer = world.developer().await;
    developer
        .ok("create temp table door (statement text);
             create function pg_temp.walk() returns trigger language plpgsql as $$ begin execute new.statement; return new; end $$;
             create trigger walk before insert on door for each row execute function pg_temp.walk()")
        .await;
    for statement in [
        "delete from block_taxonomies",
        "delete from code_repos",
        "delete from pipeline_blocks",
        "update docker_images set build_logs = 'x'",
        "update docker_images set appended_logs = 'x'",
        "update block_versions set is_active = not is_active",
        "insert into block_versions select * from block_versions",
        "update pipelines set times_run = 7",
    ] {
        let refusal = developer
            .run(&format!("insert into door values ($_${statement}$_$)"))
            .await
            .unwrap_err();
        assert!(
            ["23514", "23503", "42501"].contains(&refusal.code.as_str()),
            "{statement}: {refusal:?}"
        );
    }
}
