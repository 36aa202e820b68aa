//! The permission matrix: who may do what to which row, over SQL, as Supabase's REST API would ask.
//!
//! Every cell of [`MATRIX`] is executed twice for every actor, on a row of their own and on somebody else's.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, query_scalar, raw_sql};

use crate::permissions::{MATRIX, Reach::No};
use crate::support::Database;
use crate::world;

/// The columns of [`MATRIX`], then everybody whose column would say `No` from top to bottom.
const ACTORS: [&str; 11] = [
    "viewer",
    "developer",
    "admin",
    "viewer-key of an admin",
    "deactivated admin",
    "expired key of an admin",
    "key of another admin",
    "nobody",
    "unknown user",
    "anon with an admin's token",
    "service_role with an admin's token",
];

/// What a verb means for a table. `{thing}` is one of the things that `test.furnish` made.
fn statement(table: &str, verb: &str) -> String {
    let (key, thing) = match table {
        "users" | "usernames" => ("user_id", "user"),
        "api_keys" => ("api_key_id", "key"),
        "blocks" => ("block_id", "block"),
        "aliases" => ("alias_id", "alias_row"),
        "alias_moves" => ("move_id", "alias_move"),
        "block_versions" => ("version_id", "block_version"),
        "taxonomy_categories" => ("category_id", "category"),
        "block_taxonomies" => ("block_taxonomy_id", "block_taxonomy"),
        "code_repos" => ("repo_id", "repo"),
        "docker_images" => ("image_id", "image"),
        "dependencies" => ("dependency_id", "dependency"),
        "edges" => ("edge_id", "edge"),
        "edge_versions" => ("version_id", "edge_version"),
        "edge_verifications" => ("verification_id", "verification"),
        "pipelines" => ("pipeline_id", "pipeline"),
        "pipeline_blocks" => ("pipeline_block_id", "pipeline_block"),
        "pipeline_edges" => ("pipeline_edge_id", "pipeline_edge"),
        "pipeline_runs" => ("run_id", "run"),
        "pipeline_locks" => ("lock_digest", "lock"),
        "block_vector_representations" => ("vector_id", "block_vector"),
        "edge_vector_representations" => ("vector_id", "edge_vector"),
        "embedding_models" => ("model_id", "model"),
        "embeddings" => ("embedding_id", "embedding"),
        "audit_logs" => ("log_id", "log"),
        _ => panic!("no statements for {table}"),
    };
    match (table, verb) {
        ("users", "delete") => "delete from users where user_id = {loose_user}".to_owned(),
        ("embedding_models", "delete") => {
            "delete from embedding_models where model_id = {loose_model}".to_owned()
        }
        (_, "select") => format!("select {key} from {table} where {key} = {{{thing}}}"),
        (_, "delete") => format!("delete from {table} where {key} = {{{thing}}}"),
        (_, "see archived") => {
            format!("select {key} from {table} where {key} = {{archived_{thing}}}")
        }
        (_, "archive") => {
            format!("update {table} set archived_at = now() where {key} = {{loose_{thing}}}")
        }
        (_, "restore") => {
            format!("update {table} set archived_at = null where {key} = {{archived_{thing}}}")
        }
        (_, "purge") => format!("delete from {table} where {key} = {{loose_{thing}}}"),
        (_, "activate") => format!(
            "update {table} set current_version_id = {{{thing}_version}} where {key} = {{{thing}}}"
        ),
        (_, "update") => {
            let change = match table {
                "users" | "usernames" => "username = 'renamed'",
                "api_keys" => "name = 'renamed'",
                "blocks" | "edges" => "metadata = '{\"changed\": true}'",
                "taxonomy_categories" => "name = 'renamed'",
                "block_versions" | "edge_versions" => "withdrawn_reason = 'wrong'",
                "aliases" => "is_protected = false",
                "alias_moves" => "version_id = null",
                "block_taxonomies" => "category_id = {loose_category}",
                "code_repos" => "branch = 'next'",
                "docker_images" => "build_status = 'success'",
                "dependencies" => "dependency_detail = 'pandas'",
                "edge_verifications" => "verification_status = 'passed'",
                "pipelines" => "description = 'changed'",
                "pipeline_blocks" => "block_version_id = null",
                "pipeline_edges" => "edge_version_id = {edge_version}",
                "pipeline_runs" => "status = 'started'",
                "pipeline_locks" => "lock = '{}'",
                "embedding_models" => "dimensions = 4",
                "embeddings" => "vector = '{0, 1, 0}'",
                "audit_logs" => "details = '{}'",
                _ => "vector_db = 'other'",
            };
            format!("update {table} set {change} where {key} = {{{thing}}}")
        }
        // Written by a function, which the service calls.
        ("api_keys", "insert") => {
            "select from app.create_api_key({user}, 'new', 'by_test', 'sha256:' || repeat('0', 64), null, null)"
                .to_owned()
        }
        (_, "insert") => format!(
            "insert into {table} {}",
            match table {
                "users" => "(username, email, role) values ('new', 'new@example.com', 'viewer')",
                "usernames" => "(user_id, username) values ({user}, 'new')",
                "blocks" => "(name, block_type) values ('new', 'model')",
                "edges" | "pipelines" | "taxonomy_categories" => "(name) values ('new')",
                "block_versions" => "(block_id, metadata) values ({block}, '{}')",
                "edge_versions" => "(edge_id, metadata) values ({edge}, '{}')",
                "aliases" =>
                    "(entity_type, entity_id, alias, version_id) values ('block', {block}, 'new', {block_version})",
                "alias_moves" => "(entity_type, entity_id, alias) values ('block', {block}, 'new')",
                "block_taxonomies" => "(block_id, category_id) values ({block}, {loose_category})",
                "code_repos" =>
                    "(entity_type, entity_id, repo_url) values ('edge', {edge}, 'https://example.com/new')",
                "docker_images" =>
                    "(entity_type, entity_id, image_tag, registry_url) values ('block', {block}, 'v2', 'example.com')",
                "dependencies" =>
                    "(entity_type, entity_id, dependency_type, depends_on_type, depends_on_id)
                     values ('block', {block}, 'internal', 'edge', {edge})",
                "edge_verifications" =>
                    "(edge_version_id, verification_status) values ({edge_version}, 'passed')",
                "pipeline_blocks" => "(pipeline_id, block_id) values ({pipeline}, {loose_block})",
                "pipeline_edges" =>
                    "(pipeline_id, edge_id, source_block_id, target_block_id)
                     select pipeline_id, {loose_edge}, source_block_id, target_block_id
                     from pipeline_edges where pipeline_edge_id = {pipeline_edge}",
                "pipeline_runs" => "(pipeline_id) values ({pipeline})",
                "pipeline_locks" => "(lock_digest, lock) values (repeat('0', 64), '{}')",
                "block_vector_representations" =>
                    "(block_id, vector_db, vector_key) values ({block}, 'db', 'new')",
                "edge_vector_representations" =>
                    "(edge_id, vector_db, vector_key) values ({edge}, 'db', 'new')",
                "embedding_models" => "(name, dimensions) values ('new', 3)",
                "embeddings" =>
                    "(entity_type, entity_id, model_id, vector) values ('block', {block}, {loose_model}, '{1, 0, 0}')",
                "audit_logs" =>
                    "(user_id, action_type, entity_type) values ({user}, 'READ', 'block')",
                _ => panic!("no insert for {table}"),
            }
        ),
        ("users", "change role") => {
            "update users set role = case role when 'viewer' then 'admin' else 'viewer' end
             where user_id = {user}"
                .to_owned()
        }
        ("users", "deactivate") => {
            "update users set is_active = not is_active where user_id = {user}".to_owned()
        }
        _ => panic!("{table} has no verb {verb}"),
    }
}

struct Actor {
    name: &'static str,
    database_role: &'static str,
    claims: String,
    own: Value,
}

async fn actors(owner: &mut PgConnection) -> Vec<Actor> {
    let mut people = BTreeMap::new();
    for (name, role) in [
        ("viewer", "viewer"),
        ("developer", "developer"),
        ("admin", "admin"),
        ("keyed", "admin"),
        ("deactivated", "admin"),
    ] {
        let id = world::person(owner, name, role).await;
        let mut own = world::furnish(owner, Some(&id)).await;
        own["loose_user"] = Value::String(id.clone());
        people.insert(name, (id, own));
    }
    let mut nobodys = world::furnish(owner, None).await;
    // Where the others have themselves: an id that is nobody's.
    let unknown = "00000000-0000-7000-8000-000000000000";
    for thing in ["user", "loose_user", "key"] {
        nobodys[thing] = Value::String(unknown.to_owned());
    }
    let keyed = people["keyed"].0.clone();
    let key: String = query_scalar("select test.key($1::uuid, 'viewer')::text")
        .bind(&keyed)
        .fetch_one(&mut *owner)
        .await
        .unwrap();
    let expired: String = query_scalar(
        "insert into api_keys (user_id, name, key_prefix, encrypted_api_key, created_at, expires_at)
         values ($1::uuid, 'expired', 'by_test', 'sha256:' || repeat('e', 64), now() - interval '2 days', now() - interval '1 day')
         returning api_key_id::text",
    )
    .bind(&keyed)
    .fetch_one(&mut *owner)
    .await
    .unwrap();
    raw_sql("update users set is_active = false where username = 'deactivated'")
        .execute(owner)
        .await
        .unwrap();
    let sub = |id: &str| serde_json::json!({ "sub": id, "role": "authenticated" }).to_string();
    let by_key = |id: &str, key: &str| {
        serde_json::json!({ "sub": id, "role": "authenticated", "api_key_id": key }).to_string()
    };
    let admin = people["admin"].0.as_str();
    ACTORS
        .into_iter()
        .map(|name| {
            let (database_role, claims, own) = match name {
                "viewer" | "developer" | "admin" => {
                    ("authenticated", sub(&people[name].0), &people[name].1)
                }
                "viewer-key of an admin" => {
                    ("authenticated", by_key(&keyed, &key), &people["keyed"].1)
                }
                "expired key of an admin" => {
                    ("authenticated", by_key(&keyed, &expired), &people["keyed"].1)
                }
                "key of another admin" => {
                    ("authenticated", by_key(admin, &key), &people["admin"].1)
                }
                "deactivated admin" => {
                    let (id, own) = &people["deactivated"];
                    ("authenticated", sub(id), own)
                }
                "nobody" => ("authenticated", String::new(), &nobodys),
                "unknown user" => ("authenticated", sub(unknown), &nobodys),
                "anon with an admin's token" => ("anon", sub(admin), &people["admin"].1),
                _ => ("service_role", sub(admin), &people["admin"].1),
            };
            Actor { name, database_role, claims, own: own.clone() }
        })
        .collect()
}

fn about(statement: &str, things: &Value) -> String {
    let mut about = statement.to_owned();
    for (thing, id) in things.as_object().unwrap() {
        if let Some(id) = id.as_str() {
            about = about.replace(&format!("{{{thing}}}"), &format!("'{id}'"));
        }
    }
    about
}

/// Whether it had an effect; `Err` is neither that nor a refusal.
async fn attempt(
    connection: &mut PgConnection,
    actor: &Actor,
    statement: &str,
) -> Result<bool, String> {
    // Whom the service serves is in the claims.
    let role = match actor.database_role {
        "authenticated" if statement.contains(" app.") => "none",
        role => role,
    };
    let begin =
        format!("begin; set local role {role}; set local request.jwt.claims = '{}'", actor.claims);
    raw_sql(AssertSqlSafe(begin)).execute(&mut *connection).await.unwrap();
    let outcome = raw_sql(AssertSqlSafe(format!("{statement}; set constraints all immediate")))
        .execute(&mut *connection)
        .await;
    raw_sql("rollback").execute(connection).await.unwrap();
    match outcome {
        Ok(done) if done.rows_affected() > 0 => Ok(true),
        Ok(_) if actor.database_role == "authenticated" => Ok(false),
        // The policies would hide the rows; but there is no right to ask for them either.
        Ok(_) => Err("no rows, where a refusal is due".to_owned()),
        Err(error) => {
            let error = error.into_database_error().unwrap();
            match error.code().as_deref() {
                Some("42501") => Ok(false),
                // The reason why who has history is not deleted.
                Some("23503") if statement.starts_with("delete from users") => Ok(false),
                _ => Err(format!("{error:?}")),
            }
        }
    }
}

#[tokio::test]
async fn everybody_may_do_what_the_matrix_says_and_nothing_else() {
    let database = Database::new().await;
    let mut owner = world::create(&database).await;
    let actors = actors(&mut owner).await;
    let stranger = world::person(&mut owner, "stranger", "developer").await;
    let mut others = world::furnish(&mut owner, Some(&stranger)).await;
    others["loose_user"] = world::person(&mut owner, "without-history", "viewer").await.into();

    let mut cells = 0;
    let mut allowed = 0;
    let mut faults = Vec::new();
    for (table, verb, viewer, developer, admin, key) in MATRIX {
        let statement = statement(table, verb);
        for actor in &actors {
            let reach = match actor.name {
                "viewer" => *viewer,
                "developer" => *developer,
                "admin" => *admin,
                "viewer-key of an admin" => *key,
                _ => No,
            };
            for (whose, things, expected) in
                [("their own", &actor.own, reach.own()), ("another's", &others, reach.others())]
            {
                let found = attempt(&mut owner, actor, &about(&statement, things)).await;
                if found != Ok(expected) {
                    faults.push(format!(
                        "{table}: {} {verb} {whose}: expected {expected}, found {found:?}",
                        actor.name
                    ));
                }
                cells += 1;
                allowed += usize::from(expected);
            }
        }
    }
    println!("{cells} cells, {allowed} of them allowed");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn the_matrix_is_complete() {
    let database = Database::new().await;
    let mut owner = database.connect().await;
    let tables: Vec<String> = query_scalar(
        "select relname::text from pg_class
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    let wanted: BTreeSet<(&str, &str)> = tables
        .iter()
        .flat_map(|table| {
            ["select", "insert", "update", "delete"].map(|verb| (table.as_str(), verb))
        })
        .collect();
    let covered: BTreeSet<(&str, &str)> = MATRIX
        .iter()
        .filter_map(|(table, verb, ..)| match *verb {
            "purge" => Some((*table, "delete")),
            "select" | "insert" | "update" | "delete" => Some((*table, *verb)),
            _ => None,
        })
        .collect();
    assert_eq!(covered, wanted);
    let rows: BTreeSet<_> = MATRIX.iter().map(|(table, verb, ..)| (table, verb)).collect();
    assert_eq!(rows.len(), MATRIX.len(), "a row stands there twice");
}
