//! The whole body of one success of each resource, kept in `snapshots/`: a member that comes, goes or changes
//! its shape shows there, wanted or not. `INSTA_UPDATE=always cargo test --test api snapshots` takes what is
//! answered now as right.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::service::{Answer, Person, Service};

/// What differs from run to run, by what it is: an id is numbered, so that the same one stays recognizable.
#[derive(Default)]
struct Steady {
    ids: Vec<String>,
}

impl Steady {
    fn of(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.of(item)).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, value)| (self.key(name), self.of(value))).collect()
            }
            plain => plain.clone(),
        }
    }

    /// Some members are called after an id.
    fn key(&mut self, name: &str) -> String {
        if uuid::Uuid::try_parse(name).is_ok() { self.text(name) } else { name.to_owned() }
    }

    fn text(&mut self, text: &str) -> String {
        if uuid::Uuid::try_parse(text).is_ok() {
            let known = self.ids.iter().position(|id| id == text);
            let number = known.unwrap_or_else(|| {
                self.ids.push(text.to_owned());
                self.ids.len() - 1
            });
            return format!("[id {}]", number + 1);
        }
        if chrono::DateTime::parse_from_rfc3339(text).is_ok() {
            return "[time]".to_owned();
        }
        let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_digest {
            return "[digest]".to_owned();
        }
        // Base64 of `{"`: a cursor, or a token.
        if text.starts_with("eyJ") {
            return "[opaque]".to_owned();
        }
        if text.starts_with("by_") {
            return "[secret]".to_owned();
        }
        if let Some((node, id)) = text.rsplit_once(':').filter(|_| text.starts_with("/impact?")) {
            return format!("{node}:{}", self.text(id));
        }
        text.split('/').map(|part| self.segment(part)).collect::<Vec<_>>().join("/")
    }

    fn segment(&mut self, part: &str) -> String {
        if uuid::Uuid::try_parse(part).is_ok() { self.text(part) } else { part.to_owned() }
    }

    fn hold(&mut self, name: &str, answer: &Answer) {
        let body = self.of(&answer.body);
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_json_snapshot!(name, body);
        });
    }
}

#[tokio::test]
async fn each_resource_is_answered_as_the_snapshots_say() {
    let service = Service::start().await;
    let (dan, ada) = (service.developer().await, service.admin().await);
    let mut steady = Steady::default();
    let mut made = async |person: &Person<'_>, name: &str, path: &str, body: Value| {
        let answer = person.post(path, body).await.expect(StatusCode::CREATED);
        steady.hold(name, &answer);
    };
    let data = json!({ "name": "acme/images", "block_type": "dataset", "description": "photographs", "metadata": { "rows": 891, "tags": ["a", null] } });
    made(&dan, "block", "/blocks", data).await;
    let model = json!({ "name": "resnet", "block_type": "model" });
    made(&dan, "block_with_defaults", "/blocks", model).await;
    let edge =
        json!({ "name": "train", "description": "fits", "metadata": { "command": "train.py" } });
    made(&dan, "edge", "/edges", edge).await;
    let passed = json!({ "verification_status": "passed", "verification_logs": "all is well" });
    made(&ada, "verification", "/edges/train/versions/1/verifications", passed).await;
    let vision = json!({ "name": "vision" });
    made(&dan, "taxonomy_category", "/taxonomy-categories", vision).await;
    let repo = json!({ "repo_url": "https://example.org/acme/images.git", "branch": "main" });
    made(&dan, "code_repo", "/blocks/resnet/code-repos", repo).await;
    let image = json!({ "image_tag": "v1", "registry_url": "registry.example.org/acme/resnet" });
    made(&dan, "docker_image", "/blocks/resnet/docker-images", image).await;
    let depends = json!({ "dependency_type": "internal", "depends_on_type": "block", "depends_on_id": "acme/images" });
    made(&dan, "dependency", "/blocks/resnet/dependencies", depends).await;
    let vector = json!({ "vector_db": "pgvector", "vector_key": "images/1" });
    made(&dan, "vector", "/blocks/resnet/vectors", vector).await;
    let pipeline = json!({
        "name": "nightly", "blocks": [{ "block_id": "acme/images" }, { "block_id": "resnet" }],
        "edges": [{ "edge_id": "train", "source_block_id": "acme/images", "target_block_id": "resnet" }],
        "dagster_pipeline_config": { "run_config": { "ops": { "train": { "config": { "epochs": 3 } } } } },
    });
    made(&dan, "pipeline", "/pipelines", pipeline).await;
    made(&dan, "run", "/pipelines/nightly/runs", json!({})).await;
    let key = json!({ "name": "ci", "role": "viewer" });
    made(&dan, "api_key", "/api-keys", key).await;
    let user = json!({ "username": "eve", "email": "eve@example.org", "role": "viewer", "password": "correct horse battery" });
    made(&ada, "user", "/users", user).await;

    for (name, path) in [
        ("me", "/auth/me"),
        ("block_including_all", "/blocks/resnet?include=versions,categories"),
        ("block_page", "/blocks?limit=1"),
        ("version", "/blocks/acme%2Fimages/versions/1"),
        ("version_status", "/edges/train/versions/1/status"),
        ("category_subtree", "/taxonomy-categories/vision/subtree"),
        ("dependents", "/blocks/acme%2Fimages/dependents"),
        ("graph", "/pipelines/nightly/graph"),
        ("readiness", "/pipelines/nightly/readiness"),
        ("lock", "/pipelines/nightly/lock"),
        ("run_page", "/runs"),
        ("history", "/blocks/acme%2Fimages/history"),
    ] {
        let answer = dan.get(path).await.expect(StatusCode::OK);
        steady.hold(name, &answer);
    }
    let refused = dan.post("/blocks", json!({ "name": "", "colour": 1 })).await;
    steady.hold("problem", &refused);
}
