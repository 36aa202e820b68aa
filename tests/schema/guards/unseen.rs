//! What nobody may see stays unseen: by refusals, and by what outlives a thing.

use serde_json::Value;
use sqlx::AssertSqlSafe;

use super::World;
use crate::world::{self, Client, Refusal};

const UNKNOWN: &str = "00000000-0000-7000-8000-000000000000";

/// Every insert that names something, with the place of that as `{}`.
const INSERTS: [(&str, &str); 14] = [
    ("pipeline", "pipeline_runs (pipeline_id) values ({})"),
    ("pipeline", "pipeline_blocks (pipeline_id, block_id) values ({}, {loose_block})"),
    ("block", "pipeline_blocks (pipeline_id, block_id) values ({pipeline}, {})"),
    (
        "edge",
        "pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id) values ({pipeline}, {}, {block}, {target})",
    ),
    ("edge_version", "edge_verifications (edge_version_id) values ({})"),
    (
        "edge_version",
        "edge_verifications (edge_version_id, verification_status) values ({}, 'passed')",
    ),
    (
        "block",
        "code_repos (entity_type, entity_id, repo_url) values ('block', {}, 'https://example.com/new')",
    ),
    (
        "edge",
        "docker_images (entity_type, entity_id, image_tag, registry_url) values ('edge', {}, 'v9', 'example.com/it')",
    ),
    (
        "block",
        "dependencies (entity_type, entity_id, dependency_type, dependency_detail) values ('block', {}, 'external', 'x')",
    ),
    (
        "edge",
        "dependencies (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id)
         values ('block', {block}, 'internal', 'edge', {})",
    ),
    (
        "block",
        "block_vector_representations (block_id, vector_db, vector_key) values ({}, 'db', 'new')",
    ),
    (
        "edge",
        "edge_vector_representations (edge_id, vector_db, vector_key) values ({}, 'db', 'new')",
    ),
    ("category", "block_taxonomies (block_id, category_id) values ({block}, {})"),
    ("category", "taxonomy_categories (name, parent_id) values ('new', {})"),
];

async fn refusal(
    client: &mut Client,
    things: &Value,
    insert: &str,
    named: &str,
) -> Option<Refusal> {
    let mut statement = format!("insert into {insert}").replace("{}", &format!("'{named}'"));
    for (thing, id) in things.as_object().unwrap() {
        if let Some(id) = id.as_str() {
            statement = statement.replace(&format!("{{{thing}}}"), &format!("'{id}'"));
        }
    }
    client.run(&format!("begin; {statement}; set constraints all immediate")).await.err()
}

/// A stranger's things, with all that a thing may be filed under archived as well.
async fn world() -> (World, Value) {
    let world = World::new().await;
    let mut owner = world.database.connect().await;
    let stranger = world::person(&mut owner, "stranger", "developer").await;
    let mut things = world::furnish(&mut owner, Some(&stranger)).await;
    let version: String = sqlx::query_scalar(AssertSqlSafe(format!(
        "select current_version_id::text from edges where edge_id = {}",
        things["archived_edge"].to_string().replace('"', "'")
    )))
    .fetch_one(&mut owner)
    .await
    .unwrap();
    things["archived_edge_version"] = version.into();
    // A pipeline with parts, which say more than one without.
    let made: String = sqlx::query_scalar(
        "with acting as materialized (select test.act_as($1::uuid)), made as materialized (
             select p.* from acting cross join lateral test.pipeline('hidden') as p)
         select made.pipeline::text from made",
    )
    .bind(&stranger)
    .fetch_one(&mut owner)
    .await
    .unwrap();
    let archive = format!("update pipelines set archived_at = now() where pipeline_id = '{made}'");
    sqlx::raw_sql(AssertSqlSafe(archive)).execute(&mut owner).await.unwrap();
    things["archived_pipeline"] = made.into();
    (world, things)
}

#[tokio::test]
async fn whom_the_policy_refuses_no_guard_has_told_anything() {
    let (world, things) = world().await;
    let viewer = world.viewer.clone();
    for claims in [
        format!(r#"{{"sub": "{viewer}"}}"#),
        format!(r#"{{"sub": "{UNKNOWN}"}}"#),
        r#"{"role": "authenticated"}"#.to_owned(),
        "{}".to_owned(),
        String::new(),
    ] {
        let mut client = Client::claiming(&world.database, &claims).await;
        for (kind, insert) in INSERTS {
            for named in [&things[kind], &things[format!("archived_{kind}")], &Value::from(UNKNOWN)]
            {
                let refusal = refusal(&mut client, &things, insert, named.as_str().unwrap()).await;
                client.ok("rollback").await;
                let refusal = refusal.unwrap_or_else(|| panic!("{claims}: {insert}: was taken"));
                let said =
                    (refusal.code.as_str(), refusal.constraint.as_str(), refusal.detail.as_str());
                assert_eq!(said, ("42501", "", ""), "{claims}: {insert} {named}");
            }
        }
    }
}

#[tokio::test]
async fn what_another_has_archived_is_refused_like_what_was_never_there() {
    let (world, things) = world().await;
    let mut developer = world.developer().await;
    let mut taken = 0;
    for (kind, insert) in INSERTS {
        let archived = things[format!("archived_{kind}")].as_str().unwrap();
        let mut said = Vec::new();
        for named in [archived, UNKNOWN] {
            let refusal = refusal(&mut developer, &things, insert, named).await;
            developer.ok("rollback").await;
            let refusal = refusal.unwrap_or_else(|| panic!("{insert}: was taken"));
            assert!(!refusal.detail.contains("hidden"), "{insert}: {}", refusal.detail);
            said.push((refusal.code, refusal.constraint));
        }
        assert_eq!(said[0], said[1], "{insert}");
        let live = things[kind].as_str().unwrap();
        taken += i32::from(refusal(&mut developer, &things, insert, live).await.is_none());
        developer.ok("rollback").await;
    }
    // The rest names what is there already.
    assert!(taken >= 10, "{taken}");
}

#[tokio::test]
async fn a_lock_is_seen_with_its_pipeline_and_then_by_admins() {
    let mut world = World::new().await;
    let [pipeline, ..] = world.pipeline("it").await;
    let mut maker = world.developer().await;
    maker.ok(&format!("insert into pipeline_runs (pipeline_id) values ('{pipeline}')")).await;
    let mut connection = world.database.connect().await;
    let other = world::person(&mut connection, "other", "developer").await;
    let mut other = Client::user(&world.database, &other).await;
    let mut viewer = Client::user(&world.database, &world.viewer).await;
    let mut admin = world.admin().await;
    let mut nobody = Client::claiming(&world.database, "{}").await;
    let seen = "select count(*) from pipeline_locks";
    for (step, [by_maker, by_other, by_viewer, by_admin]) in [
        ("select 1", ["1", "1", "1", "1"]),
        ("update pipeline_runs set status = 'canceled'", ["1", "1", "1", "1"]),
        ("update pipelines set archived_at = now()", ["1", "0", "0", "1"]),
        ("update pipelines set archived_at = null", ["1", "1", "1", "1"]),
        ("delete from pipelines", ["0", "0", "0", "1"]),
    ] {
        world.owner.ok(step).await;
        assert_eq!(maker.text(seen).await, by_maker, "{step}");
        assert_eq!(other.text(seen).await, by_other, "{step}");
        assert_eq!(viewer.text(seen).await, by_viewer, "{step}");
        assert_eq!(admin.text(seen).await, by_admin, "{step}");
        assert_eq!(nobody.text(seen).await, "0", "{step}");
    }
}
