//! What there is to name, and what goes with what.

use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, query_scalar};

use crate::service::{PASSWORD, Service};
use crate::world;

/// One of everything, made anew whenever something has changed.
pub struct Things {
    owner: PgConnection,
    ids: Value,
    /// Counts what was made: no two have one name.
    pub new: usize,
}

impl Things {
    pub async fn make(service: &Service) -> Self {
        let owner = world::create(&service.database).await;
        let mut things = Self { owner, ids: json!({}), new: 0 };
        things.log_in(service).await;
        things.renew().await;
        things
    }

    /// A refresh token is good for one exchange.
    pub async fn log_in(&mut self, service: &Service) {
        let login = json!({ "username": "vera", "password": PASSWORD });
        let session = service.nobody().post("/auth/login", login).await;
        self.ids["refresh_token"] = session.body["refresh_token"].clone();
        self.new += 1;
    }

    pub async fn renew(&mut self) {
        self.new += 1;
        let refresh_token = self.ids["refresh_token"].take();
        let ada: String = query_scalar(
            "select user_id::text from users where role = 'admin' and password_hash is not null",
        )
        .fetch_one(&mut self.owner)
        .await
        .expect("ada");
        self.ids = world::furnish(&mut self.owner, Some(&ada)).await;
        self.ids["loose_user"] =
            world::person(&mut self.owner, &format!("loose-{}", self.new), "viewer").await.into();
        for (thing, table) in [
            ("loose_block", "blocks"),
            ("unjoined_block", "blocks"),
            ("target", "blocks"),
            ("loose_edge", "edges"),
        ] {
            let id = self.ids[thing].as_str().expect("a thing");
            let key = if table == "blocks" { "block_id" } else { "edge_id" };
            let version =
                format!("select current_version_id::text from {table} where {key} = '{id}'");
            let version: String = query_scalar(AssertSqlSafe(version))
                .persistent(false)
                .fetch_one(&mut self.owner)
                .await
                .expect("a version");
            self.ids[format!("{thing}_version")] = version.into();
        }
        self.ids["refresh_token"] = refresh_token;
        self.ids["store"] = json!("docs");
        self.ids["instant"] = chrono::Utc::now().to_rfc3339().into();
    }

    /// What a parameter or a member of an operation names.
    pub fn named(&self, operation: &str, name: &str) -> Option<String> {
        if name == "node" {
            return self.ids["block"].as_str().map(|block| format!("block:{block}"));
        }
        self.ids[thing(operation, name)?].as_str().map(str::to_owned)
    }

    /// A text or a body in which `{thing}` is one.
    pub fn about(&self, body: Value) -> Value {
        let mut text = body.to_string().replace("{password}", PASSWORD);
        for (thing, id) in self.ids.as_object().into_iter().flatten() {
            text = text.replace(&format!("{{{thing}}}"), id.as_str().unwrap_or_default());
        }
        serde_json::from_str(&text).expect("a body")
    }

    /// The parameters without which another means nothing.
    pub fn beside(&self, operation: &str, name: &str) -> Vec<(String, String)> {
        let beside = match (name, operation) {
            ("entity_id", "list_audit_logs") => None,
            ("entity_id", _) => Some(("entity_type", "block".to_owned())),
            ("depends_on_id", _) => Some(("depends_on_type", "block".to_owned())),
            // What is asked about is there already.
            ("version", "get_impact") => None,
            ("version" | "alias", "list_pipelines" | "list_runs" | "list_pipeline_runs") => {
                Some(("block", self.ids["block"].as_str().unwrap_or_default().to_owned()))
            }
            ("version", _) => {
                Some(("edge", self.ids["edge"].as_str().unwrap_or_default().to_owned()))
            }
            _ => None,
        };
        beside.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// A report is of what has happened; where else a time is asked for, it is one to come.
pub fn make_past(value: &mut Value) {
    if let Value::String(text) = value {
        *text = text.replace("2099", "2020");
    }
}

/// Which thing is named there.
pub fn thing(operation: &str, name: &str) -> Option<&'static str> {
    let graph = matches!(
        operation,
        "create_pipeline" | "replace_pipeline_graph" | "add_pipeline_block" | "add_pipeline_edge"
    );
    Some(match (name, operation) {
        ("block", "archive_block") => "loose_block",
        ("block_id", _) if graph => "loose_block",
        ("block", "restore_block") => "archived_block",
        ("block", "get_pipeline_block" | "remove_pipeline_block" | "pin_pipeline_block") => {
            "unjoined_block"
        }
        ("block_version_id", "pin_pipeline_block") => "unjoined_block_version",
        ("block_version_id", _) => "loose_block_version",
        ("edge", "archive_edge") => "loose_edge",
        ("edge", "restore_edge") => "archived_edge",
        ("edge_id", _) if graph => "loose_edge",
        ("edge_version_id", _) if graph => "loose_edge_version",
        ("edge_version_id", _) => "edge_version",
        ("pipeline", "archive_pipeline") => "loose_pipeline",
        ("pipeline", "restore_pipeline") => "archived_pipeline",
        ("category", "archive_category" | "link_block_to_category") => "loose_category",
        ("category", "restore_category") => "archived_category",
        ("parent_id", "update_category") => "loose_category",
        ("user", "get_user" | "list_user_activity") => "user",
        ("user", _) => "loose_user",
        ("block" | "block_id" | "entity_id" | "source_block_id", _) => "block",
        ("target_block_id" | "depends_on_id", _) => "target",
        ("edge" | "edge_id", _) => "edge",
        ("pipeline", _) => "pipeline",
        ("pipeline_edge", _) => "pipeline_edge",
        ("category" | "category_id" | "parent_id", _) => "category",
        ("user_id" | "created_by" | "verified_by", _) => "user",
        ("api_key_id", _) => "key",
        ("dependency_id", _) => "dependency",
        ("image_id", _) => "image",
        ("repo_id", _) => "repo",
        ("run_id", _) => "run",
        ("verification", _) => "verification",
        ("lock_digest" | "a" | "b", _) => "lock",
        ("vector_id", operation) if operation.contains("edge") => "edge_vector",
        ("vector_id", _) => "block_vector",
        ("model", "delete_embedding_model") => "loose_model",
        ("model", _) => "model",
        ("store", _) => "store",
        ("as_of", _) | ("from" | "to", "list_changes") => "instant",
        ("refresh_token", _) => "refresh_token",
        _ => return None,
    })
}

/// What goes into a body along with the member at a place, as a merge patch; of the whole body at the empty place.
pub fn company(operation: &str, place: &str) -> Value {
    let source_and_target = json!([{ "block_id": "{block}" }, { "block_id": "{target}" }]);
    match (operation, place) {
        ("login", "") => json!({ "username": "vera", "password": "{password}" }),
        ("create_dependency" | "create_block_dependency" | "create_edge_dependency", "") => {
            json!({ "dependency_type": "external", "dependency_detail": "numpy" })
        }
        (
            "create_dependency" | "create_block_dependency" | "create_edge_dependency",
            "/depends_on_type" | "/depends_on_id",
        ) => {
            json!({ "dependency_type": "internal", "depends_on_type": "block", "depends_on_id": "{target}" })
        }
        ("update_dependency", "/depends_on_type" | "/depends_on_id" | "/dependency_type") => {
            json!({ "dependency_type": "internal", "depends_on_type": "block", "depends_on_id": "{target}" })
        }
        ("preview_impact", "") => {
            json!({ "changes": [{ "operation": "update_block", "block": "{block}", "body": {} }] })
        }
        ("pin_pipeline_block" | "pin_pipeline_edge", "") => json!({ "version_number": 1 }),
        ("pin_pipeline_block", "/block_version_id" | "/block_alias")
        | ("pin_pipeline_edge", "/edge_version_id" | "/edge_alias") => {
            json!({ "version_number": null })
        }
        ("report_run", "/failure") => json!({ "status": "failure" }),
        ("report_run", "/started_at") => json!({ "status": "success" }),
        ("report_run", "/ended_at") => json!({ "status": "success" }),
        ("create_pipeline", place) if place.starts_with("/edges") => {
            json!({ "blocks": source_and_target })
        }
        ("replace_pipeline_graph", place) if place.starts_with("/edges") => {
            json!({ "blocks": source_and_target })
        }
        ("replace_pipeline_graph", "") => json!({ "edges": [] }),
        (_, place) if place.ends_with("/op_selection") && operation != "apply" => {
            json!({ "dagster_pipeline_config": { "mode": "job" } })
        }
        ("put_block_embedding" | "put_edge_embedding", "") => json!({ "values": [1, 0, 0] }),
        ("search_by", "/vector") => {
            json!({ "vector": { "model": "{model}", "values": [1, 0, 0] } })
        }
        ("search_store", "/taxonomy") => json!({ "taxonomy": { "any": ["{category}"] } }),
        ("search_by", "/where/taxonomy") => {
            json!({ "where": { "taxonomy": { "any": ["{category}"] } } })
        }
        (_, "/taxonomy_filter") => json!({ "taxonomy_filter": { "any": ["{category}"] } }),
        _ => Value::Null,
    }
}
